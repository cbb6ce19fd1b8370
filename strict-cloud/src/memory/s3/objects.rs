//! Objects and their versions: written on conditions, read, deleted and listed.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::http::{HeaderValue, Method, StatusCode, header};
use bytes::Bytes;

use crate::errors::{AwsError, Reply};
use crate::xml;

use super::super::account::{AwsAccount, CreationTime, unknown};
use super::super::writer::XmlWriter;
use super::{BucketRecord, S3, S3Call};

/// One version of an object, or a marker that it was deleted.
#[derive(Debug, Clone, Hash)]
pub(super) struct VersionRecord {
    id: String,
    /// None for a marker.
    content: Option<Bytes>,
    kind: String,
    modified: CreationTime,
}

impl VersionRecord {
    /// S3's is a hash of the content too.
    fn tag(&self) -> String {
        let mut state = DefaultHasher::new();
        self.content.hash(&mut state);
        let hash = state.finish();
        format!("\"{hash:016x}{:016x}\"", hash.rotate_left(32))
    }
}

impl BucketRecord {
    fn current(&self, key: &str) -> Option<&VersionRecord> {
        let newest = self.objects.get(key)?.first()?;
        newest.content.is_some().then_some(newest)
    }

    /// Puts a version in front; where versions are not kept, in place of the one without an id.
    fn push(&mut self, key: &str, version: VersionRecord) {
        let versions = self.objects.entry(key.to_owned()).or_default();
        if version.id == "null" {
            versions.retain(|one| one.id != "null");
        }
        versions.insert(0, version);
    }

    fn remove(&mut self, key: &str, id: &str) {
        if let Some(versions) = self.objects.get_mut(key) {
            versions.retain(|one| one.id != id);
            if versions.is_empty() {
                self.objects.remove(key);
            }
        }
    }
}

/// Answers a call about an object.
pub(super) fn answer(account: &mut AwsAccount, request: &S3Call<'_>) -> Result<Reply, AwsError> {
    match request.call.method {
        Method::PUT => put(account, request),
        Method::GET | Method::HEAD => get(&account.s3, request),
        // An upload in parts cannot be begun here, so there is none to end.
        Method::DELETE if request.is_about("uploadId") => Err(AwsError::with(
            StatusCode::NOT_FOUND,
            "NoSuchUpload",
            "The specified multipart upload does not exist.",
        )),
        Method::DELETE => delete(account, request),
        _ => Err(unknown(request.call)),
    }
}

fn condition_failed() -> AwsError {
    AwsError::with(
        StatusCode::PRECONDITION_FAILED,
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
    )
}

fn no_key() -> AwsError {
    AwsError::with(
        StatusCode::NOT_FOUND,
        "NoSuchKey",
        "The specified key does not exist.",
    )
}

/// Whether the conditions of a write hold.
fn may_write(bucket: &BucketRecord, request: &S3Call<'_>) -> Result<(), AwsError> {
    let current = bucket.current(&request.key);
    if request.header("if-none-match") == Some("*") && current.is_some() {
        return Err(condition_failed());
    }
    match (request.header("if-match"), current) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(no_key()),
        (Some(tag), Some(current)) if tag == current.tag() => Ok(()),
        (Some(_), Some(_)) => Err(condition_failed()),
    }
}

/// The id of a version that is written now.
fn version_id(account: &mut AwsAccount, bucket: &str) -> Result<String, AwsError> {
    let keeps = account.s3.bucket(bucket)?.versioning.as_deref() == Some("Enabled");
    Ok(match keeps {
        true => format!("{:032x}", account.next_id()),
        false => "null".to_owned(),
    })
}

fn put(account: &mut AwsAccount, request: &S3Call<'_>) -> Result<Reply, AwsError> {
    may_write(account.s3.bucket(request.bucket)?, request)?;
    let id = version_id(account, request.bucket)?;
    let version = VersionRecord {
        id: id.clone(),
        content: Some(content_of(request)),
        kind: request
            .header("content-type")
            .unwrap_or("binary/octet-stream")
            .to_owned(),
        modified: CreationTime(account.now),
    };
    let mut reply = request.empty(StatusCode::OK);
    insert_header(&mut reply, "etag", &version.tag());
    if id != "null" {
        insert_header(&mut reply, "x-amz-version-id", &id);
    }
    account
        .s3
        .bucket_mut(request.bucket)?
        .push(&request.key, version);
    Ok(reply)
}

/// The body; where it came in chunks with their signatures, without those ("Signature
/// calculations for the authorization header: transferring payload in multiple chunks").
fn content_of(request: &S3Call<'_>) -> Bytes {
    let chunked = request
        .header("content-encoding")
        .is_some_and(|one| one.contains("aws-chunked"));
    let body = &request.call.body;
    if !chunked {
        return body.clone();
    }
    let (mut content, mut rest) = (Vec::new(), body.as_ref());
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let line = std::str::from_utf8(&rest[..end]).unwrap_or_default();
        let size = line.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).unwrap_or_default();
        let start = end + 2;
        let Some(chunk) = rest.get(start..start + size).filter(|_| size > 0) else {
            break;
        };
        content.extend_from_slice(chunk);
        rest = rest.get(start + size + 2..).unwrap_or_default();
    }
    content.into()
}

fn insert_header(reply: &mut Reply, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers.insert(name, value);
    }
}

fn get(s3: &S3, request: &S3Call<'_>) -> Result<Reply, AwsError> {
    let bucket = s3.bucket(request.bucket)?;
    let found = match request.query.get("versionId") {
        Some(id) => {
            let versions = bucket.objects.get(&request.key);
            let mut versions = versions.into_iter().flatten();
            versions.find(|one| one.id == *id && one.content.is_some())
        }
        None => bucket.current(&request.key),
    };
    let version = found.ok_or_else(no_key)?;
    let content = version.content.clone().unwrap_or_default();
    let length = content.len();
    let mut reply = request.empty(StatusCode::OK);
    if request.call.method == Method::GET {
        reply.body = content;
    } else {
        reply
            .headers
            .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    insert_header(&mut reply, "etag", &version.tag());
    insert_header(&mut reply, "content-type", &version.kind);
    Ok(reply)
}

/// Where versions are kept, a marker stands before the others; deleting what is not there
/// succeeds.
fn delete(account: &mut AwsAccount, request: &S3Call<'_>) -> Result<Reply, AwsError> {
    may_write(account.s3.bucket(request.bucket)?, request)?;
    delete_one(
        account,
        request.bucket,
        &request.key,
        request.query.get("versionId"),
    )?;
    Ok(request.empty(StatusCode::NO_CONTENT))
}

fn delete_one(
    account: &mut AwsAccount,
    bucket: &str,
    key: &str,
    version: Option<&String>,
) -> Result<(), AwsError> {
    let id = version_id(account, bucket)?;
    let modified = CreationTime(account.now);
    let bucket = account.s3.bucket_mut(bucket)?;
    match version {
        Some(version) => bucket.remove(key, version),
        None if bucket.versioning.is_none() => {
            bucket.objects.remove(key);
        }
        None => bucket.push(
            key,
            VersionRecord {
                id,
                content: None,
                kind: String::new(),
                modified,
            },
        ),
    }
    Ok(())
}

/// Answers a call about all objects of a bucket; none if it is about something else.
pub(super) fn answer_listing(
    account: &mut AwsAccount,
    request: &S3Call<'_>,
) -> Option<Result<Reply, AwsError>> {
    let s3 = &account.s3;
    let reply = match request.call.method {
        Method::GET if request.is_about("uploads") => s3.bucket(request.bucket).map(|_| {
            request.reply("ListMultipartUploadsResult", |xml| {
                xml.text("IsTruncated", "false");
            })
        }),
        Method::GET if request.is_about("versions") => list_versions(s3, request),
        Method::GET if request.is_about("list-type") => list(s3, request),
        Method::POST if request.is_about("delete") => delete_some(account, request),
        _ => return None,
    };
    Some(reply)
}

fn list(s3: &S3, request: &S3Call<'_>) -> Result<Reply, AwsError> {
    let bucket = s3.bucket(request.bucket)?;
    let prefix = request
        .query
        .get("prefix")
        .map(String::as_str)
        .unwrap_or_default();
    let keys = bucket.objects.keys().filter(|key| key.starts_with(prefix));
    let found: Vec<_> = keys
        .filter_map(|key| Some((key, bucket.current(key)?)))
        .collect();
    Ok(request.reply("ListBucketResult", |xml| {
        xml.text("Name", request.bucket);
        xml.text("Prefix", prefix);
        xml.value("KeyCount", found.len());
        xml.text("MaxKeys", "1000");
        xml.text("IsTruncated", "false");
        for (key, version) in found {
            xml.node("Contents", |xml| {
                xml.text("Key", key);
                write_version(version, xml);
                xml.text("StorageClass", "STANDARD");
            });
        }
    }))
}

fn write_version(version: &VersionRecord, xml: &mut XmlWriter) {
    xml.value("LastModified", version.modified);
    if let Some(content) = &version.content {
        xml.text("ETag", version.tag());
        xml.value("Size", content.len());
    }
}

fn list_versions(s3: &S3, request: &S3Call<'_>) -> Result<Reply, AwsError> {
    let bucket = s3.bucket(request.bucket)?;
    let all = bucket.objects.iter();
    let all = all.flat_map(|(key, versions)| versions.iter().map(move |one| (key, one)));
    Ok(request.reply("ListVersionsResult", |xml| {
        xml.text("Name", request.bucket);
        xml.text("MaxKeys", "1000");
        xml.text("IsTruncated", "false");
        for (key, version) in all {
            let element = match version.content {
                Some(_) => "Version",
                None => "DeleteMarker",
            };
            xml.node(element, |xml| {
                xml.text("Key", key);
                xml.text("VersionId", &version.id);
                write_version(version, xml);
            });
        }
    }))
}

fn delete_some(account: &mut AwsAccount, request: &S3Call<'_>) -> Result<Reply, AwsError> {
    let objects = xml::read(request.text(), |document| {
        let objects = xml::named(document, "Object").filter_map(|object| {
            let part = |name| xml::text_of(object, name).map(str::to_owned);
            Some((part("Key")?, part("VersionId")))
        });
        objects.collect::<Vec<_>>()
    });
    account.s3.bucket(request.bucket)?;
    for (key, version) in objects {
        delete_one(account, request.bucket, &key, version.as_ref())?;
    }
    Ok(request.reply("DeleteResult", |_| {}))
}
