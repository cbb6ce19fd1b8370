//! The rules of IAM that the emulator lacks: roles and profiles that reads do not find
//! yet, and profiles that EC2 does not know yet.
//!
//! "Changes that I make are not always immediately visible" (IAM User Guide,
//! troubleshoot_general). The emulator itself has `EntityAlreadyExists`, `DeleteConflict`
//! and `LimitExceeded`.

use http::StatusCode;

use crate::call::Call;
use crate::clock::Delay;
use crate::cloud::{Core, Ruling};
use crate::errors::{AwsError, Reply};
use crate::{iam_linked, xml};

/// IAM has no regions.
fn key(kind: &str, name: &str) -> String {
    format!("iam/{kind}/{name}")
}

fn role_fact(name: &str) -> String {
    format!("iam/role-of/{name}")
}

/// Whether a service's role is known everywhere. The first call that needs it has the service
/// create it ("Using service-linked roles" of each service's guide), which takes a while.
pub(crate) fn has_service_role(core: &Core, service: &str) -> bool {
    let key = key("service-role", service);
    if core.ledger().fact(&key).is_none() {
        create_service_role(core, service);
    }
    core.ledger().is_visible(&key, core.clock.now())
}

fn create_service_role(core: &Core, service: &str) {
    let key = key("service-role", service);
    let known = core.clock.after(Delay::RolePropagation);
    let mut ledger = core.ledger();
    if ledger.fact(&key).is_none() {
        ledger.note(&key, "exists");
        ledger.created(&key, known, known);
    }
}

pub(crate) async fn before(core: &Core, call: &Call) -> Result<Ruling, AwsError> {
    check_document(call)?;
    match call.action.as_str() {
        "CreateServiceLinkedRole" => {
            create_service_role(core, call.get("AWSServiceName").unwrap_or_default());
            return iam_linked::create(core, call).await;
        }
        "DeleteRole"
        | "PutRolePolicy"
        | "DeleteRolePolicy"
        | "AttachRolePolicy"
        | "DetachRolePolicy"
        | "UpdateAssumeRolePolicy" => iam_linked::check_change(core, call).await?,
        "ListInstanceProfilesForRole" => check_role(core, call).await?,
        "SimulatePrincipalPolicy" => check_principal(core, call).await?,
        _ => {}
    }
    let asked = match call.action.as_str() {
        "GetRole" => call.get("RoleName").map(|name| ("role", name, "role")),
        "GetInstanceProfile" => call
            .get("InstanceProfileName")
            .map(|name| ("profile", name, "instance profile")),
        _ => None,
    };
    if let Some((kind, name, noun)) = asked
        && !core.ledger().is_visible(&key(kind, name), core.clock.now())
    {
        return Err(AwsError::with(
            StatusCode::NOT_FOUND,
            "NoSuchEntity",
            format!("The {noun} with name {name} cannot be found."),
        ));
    }
    Ok(Ruling::Forward)
}

/// "MalformedPolicyDocument": errors of CreateRole, PutRolePolicy and the like.
fn check_document(call: &Call) -> Result<(), AwsError> {
    let documents = ["AssumeRolePolicyDocument", "PolicyDocument"];
    let broken = documents
        .iter()
        .filter_map(|name| call.get(name))
        .any(|text| serde_json::from_str::<serde_json::Value>(text).is_err());
    if broken {
        return Err(AwsError::new(
            "MalformedPolicyDocument",
            "This policy contains invalid Json",
        ));
    }
    Ok(())
}

/// The emulator lists the profiles of a role that does not exist: none.
async fn check_role(core: &Core, call: &Call) -> Result<(), AwsError> {
    let name = call.get("RoleName").unwrap_or_default();
    let fields = [("RoleName", name)];
    let role = core.upstream.ask(call, "iam", "GetRole", &fields).await?;
    if role.is_success() {
        return Ok(());
    }
    Err(AwsError::with(
        StatusCode::NOT_FOUND,
        "NoSuchEntity",
        format!("The role with name {name} cannot be found."),
    ))
}

/// SimulatePrincipalPolicy of a role that there is not: `NoSuchEntity` (IAM API Reference; the words are
/// from cloud-custodian's recordings of AWS, test_aws_lambda_check_permission_deleted_role).
async fn check_principal(core: &Core, call: &Call) -> Result<(), AwsError> {
    let arn = call.get("PolicySourceArn").unwrap_or_default();
    let Some((_, name)) = arn.split_once(":role/") else {
        return Ok(());
    };
    let name = name.rsplit('/').next().unwrap_or(name);
    let fields = [("RoleName", name)];
    let role = core.upstream.ask(call, "iam", "GetRole", &fields).await?;
    if role.is_success() {
        return Ok(());
    }
    Err(AwsError::with(
        StatusCode::NOT_FOUND,
        "NoSuchEntity",
        "Unable to retrieve specified IAM entity.",
    ))
}

pub(crate) fn after(core: &Core, call: &Call, reply: &mut Reply) {
    iam_linked::say_taken(call, reply);
    if !reply.is_success() {
        return;
    }
    let (now, visible) = (core.clock.now(), core.clock.after(Delay::Visibility));
    let profile = call.get("InstanceProfileName").unwrap_or_default();
    let mut ledger = core.ledger();
    match call.action.as_str() {
        "CreateRole" => {
            let name = call.get("RoleName").unwrap_or_default();
            ledger.created(&key("role", name), visible, now);
        }
        "CreateInstanceProfile" => {
            ledger.created(&key("profile", profile), visible, now);
            let known = core.clock.after(Delay::ProfilePropagation);
            ledger.created(&key("of-ec2", profile), known, known);
        }
        "AddRoleToInstanceProfile" => {
            let known = core.clock.after(Delay::ProfilePropagation);
            ledger.created(&key("of-ec2", profile), known, known);
        }
        "RemoveRoleFromInstanceProfile" | "DeleteInstanceProfile" => {
            ledger.forget_fact(&role_fact(profile));
        }
        _ => {}
    }
}

/// Whether what IAM has of a profile has come to EC2.
pub(crate) fn is_known_to_ec2(core: &Core, profile: &str) -> bool {
    core.ledger()
        .is_visible(&key("of-ec2", profile), core.clock.now())
}

/// Whether a profile has a role; none if there is no such profile.
pub(crate) async fn has_role(
    core: &Core,
    call: &Call,
    profile: &str,
) -> Result<Option<bool>, AwsError> {
    let name = role_fact(profile);
    let known = core.ledger().fact(&name).is_some();
    if known {
        return Ok(Some(true));
    }
    let fields = [("InstanceProfileName", profile)];
    let answer = core
        .upstream
        .ask(call, "iam", "GetInstanceProfile", &fields)
        .await?;
    if !answer.is_success() {
        return Ok(None);
    }
    let has = xml::first(answer.text(), "RoleName").is_some();
    if has {
        core.ledger().note(&name, "has");
    }
    Ok(Some(has))
}
