//! Objects, versions and markers are deleted as S3 does it: deleting what is not there leaves a
//! marker where versions are kept, and a version that S3 never made is an error.
//!
//! "Deleting object versions from a versioning-enabled bucket", "Deleting objects from
//! versioning-suspended buckets", "Working with delete markers" (S3 User Guide); DeleteObjects (S3 API
//! Reference). That DeleteObjects answers `NoSuchVersion` where DeleteObject answers `InvalidArgument`
//! was recorded on AWS by LocalStack's tests (test_s3_api.py, 2026).

use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderValue, Method};

use crate::call::Call;
use crate::cloud::{Core, Ruling};
use crate::errors::{AwsError, Reply, escaped};
use crate::s3_versions::{self, NULL, VERSION, Versioning};
use crate::{s3_path, xml};

/// The header that tells of a marker.
const MARKER: &str = "x-amz-delete-marker";

/// What DeleteObjects says of one object.
#[derive(Debug, Default)]
struct DeletedObject {
    key: String,
    version: Option<String>,
    marker: Option<String>,
    error: Option<(String, String)>,
}

fn marker_fact(id: &str) -> String {
    format!("s3/marker/{id}")
}

/// DeleteObject: of a version for good; else a marker is put in front, where versions are kept.
pub(crate) async fn delete_object(core: &Core, call: &Call) -> Result<Ruling, AwsError> {
    let bucket = s3_path::bucket(call);
    let Some(key) = s3_path::key(call).filter(|_| s3_path::is_whole_object(call)) else {
        return Ok(Ruling::Forward);
    };
    let versioning = s3_versions::versioning(core, call, bucket).await?;
    let mut reply = core.upstream.send(call).await?;
    if versioning == Versioning::Never || !reply.is_success() {
        return Ok(Ruling::Answer(reply));
    }
    let told = reply.headers.get(VERSION).and_then(|id| id.to_str().ok());
    let (name, is_marker) = match s3_path::query(call, "versionId") {
        Some(id) => removed(core, bucket, &key, &id),
        None => {
            let id = told.map(str::to_owned);
            let name = marked(core, call, versioning, bucket, &key, id).await?;
            (name, true)
        }
    };
    s3_versions::set_version(&mut reply.headers, &name);
    reply.headers.remove(MARKER);
    if is_marker {
        reply
            .headers
            .insert(MARKER, HeaderValue::from_static("true"));
    }
    Ok(Ruling::Answer(reply))
}

/// A version is gone: its name, and whether it was a marker.
fn removed(core: &Core, bucket: &str, key: &str, id: &str) -> (String, bool) {
    let name = s3_versions::name_of(core, bucket, key, id);
    s3_versions::forget(core, bucket, key, id);
    let marker = marker_fact(id);
    let mut ledger = core.ledger();
    let was_marker = ledger.fact(&marker).is_some();
    ledger.forget_fact(&marker);
    (name, was_marker)
}

/// A marker stands in front: its name. The emulator makes none for a key that it does not know.
async fn marked(
    core: &Core,
    call: &Call,
    versioning: Versioning,
    bucket: &str,
    key: &str,
    id: Option<String>,
) -> Result<String, AwsError> {
    let id = match id {
        Some(id) => id,
        None => mark_unknown(core, call, bucket, key).await?,
    };
    core.ledger().note(&marker_fact(&id), key);
    if versioning == Versioning::Suspended {
        s3_versions::become_null(core, call, bucket, key, &id).await?;
        return Ok(NULL.to_owned());
    }
    Ok(id)
}

/// Has the emulator write an object, mark it as deleted and forget what was written.
async fn mark_unknown(
    core: &Core,
    call: &Call,
    bucket: &str,
    key: &str,
) -> Result<String, AwsError> {
    let ask = async |method: Method, version: Option<&str>| {
        let path = s3_path::object(bucket, key, version);
        let question = core
            .upstream
            .question(call, "s3", method, &path, Bytes::new());
        let answer = question.await?;
        let id = answer.headers.get(VERSION).and_then(|id| id.to_str().ok());
        id.map(str::to_owned)
            .ok_or_else(|| AwsError::upstream(format!("`{path}` got no version")))
    };
    let written = ask(Method::PUT, None).await?;
    let marker = ask(Method::DELETE, None).await?;
    ask(Method::DELETE, Some(&written)).await?;
    Ok(marker)
}

/// DeleteObjects: each object for itself.
pub(crate) async fn delete_objects(core: &Core, call: &Call) -> Result<Ruling, AwsError> {
    let bucket = s3_path::bucket(call);
    let body = std::str::from_utf8(&call.body).unwrap_or_default();
    let versioning = s3_versions::versioning(core, call, bucket).await?;
    let exists = |version: &str| {
        version == NULL || (versioning != Versioning::Never && s3_versions::is_version_id(version))
    };
    let (known, unknown): (Vec<DeletedObject>, Vec<_>) = requested(body)
        .into_iter()
        .partition(|object| object.version.as_deref().is_none_or(exists));
    let mut reply = forward(core, call, bucket, &known).await?;
    if !reply.is_success() {
        return Ok(Ruling::Answer(reply));
    }
    let mut results = answered(reply.text());
    for object in &mut results {
        if object.error.is_some() || versioning == Versioning::Never {
            continue;
        }
        match object.version.take() {
            Some(id) => {
                let (name, was_marker) = removed(core, bucket, &object.key, &id);
                object.marker = was_marker.then(|| name.clone());
                object.version = Some(name);
            }
            None => {
                let id = object.marker.take();
                let name = marked(core, call, versioning, bucket, &object.key, id).await?;
                object.marker = Some(name);
            }
        }
    }
    results.extend(unknown.into_iter().map(|object| DeletedObject {
        error: Some((
            "NoSuchVersion".to_owned(),
            "The specified version does not exist.".to_owned(),
        )),
        ..object
    }));
    let quiet = xml::first(body, "Quiet").as_deref() == Some("true");
    reply.set_text(written(&results, quiet));
    Ok(Ruling::Answer(reply))
}

/// The objects of a request, or those of an answer.
fn objects(text: &str, element: &str) -> Vec<DeletedObject> {
    xml::read(text, |document| {
        let objects = xml::named(document, element).map(|object| {
            let part = |name| xml::text_of(object, name).map(str::to_owned);
            DeletedObject {
                key: part("Key").unwrap_or_default(),
                version: part("VersionId"),
                marker: part("DeleteMarkerVersionId"),
                error: part("Code").map(|code| (code, part("Message").unwrap_or_default())),
            }
        });
        objects.collect()
    })
}

fn requested(body: &str) -> Vec<DeletedObject> {
    objects(body, "Object")
}

fn answered(text: &str) -> Vec<DeletedObject> {
    let mut all = objects(text, "Deleted");
    all.extend(objects(text, "Error"));
    all
}

/// Has the emulator delete what exists, by the emulator's ids, and tell of each.
async fn forward(
    core: &Core,
    call: &Call,
    bucket: &str,
    objects: &[DeletedObject],
) -> Result<Reply, AwsError> {
    if objects.is_empty() {
        return Ok(Reply::done(call, written(&[], false)));
    }
    let mut body = String::from("<Delete>");
    for object in objects {
        let _ = write!(body, "<Object><Key>{}</Key>", escaped(&object.key));
        if let Some(version) = &object.version {
            let id = s3_versions::id_of_null(core, bucket, &object.key);
            let id = id.filter(|_| version == NULL);
            let _ = write!(
                body,
                "<VersionId>{}</VersionId>",
                id.as_ref().unwrap_or(version)
            );
        }
        body.push_str("</Object>");
    }
    body.push_str("</Delete>");
    let mut forwarded = call.clone();
    forwarded.set_body(body);
    core.upstream.send(&forwarded).await
}

fn written(results: &[DeletedObject], quiet: bool) -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DeleteResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
    );
    for object in results {
        let mut fields = format!("<Key>{}</Key>", escaped(&object.key));
        if let Some(version) = &object.version {
            let _ = write!(fields, "<VersionId>{version}</VersionId>");
        }
        match &object.error {
            Some((code, message)) => {
                let _ = write!(
                    out,
                    "<Error>{fields}<Code>{code}</Code><Message>{}</Message></Error>",
                    escaped(message)
                );
            }
            // `Quiet`: only what failed is told.
            None if quiet => {}
            None => {
                if let Some(marker) = &object.marker {
                    let _ = write!(
                        fields,
                        "<DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>{marker}</DeleteMarkerVersionId>"
                    );
                }
                let _ = write!(out, "<Deleted>{fields}</Deleted>");
            }
        }
    }
    out.push_str("</DeleteResult>");
    out
}
