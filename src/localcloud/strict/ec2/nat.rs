//! NAT gateways: states `pending`, `available`, `deleting`, `deleted`, and the interface
//! that each has for as long.
//!
//! "NAT gateway basics" and "Troubleshoot NAT gateways" (VPC User Guide): a deleted one
//! stays listed for about an hour.

use super::super::call::Call;
use super::super::clock::Takes;
use super::super::errors::{Refusal, Reply};
use super::super::ledger::Phase;
use super::super::{Inner, xml};
use super::{fact, key, visibility};

const KIND: &str = "nat";

pub(super) fn created(front: &Inner, call: &Call, reply: &mut Reply) {
    let text = reply.text().to_owned();
    let Some(id) = xml::first(&text, "natGatewayId") else {
        return;
    };
    let interface = xml::first(&text, "networkInterfaceId").unwrap_or_default();
    let visible = visibility::visible_from(front, &id);
    let ready = front.clock.after(Takes::NatStart);
    front.ledger().made(&key(call, KIND, &id), visible, ready);
    front
        .ledger()
        .note(&fact(call, "nat-interface", &interface), &id);
    tell(front, call, reply);
}

/// What is on its way out cannot be told again.
pub(super) fn may_delete(front: &Inner, call: &Call) -> Result<(), Refusal> {
    let id = call.get("NatGatewayId").unwrap_or_default();
    let phase = front
        .ledger()
        .phase(&key(call, KIND, id), front.clock.now());
    if phase == Phase::Gone {
        return Err(Refusal::new(
            "NatGatewayNotFound",
            format!("The Nat Gateway {id} was not found"),
        ));
    }
    Ok(())
}

pub(super) fn deleted(front: &Inner, call: &Call) {
    let id = call.get("NatGatewayId").unwrap_or_default();
    let (now, gone) = (front.clock.now(), front.clock.after(Takes::NatEnd));
    front.ledger().going(&key(call, KIND, id), now, gone, None);
}

pub(super) fn listed(front: &Inner, call: &Call, reply: &mut Reply) {
    if !front.clock.is_instant() {
        tell(front, call, reply);
    }
}

fn tell(front: &Inner, call: &Call, reply: &mut Reply) {
    let now = front.clock.now();
    let corrected = xml::edit(reply.text(), |document, edits| {
        let gateways = xml::items(document, "natGatewaySet");
        for gateway in gateways.chain(xml::named(document, "natGateway")) {
            let id = xml::text_of(gateway, "natGatewayId").unwrap_or_default();
            match front.ledger().phase(&key(call, KIND, id), now) {
                Phase::Starting => edits.set(gateway, "state", "pending"),
                Phase::Going => edits.set(gateway, "state", "deleting"),
                _ => {}
            }
        }
    });
    if let Some(text) = corrected {
        reply.set_text(text);
    }
}

/// Gateways that are not gone, with the text of each: by network, or all.
pub(super) async fn standing(
    front: &Inner,
    call: &Call,
    vpc: Option<&str>,
) -> Result<Vec<(String, String)>, Refusal> {
    let answer = front
        .upstream
        .text(call, "ec2", "DescribeNatGateways", &[])
        .await?;
    let now = front.clock.now();
    Ok(xml::read(&answer, |document| {
        xml::items(document, "natGatewaySet")
            .filter(|gateway| vpc.is_none_or(|vpc| xml::text_of(*gateway, "vpcId") == Some(vpc)))
            .filter_map(|gateway| {
                let id = xml::text_of(gateway, "natGatewayId")?;
                let gone = match front.ledger().phase(&key(call, KIND, id), now) {
                    Phase::Going => false,
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
pub(super) fn was_of_gone(front: &Inner, call: &Call, interface: &str) -> bool {
    let ledger = front.ledger();
    ledger
        .fact(&fact(call, "nat-interface", interface))
        .is_some_and(|id| ledger.phase(&key(call, KIND, &id), front.clock.now()) == Phase::Gone)
}
