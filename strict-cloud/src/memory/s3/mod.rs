//! S3: buckets with their settings, objects with their versions, conditional writes.
//!
//! "Verifying bucket ownership with bucket owner condition", "How to prevent object overwrites
//! with conditional writes" (Amazon S3 User Guide); codes: "Error responses" (API Reference).

mod buckets;
mod objects;

use std::collections::BTreeMap;

use axum::http::{HeaderMap, Method, StatusCode};
use percent_encoding::percent_decode_str;

use crate::call::Call;
use crate::errors::{AwsError, Reply};

use super::account::{AccountResource, AwsAccount, CreationTime, NUMBER, TagMap, unknown};
use super::writer::{XmlWriter, xml};

use objects::VersionRecord;

/// While it goes on, every name is that of a bucket that was just deleted.
pub(super) const NAMES_RESERVED: &str = "bucket-names";

/// All buckets, by name.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct S3 {
    buckets: BTreeMap<String, BucketRecord>,
}

#[derive(Debug, Clone, Hash)]
struct BucketRecord {
    tags: TagMap,
    /// Whether public access is blocked, in all four ways.
    blocked: Option<[bool; 4]>,
    versioning: Option<String>,
    /// Settings that are told as they were written: part of the query, body.
    documents: BTreeMap<String, String>,
    /// Versions of objects by key, the newest first.
    objects: BTreeMap<String, Vec<VersionRecord>>,
    created: CreationTime,
}

/// A call as S3 reads it.
struct S3Call<'a> {
    call: &'a Call,
    bucket: &'a str,
    key: String,
    query: BTreeMap<String, String>,
}

/// Answers a call.
pub(super) fn answer(account: &mut AwsAccount, call: &Call) -> Result<Reply, AwsError> {
    let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
    let (bucket, key) = path
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or((path.trim_start_matches('/'), ""));
    let pairs = form_urlencoded::parse(query.as_bytes());
    let request = S3Call {
        call,
        bucket,
        key: decoded(key),
        query: pairs.into_owned().collect(),
    };
    if let Some(owner) = header(&call.headers, "x-amz-expected-bucket-owner")
        && owner != NUMBER
        && account.s3.buckets.contains_key(bucket)
    {
        return Err(AwsError::with(
            StatusCode::FORBIDDEN,
            "AccessDenied",
            "Access Denied",
        ));
    }
    let reply = match (bucket, request.key.as_str()) {
        ("", _) if call.method == Method::GET => Ok(list_buckets(&account.s3, call)),
        ("", _) => Err(unknown(call)),
        (_, "") => buckets::answer(account, &request),
        _ => objects::answer(account, &request),
    };
    // Errors of HEAD requests have no body.
    match reply {
        Err(refusal) if call.method == Method::HEAD => {
            let mut reply = Reply::refused(call, &refusal);
            reply.body.clear();
            Ok(reply)
        }
        other => other,
    }
}

impl S3 {
    pub(super) fn resources(&self) -> Vec<AccountResource> {
        let buckets = self.buckets.iter().map(|(name, one)| AccountResource {
            kind: "bucket",
            id: name.clone(),
            tags: one.tags.clone(),
            leaving: false,
        });
        buckets.collect()
    }

    fn bucket(&self, name: &str) -> Result<&BucketRecord, AwsError> {
        self.buckets.get(name).ok_or_else(no_bucket)
    }

    fn bucket_mut(&mut self, name: &str) -> Result<&mut BucketRecord, AwsError> {
        self.buckets.get_mut(name).ok_or_else(no_bucket)
    }
}

impl S3Call<'_> {
    /// Whether the query names a part, as in `?tagging`.
    fn is_about(&self, part: &str) -> bool {
        self.query.contains_key(part)
    }

    fn header(&self, name: &str) -> Option<&str> {
        header(&self.call.headers, name)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.call.body).unwrap_or_default()
    }

    /// An answer with XML.
    fn reply(&self, element: &str, within: impl FnOnce(&mut XmlWriter)) -> Reply {
        Reply::done(self.call, xml(|xml| xml.node(element, within)))
    }

    /// An answer without a body.
    fn empty(&self, status: StatusCode) -> Reply {
        let mut reply = Reply::done(self.call, String::new());
        reply.status = status;
        reply
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Text of a path.
fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

fn no_bucket() -> AwsError {
    AwsError::with(
        StatusCode::NOT_FOUND,
        "NoSuchBucket",
        "The specified bucket does not exist",
    )
}

fn list_buckets(s3: &S3, call: &Call) -> Reply {
    let text = xml(|xml| {
        xml.node("ListAllMyBucketsResult", |xml| {
            xml.list("Buckets", "Bucket", &s3.buckets, |xml, (name, one)| {
                xml.text("Name", name);
                xml.value("CreationDate", one.created);
            });
        });
    });
    Reply::done(call, text)
}
