//! The rules of IAM that the emulator lacks: roles and profiles that reads do not find
//! yet, and profiles that EC2 does not know yet.
//!
//! "Changes that I make are not always immediately visible" (IAM User Guide,
//! troubleshoot_general). The emulator itself has `EntityAlreadyExists`, `DeleteConflict`
//! and `LimitExceeded`.

use axum::http::StatusCode;

use super::call::Call;
use super::clock::Takes;
use super::errors::{Refusal, Reply};
use super::{Inner, Step, xml};

/// IAM has no regions.
fn key(kind: &str, name: &str) -> String {
    format!("iam/{kind}/{name}")
}

fn role_fact(name: &str) -> String {
    format!("iam/role-of/{name}")
}

pub(super) fn before(front: &Inner, call: &Call) -> Result<Step, Refusal> {
    let asked = match call.action.as_str() {
        "GetRole" => call.get("RoleName").map(|name| ("role", name, "role")),
        "GetInstanceProfile" => call
            .get("InstanceProfileName")
            .map(|name| ("profile", name, "instance profile")),
        _ => None,
    };
    if let Some((kind, name, noun)) = asked
        && !front
            .ledger()
            .is_visible(&key(kind, name), front.clock.now())
    {
        return Err(Refusal::with(
            StatusCode::NOT_FOUND,
            "NoSuchEntity",
            format!("The {noun} with name {name} cannot be found."),
        ));
    }
    Ok(Step::Pass)
}

pub(super) fn after(front: &Inner, call: &Call, reply: &Reply) {
    if !reply.is_success() {
        return;
    }
    let (now, visible) = (front.clock.now(), front.clock.after(Takes::Visibility));
    let profile = call.get("InstanceProfileName").unwrap_or_default();
    let mut ledger = front.ledger();
    match call.action.as_str() {
        "CreateRole" => {
            let name = call.get("RoleName").unwrap_or_default();
            ledger.made(&key("role", name), visible, now);
        }
        "CreateInstanceProfile" => {
            ledger.made(&key("profile", profile), visible, now);
            let known = front.clock.after(Takes::ProfilePropagation);
            ledger.made(&key("of-ec2", profile), known, known);
        }
        "AddRoleToInstanceProfile" => {
            let known = front.clock.after(Takes::ProfilePropagation);
            ledger.made(&key("of-ec2", profile), known, known);
        }
        "RemoveRoleFromInstanceProfile" | "DeleteInstanceProfile" => {
            ledger.drop_fact(&role_fact(profile));
        }
        _ => {}
    }
}

/// Whether what IAM has of a profile has come to EC2.
pub(super) fn is_known_to_ec2(front: &Inner, profile: &str) -> bool {
    front
        .ledger()
        .is_visible(&key("of-ec2", profile), front.clock.now())
}

/// Whether a profile has a role; none if there is no such profile.
pub(super) async fn has_role(
    front: &Inner,
    call: &Call,
    profile: &str,
) -> Result<Option<bool>, Refusal> {
    let name = role_fact(profile);
    let known = front.ledger().fact(&name).is_some();
    if known {
        return Ok(Some(true));
    }
    let fields = [("InstanceProfileName", profile)];
    let answer = front
        .upstream
        .ask(call, "iam", "GetInstanceProfile", &fields)
        .await?;
    if !answer.is_success() {
        return Ok(None);
    }
    let has = xml::first(answer.text(), "RoleName").is_some();
    if has {
        front.ledger().note(&name, "has");
    }
    Ok(Some(has))
}
