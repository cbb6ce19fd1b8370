//! Networks: what DeleteSubnet, DeleteVpc, Attach- and DetachInternetGateway and
//! ReleaseAddress are refused for, and gateway endpoints, which the emulator cannot delete.
//!
//! DeleteVpc: "You must detach or delete all gateways and resources that are associated
//! with the VPC before you can delete it." DeleteSubnet: "You must terminate all running
//! instances in the subnet". DetachInternetGateway: "The VPC must not contain any running
//! instances with Elastic IP addresses or public IPv4 addresses." ReleaseAddress:
//! otherwise "an error (`InvalidIPAddress.InUse`)".

use super::{dependency, interfaces, key, nat};
use crate::call::Call;
use crate::cloud::Core;
use crate::errors::{AwsError, Reply};
use crate::xml;

const ENDPOINT: &str = "endpoint";

pub(crate) async fn check_subnet_deletion(core: &Core, call: &Call) -> Result<(), AwsError> {
    let id = call.get("SubnetId").unwrap_or_default();
    if interfaces::using(core, call, "subnet-id", id)
        .await?
        .is_empty()
    {
        return Ok(());
    }
    Err(dependency(format!(
        "The subnet '{id}' has dependencies and cannot be deleted."
    )))
}

pub(crate) async fn check_vpc_deletion(core: &Core, call: &Call) -> Result<(), AwsError> {
    let id = call.get("VpcId").unwrap_or_default();
    if is_occupied(core, call, id).await? {
        return Err(dependency(format!(
            "The vpc '{id}' has dependencies and cannot be deleted."
        )));
    }
    Ok(())
}

/// Whether anything is in a network that does not go with it.
async fn is_occupied(core: &Core, call: &Call, vpc: &str) -> Result<bool, AwsError> {
    // Call, filter, list, and whether an item goes with the network.
    type Goes = fn(roxmltree::Node<'_, '_>) -> bool;
    let stays: Goes = |_| false;
    let looks: [(&str, &str, &str, Goes); 4] = [
        ("DescribeSubnets", "vpc-id", "subnetSet", stays),
        (
            "DescribeInternetGateways",
            "attachment.vpc-id",
            "internetGatewaySet",
            stays,
        ),
        (
            "DescribeSecurityGroups",
            "vpc-id",
            "securityGroupInfo",
            |group| xml::text_of(group, "groupName") == Some("default"),
        ),
        ("DescribeRouteTables", "vpc-id", "routeTableSet", |table| {
            xml::texts_in(table, "main")
                .iter()
                .any(|main| main == "true")
        }),
    ];
    for (action, filter, set, goes) in looks {
        let fields = [("Filter.1.Name", filter), ("Filter.1.Value.1", vpc)];
        let answer = core.upstream.text(call, "ec2", action, &fields).await?;
        if xml::read(&answer, |document| {
            xml::items(document, set).any(|item| !goes(item))
        }) {
            return Ok(true);
        }
    }
    if !nat::find_existing(core, call, Some(vpc)).await?.is_empty() {
        return Ok(true);
    }
    let answer = core
        .upstream
        .text(call, "ec2", "DescribeVpcEndpoints", &[])
        .await?;
    let now = core.clock.now();
    let has_endpoint = xml::read(&answer, |document| {
        xml::items(document, "vpcEndpointSet").any(|endpoint| {
            let id = xml::text_of(endpoint, "vpcEndpointId").unwrap_or_default();
            xml::text_of(endpoint, "vpcId") == Some(vpc)
                && xml::text_of(endpoint, "state") != Some("deleted")
                && core.ledger().is_visible(&key(call, ENDPOINT, id), now)
        })
    });
    Ok(has_endpoint
        || !interfaces::using(core, call, "vpc-id", vpc)
            .await?
            .is_empty())
}

pub(crate) async fn check_gateway_attachment(core: &Core, call: &Call) -> Result<(), AwsError> {
    let vpc = call.get("VpcId").unwrap_or_default();
    let gateway = call.get("InternetGatewayId").unwrap_or_default();
    let fields = [
        ("Filter.1.Name", "attachment.vpc-id"),
        ("Filter.1.Value.1", vpc),
    ];
    let attached = core
        .upstream
        .text(call, "ec2", "DescribeInternetGateways", &fields)
        .await?;
    let other = xml::texts(&attached, "internetGatewayId")
        .into_iter()
        .any(|id| id != gateway);
    if other {
        return Err(AwsError::new(
            "InvalidParameterValue",
            format!("Network {vpc} already has an internet gateway attached"),
        ));
    }
    Ok(())
}

pub(crate) async fn check_gateway_detachment(core: &Core, call: &Call) -> Result<(), AwsError> {
    let vpc = call.get("VpcId").unwrap_or_default();
    let gateways = nat::find_existing(core, call, Some(vpc)).await?;
    let public_gateway = gateways
        .iter()
        .any(|(_, text)| !text.contains("<connectivityType>private<"));
    let mapped = public_gateway
        || has_public_instance(core, call, vpc).await?
        || core
            .ledger()
            .interfaces(core.clock.now())
            .iter()
            .any(|interface| interface.vpc == vpc && interface.public);
    if mapped {
        return Err(dependency(format!(
            "Network {vpc} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
        )));
    }
    Ok(())
}

async fn has_public_instance(core: &Core, call: &Call, vpc: &str) -> Result<bool, AwsError> {
    let in_use = interfaces::using(core, call, "vpc-id", vpc).await?;
    let fields = [("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", vpc)];
    let answer = core
        .upstream
        .text(call, "ec2", "DescribeNetworkInterfaces", &fields)
        .await?;
    Ok(xml::read(&answer, |document| {
        xml::items(document, "networkInterfaceSet").any(|item| {
            let id = xml::text_of(item, "networkInterfaceId").unwrap_or_default();
            in_use.iter().any(|one| one == id) && !xml::texts_in(item, "publicIp").is_empty()
        })
    }))
}

pub(crate) async fn check_address_release(core: &Core, call: &Call) -> Result<(), AwsError> {
    let Some(id) = call.get("AllocationId") else {
        return Ok(());
    };
    let of_gateway = nat::find_existing(core, call, None)
        .await?
        .iter()
        .any(|(_, text)| text.contains(&format!("<allocationId>{id}</allocationId>")));
    let answer = core
        .upstream
        .text(call, "ec2", "DescribeAddresses", &[("AllocationId.1", id)])
        .await?;
    let instances: Vec<String> = xml::texts(&answer, "instanceId")
        .into_iter()
        .filter(|id| !id.is_empty())
        .collect();
    let over = super::instances::find_terminated(core, call, &instances).await?;
    if of_gateway || nat::still_holds(core, call, id) {
        // As people quote it: the gateway's address is the service's until the gateway is gone.
        return Err(AwsError::new(
            "AuthFailure",
            "You do not have permission to access the specified resource.",
        ));
    }
    if instances.len() > over.len() {
        let address = xml::first(&answer, "publicIp").unwrap_or_default();
        return Err(AwsError::new(
            "InvalidIPAddress.InUse",
            format!("Address {address} is in use."),
        ));
    }
    Ok(())
}

/// CreateSecurityGroup, `VpcId`: `InvalidVpcID.NotFound`.
pub(crate) async fn check_network_of_group(core: &Core, call: &Call) -> Result<(), AwsError> {
    let Some(id) = call.get("VpcId") else {
        return Ok(());
    };
    let fields = [("VpcId.1", id)];
    core.upstream
        .text(call, "ec2", "DescribeVpcs", &fields)
        .await?;
    Ok(())
}

/// CreateRoute, `NatGatewayId`: `InvalidNatGatewayID.NotFound`.
pub(crate) async fn check_gateway_of_route(core: &Core, call: &Call) -> Result<(), AwsError> {
    let Some(id) = call.get("NatGatewayId") else {
        return Ok(());
    };
    let fields = [("NatGatewayId.1", id)];
    let found = core
        .upstream
        .ask(call, "ec2", "DescribeNatGateways", &fields)
        .await?;
    if found.is_success()
        && xml::texts(found.text(), "natGatewayId")
            .iter()
            .any(|one| one == id)
    {
        return Ok(());
    }
    Err(AwsError::new(
        "InvalidNatGatewayID.NotFound",
        format!("The natGateway ID '{id}' does not exist"),
    ))
}

/// CreateVpcEndpoint, `SecurityGroupId`: "If this parameter is not specified, we use the default
/// security group for the VPC."
pub(crate) async fn give_default_group(core: &Core, call: &mut Call) -> Result<(), AwsError> {
    let is_interface = call.get("VpcEndpointType") == Some("Interface");
    if !is_interface || !call.all("SecurityGroupId").is_empty() {
        return Ok(());
    }
    let fields = [
        ("Filter.1.Name", "vpc-id"),
        ("Filter.1.Value.1", call.get("VpcId").unwrap_or_default()),
        ("Filter.2.Name", "group-name"),
        ("Filter.2.Value.1", "default"),
    ];
    let answer = core
        .upstream
        .text(call, "ec2", "DescribeSecurityGroups", &fields)
        .await?;
    if let Some(group) = xml::first(&answer, "groupId") {
        let fields = call
            .fields()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut fields: Vec<_> = fields.collect();
        fields.push(("SecurityGroupId.1".to_owned(), group));
        call.set_fields(fields);
    }
    Ok(())
}

/// VpnGateway, `AvailabilityZone`: "This field may be empty or not returned", and it is not (recorded
/// on AWS by LocalStack's tests, test_ec2.py).
pub(crate) fn hide_zones(reply: &mut Reply) {
    let corrected = xml::edit(reply.text(), |document, edits| {
        xml::named(document, "availabilityZone").for_each(|node| edits.drop(node));
    });
    if let Some(text) = corrected {
        reply.set_text(text);
    }
}

/// AvailabilityZone: "For Availability Zones, [the group] is the same value as the Region name",
/// today with `-zg-1` behind it; zones need no opting in.
pub(crate) fn zones_listed(call: &Call, reply: &mut Reply) {
    let corrected = xml::edit(reply.text(), |document, edits| {
        for item in xml::items(document, "availabilityZoneInfo") {
            let group = format!("{}-zg-1", call.region);
            for (name, text) in [
                ("groupName", group.as_str()),
                ("networkBorderGroup", &call.region),
                ("optInStatus", "opt-in-not-required"),
            ] {
                if xml::child_of(item, name).is_none() {
                    edits.set(item, name, text);
                }
            }
        }
    });
    if let Some(text) = corrected {
        reply.set_text(text);
    }
}

/// Gateway endpoints whose removal the emulator answers with an error are gone all the same.
pub(crate) fn endpoints_deleted(core: &Core, call: &Call, reply: &mut Reply) {
    if !reply.status.is_server_error() {
        return;
    }
    for id in call.all("VpcEndpointId") {
        core.ledger().hide(&key(call, ENDPOINT, id));
    }
    *reply = Reply::done(
        call,
        "<DeleteVpcEndpointsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15\"><unsuccessful/></DeleteVpcEndpointsResponse>",
    );
}

pub(crate) fn endpoints_listed(core: &Core, call: &Call, reply: &mut Reply) {
    let now = core.clock.now();
    let corrected = xml::edit(reply.text(), |document, edits| {
        for item in xml::items(document, "vpcEndpointSet") {
            let id = xml::text_of(item, "vpcEndpointId").unwrap_or_default();
            let gone = xml::text_of(item, "state") == Some("deleted");
            if gone || !core.ledger().is_visible(&key(call, ENDPOINT, id), now) {
                edits.drop(item);
            }
        }
    });
    if let Some(text) = corrected {
        reply.set_text(text);
    }
}
