//! Instances: what a launch is refused for, and the states that they go through.
//!
//! Launch: RunInstances; `InvalidParameterValue` for profiles that EC2 does not know yet:
//! "Troubleshoot IAM roles at Amazon EC2". States: "Amazon EC2 instance state changes".

use super::{fact, key, network_of, subnet_location, visibility};
use crate::call::Call;
use crate::clock::Delay;
use crate::cloud::Core;
use crate::errors::{AwsError, Reply};
use crate::ledger::Phase;
use crate::{iam, offers, xml};

const KIND: &str = "instance";
/// Instances under stop protection.
const UNSTOPPABLE: &str = "disable-api-stop";

/// Whether a launch is admitted.
pub(crate) async fn check_launch(core: &Core, call: &Call) -> Result<(), AwsError> {
    let image = call.get("ImageId").unwrap_or_default();
    let instance_type = call.get("InstanceType").unwrap_or("m1.small");
    if !image.is_empty()
        && !exists(core, call, "image", image, "DescribeImages", "ImageId.1").await?
    {
        let message = format!("The image id '[{image}]' does not exist");
        return Err(AwsError::new("InvalidAMIID.NotFound", message));
    }
    let action = "DescribeInstanceTypes";
    if !exists(core, call, "type", instance_type, action, "InstanceType.1").await? {
        let message = format!("Invalid value '{instance_type}' for InstanceType.");
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    if let Some(name) = call.get("KeyName")
        && !exists(core, call, "key", name, "DescribeKeyPairs", "KeyName.1").await?
    {
        let message = format!("The key pair '{name}' does not exist");
        return Err(AwsError::new("InvalidKeyPair.NotFound", message));
    }
    check_instance_profile(core, call).await?;
    check_network(core, call, instance_type).await
}

/// Whether something exists that does not change; asked once.
async fn exists(
    core: &Core,
    call: &Call,
    kind: &str,
    id: &str,
    action: &str,
    field: &str,
) -> Result<bool, AwsError> {
    let name = fact(call, kind, id);
    let known = core.ledger().fact(&name).is_some();
    if known {
        return Ok(true);
    }
    let asked = [(field, id)];
    let listed = match core.upstream.text(call, "ec2", action, &asked).await {
        Ok(answer) => answer.contains(id),
        Err(error) if error.status.is_server_error() => return Err(error),
        // Unknown ids are refused.
        Err(_) => false,
    };
    if listed {
        core.ledger().note(&name, "exists");
    }
    Ok(listed)
}

async fn check_instance_profile(core: &Core, call: &Call) -> Result<(), AwsError> {
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
        AwsError::new("InvalidParameterValue", message)
    };
    if !iam::is_known_to_ec2(core, name) {
        return Err(unknown());
    }
    match iam::has_role(core, call, name).await? {
        None => Err(unknown()),
        Some(false) => Err(AwsError::new(
            "InvalidParameterValue",
            format!("IAM Instance Profile \"{value}\" has no associated IAM Roles"),
        )),
        Some(true) => Ok(()),
    }
}

async fn check_network(core: &Core, call: &Call, instance_type: &str) -> Result<(), AwsError> {
    let subnet = call
        .get("SubnetId")
        .or_else(|| call.get("NetworkInterface.1.SubnetId"));
    let Some(subnet) = subnet else {
        return Ok(());
    };
    let place = subnet_location(core, call, subnet).await?;
    let groups = [
        call.all("SecurityGroupId"),
        call.all("NetworkInterface.1.SecurityGroupId"),
    ];
    for group in groups.concat() {
        if network_of(core, call, group).await? != place.vpc {
            return Err(AwsError::new(
                "InvalidParameter",
                format!("Security group {group} and subnet {subnet} belong to different networks."),
            ));
        }
    }
    offers::check_launch(core, instance_type, &place.zone)?;
    match core
        .faults
        .as_ref()
        .and_then(|faults| faults.capacity_error(call, instance_type, &place.zone))
    {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// The type and the like can be changed while it is stopped alone (ModifyInstanceAttribute).
pub(crate) async fn check_modification(core: &Core, call: &Call) -> Result<(), AwsError> {
    if let Some(set) = call.get("DisableApiStop.Value") {
        let id = call.get("InstanceId").unwrap_or_default();
        let name = fact(call, UNSTOPPABLE, id);
        match set {
            "true" => core.ledger().note(&name, set),
            _ => core.ledger().forget_fact(&name),
        }
    }
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
    match state(core, call, id).await?.as_str() {
        "stopped" => Ok(()),
        _ => Err(AwsError::new(
            "IncorrectInstanceState",
            format!("The instance '{id}' is not in the 'stopped' state."),
        )),
    }
}

/// What is terminated, or on its way there, cannot be started or stopped.
pub(crate) async fn check_start_or_stop(core: &Core, call: &Call) -> Result<(), AwsError> {
    for id in call.all("InstanceId") {
        let state = state(core, call, id).await?;
        if ["shutting-down", "terminated"].contains(&state.as_str())
            || (state == "pending" && call.action == "StopInstances")
        {
            return Err(AwsError::new(
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

/// An instance's state as clients are shown it.
async fn state(core: &Core, call: &Call, id: &str) -> Result<String, AwsError> {
    let answer = core
        .upstream
        .text(call, "ec2", "DescribeInstances", &[("InstanceId.1", id)])
        .await?;
    let told = xml::read(&answer, |document| {
        xml::named(document, "instanceState")
            .find_map(|state| xml::text_of(state, "name").map(str::to_owned))
    });
    Ok(reported_state(core, call, id, told.as_deref().unwrap_or("running")).to_owned())
}

/// The state that clients are shown instead of the emulator's.
fn reported_state<'a>(core: &Core, call: &Call, id: &str, state: &'a str) -> &'a str {
    let phase = core.ledger().phase(&key(call, KIND, id), core.clock.now());
    match (state, phase) {
        ("running" | "pending", Phase::Creating) => "pending",
        ("pending", _) => "running",
        ("terminated" | "shutting-down", Phase::Deleting) => "shutting-down",
        ("shutting-down", _) => "terminated",
        _ => state,
    }
}

/// The answer to a launch that was made before under the same token.
pub(crate) async fn repeated(core: &Core, call: &Call, reply: Reply) -> Result<Reply, AwsError> {
    if call.action != "RunInstances" {
        return Ok(reply);
    }
    for id in ids(reply.text()) {
        let state = state(core, call, &id).await?;
        if ["shutting-down", "terminated"].contains(&state.as_str()) {
            return Err(AwsError::new(
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

pub(crate) fn started(core: &Core, call: &Call, reply: &Reply) {
    let ready = core.clock.after(Delay::InstanceStart);
    for id in ids(reply.text()) {
        let visible = visibility::visible_from(core, &id);
        core.ledger().created(&key(call, KIND, &id), visible, ready);
    }
}

pub(crate) fn terminated(core: &Core, call: &Call, reply: &mut Reply) {
    let (now, gone) = (core.clock.now(), core.clock.after(Delay::InstanceEnd));
    for id in ids(reply.text()) {
        core.ledger()
            .deleting(&key(call, KIND, &id), now, gone, None);
    }
}

/// Whether an instance is terminated, as far as the strict cloud saw.
pub(crate) fn is_terminated(core: &Core, call: &Call, id: &str) -> bool {
    core.ledger().phase(&key(call, KIND, id), core.clock.now()) == Phase::Gone
}

/// Of some instances, those that are terminated.
pub(crate) async fn find_terminated(
    core: &Core,
    call: &Call,
    ids: &[String],
) -> Result<Vec<String>, AwsError> {
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
    let answer = core
        .upstream
        .text(call, "ec2", "DescribeInstances", &fields)
        .await?;
    Ok(xml::read(&answer, |document| {
        xml::items(document, "instancesSet")
            .filter_map(|item| {
                let id = xml::text_of(item, "instanceId")?;
                let state = xml::text_of(xml::child_of(item, "instanceState")?, "name")?;
                (reported_state(core, call, id, state) == "terminated").then(|| id.to_owned())
            })
            .collect()
    }))
}

/// Corrects states, leaves out what is not visible yet, and applies the filter by state
/// that the emulator was not given.
pub(crate) fn listed(core: &Core, call: &Call, reply: &mut Reply) {
    if core.clock.is_instant() {
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
                let told = reported_state(core, call, id, state);
                let visible = core
                    .ledger()
                    .is_visible(&key(call, KIND, id), core.clock.now());
                let wanted = call
                    .state_filter
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

/// TerminateInstances, "termination protection": `OperationNotPermitted`. "Stop protection also protects
/// your instance from accidental termination" (Amazon EC2 User Guide, "Enable stop protection").
pub(crate) async fn check_protection(core: &Core, call: &Call) -> Result<(), AwsError> {
    for id in call.all("InstanceId") {
        if core.ledger().fact(&fact(call, UNSTOPPABLE, id)).is_some() {
            return Err(protected(id, "disableApiStop"));
        }
        let fields = [("InstanceId", id), ("Attribute", "disableApiTermination")];
        let answer = core
            .upstream
            .ask(call, "ec2", "DescribeInstanceAttribute", &fields)
            .await?;
        if answer.is_success() && is_set(&answer) {
            return Err(protected(id, "disableApiTermination"));
        }
    }
    Ok(())
}

fn protected(id: &str, attribute: &str) -> AwsError {
    AwsError::new(
        "OperationNotPermitted",
        format!(
            "The instance '{id}' may not be terminated. Modify its '{attribute}' instance attribute and try again."
        ),
    )
}

/// RunInstances, `DisableApiTermination` and `DisableApiStop`, which the emulator forgets.
pub(crate) async fn protect(core: &Core, call: &Call, reply: &Reply) -> Result<(), AwsError> {
    if call.get("DisableApiStop") == Some("true") {
        for id in ids(reply.text()) {
            core.ledger().note(&fact(call, UNSTOPPABLE, &id), "true");
        }
    }
    if call.get("DisableApiTermination") != Some("true") {
        return Ok(());
    }
    for id in xml::texts(reply.text(), "instanceId") {
        let fields = [
            ("InstanceId", id.as_str()),
            ("DisableApiTermination.Value", "true"),
        ];
        core.upstream
            .text(call, "ec2", "ModifyInstanceAttribute", &fields)
            .await?;
    }
    Ok(())
}

/// ModifyInstanceAttribute, `GroupId`: "Replaces the security groups of the instance with the specified
/// security groups." The emulator's interface keeps the old ones too.
pub(crate) async fn move_interface(core: &Core, call: &Call) -> Result<(), AwsError> {
    let groups = call.all("GroupId");
    if groups.is_empty() {
        return Ok(());
    }
    let id = call.get("InstanceId").unwrap_or_default();
    let look = [("InstanceId.1", id)];
    let told = core
        .upstream
        .text(call, "ec2", "DescribeInstances", &look)
        .await?;
    let Some(interface) = xml::first(&told, "networkInterfaceId") else {
        return Ok(());
    };
    let names = (1..=groups.len()).map(|number| format!("SecurityGroupId.{number}"));
    let names: Vec<String> = names.collect();
    let mut fields = vec![("NetworkInterfaceId", interface.as_str())];
    fields.extend(names.iter().map(String::as_str).zip(groups));
    let action = "ModifyNetworkInterfaceAttribute";
    core.upstream.text(call, "ec2", action, &fields).await?;
    Ok(())
}

/// The emulator writes some attributes as Python does.
fn is_set(attribute: &Reply) -> bool {
    xml::first(attribute.text(), "value").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}
