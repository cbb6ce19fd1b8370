//! The rules of Route 53 that the emulator lacks: a caller reference is used once, changes take
//! their time, and a new zone or VPC is not known at once.
//!
//! CreateHostedZone, `CallerReference` and `HostedZoneAlreadyExists`: "The hosted zone
//! you're trying to create already exists […] the specified CallerReference"; `InvalidVPCId`.
//! GetChange: `PENDING`, `INSYNC`. ChangeResourceRecordSets: `NoSuchHostedZone` for a zone that was
//! just created, which Terraform's AWS provider repeats for a minute.

use http::StatusCode;

use crate::call::Call;
use crate::clock::Delay;
use crate::cloud::{Core, Ruling};
use crate::ec2::propagation;
use crate::errors::{AwsError, Reply};
use crate::xml;

/// How the changes that the proxy tells of begin.
const CHANGE: &str = "CSTRICT";

fn body(call: &Call) -> &str {
    std::str::from_utf8(&call.body).unwrap_or_default()
}

fn reference_fact(call: &Call) -> Option<String> {
    let reference = xml::first(body(call), "CallerReference")?;
    Some(format!("route53/{reference}"))
}

fn zone_key(id: &str) -> String {
    format!("route53/zone/{id}")
}

fn change_key(id: &str) -> String {
    format!("route53/change/{id}")
}

/// The last part of the path, or of the path without its last part.
fn named(call: &Call, from_end: usize) -> String {
    let segments = call.segments();
    let at = segments.len().checked_sub(from_end + 1);
    at.map(|at| segments[at].to_owned()).unwrap_or_default()
}

pub(crate) async fn before(core: &Core, call: &Call) -> Result<Ruling, AwsError> {
    match call.action.as_str() {
        "CreateHostedZone" => check_creation(core, call).await?,
        "ChangeResourceRecordSets" => {
            let id = named(call, 1);
            if !core.ledger().is_visible(&zone_key(&id), core.clock.now()) {
                return Err(AwsError::with(
                    StatusCode::NOT_FOUND,
                    "NoSuchHostedZone",
                    format!("No hosted zone found with ID: {id}"),
                ));
            }
        }
        "GetChange" if named(call, 0).starts_with(CHANGE) => {
            let text = format!(
                "<GetChangeResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">{}</GetChangeResponse>",
                change_info(core, &named(call, 0))
            );
            return Ok(Ruling::Answer(Reply::done(call, text)));
        }
        _ => {}
    }
    Ok(Ruling::Forward)
}

async fn check_creation(core: &Core, call: &Call) -> Result<(), AwsError> {
    if let Some(fact) = reference_fact(call)
        && core.ledger().fact(&fact).is_some()
    {
        return Err(AwsError::with(
            StatusCode::CONFLICT,
            "HostedZoneAlreadyExists",
            "A hosted zone has already been created with the specified caller reference.",
        ));
    }
    let vpc = xml::first(body(call), "VPCId");
    let Some(vpc) = vpc else {
        return Ok(());
    };
    let known = propagation::unknown(core, call, Some(vpc.as_str())).is_none();
    if known && is_network(core, call, &vpc).await? {
        return Ok(());
    }
    Err(AwsError::new("InvalidVPCId", "The VPC ID is invalid."))
}

/// Whether there is such a network where the request says that it is.
async fn is_network(core: &Core, call: &Call, vpc: &str) -> Result<bool, AwsError> {
    let mut there = call.clone();
    there.region = xml::first(body(call), "VPCRegion").unwrap_or_default();
    let fields = [("VpcId.1", vpc)];
    let answer = core
        .upstream
        .ask(&there, "ec2", "DescribeVpcs", &fields)
        .await?;
    Ok(answer.is_success())
}

fn change_info(core: &Core, id: &str) -> String {
    let done = core.ledger().is_visible(&change_key(id), core.clock.now());
    let status = if done { "INSYNC" } else { "PENDING" };
    format!(
        "<ChangeInfo><Id>/change/{id}</Id><Status>{status}</Status><SubmittedAt>2025-01-01T00:00:00Z</SubmittedAt></ChangeInfo>"
    )
}

pub(crate) fn after(core: &Core, call: &Call, reply: &mut Reply) {
    if !reply.is_success() {
        return;
    }
    if call.action == "CreateHostedZone" {
        if let Some(fact) = reference_fact(call) {
            core.ledger().note(&fact, "used");
        }
        let place = xml::first(reply.text(), "Id").unwrap_or_default();
        let id = place.rsplit('/').next().unwrap_or_default();
        let known = core.clock.after(Delay::ZonePropagation);
        core.ledger().created(&zone_key(id), known, known);
    }
    if core.clock.is_instant() {
        return;
    }
    // The emulator calls all changes by one name.
    let id = format!("{CHANGE}{}", call.number);
    let done = core.clock.after(Delay::DnsChange);
    let changed = xml::edit(reply.text(), |document, edits| {
        for change in xml::named(document, "ChangeInfo") {
            core.ledger().created(&change_key(&id), done, done);
            edits.replace(change, change_info(core, &id));
        }
    });
    if let Some(text) = changed {
        reply.set_text(text);
    }
}
