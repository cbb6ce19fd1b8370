//! What other services do not know yet: VPCs, subnets and security groups that were just created,
//! and instances that run since a moment.
//!
//! The codes are those of the calls that name them (`SubnetNotFound`, `InvalidSecurityGroup`,
//! `InvalidTarget`, `InvalidSubnet`, `InvalidVPCId`); that they are also given for a while after the
//! creation is what Terraform's AWS provider and others repeat such calls for.

use tokio::time::Instant;

use crate::call::Call;
use crate::clock::Delay;
use crate::cloud::Core;
use crate::errors::Reply;
use crate::xml;

fn key(call: &Call, id: &str) -> String {
    format!("{}/known-to-services/{id}", call.region)
}

/// Notes what was created.
pub(crate) fn note(core: &Core, call: &Call, reply: &Reply) {
    let element = match call.action.as_str() {
        "CreateVpc" => "vpcId",
        "CreateSubnet" => "subnetId",
        "CreateSecurityGroup" => "groupId",
        "RunInstances" => "instanceId",
        _ => return,
    };
    let lag = core.clock.delay(Delay::ServicePropagation);
    let since = match call.action.as_str() {
        "RunInstances" => core.clock.after(Delay::InstanceStart),
        _ => core.clock.now(),
    };
    for id in xml::texts(reply.text(), element) {
        learned(core, &key(call, &id), since + lag);
    }
}

fn learned(core: &Core, key: &str, at: Instant) {
    core.ledger().created(key, at, at);
}

/// The first of these that other services do not know yet.
pub(crate) fn unknown<'a>(
    core: &Core,
    call: &Call,
    ids: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let now = core.clock.now();
    ids.into_iter()
        .find(|id| !core.ledger().is_visible(&key(call, id), now))
}
