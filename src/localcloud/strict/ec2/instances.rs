//! Instances: what a launch is refused for, and the states that they go through.
//!
//! Launch: RunInstances; `InvalidParameterValue` for profiles that EC2 does not know yet:
//! "Troubleshoot IAM roles at Amazon EC2". States: "Amazon EC2 instance state changes".

use super::super::call::Call;
use super::super::clock::Takes;
use super::super::errors::{Refusal, Reply};
use super::super::ledger::Phase;
use super::super::{Inner, iam, xml};
use super::{fact, key, network_of, place, visibility};

const KIND: &str = "instance";

/// Whether a launch is admitted.
pub(super) async fn may_run(front: &Inner, call: &Call) -> Result<(), Refusal> {
    let image = call.get("ImageId").unwrap_or_default();
    let instance_type = call.get("InstanceType").unwrap_or("m1.small");
    if !image.is_empty() {
        exists(front, call, "image", image, "DescribeImages", "ImageId.1")
            .await
            .map_err(|_| {
                let message = format!("The image id '[{image}]' does not exist");
                Refusal::new("InvalidAMIID.NotFound", message)
            })?;
    }
    let action = "DescribeInstanceTypes";
    exists(front, call, "type", instance_type, action, "InstanceType.1")
        .await
        .map_err(|_| {
            let message = format!("Invalid value '{instance_type}' for InstanceType.");
            Refusal::new("InvalidParameterValue", message)
        })?;
    if let Some(name) = call.get("KeyName") {
        exists(front, call, "key", name, "DescribeKeyPairs", "KeyName.1")
            .await
            .map_err(|_| {
                let message = format!("The key pair '{name}' does not exist");
                Refusal::new("InvalidKeyPair.NotFound", message)
            })?;
    }
    may_have_profile(front, call).await?;
    may_have_network(front, call, instance_type).await
}

/// Whether a thing exists that does not change; asked once.
async fn exists(
    front: &Inner,
    call: &Call,
    kind: &str,
    id: &str,
    action: &str,
    field: &str,
) -> Result<(), Refusal> {
    let name = fact(call, kind, id);
    let known = front.ledger().fact(&name).is_some();
    if known {
        return Ok(());
    }
    let answer = front
        .upstream
        .text(call, "ec2", action, &[(field, id)])
        .await?;
    if !answer.contains(id) {
        return Err(Refusal::new("NotFound", id));
    }
    front.ledger().note(&name, "exists");
    Ok(())
}

async fn may_have_profile(front: &Inner, call: &Call) -> Result<(), Refusal> {
    let arn = call.get("IamInstanceProfile.Arn");
    let name = match (call.get("IamInstanceProfile.Name"), arn) {
        (Some(name), _) => name,
        (None, Some(arn)) => arn.rsplit('/').next().unwrap_or(arn),
        (None, None) => return Ok(()),
    };
    let (part, value) = arn.map_or(("name", name), |arn| ("arn", arn));
    let unknown = || {
        let message = format!(
            "Value ({value}) for parameter iamInstanceProfile.{part} is invalid. Invalid IAM Instance Profile {}",
            if part == "arn" { "ARN" } else { "name" }
        );
        Refusal::new("InvalidParameterValue", message)
    };
    if !iam::is_known_to_ec2(front, name) {
        return Err(unknown());
    }
    match iam::has_role(front, call, name).await? {
        None => Err(unknown()),
        Some(false) => Err(Refusal::new(
            "InvalidParameterValue",
            format!("IAM Instance Profile \"{value}\" has no associated IAM Roles"),
        )),
        Some(true) => Ok(()),
    }
}

async fn may_have_network(front: &Inner, call: &Call, instance_type: &str) -> Result<(), Refusal> {
    let subnet = call
        .get("SubnetId")
        .or_else(|| call.get("NetworkInterface.1.SubnetId"));
    let Some(subnet) = subnet else {
        return Ok(());
    };
    let place = place(front, call, subnet).await?;
    let groups = [
        call.all("SecurityGroupId"),
        call.all("NetworkInterface.1.SecurityGroupId"),
    ];
    for group in groups.concat() {
        if network_of(front, call, group).await? != place.vpc {
            return Err(Refusal::new(
                "InvalidParameter",
                format!("Security group {group} and subnet {subnet} belong to different networks."),
            ));
        }
    }
    match front
        .faults
        .as_ref()
        .and_then(|faults| faults.lacks(call, instance_type, &place.zone))
    {
        Some(refusal) => Err(refusal),
        None => Ok(()),
    }
}

/// The type and the like can be changed while it is stopped alone (ModifyInstanceAttribute).
pub(super) async fn may_modify(front: &Inner, call: &Call) -> Result<(), Refusal> {
    let at_rest = ["InstanceType", "UserData", "EbsOptimized", "EnaSupport"];
    let touches = call
        .fields()
        .any(|(name, _)| at_rest.iter().any(|field| name.starts_with(field)));
    let named = call
        .get("Attribute")
        .is_some_and(|attribute| ["instanceType", "userData", "ebsOptimized"].contains(&attribute));
    if !touches && !named {
        return Ok(());
    }
    let id = call.get("InstanceId").unwrap_or_default();
    match state(front, call, id).await?.as_str() {
        "stopped" => Ok(()),
        _ => Err(Refusal::new(
            "IncorrectInstanceState",
            format!("The instance '{id}' is not in the 'stopped' state."),
        )),
    }
}

/// What is terminated, or on its way there, cannot be started or stopped.
pub(super) async fn may_switch(front: &Inner, call: &Call) -> Result<(), Refusal> {
    for id in call.all("InstanceId") {
        let state = state(front, call, id).await?;
        if ["shutting-down", "terminated"].contains(&state.as_str())
            || (state == "pending" && call.action == "StopInstances")
        {
            return Err(Refusal::new(
                "IncorrectInstanceState",
                format!(
                    "The instance '{id}' is not in a state from which it can be {}.",
                    if call.action == "StopInstances" {
                        "stopped"
                    } else {
                        "started"
                    }
                ),
            ));
        }
    }
    Ok(())
}

/// An instance's state as the front tells it.
async fn state(front: &Inner, call: &Call, id: &str) -> Result<String, Refusal> {
    let answer = front
        .upstream
        .text(call, "ec2", "DescribeInstances", &[("InstanceId.1", id)])
        .await?;
    let told = xml::read(&answer, |document| {
        xml::named(document, "instanceState")
            .find_map(|state| xml::text_of(state, "name").map(str::to_owned))
    });
    Ok(told_as(front, call, id, told.as_deref().unwrap_or("running")).to_owned())
}

/// The state that the front tells instead of the emulator's.
fn told_as<'a>(front: &Inner, call: &Call, id: &str, state: &'a str) -> &'a str {
    let phase = front
        .ledger()
        .phase(&key(call, KIND, id), front.clock.now());
    match (state, phase) {
        ("running" | "pending", Phase::Starting) => "pending",
        ("pending", _) => "running",
        ("terminated" | "shutting-down", Phase::Going) => "shutting-down",
        ("shutting-down", _) => "terminated",
        _ => state,
    }
}

/// The answer to a launch that was made before under the same token.
pub(in super::super) async fn repeated(
    front: &Inner,
    call: &Call,
    reply: Reply,
) -> Result<Reply, Refusal> {
    if call.action != "RunInstances" {
        return Ok(reply);
    }
    for id in ids(reply.text()) {
        let state = state(front, call, &id).await?;
        if ["shutting-down", "terminated"].contains(&state.as_str()) {
            return Err(Refusal::new(
                "IdempotentInstanceTerminated",
                format!(
                    "The request was not processed because the instance {id} that was launched with this client token is {state}."
                ),
            ));
        }
    }
    Ok(reply)
}

fn ids(text: &str) -> Vec<String> {
    xml::read(text, |document| {
        xml::items(document, "instancesSet")
            .filter_map(|item| xml::text_of(item, "instanceId").map(str::to_owned))
            .collect()
    })
}

pub(super) fn started(front: &Inner, call: &Call, reply: &Reply) {
    let ready = front.clock.after(Takes::InstanceStart);
    for id in ids(reply.text()) {
        let visible = visibility::visible_from(front, &id);
        front.ledger().made(&key(call, KIND, &id), visible, ready);
    }
}

pub(super) fn terminated(front: &Inner, call: &Call, reply: &mut Reply) {
    let (now, gone) = (front.clock.now(), front.clock.after(Takes::InstanceEnd));
    for id in ids(reply.text()) {
        front.ledger().going(&key(call, KIND, &id), now, gone, None);
    }
}

/// Whether an instance is terminated, as far as the front saw.
pub(super) fn is_terminated(front: &Inner, call: &Call, id: &str) -> bool {
    front
        .ledger()
        .phase(&key(call, KIND, id), front.clock.now())
        == Phase::Gone
}

/// Of some instances, those that are terminated.
pub(super) async fn which_are_terminated(
    front: &Inner,
    call: &Call,
    ids: &[String],
) -> Result<Vec<String>, Refusal> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    let names: Vec<String> = (1..=ids.len())
        .map(|n| format!("Filter.1.Value.{n}"))
        .collect();
    let mut fields = vec![("Filter.1.Name", "instance-id")];
    fields.extend(
        names
            .iter()
            .map(String::as_str)
            .zip(ids.iter().map(String::as_str)),
    );
    let answer = front
        .upstream
        .text(call, "ec2", "DescribeInstances", &fields)
        .await?;
    Ok(xml::read(&answer, |document| {
        xml::items(document, "instancesSet")
            .filter_map(|item| {
                let id = xml::text_of(item, "instanceId")?;
                let state = xml::text_of(xml::child_of(item, "instanceState")?, "name")?;
                (told_as(front, call, id, state) == "terminated").then(|| id.to_owned())
            })
            .collect()
    }))
}

/// Corrects states, leaves out what is not visible yet, and applies the filter by state
/// that the emulator was not given.
pub(super) fn listed(front: &Inner, call: &Call, reply: &mut Reply) {
    if front.clock.is_instant() {
        return;
    }
    let corrected = xml::edit(reply.text(), |document, edits| {
        for reservation in xml::items(document, "reservationSet") {
            let Some(set) = xml::child_of(reservation, "instancesSet") else {
                continue;
            };
            let (mut all, mut dropped) = (0, 0);
            for item in set.children().filter(roxmltree::Node::is_element) {
                all += 1;
                let id = xml::text_of(item, "instanceId").unwrap_or_default();
                let Some(element) = xml::child_of(item, "instanceState") else {
                    continue;
                };
                let state = xml::text_of(element, "name").unwrap_or_default();
                let told = told_as(front, call, id, state);
                let visible = front
                    .ledger()
                    .is_visible(&key(call, KIND, id), front.clock.now());
                let wanted = call
                    .wanted
                    .as_ref()
                    .is_none_or(|states| states.iter().any(|one| one == told));
                if !visible || !wanted {
                    dropped += 1;
                    edits.drop(item);
                } else if told != state {
                    edits.replace(
                        element,
                        format!(
                            "<instanceState><code>{}</code><name>{told}</name></instanceState>",
                            code_of(told)
                        ),
                    );
                }
            }
            if all == dropped {
                edits.drop(reservation);
            }
        }
    });
    if let Some(text) = corrected {
        reply.set_text(text);
    }
}

fn code_of(state: &str) -> u8 {
    match state {
        "pending" => 0,
        "running" => 16,
        "shutting-down" => 32,
        "terminated" => 48,
        "stopping" => 64,
        _ => 80,
    }
}
