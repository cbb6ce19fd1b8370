//! Versions of objects, as far as the emulator lacks them: buckets whose versioning is suspended,
//! the version `null`, and version ids that S3 never made.
//!
//! "Working with objects in a versioning-suspended bucket", "Retrieving object versions from a
//! versioning-enabled bucket", "Working with delete markers" (S3 User Guide); errors of GetObject.
//!
//! The emulator overwrites every version when versioning is suspended. So it never learns of that: to
//! it the bucket stays versioned, and the ledger knows which of its versions S3 calls `null`.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::call::Call;
use crate::cloud::{Core, Ruling};
use crate::errors::{AwsError, Reply};
use crate::{s3_path, xml};

/// The header that tells of a version.
pub(crate) const VERSION: &str = "x-amz-version-id";

/// What S3 calls a version that was written while versions were not kept.
pub(crate) const NULL: &str = "null";

/// Shortest id of a version that an emulator makes.
const SHORTEST_ID: usize = 32;

/// Whether a bucket keeps versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Versioning {
    Never,
    Enabled,
    Suspended,
}

fn state_fact(bucket: &str) -> String {
    format!("s3/versioning/{bucket}")
}

fn null_fact(bucket: &str, key: &str) -> String {
    format!("s3/null/{bucket}/{key}")
}

/// Whether a bucket keeps versions. The emulator is asked once.
pub(crate) async fn versioning(
    core: &Core,
    call: &Call,
    bucket: &str,
) -> Result<Versioning, AwsError> {
    let known = core.ledger().fact(&state_fact(bucket));
    let status = match known {
        Some(status) => status,
        None => {
            let path = format!("/{bucket}?versioning");
            let answer = core.upstream.get(call, "s3", &path).await?;
            let status = xml::first(answer.text(), "Status").unwrap_or_default();
            if answer.is_success() {
                core.ledger().note(&state_fact(bucket), &status);
            }
            status
        }
    };
    Ok(match status.as_str() {
        "Enabled" => Versioning::Enabled,
        "Suspended" => Versioning::Suspended,
        _ => Versioning::Never,
    })
}

/// Whether S3 could have made the id of a version: those of emulators have hexadecimal digits.
pub(crate) fn is_version_id(version: &str) -> bool {
    let digits = |c: char| c.is_ascii_hexdigit() || c == '-';
    version.len() >= SHORTEST_ID && version.chars().all(digits)
}

/// The emulator's id of the version that S3 calls `null`.
pub(crate) fn id_of_null(core: &Core, bucket: &str, key: &str) -> Option<String> {
    core.ledger().fact(&null_fact(bucket, key))
}

/// S3's name of one of the emulator's versions.
pub(crate) fn name_of(core: &Core, bucket: &str, key: &str, id: &str) -> String {
    match id_of_null(core, bucket, key) {
        Some(null) if null == id => NULL.to_owned(),
        _ => id.to_owned(),
    }
}

/// A version of the emulator is gone.
pub(crate) fn forget(core: &Core, bucket: &str, key: &str, id: &str) {
    if name_of(core, bucket, key, id) == NULL {
        core.ledger().forget_fact(&null_fact(bucket, key));
    }
}

/// A version of the emulator takes the place of the one that S3 calls `null`.
pub(crate) async fn become_null(
    core: &Core,
    call: &Call,
    bucket: &str,
    key: &str,
    id: &str,
) -> Result<(), AwsError> {
    let before = id_of_null(core, bucket, key).unwrap_or_else(|| NULL.to_owned());
    let path = s3_path::object(bucket, key, Some(&before));
    core.upstream
        .question(call, "s3", Method::DELETE, &path, Bytes::new())
        .await?;
    core.ledger().note(&null_fact(bucket, key), id);
    Ok(())
}

/// Checks and translates the version that is asked for; suspends versioning.
pub(crate) async fn before(core: &Core, call: &mut Call) -> Result<Ruling, AwsError> {
    let bucket = s3_path::bucket(call).to_owned();
    if call.action == "PUTBucket versioning" {
        return suspend(core, call, &bucket).await;
    }
    if call.action == "GetBucket versions" {
        let key = s3_path::query(call, "key-marker").unwrap_or_default();
        if s3_path::query(call, "version-id-marker").as_deref() == Some(NULL)
            && let Some(id) = id_of_null(core, &bucket, &key)
        {
            s3_path::set_query(call, "version-id-marker", &id);
        }
        return Ok(Ruling::Forward);
    }
    let (Some(key), Some(version)) = (s3_path::key(call), s3_path::query(call, "versionId")) else {
        return Ok(Ruling::Forward);
    };
    if version == NULL {
        if let Some(id) = id_of_null(core, &bucket, &key) {
            s3_path::set_query(call, "versionId", &id);
        }
        return Ok(Ruling::Forward);
    }
    // A bucket that never had versions has none but `null`.
    if !is_version_id(&version) || versioning(core, call, &bucket).await? == Versioning::Never {
        return Err(AwsError::new(
            "InvalidArgument",
            "Invalid version id specified",
        ));
    }
    Ok(Ruling::Forward)
}

async fn suspend(core: &Core, call: &Call, bucket: &str) -> Result<Ruling, AwsError> {
    let body = std::str::from_utf8(&call.body).unwrap_or_default();
    if xml::first(body, "Status").as_deref() != Some("Suspended") {
        return Ok(Ruling::Forward);
    }
    let enabled = xml::edit(body, |document, edits| {
        for status in xml::named(document, "Status") {
            edits.replace(status, "<Status>Enabled</Status>");
        }
    });
    let mut forwarded = call.clone();
    forwarded.set_body(enabled.unwrap_or_default());
    let reply = core.upstream.send(&forwarded).await?;
    if reply.is_success() {
        core.ledger().note(&state_fact(bucket), "Suspended");
    }
    Ok(Ruling::Answer(reply))
}

/// Gives versions their names.
pub(crate) async fn after(core: &Core, call: &Call, reply: &mut Reply) -> Result<(), AwsError> {
    if !reply.is_success() {
        return Ok(());
    }
    let bucket = s3_path::bucket(call);
    match call.action.as_str() {
        "PUTBucket versioning" => core.ledger().note(&state_fact(bucket), "Enabled"),
        "GetBucket versioning" => say_suspended(core, call, bucket, reply).await?,
        "GetBucket versions" => name_listed(core, bucket, reply),
        "DeleteBucket" => forget_bucket(core, bucket),
        "HeadObject" => name_read(core, call, &mut reply.headers).await?,
        _ if writes_object(call) => name_written(core, call, reply).await?,
        _ => {}
    }
    Ok(())
}

async fn say_suspended(
    core: &Core,
    call: &Call,
    bucket: &str,
    reply: &mut Reply,
) -> Result<(), AwsError> {
    if versioning(core, call, bucket).await? == Versioning::Suspended {
        let text = xml::edit(reply.text(), |document, edits| {
            for status in xml::named(document, "Status") {
                edits.replace(status, "<Status>Suspended</Status>");
            }
        });
        if let Some(text) = text {
            reply.set_text(text);
        }
    }
    Ok(())
}

fn name_listed(core: &Core, bucket: &str, reply: &mut Reply) {
    let nulls: Vec<String> = {
        let facts = core.ledger().facts(&null_fact(bucket, ""));
        facts.into_iter().map(|(_, id)| id).collect()
    };
    let text = xml::edit(reply.text(), |document, edits| {
        for name in ["VersionId", "NextVersionIdMarker", "VersionIdMarker"] {
            for node in xml::named(document, name) {
                if nulls.iter().any(|id| node.text() == Some(id)) {
                    edits.replace(node, format!("<{name}>{NULL}</{name}>"));
                }
            }
        }
    });
    if let Some(text) = text {
        reply.set_text(text);
    }
}

fn forget_bucket(core: &Core, bucket: &str) {
    let mut ledger = core.ledger();
    ledger.forget_fact(&state_fact(bucket));
    for (fact, _) in ledger.facts(&null_fact(bucket, "")) {
        ledger.forget_fact(&fact);
    }
}

/// A read tells which version it read, where versions were ever kept.
pub(crate) async fn name_read(
    core: &Core,
    call: &Call,
    headers: &mut HeaderMap,
) -> Result<(), AwsError> {
    let bucket = s3_path::bucket(call);
    let Some(key) = s3_path::key(call).filter(|_| s3_path::is_whole_object(call)) else {
        return Ok(());
    };
    let id = headers.get(VERSION).and_then(|id| id.to_str().ok());
    let name = match id {
        Some(id) => name_of(core, bucket, &key, id),
        None if versioning(core, call, bucket).await? == Versioning::Never => return Ok(()),
        None => NULL.to_owned(),
    };
    set_version(headers, &name);
    Ok(())
}

pub(crate) fn set_version(headers: &mut HeaderMap, name: &str) {
    if let Ok(value) = HeaderValue::from_str(name) {
        headers.insert(VERSION, value);
    }
}

/// A whole object is written, or its upload in parts is completed.
fn writes_object(call: &Call) -> bool {
    let puts = call.method == Method::PUT && s3_path::is_whole_object(call);
    let completes = call.method == Method::POST && s3_path::query(call, "uploadId").is_some();
    puts || (completes && s3_path::key(call).is_some())
}

/// What is written while versioning is suspended is the version `null`, and the answer names none.
async fn name_written(core: &Core, call: &Call, reply: &mut Reply) -> Result<(), AwsError> {
    let bucket = s3_path::bucket(call);
    let id = reply.headers.get(VERSION).and_then(|id| id.to_str().ok());
    let (Some(id), Some(key)) = (id, s3_path::key(call)) else {
        return Ok(());
    };
    if versioning(core, call, bucket).await? == Versioning::Suspended {
        become_null(core, call, bucket, &key, id).await?;
        reply.headers.remove(VERSION);
    }
    Ok(())
}

/// A marker that is asked for by its id cannot be read.
pub(crate) async fn check_marker(core: &Core, call: &Call) -> Result<Option<Reply>, AwsError> {
    let (Some(key), Some(version)) = (s3_path::key(call), s3_path::query(call, "versionId")) else {
        return Ok(None);
    };
    let path = s3_path::object(s3_path::bucket(call), &key, Some(&version));
    let head = core
        .upstream
        .question(call, "s3", Method::HEAD, &path, Bytes::new())
        .await?;
    if head.status != StatusCode::METHOD_NOT_ALLOWED {
        return Ok(None);
    }
    let mut reply = Reply::refused(
        call,
        &AwsError::with(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        ),
    );
    let headers = [("x-amz-delete-marker", "true"), ("allow", "DELETE")];
    for (name, value) in headers {
        reply.headers.insert(name, HeaderValue::from_static(value));
    }
    let name = name_of(core, s3_path::bucket(call), &key, &version);
    set_version(&mut reply.headers, &name);
    Ok(Some(reply))
}
