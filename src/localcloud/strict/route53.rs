//! The rule of Route 53 that the emulator lacks: a caller reference is used once.
//!
//! CreateHostedZone, `CallerReference` and `HostedZoneAlreadyExists`: "The hosted zone
//! you're trying to create already exists […] the specified CallerReference".

use axum::http::StatusCode;

use super::call::Call;
use super::errors::{Refusal, Reply};
use super::{Inner, Step, xml};

fn fact(call: &Call) -> Option<String> {
    let text = std::str::from_utf8(&call.body).unwrap_or_default();
    Some(format!("route53/{}", xml::first(text, "CallerReference")?))
}

pub(super) fn before(front: &Inner, call: &Call) -> Result<Step, Refusal> {
    if call.action == "CreateHostedZone"
        && let Some(fact) = fact(call)
        && front.ledger().fact(&fact).is_some()
    {
        return Err(Refusal::with(
            StatusCode::CONFLICT,
            "HostedZoneAlreadyExists",
            "A hosted zone has already been created with the specified caller reference.",
        ));
    }
    Ok(Step::Pass)
}

pub(super) fn after(front: &Inner, call: &Call, reply: &Reply) {
    if call.action == "CreateHostedZone"
        && reply.is_success()
        && let Some(fact) = fact(call)
    {
        front.ledger().note(&fact, "used");
    }
}
