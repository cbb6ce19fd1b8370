//! Elastic Load Balancing, version 2: application load balancers, listeners, target groups.
//!
//! "This operation is idempotent […] If you attempt to create multiple […] with the same settings,
//! each call succeeds" (`CreateLoadBalancer`, `CreateTargetGroup`, `CreateListener` of the API
//! Reference); with other settings a name is refused. Deleting what is not there succeeds.

mod balancers;
mod listeners;
mod targets;

use std::collections::BTreeMap;

use crate::clock::Delay;
use crate::errors::AwsError;

use super::account::{AccountResource, AwsAccount, QueryResult, TagMap, unknown_action};
use super::form::QueryForm;
use super::schedule::ScheduledEvent;
use super::writer::{XmlWriter, xml};

use balancers::BalancerRecord;
use listeners::ListenerRecord;
use targets::TargetGroupRecord;

/// All of Elastic Load Balancing, by ARN.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct Elb {
    balancers: BTreeMap<String, BalancerRecord>,
    listeners: BTreeMap<String, ListenerRecord>,
    groups: BTreeMap<String, TargetGroupRecord>,
}

/// Answers a call.
pub(super) fn answer(account: &mut AwsAccount, action: &str, form: &QueryForm<'_>) -> QueryResult {
    // Everything comes in one page.
    form.accept(&["PageSize"]);
    match action {
        "CreateLoadBalancer" => balancers::create(account, form),
        "DescribeLoadBalancers" => balancers::describe(&account.elb, form),
        "DescribeLoadBalancerAttributes" => balancers::describe_attributes(&account.elb, form),
        "ModifyLoadBalancerAttributes" => balancers::modify_attributes(&mut account.elb, form),
        "SetSubnets" => balancers::set_subnets(account, form),
        "SetSecurityGroups" => balancers::set_groups(account, form),
        "DeleteLoadBalancer" => balancers::delete(account, form),
        "CreateListener" => listeners::create(account, form),
        "DescribeListeners" => listeners::describe(&account.elb, form),
        "ModifyListener" => listeners::modify(&mut account.elb, form),
        "DeleteListener" => listeners::delete(&mut account.elb, form),
        "CreateTargetGroup" => targets::create(account, form),
        "DescribeTargetGroups" => targets::describe(&account.elb, form),
        "ModifyTargetGroup" => targets::modify(&mut account.elb, form),
        "DescribeTargetGroupAttributes" => targets::describe_attributes(&account.elb, form),
        "ModifyTargetGroupAttributes" => targets::modify_attributes(&mut account.elb, form),
        "RegisterTargets" => targets::register(account, form),
        "DeregisterTargets" => targets::deregister(account, form),
        "DescribeTargetHealth" => targets::describe_health(&account.elb, form),
        "DeleteTargetGroup" => targets::delete(&mut account.elb, form),
        "DescribeTags" => describe_tags(&mut account.elb, form),
        "AddTags" => add_tags(&mut account.elb, form),
        _ => Err(unknown_action(action)),
    }
}

/// Lets an event of Elastic Load Balancing happen.
pub(super) fn happen(account: &mut AwsAccount, event: &ScheduledEvent) {
    let elb = &mut account.elb;
    match event {
        ScheduledEvent::BalancerFailed(arn) => {
            if let Some(balancer) = elb.balancers.get_mut(arn) {
                balancer.state = "failed";
            }
            let active = ScheduledEvent::BalancerActive(arn.clone());
            account.after(Delay::BalancerStart, active);
        }
        ScheduledEvent::BalancerActive(arn) => {
            if let Some(balancer) = elb.balancers.get_mut(arn) {
                balancer.state = "active";
            }
        }
        ScheduledEvent::TargetHealthy(group, target) => elb.target_healthy(group, target),
        ScheduledEvent::TargetDrained(group, target) => elb.target_drained(group, target),
        _ => {}
    }
}

impl Elb {
    pub(super) fn resources(&self) -> Vec<AccountResource> {
        let resource = |kind, id: &String, tags: &TagMap| AccountResource {
            kind,
            id: id.clone(),
            tags: tags.clone(),
            leaving: false,
        };
        let balancers = self.balancers.iter();
        let balancers = balancers.map(|(id, one)| resource("load balancer", id, &one.tags));
        let listeners = self.listeners.iter();
        let listeners = listeners.map(|(id, one)| resource("listener", id, &one.tags));
        let groups = self.groups.iter();
        let groups = groups.map(|(id, one)| resource("target group", id, &one.tags));
        balancers.chain(listeners).chain(groups).collect()
    }

    fn tags_of(&mut self, arn: &str) -> Result<&mut TagMap, AwsError> {
        let kind = arn.split(':').nth(5).unwrap_or_default().split('/').next();
        match kind {
            Some("loadbalancer") => self.balancer_mut(arn).map(|one| &mut one.tags),
            Some("listener") => self.listener_mut(arn).map(|one| &mut one.tags),
            _ => self.group_mut(arn).map(|one| &mut one.tags),
        }
    }
}

/// Key and value pairs that a call sets.
fn attributes<'a>(form: &QueryForm<'a>) -> Vec<(&'a str, &'a str)> {
    let items = form.items("Attributes.member").into_iter();
    let pairs = items.filter_map(|item| Some((item.get("Key")?, item.get("Value")?)));
    pairs.collect()
}

fn write_attributes(attributes: &BTreeMap<String, String>) -> String {
    xml(|xml| xml.tags("Attributes", "member", attributes))
}

/// A list of this many members, and what stands in each.
fn members<T>(
    name: &str,
    items: impl IntoIterator<Item = T>,
    write: impl FnMut(&mut XmlWriter, T),
) -> String {
    xml(|xml| xml.list(name, "member", items, write))
}

/// One missing resource makes the whole call fail.
fn describe_tags(elb: &mut Elb, form: &QueryForm<'_>) -> QueryResult {
    let arns = form.list("ResourceArns.member");
    if arns.len() > 20 {
        return Err(AwsError::new(
            "ValidationError",
            "At most 20 resources can be described in a call.",
        ));
    }
    let mut described = Vec::new();
    for arn in arns {
        described.push((arn, elb.tags_of(arn)?.clone()));
    }
    Ok(members("TagDescriptions", described, |xml, (arn, tags)| {
        xml.text("ResourceArn", arn);
        xml.tags("Tags", "member", &tags);
    }))
}

fn add_tags(elb: &mut Elb, form: &QueryForm<'_>) -> QueryResult {
    let tags = form.tags("Tags.member");
    for arn in form.list("ResourceArns.member") {
        elb.tags_of(arn)?.extend(tags.clone());
    }
    Ok(String::new())
}

/// A name is in use with other settings.
fn other_settings(code: &str, name: &str) -> AwsError {
    AwsError::new(
        code,
        format!("A resource with the name '{name}' exists, but with different settings"),
    )
}
