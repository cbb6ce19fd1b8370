//! Target groups, their settings and the instances in them.
//!
//! States of targets: "Health checks for Application Load Balancer target groups". An instance
//! that is terminated leaves its groups by itself.

use std::collections::BTreeMap;

use crate::clock::Delay;
use crate::errors::AwsError;

use super::super::account::{AwsAccount, QueryResult, TagMap};
use super::super::form::QueryForm;
use super::super::schedule::ScheduledEvent;
use super::super::writer::XmlWriter;
use super::{Elb, attributes, members, other_settings, write_attributes};

#[derive(Debug, Clone, Hash)]
pub(super) struct TargetGroupRecord {
    name: String,
    protocol: String,
    port: u32,
    vpc: String,
    check: HealthCheck,
    attributes: BTreeMap<String, String>,
    targets: BTreeMap<String, TargetRecord>,
    /// What it was created with.
    settings: String,
    pub(super) tags: TagMap,
}

#[derive(Debug, Clone, Hash)]
struct HealthCheck {
    path: String,
    interval: u32,
    timeout: u32,
    healthy: u32,
    unhealthy: u32,
    codes: String,
}

/// An instance in a group.
#[derive(Debug, Clone, Hash)]
struct TargetRecord {
    port: u32,
    state: &'static str,
}

impl Elb {
    pub(super) fn group(&self, arn: &str) -> Result<&TargetGroupRecord, AwsError> {
        self.groups.get(arn).ok_or_else(|| no_group(arn))
    }

    pub(super) fn group_mut(&mut self, arn: &str) -> Result<&mut TargetGroupRecord, AwsError> {
        self.groups.get_mut(arn).ok_or_else(|| no_group(arn))
    }

    fn target_mut(&mut self, group: &str, id: &str) -> Option<&mut TargetRecord> {
        self.groups.get_mut(group)?.targets.get_mut(id)
    }

    pub(super) fn target_healthy(&mut self, group: &str, id: &str) {
        if let Some(target) = self.target_mut(group, id)
            && target.state == "initial"
        {
            target.state = "healthy";
        }
    }

    pub(super) fn target_drained(&mut self, group: &str, id: &str) {
        if let Some(group) = self.groups.get_mut(group)
            && group
                .targets
                .get(id)
                .is_some_and(|one| one.state == "draining")
        {
            group.targets.remove(id);
        }
    }

    /// An instance is terminated.
    pub(in super::super) fn forget_target(&mut self, id: &str) {
        for group in self.groups.values_mut() {
            group.targets.remove(id);
        }
    }
}

fn no_group(arn: &str) -> AwsError {
    AwsError::new(
        "TargetGroupNotFound",
        format!("One or more target groups not found: '{arn}'"),
    )
}

pub(super) fn create(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let name = form.required("Name")?;
    let vpc = form.required("VpcId")?;
    form.accept(&["TargetType", "HealthCheckProtocol"]);
    let check = HealthCheck {
        path: form.get("HealthCheckPath").unwrap_or("/").to_owned(),
        interval: form.number("HealthCheckIntervalSeconds").unwrap_or(30),
        timeout: form.number("HealthCheckTimeoutSeconds").unwrap_or(5),
        healthy: form.number("HealthyThresholdCount").unwrap_or(5),
        unhealthy: form.number("UnhealthyThresholdCount").unwrap_or(2),
        codes: form.get("Matcher.HttpCode").unwrap_or("200").to_owned(),
    };
    let attributes = [
        ("deregistration_delay.timeout_seconds", "300"),
        ("stickiness.enabled", "false"),
    ];
    let attributes = attributes.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let group = TargetGroupRecord {
        name: name.to_owned(),
        protocol: form.get("Protocol").unwrap_or("HTTP").to_owned(),
        port: form.number("Port").unwrap_or(80),
        vpc: vpc.to_owned(),
        check,
        attributes: attributes.into(),
        targets: BTreeMap::new(),
        settings: form.fingerprint(&["Action", "Version"]),
        tags: form.tags("Tags.member"),
    };
    let elb = &account.elb;
    if let Some((arn, existing)) = elb.groups.iter().find(|(_, one)| one.name == name) {
        return match existing.settings == group.settings {
            true => Ok(members("TargetGroups", [(arn, existing)], |xml, one| {
                write(elb, xml, one);
            })),
            false => Err(other_settings("DuplicateTargetGroupName", name)),
        };
    }
    if !account.ec2.has_vpc(vpc) {
        return Err(AwsError::new(
            "ValidationError",
            format!("The VPC ID '{vpc}' is not found"),
        ));
    }
    let part = format!("targetgroup/{name}/{:016x}", account.next_id());
    let arn = account.arn("elasticloadbalancing", &part);
    let answer = members("TargetGroups", [(&arn, &group)], |xml, one| {
        write(&account.elb, xml, one);
    });
    account.elb.groups.insert(arn, group);
    Ok(answer)
}

fn write(elb: &Elb, xml: &mut XmlWriter, (arn, one): (&String, &TargetGroupRecord)) {
    xml.text("TargetGroupArn", arn);
    xml.text("TargetGroupName", &one.name);
    xml.text("Protocol", &one.protocol);
    xml.value("Port", one.port);
    xml.text("VpcId", &one.vpc);
    xml.text("TargetType", "instance");
    xml.text("HealthCheckProtocol", "HTTP");
    xml.text("HealthCheckPath", &one.check.path);
    xml.value("HealthCheckIntervalSeconds", one.check.interval);
    xml.value("HealthCheckTimeoutSeconds", one.check.timeout);
    xml.value("HealthyThresholdCount", one.check.healthy);
    xml.value("UnhealthyThresholdCount", one.check.unhealthy);
    xml.node("Matcher", |xml| xml.text("HttpCode", &one.check.codes));
    xml.texts("LoadBalancerArns", "member", elb.forwarding(arn));
}

pub(super) fn describe(elb: &Elb, form: &QueryForm<'_>) -> QueryResult {
    let (names, arns) = (
        form.list("Names.member"),
        form.list("TargetGroupArns.member"),
    );
    let named = |name: &str| elb.groups.values().any(|one| one.name == name);
    if let Some(name) = names.iter().find(|name| !named(name)) {
        return Err(no_group(name));
    }
    for arn in &arns {
        elb.group(arn)?;
    }
    let found = elb.groups.iter().filter(|(arn, one)| {
        (names.is_empty() || names.contains(&one.name.as_str()))
            && (arns.is_empty() || arns.contains(&arn.as_str()))
    });
    Ok(members("TargetGroups", found, |xml, one| {
        write(elb, xml, one);
    }))
}

/// ModifyTargetGroup: "Modifies the health checks used when evaluating the health state of the
/// targets in the specified target group."
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyTargetGroup.html>).
pub(super) fn modify(elb: &mut Elb, form: &QueryForm<'_>) -> QueryResult {
    let arn = form.required("TargetGroupArn")?;
    let path = form.get("HealthCheckPath");
    let group = elb.group_mut(arn)?;
    if let Some(path) = path {
        path.clone_into(&mut group.check.path);
    }
    let elb = &*elb;
    Ok(members(
        "TargetGroups",
        elb.groups.get_key_value(arn),
        |xml, one| {
            write(elb, xml, one);
        },
    ))
}

/// DescribeTargetGroupAttributes: "Describes the attributes for the specified target group."
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetGroupAttributes.html>).
pub(super) fn describe_attributes(elb: &Elb, form: &QueryForm<'_>) -> QueryResult {
    let group = elb.group(form.required("TargetGroupArn")?)?;
    Ok(write_attributes(&group.attributes))
}

/// ModifyTargetGroupAttributes: "Modifies the specified attributes of the specified target group."
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyTargetGroupAttributes.html>).
pub(super) fn modify_attributes(elb: &mut Elb, form: &QueryForm<'_>) -> QueryResult {
    let changes = attributes(form);
    let group = elb.group_mut(form.required("TargetGroupArn")?)?;
    for (key, value) in changes {
        group.attributes.insert(key.to_owned(), value.to_owned());
    }
    Ok(write_attributes(&group.attributes))
}

/// The targets that a call names, with their ports.
fn named<'a>(form: &QueryForm<'a>) -> Vec<(&'a str, Option<u32>)> {
    let items = form.items("Targets.member").into_iter();
    let pairs = items.filter_map(|item| {
        let port = item.number("Port");
        Some((item.get("Id")?, port))
    });
    pairs.collect()
}

pub(super) fn register(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let arn = form.required("TargetGroupArn")?;
    let named = named(form);
    let port = account.elb.group(arn)?.port;
    if let Some((id, _)) = named
        .iter()
        .find(|(id, _)| !account.ec2.is_running(id) || !account.ec2.is_known_to_services(id))
    {
        return Err(AwsError::new(
            "InvalidTarget",
            format!(
                "The following targets are not in a running state and cannot be registered: '{id}'"
            ),
        ));
    }
    let group = account.elb.group_mut(arn)?;
    for (id, asked) in named {
        let target = TargetRecord {
            port: asked.unwrap_or(port),
            state: "initial",
        };
        let known = group.targets.get(id).filter(|one| one.state != "draining");
        if known.is_none() {
            group.targets.insert(id.to_owned(), target);
        }
    }
    check_health(account, arn);
    Ok(String::new())
}

/// Targets of a group that a listener forwards to are healthy after a while.
pub(super) fn check_health(account: &mut AwsAccount, arn: &str) {
    if account.elb.forwarding(arn).next().is_none() {
        return;
    }
    let group = account.elb.groups.get(arn);
    let targets = group.into_iter().flat_map(|group| &group.targets);
    let initial = targets.filter(|(_, target)| target.state == "initial");
    let initial: Vec<String> = initial.map(|(id, _)| id.clone()).collect();
    for id in initial {
        account.after(
            Delay::TargetHealthy,
            ScheduledEvent::TargetHealthy(arn.to_owned(), id),
        );
    }
}

pub(super) fn deregister(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let arn = form.required("TargetGroupArn")?;
    let named = named(form);
    let group = account.elb.group_mut(arn)?;
    if let Some((id, _)) = named
        .iter()
        .find(|(id, _)| !group.targets.contains_key(*id))
    {
        return Err(AwsError::new(
            "InvalidTarget",
            format!("The following targets are not registered: '{id}'"),
        ));
    }
    for (id, _) in named {
        if let Some(target) = account.elb.target_mut(arn, id)
            && target.state != "draining"
        {
            target.state = "draining";
            account.after(
                Delay::TargetDrained,
                ScheduledEvent::TargetDrained(arn.to_owned(), id.to_owned()),
            );
        }
    }
    Ok(String::new())
}

pub(super) fn describe_health(elb: &Elb, form: &QueryForm<'_>) -> QueryResult {
    let arn = form.required("TargetGroupArn")?;
    let group = elb.group(arn)?;
    let used = elb.forwarding(arn).next().is_some();
    Ok(members(
        "TargetHealthDescriptions",
        &group.targets,
        |xml, (id, target)| {
            xml.node("Target", |xml| {
                xml.text("Id", id);
                xml.value("Port", target.port);
            });
            let state = match target.state {
                "initial" if !used => "unused",
                state => state,
            };
            xml.node("TargetHealth", |xml| xml.text("State", state));
        },
    ))
}

pub(super) fn delete(elb: &mut Elb, form: &QueryForm<'_>) -> QueryResult {
    let arn = form.required("TargetGroupArn")?;
    if elb.forwarding(arn).next().is_some() {
        return Err(AwsError::new(
            "ResourceInUse",
            format!("Target group '{arn}' is currently in use by a listener or a rule"),
        ));
    }
    elb.groups.remove(arn);
    Ok(String::new())
}
