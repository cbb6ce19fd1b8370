//! The rules of S3 that the emulator lacks: a bucket's expected owner is heeded; more in
//! `s3_buckets`.
//!
//! "Verifying bucket ownership with bucket owner condition" (S3 User Guide): another owner
//! is answered with 403. The emulator itself has `BucketNotEmpty`, versions included, and
//! conditional writes.

use http::StatusCode;

use crate::call::Call;
use crate::cloud::{Core, Ruling};
use crate::errors::{AwsError, Reply};
use crate::{s3_buckets, xml};

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
    Ok(Ruling::Forward)
}

pub(crate) async fn after(core: &Core, call: &Call, reply: &mut Reply) -> Result<(), AwsError> {
    s3_buckets::quieten(call, reply);
    s3_buckets::deleted(core, call, reply);
    s3_buckets::created(core, call, reply).await
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
