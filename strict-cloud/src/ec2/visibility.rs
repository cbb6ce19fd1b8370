//! Things that were just made and that reads do not find yet: an id that is asked for
//! does not exist, and lists leave it out.
//!
//! "Eventual consistency in the Amazon EC2 API" (EC2 Developer Guide).

use std::time::Duration;

use tokio::time::Instant;

use super::key;
use crate::call::Call;
use crate::clock::Delay;
use crate::cloud::Core;
use crate::errors::{AwsError, Reply};
use crate::xml;

/// How resources of one kind are created, listed and reported missing.
struct ListedKind {
    name: &'static str,
    create: &'static str,
    describe: &'static str,
    /// The field that asks for one by its id.
    field: &'static str,
    /// The list's element in the answer.
    set: &'static str,
    /// The id's element, in answers to both.
    id: &'static str,
    /// The code and the noun of the error.
    missing: (&'static str, &'static str),
}

const fn kind(
    name: &'static str,
    create: &'static str,
    describe: &'static str,
    field: &'static str,
    set: &'static str,
    id: &'static str,
    missing: (&'static str, &'static str),
) -> ListedKind {
    ListedKind {
        name,
        create,
        describe,
        field,
        set,
        id,
        missing,
    }
}

const KINDS: &[ListedKind] = &[
    kind(
        "vpc",
        "CreateVpc",
        "DescribeVpcs",
        "VpcId",
        "vpcSet",
        "vpcId",
        ("InvalidVpcID.NotFound", "vpc ID"),
    ),
    kind(
        "subnet",
        "CreateSubnet",
        "DescribeSubnets",
        "SubnetId",
        "subnetSet",
        "subnetId",
        ("InvalidSubnetID.NotFound", "subnet ID"),
    ),
    kind(
        "internet-gateway",
        "CreateInternetGateway",
        "DescribeInternetGateways",
        "InternetGatewayId",
        "internetGatewaySet",
        "internetGatewayId",
        ("InvalidInternetGatewayID.NotFound", "internetGateway ID"),
    ),
    kind(
        "route-table",
        "CreateRouteTable",
        "DescribeRouteTables",
        "RouteTableId",
        "routeTableSet",
        "routeTableId",
        ("InvalidRouteTableID.NotFound", "routeTable ID"),
    ),
    kind(
        "group",
        "CreateSecurityGroup",
        "DescribeSecurityGroups",
        "GroupId",
        "securityGroupInfo",
        "groupId",
        ("InvalidGroup.NotFound", "security group"),
    ),
    kind(
        "nat",
        "CreateNatGateway",
        "DescribeNatGateways",
        "NatGatewayId",
        "natGatewaySet",
        "natGatewayId",
        ("NatGatewayNotFound", "NatGateway"),
    ),
    kind(
        "address",
        "AllocateAddress",
        "DescribeAddresses",
        "AllocationId",
        "addressesSet",
        "allocationId",
        ("InvalidAllocationID.NotFound", "allocation ID"),
    ),
    kind(
        "endpoint",
        "CreateVpcEndpoint",
        "DescribeVpcEndpoints",
        "VpcEndpointId",
        "vpcEndpointSet",
        "vpcEndpointId",
        ("InvalidVpcEndpointId.NotFound", "Vpc Endpoint Id"),
    ),
    // Listed by `instances`, for they stand in reservations.
    kind(
        "instance",
        "RunInstances",
        "DescribeInstances",
        "InstanceId",
        "",
        "instanceId",
        ("InvalidInstanceID.NotFound", "instance ID"),
    ),
];

/// From when on reads find a resource. Half of all resources are visible at once, as on AWS most
/// reads are answered by a copy that is up to date.
pub(crate) fn visible_from(core: &Core, id: &str) -> Instant {
    let lag = core.clock.delay(Delay::Visibility);
    let odd = id.bytes().map(u32::from).sum::<u32>() % 2 == 1;
    core.clock.now() + if odd { lag } else { Duration::ZERO }
}

/// Refuses to read by id what is not visible yet.
pub(crate) fn check(core: &Core, call: &Call) -> Result<(), AwsError> {
    if core.clock.is_instant() || !call.reads() {
        return Ok(());
    }
    let now = core.clock.now();
    for kind in KINDS.iter().filter(|kind| kind.describe == call.action) {
        for id in call.all(kind.field) {
            if !core.ledger().is_visible(&key(call, kind.name, id), now) {
                let (code, noun) = kind.missing;
                return Err(AwsError::new(
                    code,
                    format!("The {noun} '{id}' does not exist"),
                ));
            }
        }
    }
    Ok(())
}

/// Notes what was made. Instances and NAT gateways note themselves, with their states.
pub(crate) fn note(core: &Core, call: &Call, reply: &Reply) {
    if core.clock.is_instant() {
        return;
    }
    let kind = KINDS
        .iter()
        .filter(|kind| !["instance", "nat"].contains(&kind.name))
        .find(|kind| kind.create == call.action);
    if let Some(kind) = kind
        && let Some(id) = xml::first(reply.text(), kind.id)
    {
        let visible = visible_from(core, &id);
        core.ledger()
            .created(&key(call, kind.name, &id), visible, core.clock.now());
    }
}

/// Leaves out of a list what is not visible yet.
pub(crate) fn correct(core: &Core, call: &Call, reply: &mut Reply) {
    if core.clock.is_instant() {
        return;
    }
    let now = core.clock.now();
    for kind in KINDS
        .iter()
        .filter(|kind| kind.describe == call.action && !kind.set.is_empty())
    {
        let corrected = xml::edit(reply.text(), |document, edits| {
            for item in xml::items(document, kind.set) {
                let id = xml::text_of(item, kind.id).unwrap_or_default();
                if !core.ledger().is_visible(&key(call, kind.name, id), now) {
                    edits.drop(item);
                }
            }
        });
        if let Some(text) = corrected {
            reply.set_text(text);
        }
    }
}
