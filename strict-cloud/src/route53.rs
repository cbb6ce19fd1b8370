//! The rule of Route 53 that the emulator lacks: a caller reference is used once.
//!
//! CreateHostedZone, `CallerReference` and `HostedZoneAlreadyExists`: "The hosted zone
//! you're trying to create already exists […] the specified CallerReference".

use http::StatusCode;

use crate::call::Call;
use crate::cloud::{Core, Ruling};
use crate::errors::{AwsError, Reply};
use crate::xml;

fn fact(call: &Call) -> Option<String> {
    let text = std::str::from_utf8(&call.body).unwrap_or_default();
    Some(format!("route53/{}", xml::first(text, "CallerReference")?))
}

pub(crate) fn before(core: &Core, call: &Call) -> Result<Ruling, AwsError> {
    if call.action == "CreateHostedZone"
        && let Some(fact) = fact(call)
        && core.ledger().fact(&fact).is_some()
    {
        return Err(AwsError::with(
            StatusCode::CONFLICT,
            "HostedZoneAlreadyExists",
            "A hosted zone has already been created with the specified caller reference.",
        ));
    }
    Ok(Ruling::Forward)
}

pub(crate) fn after(core: &Core, call: &Call, reply: &Reply) {
    if call.action == "CreateHostedZone"
        && reply.is_success()
        && let Some(fact) = fact(call)
    {
        core.ledger().note(&fact, "used");
    }
}
