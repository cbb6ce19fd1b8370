//! Who is in the way of a removal.
//!
//! AWS refuses with `DependencyViolation` or the like and does not say whose fault it is.
//! Interfaces that AWS itself created for a service go by themselves some time after the service;
//! what somebody else put there does not.

use aws_sdk_ec2::types::{NetworkInterface, NetworkInterfaceType};

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy};
use crate::aws::iam::role::POLICY;
use crate::aws::tags::{self, filter, pairs};
use crate::blueprint::Kind;
use crate::engine::{Blocker, CloudError, Observed};
use crate::identity::names::Names;

impl Aws {
    pub(in crate::aws) async fn find_blockers(
        &self,
        environment: &str,
        existing: &Observed,
    ) -> Result<Vec<Blocker>, CloudError> {
        let id = existing.id.as_str();
        match existing.kind {
            Kind::SecurityGroup => {
                let (interfaces, groups) = futures::try_join!(
                    Box::pin(self.interfaces_of(environment, "group-id", id)),
                    Box::pin(self.groups_that_name(environment, id)),
                )?;
                Ok([interfaces, groups].concat())
            }
            Kind::Subnet => self.interfaces_of(environment, "subnet-id", id).await,
            Kind::InternetGateway => match existing.text("vpc") {
                // Only what is reached through it keeps it.
                Some(vpc) => {
                    let found = self.raw_interfaces("vpc-id", vpc).await?;
                    let public = found.iter().filter(|interface| {
                        let association = interface.association();
                        association.is_some_and(|one| one.public_ip().is_some())
                    });
                    Ok(public
                        .map(|interface| of_interface(interface, environment))
                        .collect())
                }
                None => Ok(vec![]),
            },
            Kind::Vpc => {
                let (interfaces, parts) = futures::try_join!(
                    Box::pin(self.interfaces_of(environment, "vpc-id", id)),
                    Box::pin(self.parts_of_vpc(environment, id)),
                )?;
                Ok([interfaces, parts].concat())
            }
            Kind::ElasticAddress => self.users_of_address(environment, id).await,
            Kind::Database => self.readers_of(environment, existing).await,
            Kind::Role => self.users_of_role(id).await,
            _ => Ok(vec![]),
        }
    }

    async fn interfaces_of(
        &self,
        environment: &str,
        by: &str,
        id: &str,
    ) -> Result<Vec<Blocker>, CloudError> {
        let found = self.raw_interfaces(by, id).await?;
        Ok(found
            .iter()
            .map(|interface| of_interface(interface, environment))
            .collect())
    }

    async fn raw_interfaces(
        &self,
        by: &str,
        id: &str,
    ) -> Result<Vec<NetworkInterface>, CloudError> {
        self.ec2
            .describe_network_interfaces()
            .filters(filter(by, [id]))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("ec2:DescribeNetworkInterfaces", id)
    }

    /// Other groups with a rule that lets this one in.
    async fn groups_that_name(
        &self,
        environment: &str,
        id: &str,
    ) -> Result<Vec<Blocker>, CloudError> {
        let referring = self.groups_that_refer_to(id, None).await?;
        let others = referring.iter().filter(|(other, _)| *other != id);
        let blockers = others.map(|(other, group)| Blocker {
            what: format!(
                "a rule of security group {other} (`{}`), of account {}, names it",
                group.group_name().unwrap_or("unnamed"),
                group.owner_id().unwrap_or("unknown"),
            ),
            passing: tags::address(pairs(group.tags()), environment).is_some(),
        });
        Ok(blockers.collect())
    }

    /// What an address leads to: the interface of a NAT gateway, an instance or something else.
    async fn users_of_address(
        &self,
        environment: &str,
        id: &str,
    ) -> Result<Vec<Blocker>, CloudError> {
        let answer = self
            .ec2
            .describe_addresses()
            .allocation_ids(id)
            .send()
            .await;
        let found = answer
            .context("ec2:DescribeAddresses", id)
            .ok_if_not_found()?;
        let addresses = found.and_then(|answer| answer.addresses);
        let mut blockers = Vec::new();
        for address in addresses.iter().flatten() {
            if let Some(interface) = address.network_interface_id() {
                let by = "network-interface-id";
                blockers.extend(self.interfaces_of(environment, by, interface).await?);
            } else if let Some(instance) = address.instance_id() {
                blockers.push(Blocker {
                    what: format!("instance {instance}, which has the address"),
                    passing: false,
                });
            }
        }
        Ok(blockers)
    }

    /// What somebody gave the hosts' role, or gave the role to.
    async fn users_of_role(&self, role: &str) -> Result<Vec<Blocker>, CloudError> {
        let (attached, inline, profiles) = futures::try_join!(
            Box::pin(self.attached_policies(role)),
            Box::pin(self.inline_policies(role)),
            Box::pin(self.profiles_with(role)),
        )?;
        let stays = |what| Blocker {
            what,
            passing: false,
        };
        let attached = attached
            .iter()
            .map(|arn| stays(format!("managed policy {arn}, which is attached to it")));
        let inline = inline
            .iter()
            .filter(|name| *name != POLICY)
            .map(|name| stays(format!("inline policy `{name}` in it")));
        let profiles = profiles.iter().map(|name| Blocker {
            what: format!("instance profile `{name}`, which holds it"),
            // Ours has the role's name.
            passing: name == role,
        });
        Ok(attached.chain(inline).chain(profiles).collect())
    }
}

fn of_interface(interface: &NetworkInterface, environment: &str) -> Blocker {
    let tags = interface.tag_set();
    let ours = tags::address(pairs(tags), environment).is_some();
    let attachment = interface.attachment();
    let mut parts = vec![format!(
        "network interface {}",
        interface.network_interface_id().unwrap_or("unknown")
    )];
    if let Some(text) = interface.description().filter(|text| !text.is_empty()) {
        parts.push(format!("`{text}`"));
    }
    if let Some(name) = pairs(tags).find_map(|(key, value)| value.filter(|_| key == Some("Name"))) {
        parts.push(format!("named `{name}`"));
    }
    match attachment.and_then(|attachment| attachment.instance_id()) {
        Some(instance) => parts.push(format!("attached to instance {instance}")),
        None => match attachment.and_then(|attachment| attachment.instance_owner_id()) {
            Some(owner) => parts.push(format!("attached by {owner}")),
            None => parts.push("attached to nothing".to_owned()),
        },
    }
    if let Some(requester) = interface.requester_id() {
        parts.push(format!("created by {requester}"));
    }
    if let Some(owner) = interface.owner_id() {
        parts.push(format!("of account {owner}"));
    }
    if let Some(remedy) = remedy(interface) {
        parts.push(remedy.to_owned());
    }
    Blocker {
        what: parts.join(", "),
        passing: ours || goes_by_itself(interface, environment),
    }
}

/// Whether an interface is one that AWS made for a service of the environment's: it goes some
/// minutes after the service. Interfaces of what somebody else put into the VPC stay as long as
/// that does.
fn goes_by_itself(interface: &NetworkInterface, environment: &str) -> bool {
    if interface.requester_managed() != Some(true) {
        return false;
    }
    // The environment has no endpoint with interfaces and no function.
    if matches!(
        interface.interface_type(),
        Some(NetworkInterfaceType::VpcEndpoint | NetworkInterfaceType::Lambda)
    ) || describes_endpoint(interface)
    {
        return false;
    }
    // What the environment runs is in groups of its own. A NAT gateway is in none.
    let names = Names::of(environment);
    let mut groups = interface.groups().iter().peekable();
    groups.peek().is_none()
        || groups.any(|group| {
            let name = group.group_name();
            name.is_some_and(|name| names.group_address(name).is_some())
        })
}

fn describes_endpoint(interface: &NetworkInterface) -> bool {
    let text = interface.description().unwrap_or_default();
    text.starts_with("VPC Endpoint Interface ")
}

/// How people get rid of an interface that a service keeps: its name does not say so.
fn remedy(interface: &NetworkInterface) -> Option<&'static str> {
    let mut groups = interface.groups().iter();
    let of_guardduty = groups.any(|group| {
        let name = group.group_name();
        name.is_some_and(|name| name.starts_with("GuardDutyManagedSecurityGroup"))
    });
    if of_guardduty {
        return Some(
            "which GuardDuty's runtime monitoring put there: delete its VPC endpoint and its \
             security group, or turn its automated agents off for this VPC",
        );
    }
    match interface.interface_type() {
        Some(NetworkInterfaceType::Lambda) => {
            Some("of a Lambda function: it goes up to 40 minutes after the function leaves the VPC")
        }
        _ if describes_endpoint(interface) => Some("of a VPC endpoint that somebody created"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{GroupIdentifier, NetworkInterfaceAttachment, Tag};

    use super::*;

    #[test]
    fn a_foreign_blocker_is_named_and_not_ignored() {
        let stranger = NetworkInterface::builder()
            .network_interface_id("eni-1")
            .description("by hand")
            .owner_id("123456789012")
            .attachment(
                NetworkInterfaceAttachment::builder()
                    .instance_id("i-7")
                    .build(),
            )
            .build();
        let blocker = of_interface(&stranger, "demo");
        assert!(!blocker.passing);
        assert_eq!(
            blocker.what,
            "network interface eni-1, `by hand`, attached to instance i-7, of account 123456789012"
        );
    }

    #[test]
    fn what_guardduty_and_functions_keep_is_named_with_a_remedy() {
        let group = GroupIdentifier::builder()
            .group_name("GuardDutyManagedSecurityGroup-vpc-1")
            .build();
        let endpoint = NetworkInterface::builder()
            .requester_managed(true)
            .interface_type(NetworkInterfaceType::VpcEndpoint)
            .description("VPC Endpoint Interface vpce-7")
            .groups(group)
            .build();
        let blocker = of_interface(&endpoint, "demo");
        assert!(!blocker.passing);
        for part in ["vpce-7", "GuardDuty", "delete its VPC endpoint"] {
            assert!(blocker.what.contains(part), "{}", blocker.what);
        }
        let function = NetworkInterface::builder()
            .requester_managed(true)
            .interface_type(NetworkInterfaceType::Lambda)
            .description("AWS Lambda VPC ENI-report-1")
            .build();
        let blocker = of_interface(&function, "demo");
        assert!(!blocker.passing);
        assert!(blocker.what.contains("Lambda function"), "{}", blocker.what);
    }

    #[test]
    fn interfaces_of_services_and_of_the_environment_are_ignored() {
        // A NAT gateway's has no groups, a database's one of the environment's.
        let managed = || NetworkInterface::builder().requester_managed(true);
        assert!(of_interface(&managed().build(), "demo").passing);
        let group = |name: &str| GroupIdentifier::builder().group_name(name).build();
        let own = Names::of("demo").security_group(crate::blueprint::Group::Database);
        let database = managed().description("RDSNetworkInterface");
        assert!(of_interface(&database.clone().groups(group(&own)).build(), "demo").passing);
        let theirs = database.groups(group("default")).build();
        assert!(!of_interface(&theirs, "demo").passing);
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        let ours = NetworkInterface::builder()
            .tag_set(tag(tags::ENVIRONMENT, "demo"))
            .tag_set(tag(tags::ADDRESS, "instance/app-1"))
            .build();
        assert!(of_interface(&ours, "demo").passing);
        assert!(!of_interface(&ours, "other").passing);
    }
}
