//! The rule of S3 that the emulator lacks: a bucket's expected owner is heeded.
//!
//! "Verifying bucket ownership with bucket owner condition" (S3 User Guide): another owner
//! is answered with 403. The emulator itself has `BucketNotEmpty`, versions included, and
//! conditional writes.

use http::StatusCode;

use crate::call::Call;
use crate::cloud::{Core, Ruling};
use crate::errors::AwsError;
use crate::xml;

/// Key of the fact.
const ACCOUNT: &str = "account";

pub(crate) async fn before(core: &Core, call: &Call) -> Result<Ruling, AwsError> {
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
    Ok(Ruling::Forward)
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
