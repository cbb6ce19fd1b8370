//! The rules of Elastic Load Balancing: names are used once unless the settings are the
//! same, a balancer takes its time, and its interfaces outlive it.
//!
//! CreateLoadBalancer, CreateTargetGroup, CreateListener: "This operation is idempotent
//! […] If you attempt to create multiple […] with the same settings, each call succeeds";
//! errors `DuplicateLoadBalancerName`, `DuplicateTargetGroupName`, `DuplicateListener`.
//! DeleteLoadBalancer: `OperationNotPermitted` under deletion protection. RegisterTargets:
//! `InvalidTarget` for an instance that is not running, or not seen running yet. The emulator
//! itself has `ResourceInUse` for target groups.

use crate::call::Call;
use crate::clock::Delay;
use crate::cloud::{Core, Ruling};
use crate::ec2::{ServiceInterfaces, key, propagation};
use crate::errors::{AwsError, Reply};
use crate::ledger::Phase;
use crate::xml;

const KIND: &str = "balancer";
const SERVICE: &str = "elasticloadbalancing";

/// Refuses what Elastic Load Balancing does not know yet.
fn check_known(core: &Core, call: &Call) -> Result<(), AwsError> {
    let unknown = |field: &str| {
        let ids = call.all(field);
        propagation::unknown(core, call, ids).map(str::to_owned)
    };
    if let Some(id) = unknown("Subnets") {
        let message = format!("The subnet ID '{id}' does not exist");
        return Err(AwsError::new("SubnetNotFound", message));
    }
    if let Some(id) = unknown("SecurityGroups") {
        let message = format!("The security group '{id}' does not exist");
        return Err(AwsError::new("InvalidSecurityGroup", message));
    }
    if call.action == "RegisterTargets"
        && let Some(id) = unknown("Targets")
    {
        return Err(AwsError::new(
            "InvalidTarget",
            format!(
                "The following targets are not in a running state and cannot be registered: '{id}'"
            ),
        ));
    }
    Ok(())
}

pub(crate) async fn before(core: &Core, call: &Call) -> Result<Ruling, AwsError> {
    check_known(core, call)?;
    let name = call.get("Name").unwrap_or_default();
    let (action, field, value, duplicate) = match call.action.as_str() {
        "CreateLoadBalancer" => (
            "DescribeLoadBalancers",
            "Names.member.1",
            name,
            "DuplicateLoadBalancerName",
        ),
        "CreateTargetGroup" => (
            "DescribeTargetGroups",
            "Names.member.1",
            name,
            "DuplicateTargetGroupName",
        ),
        "CreateListener" => (
            "DescribeListeners",
            "LoadBalancerArn",
            call.get("LoadBalancerArn").unwrap_or_default(),
            "DuplicateListener",
        ),
        "DeleteLoadBalancer" => {
            check_protection(core, call).await?;
            return Ok(Ruling::Forward);
        }
        _ => return Ok(Ruling::Forward),
    };
    let found = core
        .upstream
        .ask(call, SERVICE, action, &[(field, value)])
        .await?;
    if !found.is_success() {
        return Ok(Ruling::Forward);
    }
    let port = (call.action == "CreateListener").then(|| call.get("Port").unwrap_or_default());
    let existing = xml::read(found.text(), |document| {
        xml::named(document, "member")
            .filter(|member| {
                // Only a load balancer, a target group or a listener has one of these.
                ["LoadBalancerName", "TargetGroupName", "ListenerArn"]
                    .iter()
                    .any(|tag| xml::text_of(*member, tag).is_some())
            })
            .find(|member| port.is_none_or(|port| xml::text_of(*member, "Port") == Some(port)))
            .and_then(|member| found.text().get(member.range()).map(str::to_owned))
    });
    let Some(existing) = existing else {
        return Ok(Ruling::Forward);
    };
    let first = core.ledger().fact(&settings_key(call));
    if first.as_deref() != Some(settings(call).as_str()) {
        return Err(AwsError::new(
            duplicate,
            match port {
                Some(port) => format!("A listener already exists on port {port}"),
                None => {
                    format!("A resource with the name '{name}' exists, but with different settings")
                }
            },
        ));
    }
    Ok(Ruling::Answer(first_answer(call, &existing)))
}

/// The answer that a first call had.
fn first_answer(call: &Call, existing: &str) -> Reply {
    let action = &call.action;
    let list = match action.as_str() {
        "CreateLoadBalancer" => "LoadBalancers",
        "CreateTargetGroup" => "TargetGroups",
        _ => "Listeners",
    };
    Reply::done(
        call,
        format!(
            "<{action}Response xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><{action}Result><{list}>{existing}</{list}></{action}Result></{action}Response>"
        ),
    )
}

fn settings_key(call: &Call) -> String {
    let name = call.get("Name").unwrap_or_default();
    let balancer = call.get("LoadBalancerArn").unwrap_or_default();
    let port = call
        .get("Port")
        .filter(|_| name.is_empty())
        .unwrap_or_default();
    format!(
        "{}/elb/{}/{name}{balancer}/{port}",
        call.region, call.action
    )
}

fn settings(call: &Call) -> String {
    call.fields()
        .filter(|(name, _)| *name != "Version")
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect()
}

pub(crate) async fn after(core: &Core, call: &Call, reply: &mut Reply) -> Result<(), AwsError> {
    if !reply.is_success() {
        return Ok(());
    }
    match call.action.as_str() {
        "CreateLoadBalancer" | "CreateTargetGroup" | "CreateListener" => {
            core.ledger().note(&settings_key(call), &settings(call));
        }
        _ => {}
    }
    if call.action == "CreateLoadBalancer" {
        let arn = xml::first(reply.text(), "LoadBalancerArn").unwrap_or_default();
        let owner = key(call, KIND, &arn);
        let ready = core.clock.after(Delay::BalancerStart);
        core.ledger().created(&owner, core.clock.now(), ready);
        let subnets: Vec<String> = [call.all("Subnets"), call.all("SubnetMappings")]
            .concat()
            .into_iter()
            .filter(|value| value.starts_with("subnet-"))
            .map(str::to_owned)
            .collect();
        let groups: Vec<String> = call
            .all("SecurityGroups")
            .into_iter()
            .map(str::to_owned)
            .collect();
        let part = arn.split_once("loadbalancer/").map_or("", |(_, part)| part);
        ServiceInterfaces {
            owner: &owner,
            subnets: &subnets,
            groups: &groups,
            description: &format!("ELB {part}"),
            requester: "amazon-elb",
            public: call.get("Scheme") != Some("internal"),
        }
        .create(core, call)
        .await;
    }
    if call.action == "SetSecurityGroups" {
        let arn = call.get("LoadBalancerArn").unwrap_or_default();
        let groups: Vec<String> = call
            .all("SecurityGroups")
            .into_iter()
            .map(str::to_owned)
            .collect();
        core.ledger()
            .set_interface_groups(&key(call, KIND, arn), &groups);
    }
    if call.action == "DeleteLoadBalancer" {
        let arn = call.get("LoadBalancerArn").unwrap_or_default();
        let leave = core.clock.after(Delay::BalancerInterfaces);
        core.ledger()
            .release_interfaces(&key(call, KIND, arn), leave);
    }
    if !core.clock.is_instant() {
        report_states(core, call, reply);
    }
    Ok(())
}

/// A balancer on its way is `provisioning`.
fn report_states(core: &Core, call: &Call, reply: &mut Reply) {
    let now = core.clock.now();
    let corrected = xml::edit(reply.text(), |document, edits| {
        for member in xml::items(document, "LoadBalancers") {
            let arn = xml::text_of(member, "LoadBalancerArn").unwrap_or_default();
            if core.ledger().phase(&key(call, KIND, arn), now) == Phase::Creating
                && let Some(state) = xml::child_of(member, "State")
            {
                edits.replace(state, "<State><Code>provisioning</Code></State>");
            }
        }
    });
    if let Some(text) = corrected {
        reply.set_text(text);
    }
}

/// DeleteLoadBalancer: `OperationNotPermitted` under deletion protection.
async fn check_protection(core: &Core, call: &Call) -> Result<(), AwsError> {
    let arn = call.get("LoadBalancerArn").unwrap_or_default();
    let fields = [("LoadBalancerArn", arn)];
    let action = "DescribeLoadBalancerAttributes";
    let answer = core.upstream.ask(call, SERVICE, action, &fields).await?;
    let protected = xml::read(answer.text(), |document| {
        xml::named(document, "member").any(|member| {
            xml::text_of(member, "Key") == Some("deletion_protection.enabled")
                && xml::text_of(member, "Value") == Some("true")
        })
    });
    if protected {
        return Err(AwsError::new(
            "OperationNotPermitted",
            format!(
                "Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
            ),
        ));
    }
    Ok(())
}
