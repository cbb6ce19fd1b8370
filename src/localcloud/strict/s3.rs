//! The rule of S3 that the emulator lacks: a bucket's expected owner is heeded.
//!
//! "Verifying bucket ownership with bucket owner condition" (S3 User Guide): another owner
//! is answered with 403. The emulator itself has `BucketNotEmpty`, versions included, and
//! conditional writes.

use axum::http::StatusCode;

use super::call::Call;
use super::errors::Refusal;
use super::{Inner, Step, xml};

/// Key of the fact.
const ACCOUNT: &str = "account";

pub(super) async fn before(front: &Inner, call: &Call) -> Result<Step, Refusal> {
    let expected = call
        .headers
        .get("x-amz-expected-bucket-owner")
        .and_then(|value| value.to_str().ok());
    if let Some(expected) = expected
        && expected != account(front, call).await?
    {
        return Err(Refusal::with(
            StatusCode::FORBIDDEN,
            "AccessDenied",
            "Access Denied",
        ));
    }
    Ok(Step::Pass)
}

/// The account that everything here belongs to.
async fn account(front: &Inner, call: &Call) -> Result<String, Refusal> {
    let known = front.ledger().fact(ACCOUNT);
    if let Some(account) = known {
        return Ok(account);
    }
    let answer = front
        .upstream
        .text(call, "sts", "GetCallerIdentity", &[])
        .await?;
    let account = xml::first(&answer, "Account").unwrap_or_default();
    front.ledger().note(ACCOUNT, &account);
    Ok(account)
}
