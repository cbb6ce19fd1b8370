//! NAT gateways: states `pending`, `available`, `deleting`, `deleted`, and the interface
//! that each has for as long.
//!
//! "NAT gateway basics" and "Troubleshoot NAT gateways" (VPC User Guide): a deleted one
//! stays listed for about an hour.

use super::{fact, key, visibility};
use crate::call::Call;
use crate::clock::Delay;
use crate::cloud::Core;
use crate::errors::{AwsError, Reply};
use crate::ledger::Phase;
use crate::xml;

const KIND: &str = "nat";
/// When the address of a gateway that is deleted can be released.
const ADDRESS: &str = "nat-address";

pub(crate) fn created(core: &Core, call: &Call, reply: &mut Reply) {
    let text = reply.text().to_owned();
    let Some(id) = xml::first(&text, "natGatewayId") else {
        return;
    };
    let interface = xml::first(&text, "networkInterfaceId").unwrap_or_default();
    let visible = visibility::visible_from(core, &id);
    let ready = core.clock.after(Delay::NatStart);
    core.ledger().created(&key(call, KIND, &id), visible, ready);
    core.ledger()
        .note(&fact(call, "nat-interface", &interface), &id);
    let addresses = xml::texts(&text, "allocationId").join(" ");
    core.ledger()
        .note(&fact(call, "nat-addresses", &id), &addresses);
    report_states(core, call, reply);
}

/// What is on its way out cannot be told again.
pub(crate) fn check_deletion(core: &Core, call: &Call) -> Result<(), AwsError> {
    let id = call.get("NatGatewayId").unwrap_or_default();
    let phase = core.ledger().phase(&key(call, KIND, id), core.clock.now());
    if phase == Phase::Gone {
        return Err(AwsError::new(
            "NatGatewayNotFound",
            format!("The Nat Gateway {id} was not found"),
        ));
    }
    Ok(())
}

pub(crate) fn deleted(core: &Core, call: &Call) {
    let id = call.get("NatGatewayId").unwrap_or_default();
    let (now, gone) = (core.clock.now(), core.clock.after(Delay::NatEnd));
    core.ledger()
        .deleting(&key(call, KIND, id), now, gone, None);
    let free = gone + core.clock.delay(Delay::AddressRelease);
    let addresses = core.ledger().fact(&fact(call, "nat-addresses", id));
    for address in addresses.iter().flat_map(|all| all.split_whitespace()) {
        core.ledger()
            .created(&key(call, ADDRESS, address), free, free);
    }
}

/// Whether an address is a gateway's for a while yet: `deleted` comes before it is free
/// (<https://github.com/eformat/sno-for-100/issues/9>, kubernetes/kops#938).
pub(crate) fn still_holds(core: &Core, call: &Call, address: &str) -> bool {
    let name = key(call, ADDRESS, address);
    !core.ledger().is_visible(&name, core.clock.now())
}

pub(crate) fn listed(core: &Core, call: &Call, reply: &mut Reply) {
    if !core.clock.is_instant() {
        report_states(core, call, reply);
    }
}

fn report_states(core: &Core, call: &Call, reply: &mut Reply) {
    let now = core.clock.now();
    let corrected = xml::edit(reply.text(), |document, edits| {
        let gateways = xml::items(document, "natGatewaySet");
        for gateway in gateways.chain(xml::named(document, "natGateway")) {
            let id = xml::text_of(gateway, "natGatewayId").unwrap_or_default();
            match core.ledger().phase(&key(call, KIND, id), now) {
                Phase::Creating => edits.set(gateway, "state", "pending"),
                Phase::Deleting => edits.set(gateway, "state", "deleting"),
                _ => {}
            }
        }
    });
    if let Some(text) = corrected {
        reply.set_text(text);
    }
}

/// Gateways that are not gone, with the text of each: by network, or all.
pub(crate) async fn find_existing(
    core: &Core,
    call: &Call,
    vpc: Option<&str>,
) -> Result<Vec<(String, String)>, AwsError> {
    let answer = core
        .upstream
        .text(call, "ec2", "DescribeNatGateways", &[])
        .await?;
    let now = core.clock.now();
    Ok(xml::read(&answer, |document| {
        xml::items(document, "natGatewaySet")
            .filter(|gateway| vpc.is_none_or(|vpc| xml::text_of(*gateway, "vpcId") == Some(vpc)))
            .filter_map(|gateway| {
                let id = xml::text_of(gateway, "natGatewayId")?;
                let gone = match core.ledger().phase(&key(call, KIND, id), now) {
                    Phase::Deleting => false,
                    Phase::Gone => true,
                    _ => xml::text_of(gateway, "state") == Some("deleted"),
                };
                let text = answer.get(gateway.range())?.to_owned();
                (!gone).then(|| (id.to_owned(), text))
            })
            .collect()
    }))
}

/// Whether an interface belongs to a gateway that is gone.
pub(crate) fn belonged_to_deleted(core: &Core, call: &Call, interface: &str) -> bool {
    let ledger = core.ledger();
    ledger
        .fact(&fact(call, "nat-interface", interface))
        .is_some_and(|id| ledger.phase(&key(call, KIND, &id), core.clock.now()) == Phase::Gone)
}
