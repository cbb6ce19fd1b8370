//! The rules of EC2 and VPC.
//!
//! Codes: "Error codes for the Amazon EC2 API" (errors-overview). What depends on what:
//! "Delete your VPC", "Delete a security group" and the pages of each Delete action.

mod groups;
mod instances;
mod interfaces;
mod nat;
mod network;
pub(crate) mod propagation;
mod visibility;

use http::StatusCode;

use crate::call::Call;
use crate::cloud::{Core, Ruling};
use crate::errors::{AwsError, Reply};
use crate::{offers, xml};

pub(crate) use instances::repeated;
pub(crate) use interfaces::ServiceInterfaces;

/// Where a subnet is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SubnetLocation {
    pub(crate) vpc: String,
    pub(crate) zone: String,
    pub(crate) range: String,
}

pub(crate) async fn before(core: &Core, call: &mut Call) -> Result<Ruling, AwsError> {
    visibility::check(core, call)?;
    if call.is_dry_run() {
        // The emulator takes the flag for nothing in most calls.
        return Err(AwsError::with(
            StatusCode::PRECONDITION_FAILED,
            "DryRunOperation",
            "Request would have succeeded, but DryRun flag is set.",
        ));
    }
    match call.action.as_str() {
        "RunInstances" => instances::check_launch(core, call).await?,
        "DescribeInstances" if !core.clock.is_instant() => {
            call.state_filter = call.take_filter("instance-state-name");
        }
        "ModifyInstanceAttribute" => instances::check_modification(core, call).await?,
        "StartInstances" | "StopInstances" => instances::check_start_or_stop(core, call).await?,
        "DescribeNetworkInterfaces" => return Ok(interfaces::before(core, call)),
        "DeleteNetworkInterface" | "DetachNetworkInterface" => interfaces::check_owner(core, call)?,
        "DeleteSecurityGroup" => groups::check_deletion(core, call).await?,
        "DeleteSubnet" => network::check_subnet_deletion(core, call).await?,
        "DeleteVpc" => network::check_vpc_deletion(core, call).await?,
        "AttachInternetGateway" => network::check_gateway_attachment(core, call).await?,
        "DetachInternetGateway" => network::check_gateway_detachment(core, call).await?,
        "CreateSecurityGroup" => network::check_network_of_group(core, call).await?,
        "CreateVpcEndpoint" => network::give_default_group(core, call).await?,
        "CreateRoute" | "ReplaceRoute" => network::check_gateway_of_route(core, call).await?,
        "TerminateInstances" => instances::check_protection(core, call).await?,
        "ReleaseAddress" => network::check_address_release(core, call).await?,
        "DeleteNatGateway" => nat::check_deletion(core, call)?,
        _ => {}
    }
    Ok(Ruling::Forward)
}

pub(crate) async fn after(core: &Core, call: &Call, reply: &mut Reply) -> Result<(), AwsError> {
    if call.action == "DeleteVpcEndpoints" {
        network::endpoints_deleted(core, call, reply);
    }
    if !reply.is_success() {
        return Ok(());
    }
    match call.action.as_str() {
        "RunInstances" => instances::protect(core, call, reply).await?,
        "ModifyInstanceAttribute" => instances::move_interface(core, call).await?,
        _ => {}
    }
    match call.action.as_str() {
        "RunInstances" => instances::started(core, call, reply),
        "TerminateInstances" => instances::terminated(core, call, reply),
        "DescribeInstances" => instances::listed(core, call, reply),
        "DescribeNetworkInterfaces" => interfaces::listed(core, call, reply),
        "CreateNatGateway" => nat::created(core, call, reply),
        "DeleteNatGateway" => nat::deleted(core, call),
        "DescribeNatGateways" => nat::listed(core, call, reply),
        "DescribeVpcEndpoints" => network::endpoints_listed(core, call, reply),
        "DescribeAvailabilityZones" => network::zones_listed(call, reply),
        "CreateVpnGateway" | "DescribeVpnGateways" => network::hide_zones(reply),
        "DescribeInstanceTypeOfferings" => offers::correct(core, call, reply),
        "DeleteKeyPair" => forget(core, call, "key", &["KeyName"]),
        "DeleteSecurityGroup" => forget(core, call, "group", &["GroupId"]),
        "DeleteSubnet" => forget(core, call, "subnet", &["SubnetId"]),
        _ => {}
    }
    visibility::note(core, call, reply);
    propagation::note(core, call, reply);
    visibility::correct(core, call, reply);
    Ok(())
}

fn forget(core: &Core, call: &Call, kind: &str, fields: &[&str]) {
    for field in fields {
        if let Some(id) = call.get(field) {
            core.ledger().forget_fact(&fact(call, kind, id));
        }
    }
}

/// Key of a resource in the ledger.
pub(crate) fn key(call: &Call, kind: &str, id: &str) -> String {
    format!("{}/{kind}/{id}", call.region)
}

/// Key of a fact in the ledger.
fn fact(call: &Call, kind: &str, id: &str) -> String {
    format!("{}/fact/{kind}/{id}", call.region)
}

/// Where a subnet is.
pub(crate) async fn subnet_location(
    core: &Core,
    call: &Call,
    subnet: &str,
) -> Result<SubnetLocation, AwsError> {
    let name = fact(call, "subnet", subnet);
    let known = core.ledger().fact(&name);
    let text = match known {
        Some(text) => text,
        None => {
            let answer = core
                .upstream
                .text(call, "ec2", "DescribeSubnets", &[("SubnetId.1", subnet)])
                .await?;
            let part = |tag| xml::first(&answer, tag).unwrap_or_default();
            let text = format!(
                "{} {} {}",
                part("vpcId"),
                part("availabilityZone"),
                part("cidrBlock")
            );
            core.ledger().note(&name, &text);
            text
        }
    };
    let mut parts = text.split(' ').map(str::to_owned);
    Ok(SubnetLocation {
        vpc: parts.next().unwrap_or_default(),
        zone: parts.next().unwrap_or_default(),
        range: parts.next().unwrap_or_default(),
    })
}

/// The network that a security group is in.
pub(crate) async fn network_of(core: &Core, call: &Call, group: &str) -> Result<String, AwsError> {
    let name = fact(call, "group", group);
    let known = core.ledger().fact(&name);
    if let Some(vpc) = known {
        return Ok(vpc);
    }
    let fields = [("GroupId.1", group)];
    let answer = core
        .upstream
        .text(call, "ec2", "DescribeSecurityGroups", &fields)
        .await?;
    let vpc = xml::first(&answer, "vpcId").unwrap_or_default();
    core.ledger().note(&name, &vpc);
    Ok(vpc)
}

/// Refuses what something else hangs on.
fn dependency(message: String) -> AwsError {
    AwsError::new("DependencyViolation", message)
}
