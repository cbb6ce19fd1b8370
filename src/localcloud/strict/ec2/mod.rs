//! The rules of EC2 and VPC.
//!
//! Codes: "Error codes for the Amazon EC2 API" (errors-overview). What depends on what:
//! "Delete your VPC", "Delete a security group" and the pages of each Delete action.

mod groups;
mod instances;
mod interfaces;
mod nat;
mod network;
mod visibility;

use axum::http::StatusCode;

use super::call::Call;
use super::errors::{Refusal, Reply};
use super::xml;
use super::{Inner, Step};

pub(super) use instances::repeated;
pub(super) use interfaces::Owned;

/// Where a subnet is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) vpc: String,
    pub(super) zone: String,
    pub(super) range: String,
}

pub(super) async fn before(front: &Inner, call: &mut Call) -> Result<Step, Refusal> {
    visibility::check(front, call)?;
    if call.is_dry_run() {
        // The emulator takes the flag for nothing in most calls.
        return Err(Refusal::with(
            StatusCode::PRECONDITION_FAILED,
            "DryRunOperation",
            "Request would have succeeded, but DryRun flag is set.",
        ));
    }
    match call.action.as_str() {
        "RunInstances" => instances::may_run(front, call).await?,
        "DescribeInstances" if !front.clock.is_instant() => {
            call.wanted = call.take_filter("instance-state-name");
        }
        "ModifyInstanceAttribute" => instances::may_modify(front, call).await?,
        "StartInstances" | "StopInstances" => instances::may_switch(front, call).await?,
        "DescribeNetworkInterfaces" => return Ok(interfaces::before(front, call)),
        "DeleteNetworkInterface" | "DetachNetworkInterface" => interfaces::may_touch(front, call)?,
        "DeleteSecurityGroup" => groups::may_delete(front, call).await?,
        "DeleteSubnet" => network::may_delete_subnet(front, call).await?,
        "DeleteVpc" => network::may_delete_vpc(front, call).await?,
        "AttachInternetGateway" => network::may_attach(front, call).await?,
        "DetachInternetGateway" => network::may_detach(front, call).await?,
        "ReleaseAddress" => network::may_release(front, call).await?,
        "DeleteNatGateway" => nat::may_delete(front, call)?,
        _ => {}
    }
    Ok(Step::Pass)
}

pub(super) fn after(front: &Inner, call: &Call, reply: &mut Reply) {
    if call.action == "DeleteVpcEndpoints" {
        network::endpoints_deleted(front, call, reply);
    }
    if !reply.is_success() {
        return;
    }
    match call.action.as_str() {
        "RunInstances" => instances::started(front, call, reply),
        "TerminateInstances" => instances::terminated(front, call, reply),
        "DescribeInstances" => instances::listed(front, call, reply),
        "DescribeNetworkInterfaces" => interfaces::listed(front, call, reply),
        "CreateNatGateway" => nat::created(front, call, reply),
        "DeleteNatGateway" => nat::deleted(front, call),
        "DescribeNatGateways" => nat::listed(front, call, reply),
        "DescribeVpcEndpoints" => network::endpoints_listed(front, call, reply),
        "DeleteKeyPair" => forget(front, call, "key", &["KeyName"]),
        "DeleteSecurityGroup" => forget(front, call, "group", &["GroupId"]),
        "DeleteSubnet" => forget(front, call, "subnet", &["SubnetId"]),
        _ => {}
    }
    visibility::note(front, call, reply);
    visibility::correct(front, call, reply);
}

fn forget(front: &Inner, call: &Call, kind: &str, fields: &[&str]) {
    for field in fields {
        if let Some(id) = call.get(field) {
            front.ledger().drop_fact(&fact(call, kind, id));
        }
    }
}

/// Key of a thing in the ledger.
pub(super) fn key(call: &Call, kind: &str, id: &str) -> String {
    format!("{}/{kind}/{id}", call.region)
}

/// Key of a fact in the ledger.
fn fact(call: &Call, kind: &str, id: &str) -> String {
    format!("{}/fact/{kind}/{id}", call.region)
}

/// Where a subnet is.
pub(super) async fn place(front: &Inner, call: &Call, subnet: &str) -> Result<Place, Refusal> {
    let name = fact(call, "subnet", subnet);
    let known = front.ledger().fact(&name);
    let text = match known {
        Some(text) => text,
        None => {
            let answer = front
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
            front.ledger().note(&name, &text);
            text
        }
    };
    let mut parts = text.split(' ').map(str::to_owned);
    Ok(Place {
        vpc: parts.next().unwrap_or_default(),
        zone: parts.next().unwrap_or_default(),
        range: parts.next().unwrap_or_default(),
    })
}

/// The network that a security group is in.
pub(super) async fn network_of(front: &Inner, call: &Call, group: &str) -> Result<String, Refusal> {
    let name = fact(call, "group", group);
    let known = front.ledger().fact(&name);
    if let Some(vpc) = known {
        return Ok(vpc);
    }
    let fields = [("GroupId.1", group)];
    let answer = front
        .upstream
        .text(call, "ec2", "DescribeSecurityGroups", &fields)
        .await?;
    let vpc = xml::first(&answer, "vpcId").unwrap_or_default();
    front.ledger().note(&name, &vpc);
    Ok(vpc)
}

/// Refuses what something else hangs on.
fn dependency(message: String) -> Refusal {
    Refusal::new("DependencyViolation", message)
}
