//! Buckets and their settings.

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};

use crate::clock::Delay;
use crate::errors::{AwsError, Reply};
use crate::xml;

use super::super::account::{AwsAccount, CreationTime, TagMap, unknown};
use super::{BucketRecord, NAMES_RESERVED, S3Call, no_bucket, objects};

/// Settings that are told as they were written, with the refusal where there are none.
const DOCUMENTS: [(&str, &str); 2] = [
    (
        "encryption",
        "ServerSideEncryptionConfigurationNotFoundError",
    ),
    ("lifecycle", "NoSuchLifecycleConfiguration"),
];
const BLOCKS: [&str; 4] = [
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
];

/// Answers a call about a bucket.
pub(super) fn answer(account: &mut AwsAccount, request: &S3Call<'_>) -> Result<Reply, AwsError> {
    let method = &request.call.method;
    // Its parts are not everywhere at once: terraform-provider-aws repeats `NoSuchBucket` for two
    // minutes (internal/service/s3/bucket.go).
    if !request.query.is_empty() && account.lags(&format!("bucket/{}", request.bucket)) {
        return Err(no_bucket());
    }
    if let Some((part, code)) = DOCUMENTS.iter().find(|(part, _)| request.is_about(part)) {
        return document(account, request, part, code);
    }
    if request.is_about("tagging") {
        return tagging(account, request);
    }
    if request.is_about("versioning") {
        return versioning(account, request);
    }
    if request.is_about("publicAccessBlock") {
        return public_access(account, request);
    }
    if let Some(reply) = objects::answer_listing(account, request) {
        return reply;
    }
    match *method {
        Method::PUT => create(account, request),
        Method::HEAD => {
            account.s3.bucket(request.bucket)?;
            Ok(request.empty(StatusCode::OK))
        }
        Method::DELETE => {
            if !account.s3.bucket(request.bucket)?.objects.is_empty() {
                return Err(AwsError::with(
                    StatusCode::CONFLICT,
                    "BucketNotEmpty",
                    "The bucket you tried to delete is not empty",
                ));
            }
            account.s3.buckets.remove(request.bucket);
            account.lag(Delay::BucketName, format!("bucket-name/{}", request.bucket));
            Ok(request.empty(StatusCode::NO_CONTENT))
        }
        _ => Err(unknown(request.call)),
    }
}

/// Tags in a body.
fn tags_in(text: &str) -> TagMap {
    xml::read(text, |document| {
        let tags = xml::named(document, "Tag").filter_map(|tag| {
            let part = |name| xml::text_of(tag, name).map(str::to_owned);
            Some((part("Key")?, part("Value").unwrap_or_default()))
        });
        tags.collect()
    })
}

/// Creating one's own bucket again succeeds in the oldest region and is refused elsewhere.
fn create(account: &mut AwsAccount, request: &S3Call<'_>) -> Result<Reply, AwsError> {
    let name = request.bucket;
    let place = xml::first(request.text(), "LocationConstraint");
    // A name that was just deleted: terraform-provider-aws, internal/service/s3/bucket.go.
    let own = format!("bucket-name/{name}");
    if account.lags(&own) || account.lags(NAMES_RESERVED) {
        return Err(AwsError::with(
            StatusCode::CONFLICT,
            "OperationAborted",
            "A conflicting conditional operation is currently in progress against this resource. \
             Please try again.",
        ));
    }
    let first_region = account.region == "us-east-1";
    if account.s3.buckets.contains_key(name) {
        if first_region {
            return Ok(request.empty(StatusCode::OK));
        }
        return Err(AwsError::with(
            StatusCode::CONFLICT,
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
        ));
    }
    if first_region != place.is_none() || place.is_some_and(|place| place != account.region) {
        return Err(AwsError::new(
            "IllegalLocationConstraintException",
            "The specified location-constraint is not valid for the region of the endpoint.",
        ));
    }
    // What buckets have since 2023: encryption, and no public access.
    let encryption = "<ServerSideEncryptionConfiguration><Rule>\
                      <ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>\
                      </ApplyServerSideEncryptionByDefault></Rule>\
                      </ServerSideEncryptionConfiguration>";
    let bucket = BucketRecord {
        tags: tags_in(request.text()),
        blocked: Some([true; 4]),
        versioning: None,
        documents: BTreeMap::from([("encryption".to_owned(), encryption.to_owned())]),
        objects: BTreeMap::new(),
        created: CreationTime(account.now),
    };
    account.s3.buckets.insert(name.to_owned(), bucket);
    account.lag(Delay::BucketVisibility, format!("bucket/{name}"));
    Ok(request.empty(StatusCode::OK))
}

fn absent(code: &str) -> AwsError {
    AwsError::with(
        StatusCode::NOT_FOUND,
        code,
        "The configuration or set of tags does not exist",
    )
}

fn document(
    account: &mut AwsAccount,
    request: &S3Call<'_>,
    part: &str,
    code: &str,
) -> Result<Reply, AwsError> {
    let bucket = account.s3.bucket_mut(request.bucket)?;
    match request.call.method {
        Method::GET => match bucket.documents.get(part) {
            Some(text) => Ok(Reply::done(request.call, text.clone())),
            None => Err(absent(code)),
        },
        Method::PUT => {
            bucket
                .documents
                .insert(part.to_owned(), request.text().to_owned());
            Ok(request.empty(StatusCode::OK))
        }
        Method::DELETE => {
            bucket.documents.remove(part);
            Ok(request.empty(StatusCode::NO_CONTENT))
        }
        _ => Err(unknown(request.call)),
    }
}

fn tagging(account: &mut AwsAccount, request: &S3Call<'_>) -> Result<Reply, AwsError> {
    let bucket = account.s3.bucket_mut(request.bucket)?;
    match request.call.method {
        Method::GET if bucket.tags.is_empty() => Err(absent("NoSuchTagSet")),
        Method::GET => Ok(request.reply("Tagging", |xml| xml.tags("TagSet", "Tag", &bucket.tags))),
        Method::PUT => {
            bucket.tags = tags_in(request.text());
            Ok(request.empty(StatusCode::NO_CONTENT))
        }
        Method::DELETE => {
            bucket.tags.clear();
            Ok(request.empty(StatusCode::NO_CONTENT))
        }
        _ => Err(unknown(request.call)),
    }
}

fn versioning(account: &mut AwsAccount, request: &S3Call<'_>) -> Result<Reply, AwsError> {
    let bucket = account.s3.bucket_mut(request.bucket)?;
    match request.call.method {
        Method::GET => Ok(request.reply("VersioningConfiguration", |xml| {
            xml.maybe("Status", bucket.versioning.as_ref());
        })),
        Method::PUT => {
            bucket.versioning = xml::first(request.text(), "Status");
            Ok(request.empty(StatusCode::OK))
        }
        _ => Err(unknown(request.call)),
    }
}

fn public_access(account: &mut AwsAccount, request: &S3Call<'_>) -> Result<Reply, AwsError> {
    let bucket = account.s3.bucket_mut(request.bucket)?;
    match request.call.method {
        Method::GET => match bucket.blocked {
            None => Err(absent("NoSuchPublicAccessBlockConfiguration")),
            Some(blocked) => Ok(request.reply("PublicAccessBlockConfiguration", |xml| {
                for (name, on) in BLOCKS.iter().zip(blocked) {
                    xml.value(name, on);
                }
            })),
        },
        Method::PUT => {
            let text = request.text();
            let on = |name| xml::first(text, name).as_deref() == Some("true");
            bucket.blocked = Some(BLOCKS.map(on));
            Ok(request.empty(StatusCode::OK))
        }
        Method::DELETE => {
            bucket.blocked = None;
            Ok(request.empty(StatusCode::NO_CONTENT))
        }
        _ => Err(unknown(request.call)),
    }
}
