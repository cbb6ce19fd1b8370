//! Application load balancers, and their interfaces in the subnets.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::Delay;
use crate::errors::AwsError;

use super::super::account::{AwsAccount, CreationTime, QueryResult, TagMap};
use super::super::ec2::NewInterfaces;
use super::super::form::QueryForm;
use super::super::rare::RareEvent;
use super::super::schedule::ScheduledEvent;
use super::super::writer::XmlWriter;
use super::{Elb, attributes, members, other_settings, write_attributes};

/// A load balancer.
#[derive(Debug, Clone, Hash)]
pub(super) struct BalancerRecord {
    name: String,
    scheme: String,
    vpc: String,
    /// Subnets with their zones.
    subnets: Vec<(String, String)>,
    groups: Vec<String>,
    attributes: BTreeMap<String, String>,
    /// `provisioning`, `failed` or `active`.
    pub(super) state: &'static str,
    /// What it was created with.
    settings: String,
    created: CreationTime,
    pub(super) tags: TagMap,
}

impl Elb {
    pub(super) fn balancer(&self, arn: &str) -> Result<&BalancerRecord, AwsError> {
        self.balancers.get(arn).ok_or_else(|| no_balancer(arn))
    }

    pub(super) fn balancer_mut(&mut self, arn: &str) -> Result<&mut BalancerRecord, AwsError> {
        self.balancers.get_mut(arn).ok_or_else(|| no_balancer(arn))
    }
}

fn no_balancer(arn: &str) -> AwsError {
    AwsError::new(
        "LoadBalancerNotFound",
        format!("Load balancer '{arn}' not found"),
    )
}

/// Subnets with their zones and their VPC: two zones at the least.
fn places(account: &AwsAccount, ids: &[&str]) -> Result<(Vec<(String, String)>, String), AwsError> {
    let (mut subnets, mut vpc) = (Vec::new(), String::new());
    for id in ids {
        let known = account.ec2.is_known_to_services(id);
        let place = account.ec2.place_of(id).filter(|_| known);
        let place = place.ok_or_else(|| {
            AwsError::new(
                "SubnetNotFound",
                format!("The subnet ID '{id}' does not exist"),
            )
        })?;
        place.0.clone_into(&mut vpc);
        subnets.push(((*id).to_owned(), place.1.to_owned()));
    }
    let zones: BTreeSet<&String> = subnets.iter().map(|(_, zone)| zone).collect();
    if zones.len() < 2 {
        return Err(AwsError::new(
            "ValidationError",
            "At least two subnets in two different Availability Zones must be specified",
        ));
    }
    if zones.len() < subnets.len() {
        return Err(AwsError::new(
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        ));
    }
    Ok((subnets, vpc))
}

fn groups(account: &AwsAccount, form: &QueryForm<'_>) -> Result<Vec<String>, AwsError> {
    let groups = form.list("SecurityGroups.member");
    if let Some(id) = groups
        .iter()
        .find(|id| account.ec2.vpc_of_group(id).is_none() || !account.ec2.is_known_to_services(id))
    {
        return Err(AwsError::new(
            "InvalidSecurityGroup",
            format!("The security group '{id}' does not exist"),
        ));
    }
    Ok(groups.into_iter().map(str::to_owned).collect())
}

pub(super) fn create(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let name = form.required("Name")?;
    let scheme = form.get("Scheme").unwrap_or("internet-facing");
    let subnets = form.list("Subnets.member");
    let groups = groups(account, form)?;
    let tags = form.tags("Tags.member");
    form.accept(&["Type", "IpAddressType"]);
    let settings = form.fingerprint(&["Action", "Version"]);
    let existing = account
        .elb
        .balancers
        .iter()
        .find(|(_, one)| one.name == name);
    if let Some((arn, existing)) = existing {
        return match existing.settings == settings {
            true => Ok(members("LoadBalancers", [(arn, existing)], write)),
            false => Err(other_settings("DuplicateLoadBalancerName", name)),
        };
    }
    let (subnets, vpc) = places(account, &subnets)?;
    let public = scheme != "internal";
    if public && !account.ec2.has_gateway(&vpc) {
        return Err(AwsError::new(
            "InvalidSubnet",
            format!("VPC {vpc} has no internet gateway"),
        ));
    }
    let part = format!("app/{name}/{:016x}", account.next_id());
    let arn = account.arn("elasticloadbalancing", &format!("loadbalancer/{part}"));
    let ids: Vec<String> = subnets.iter().map(|(id, _)| id.clone()).collect();
    account.add_interfaces(&NewInterfaces {
        owner: &arn,
        subnets: &ids,
        groups: &groups,
        description: &format!("ELB {part}"),
        requester: "amazon-elb",
        public,
    });
    let attributes = [
        ("deletion_protection.enabled", "false"),
        ("idle_timeout.timeout_seconds", "60"),
    ];
    let attributes = attributes.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let balancer = BalancerRecord {
        name: name.to_owned(),
        scheme: scheme.to_owned(),
        vpc,
        subnets,
        groups,
        attributes: attributes.into(),
        state: "provisioning",
        settings,
        created: CreationTime(account.now),
        tags,
    };
    let answer = members("LoadBalancers", [(&arn, &balancer)], write);
    let fails = |event: &RareEvent| (*event == RareEvent::BalancerFailsInBetween).then_some(());
    match account.take_rare(fails) {
        Some(()) => {
            let failed = ScheduledEvent::BalancerFailed(arn.clone());
            account.after(Delay::BalancerFailure, failed);
        }
        None => account.after(
            Delay::BalancerStart,
            ScheduledEvent::BalancerActive(arn.clone()),
        ),
    }
    account.elb.balancers.insert(arn, balancer);
    Ok(answer)
}

fn write(xml: &mut XmlWriter, (arn, one): (&String, &BalancerRecord)) {
    let host = format!(
        "{}-1.{}.elb.amazonaws.com",
        one.name,
        arn.split(':').nth(3).unwrap_or_default()
    );
    xml.text("LoadBalancerArn", arn);
    xml.text("LoadBalancerName", &one.name);
    xml.text("DNSName", host);
    xml.text("Scheme", &one.scheme);
    xml.text("Type", "application");
    xml.text("IpAddressType", "ipv4");
    xml.text("VpcId", &one.vpc);
    xml.value("CreatedTime", one.created);
    xml.node("State", |xml| {
        xml.text("Code", one.state);
    });
    xml.list(
        "AvailabilityZones",
        "member",
        &one.subnets,
        |xml, (subnet, zone)| {
            xml.text("SubnetId", subnet);
            xml.text("ZoneName", zone);
        },
    );
    xml.texts("SecurityGroups", "member", &one.groups);
}

pub(super) fn describe(elb: &Elb, form: &QueryForm<'_>) -> QueryResult {
    let (names, arns) = (
        form.list("Names.member"),
        form.list("LoadBalancerArns.member"),
    );
    let named = |name: &str| elb.balancers.values().any(|one| one.name == name);
    if let Some(name) = names.iter().find(|name| !named(name)) {
        return Err(AwsError::new(
            "LoadBalancerNotFound",
            format!("Load balancers '[{name}]' not found"),
        ));
    }
    for arn in &arns {
        elb.balancer(arn)?;
    }
    let found = elb.balancers.iter().filter(|(arn, one)| {
        (names.is_empty() || names.contains(&one.name.as_str()))
            && (arns.is_empty() || arns.contains(&arn.as_str()))
    });
    Ok(members("LoadBalancers", found, write))
}

/// DescribeLoadBalancerAttributes: "Describes the attributes for the specified Application Load
/// Balancer"
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeLoadBalancerAttributes.html>).
pub(super) fn describe_attributes(elb: &Elb, form: &QueryForm<'_>) -> QueryResult {
    let balancer = elb.balancer(form.required("LoadBalancerArn")?)?;
    Ok(write_attributes(&balancer.attributes))
}

/// ModifyLoadBalancerAttributes: "Any existing attributes that you do not modify retain their
/// current values."
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyLoadBalancerAttributes.html>).
pub(super) fn modify_attributes(elb: &mut Elb, form: &QueryForm<'_>) -> QueryResult {
    let changes = attributes(form);
    let balancer = elb.balancer_mut(form.required("LoadBalancerArn")?)?;
    for (key, value) in changes {
        balancer.attributes.insert(key.to_owned(), value.to_owned());
    }
    Ok(write_attributes(&balancer.attributes))
}

/// SetSubnets: "The specified subnets replace the previously enabled subnets."
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetSubnets.html>).
pub(super) fn set_subnets(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let arn = form.required("LoadBalancerArn")?;
    let (subnets, _) = places(account, &form.list("Subnets.member"))?;
    let balancer = account.elb.balancer_mut(arn)?;
    let before = std::mem::replace(&mut balancer.subnets, subnets.clone());
    let (groups, public) = (balancer.groups.clone(), balancer.scheme != "internal");
    let part = arn.split_once("loadbalancer/").map_or("", |(_, part)| part);
    let ids = |list: &[(String, String)], other: &[(String, String)]| {
        let new = list.iter().filter(|one| !other.contains(one));
        new.map(|(id, _)| id.clone()).collect::<Vec<_>>()
    };
    account.ec2.remove_interfaces(arn, &ids(&before, &subnets));
    account.add_interfaces(&NewInterfaces {
        owner: arn,
        subnets: &ids(&subnets, &before),
        groups: &groups,
        description: &format!("ELB {part}"),
        requester: "amazon-elb",
        public,
    });
    Ok(members(
        "AvailabilityZones",
        subnets,
        |xml, (subnet, zone)| {
            xml.text("SubnetId", subnet);
            xml.text("ZoneName", zone);
        },
    ))
}

pub(super) fn set_groups(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let arn = form.required("LoadBalancerArn")?;
    let groups = groups(account, form)?;
    account.elb.balancer_mut(arn)?.groups.clone_from(&groups);
    account.ec2.regroup(arn, &groups);
    Ok(super::xml(|xml| {
        xml.texts("SecurityGroupIds", "member", groups);
    }))
}

/// Its listeners go with it; its interfaces some time later.
pub(super) fn delete(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let arn = form.required("LoadBalancerArn")?;
    let Some(balancer) = account.elb.balancers.get(arn) else {
        return Ok(String::new());
    };
    let protection = balancer.attributes.get("deletion_protection.enabled");
    if protection.is_some_and(|value| value == "true") {
        return Err(AwsError::new(
            "OperationNotPermitted",
            format!(
                "Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
            ),
        ));
    }
    account.elb.balancers.remove(arn);
    account.elb.listeners.retain(|_, one| one.balancer != arn);
    account.interfaces_leave(arn, None, Delay::BalancerInterfaces);
    Ok(String::new())
}
