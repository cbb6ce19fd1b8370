//! The rules of S3 that the emulator lacks: a bucket's expected owner is heeded; more in
//! `s3_buckets`, `s3_versions`, `s3_deletions` and `s3_expiration`.
//!
//! "Verifying bucket ownership with bucket owner condition" (S3 User Guide): another owner
//! is answered with 403. The emulator itself has `BucketNotEmpty`, versions included, and
//! conditional writes.

use http::StatusCode;

use crate::backend::Forwarded;
use crate::call::Call;
use crate::cloud::{Core, Ruling};
use crate::errors::{AwsError, Reply};
use crate::{s3_buckets, s3_deletions, s3_expiration, s3_versions, xml};

/// Key of the fact.
const ACCOUNT: &str = "account";

pub(crate) async fn before(core: &Core, call: &mut Call) -> Result<Ruling, AwsError> {
    let expected = call
        .headers
        .get("x-amz-expected-bucket-owner")
        .and_then(|value| value.to_str().ok());
    if let Some(expected) = expected
        && expected != account(core, call).await?
    {
        return Err(AwsError::with(
            StatusCode::FORBIDDEN,
            "AccessDenied",
            "Access Denied",
        ));
    }
    s3_buckets::check(core, call).await?;
    s3_buckets::without_empty_settings(call);
    s3_buckets::place_eu(call);
    if let Some(reply) = s3_buckets::without_tags(core, call).await? {
        return Ok(Ruling::Answer(reply));
    }
    if let Ruling::Answer(reply) = s3_versions::before(core, call).await? {
        return Ok(Ruling::Answer(reply));
    }
    match call.action.as_str() {
        "DeleteObject" => s3_deletions::delete_object(core, call).await,
        "PostBucket delete" => s3_deletions::delete_objects(core, call).await,
        _ => Ok(Ruling::Forward),
    }
}

pub(crate) async fn after(core: &Core, call: &Call, reply: &mut Reply) -> Result<(), AwsError> {
    s3_buckets::deleted(core, call, reply);
    s3_buckets::locate(call, reply);
    if reply.is_success() {
        s3_buckets::repeat_prefix(call, reply);
    }
    s3_versions::after(core, call, reply).await?;
    s3_expiration::note_rules(core, call, reply).await?;
    s3_expiration::tell_written(core, call, reply);
    if call.action == "HeadObject" && reply.is_success() {
        s3_expiration::tell_read(core, call, &mut reply.headers).await?;
    }
    s3_buckets::created(core, call, reply).await
}

/// Corrects the answer to a read of an object, whose body is on its way.
pub(crate) async fn after_read(
    core: &Core,
    call: &Call,
    answer: Forwarded,
) -> Result<Forwarded, AwsError> {
    let Forwarded::Stream(mut response) = answer else {
        return Ok(answer);
    };
    if response.status().is_success() {
        let headers = response.headers_mut();
        s3_versions::name_read(core, call, headers).await?;
        s3_expiration::tell_read(core, call, headers).await?;
    } else if response.status() == StatusCode::NOT_FOUND
        && let Some(reply) = s3_versions::check_marker(core, call).await?
    {
        return Ok(Forwarded::Whole(reply));
    }
    Ok(Forwarded::Stream(response))
}

/// The account that everything here belongs to.
async fn account(core: &Core, call: &Call) -> Result<String, AwsError> {
    let known = core.ledger().fact(ACCOUNT);
    if let Some(account) = known {
        return Ok(account);
    }
    let answer = core
        .upstream
        .text(call, "sts", "GetCallerIdentity", &[])
        .await?;
    let account = xml::first(&answer, "Account").unwrap_or_default();
    core.ledger().note(ACCOUNT, &account);
    Ok(account)
}

/// Refuses a call to a part of a bucket that does not exist.
pub(crate) async fn check_bucket(core: &Core, call: &Call) -> Result<(), AwsError> {
    let (Some(bucket), "s3") = (call.segments().first().copied(), call.service.as_str()) else {
        return Ok(());
    };
    if call.action == "CreateBucket" {
        return Ok(());
    }
    let path = format!("/{bucket}?location");
    let known = core.upstream.get(call, "s3", &path).await?;
    if known.status == StatusCode::NOT_FOUND {
        return Err(AwsError::with(
            StatusCode::NOT_FOUND,
            "NoSuchBucket",
            "The specified bucket does not exist",
        ));
    }
    Ok(())
}
