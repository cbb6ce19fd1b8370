//! IAM: roles with their policies, and instance profiles. It has no regions.
//!
//! Codes: the errors of each action in the IAM API Reference. EC2 knows a profile some time after
//! IAM does ("Changes that I make are not always immediately visible", IAM User Guide).

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::clock::Delay;
use crate::errors::AwsError;
use crate::guardrails::Guardrail;

use super::account::{
    AccountResource, AwsAccount, CreationTime, NUMBER, QueryResult, TagMap, missing, unknown_action,
};
use super::form::QueryForm;
use super::schedule::ScheduledEvent;
use super::writer::{XmlWriter, xml};

/// All of IAM, by name.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct Iam {
    roles: BTreeMap<String, RoleRecord>,
    profiles: BTreeMap<String, ProfileRecord>,
    /// Owners of the service-linked roles that there are.
    service_roles: BTreeSet<String>,
}

#[derive(Debug, Clone, Hash)]
struct RoleRecord {
    id: String,
    path: String,
    description: String,
    trust: String,
    /// Inline policies by name.
    policies: BTreeMap<String, String>,
    /// ARNs of managed policies.
    attached: BTreeSet<String>,
    created: CreationTime,
    tags: TagMap,
}

#[derive(Debug, Clone, Hash)]
struct ProfileRecord {
    id: String,
    path: String,
    role: Option<String>,
    /// Whether EC2 knows it as it is.
    known_to_ec2: bool,
    created: CreationTime,
    tags: TagMap,
}

/// What IAM has of a profile has come to EC2. For some seconds it is known, and launches go on
/// without it.
pub(super) fn profile_known(account: &mut AwsAccount, name: &str) {
    if let Some(profile) = account.iam.profiles.get_mut(name) {
        profile.known_to_ec2 = true;
        if account.profile.traits().piecemeal {
            account.lag(Delay::ProfilePropagation, role_lag(name));
        }
        account.lag(Delay::ProfileUse, format!("profile/{name}"));
    }
}

/// While it goes on, EC2 knows a profile and not that it has a role.
pub(super) fn role_lag(profile: &str) -> String {
    format!("profile-role/{profile}")
}

/// The ARN of an instance profile, as EC2 tells it.
pub(super) fn profile_arn(name: &str) -> String {
    arn("instance-profile", "/", name)
}

/// What is refused while the service has no role in the account. What RDS, ElastiCache and OpenSearch do
/// is with their groups and domains.
const NEED_SERVICE_ROLE: &[(&str, &str, &str, &str, &str)] = &[(
    "elasticloadbalancing",
    "CreateLoadBalancer",
    "elasticloadbalancing.amazonaws.com",
    "AccessDenied",
    "User is not authorized to perform: iam:CreateServiceLinkedRole",
)];

/// Refuses a call to a service that has no role in the account yet.
pub(super) fn check_service_role(
    account: &AwsAccount,
    service: &str,
    action: &str,
) -> Result<(), AwsError> {
    let needs = NEED_SERVICE_ROLE.iter();
    let mut needs = needs.filter(|(of, call, ..)| (*of, *call) == (service, action));
    let Some((_, _, role, code, message)) = needs.next() else {
        return Ok(());
    };
    // Nobody saw ELB take its time to learn of its role.
    let known = account.iam.service_roles.contains(*role);
    match known {
        true => Ok(()),
        false => Err(AwsError::new(code, *message)),
    }
}

fn service_policy_lag(service: &str) -> String {
    format!("service-role-policy/{service}")
}

impl AwsAccount {
    /// Whether a service may create its role in the caller's name ("Service-linked role
    /// permissions", IAM User Guide: the caller needs `iam:CreateServiceLinkedRole`).
    pub(super) fn may_create_service_roles(&self) -> bool {
        !self.guardrails.contains(&Guardrail::ServiceRoles)
    }

    /// A service creates its role by itself, where the caller may.
    pub(super) fn create_role_of(&mut self, service: &str) {
        if self.may_create_service_roles() {
            self.iam.service_role_known(service);
        }
    }

    /// Whether the policy of a service's role is in effect.
    pub(super) fn service_policy_is_in_effect(&self, service: &str) -> bool {
        !self.lags(&service_policy_lag(service))
    }

    /// Whether there is the role that a service acts with, and the service knows it.
    pub(super) fn has_service_role(&self, service: &str) -> bool {
        let lag = format!("service-role/{service}");
        self.iam.service_roles.contains(service) && !self.lags(&lag)
    }
}

/// Answers a call.
pub(super) fn answer(account: &mut AwsAccount, action: &str, form: &QueryForm<'_>) -> QueryResult {
    // Everything comes in one page.
    form.accept(&["MaxItems"]);
    let iam = &mut account.iam;
    match action {
        "CreateRole" => create_role(account, form),
        "GetRole" => {
            let (name, role) = iam.role_in(form)?;
            Ok(xml(|xml| {
                xml.node("Role", |xml| write_role(name, role, true, xml));
            }))
        }
        "ListRoles" => Ok(list(&iam.roles, "Roles", |xml, (name, role)| {
            write_role(name, role, false, xml);
        })),
        "TagRole" => {
            let tags = form.tags("Tags.member");
            iam.role_mut(form)?.tags.extend(tags);
            Ok(String::new())
        }
        "UpdateAssumeRolePolicy" => {
            let document = form.required("PolicyDocument")?;
            document.clone_into(&mut iam.role_mut(form)?.trust);
            Ok(String::new())
        }
        "DeleteRole" => delete_role(account, form),
        "CreateServiceLinkedRole" => create_service_role(account, form),
        "CreateInstanceProfile" => create_profile(account, form),
        "GetInstanceProfile" => {
            let (name, profile) = iam.profile_in(form)?;
            Ok(xml(|xml| {
                xml.node("InstanceProfile", |xml| {
                    iam.write_profile(name, profile, xml);
                });
            }))
        }
        "ListInstanceProfiles" => Ok(list(
            &iam.profiles,
            "InstanceProfiles",
            |xml, (name, one)| {
                iam.write_profile(name, one, xml);
            },
        )),
        "ListInstanceProfilesForRole" => {
            let (role, _) = iam.role_in(form)?;
            let holding = iam.profiles.iter();
            let holding = holding.filter(|(_, one)| one.role.as_deref() == Some(role));
            Ok(list(holding, "InstanceProfiles", |xml, (name, one)| {
                iam.write_profile(name, one, xml);
            }))
        }
        "TagInstanceProfile" => {
            let tags = form.tags("Tags.member");
            iam.profile_mut(form)?.tags.extend(tags);
            Ok(String::new())
        }
        "AddRoleToInstanceProfile" => add_role(account, form),
        "RemoveRoleFromInstanceProfile" => remove_role(account, form),
        "DeleteInstanceProfile" => delete_profile(account, form),
        "GetAccountSummary" => Ok(summary(iam)),
        "SimulatePrincipalPolicy" => Ok(simulate(&account.guardrails, form)),
        _ => policies(iam, action, form),
    }
}

/// Policies in roles and attached to them.
fn policies(iam: &mut Iam, action: &str, form: &QueryForm<'_>) -> QueryResult {
    match action {
        "PutRolePolicy" => {
            let (name, document) = (
                form.required("PolicyName")?,
                form.required("PolicyDocument")?,
            );
            let policies = &mut iam.role_mut(form)?.policies;
            policies.insert(name.to_owned(), document.to_owned());
            Ok(String::new())
        }
        "GetRolePolicy" => {
            let (role, found) = iam.role_in(form)?;
            let name = form.required("PolicyName")?;
            let document = found.policies.get(name).ok_or_else(|| no_policy(name))?;
            Ok(xml(|xml| {
                xml.text("RoleName", role);
                xml.text("PolicyName", name);
                xml.text("PolicyDocument", encoded(document));
            }))
        }
        "ListRolePolicies" => {
            let (_, role) = iam.role_in(form)?;
            Ok(xml(|xml| {
                xml.texts("PolicyNames", "member", role.policies.keys());
                xml.text("IsTruncated", "false");
            }))
        }
        "DeleteRolePolicy" => {
            let name = form.required("PolicyName")?;
            let removed = iam.role_mut(form)?.policies.remove(name);
            removed
                .map(|_| String::new())
                .ok_or_else(|| no_policy(name))
        }
        "ListAttachedRolePolicies" => {
            let (_, role) = iam.role_in(form)?;
            Ok(list(&role.attached, "AttachedPolicies", |xml, arn| {
                xml.text("PolicyArn", arn);
                xml.text("PolicyName", arn.rsplit('/').next().unwrap_or_default());
            }))
        }
        "AttachRolePolicy" => {
            let arn = form.required("PolicyArn")?;
            iam.role_mut(form)?.attached.insert(arn.to_owned());
            Ok(String::new())
        }
        "DetachRolePolicy" => {
            let arn = form.required("PolicyArn")?;
            match iam.role_mut(form)?.attached.remove(arn) {
                true => Ok(String::new()),
                false => Err(no_policy(arn)),
            }
        }
        _ => Err(unknown_action(action)),
    }
}

impl Iam {
    pub(super) fn resources(&self) -> Vec<AccountResource> {
        let resource = |kind, id: &String, tags: &TagMap| AccountResource {
            kind,
            id: id.clone(),
            tags: tags.clone(),
            leaving: false,
        };
        let roles = self
            .roles
            .iter()
            .map(|(id, one)| resource("role", id, &one.tags));
        let profiles = self.profiles.iter();
        let profiles = profiles.map(|(id, one)| resource("instance profile", id, &one.tags));
        roles.chain(profiles).collect()
    }

    /// A service has created its role by itself.
    pub(super) fn service_role_known(&mut self, service: &str) {
        self.service_roles.insert(service.to_owned());
    }

    /// The role in a profile; none for a profile that EC2 does not know.
    pub(super) fn role_as_known_to_ec2(&self, profile: &str) -> Option<Option<&str>> {
        let found = self.profiles.get(profile).filter(|one| one.known_to_ec2);
        found.map(|one| one.role.as_deref())
    }

    /// The roles of an account that used these services before.
    pub(super) fn with_service_roles(services: &[&str]) -> Self {
        let services = services.iter().map(|service| (*service).to_owned());
        Self {
            service_roles: services.collect(),
            ..Self::default()
        }
    }

    fn role_in<'a>(&self, form: &QueryForm<'a>) -> Result<(&'a str, &RoleRecord), AwsError> {
        let name = form.required("RoleName")?;
        let role = self.roles.get(name).ok_or_else(|| no_role(name))?;
        Ok((name, role))
    }

    fn role_mut(&mut self, form: &QueryForm<'_>) -> Result<&mut RoleRecord, AwsError> {
        let name = form.required("RoleName")?;
        self.roles.get_mut(name).ok_or_else(|| no_role(name))
    }

    fn profile_in<'a>(&self, form: &QueryForm<'a>) -> Result<(&'a str, &ProfileRecord), AwsError> {
        let name = form.required("InstanceProfileName")?;
        let profile = self.profiles.get(name).ok_or_else(|| no_profile(name))?;
        Ok((name, profile))
    }

    fn profile_mut(&mut self, form: &QueryForm<'_>) -> Result<&mut ProfileRecord, AwsError> {
        let name = form.required("InstanceProfileName")?;
        self.profiles.get_mut(name).ok_or_else(|| no_profile(name))
    }

    fn write_profile(&self, name: &str, profile: &ProfileRecord, xml: &mut XmlWriter) {
        xml.text("Path", &profile.path);
        xml.text("InstanceProfileName", name);
        xml.text("InstanceProfileId", &profile.id);
        xml.text("Arn", arn("instance-profile", &profile.path, name));
        xml.value("CreateDate", profile.created);
        let role = profile
            .role
            .as_ref()
            .and_then(|role| self.roles.get_key_value(role));
        xml.list("Roles", "member", role, |xml, (name, role)| {
            write_role(name, role, false, xml);
        });
        xml.tags("Tags", "member", &profile.tags);
    }
}

fn no_role(name: &str) -> AwsError {
    let message = format!("The role with name {name} cannot be found.");
    missing("NoSuchEntity", message)
}

fn no_profile(name: &str) -> AwsError {
    missing(
        "NoSuchEntity",
        format!("Instance Profile {name} cannot be found."),
    )
}

fn no_policy(name: &str) -> AwsError {
    let message = format!("The role policy with name {name} cannot be found.");
    missing("NoSuchEntity", message)
}

fn conflict(code: &str, message: impl Into<String>) -> AwsError {
    AwsError::with(StatusCode::CONFLICT, code, message)
}

fn arn(kind: &str, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{NUMBER}:{kind}{path}{name}")
}

/// Characters that stand for themselves in a URL (RFC 3986, section 2.3); all others are encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// IAM returns policy documents percent-encoded (GetRole, "AssumeRolePolicyDocument").
fn encoded(document: &str) -> String {
    utf8_percent_encode(document, ENCODED).to_string()
}

fn list<T>(
    items: impl IntoIterator<Item = T>,
    name: &str,
    write: impl FnMut(&mut XmlWriter, T),
) -> String {
    xml(|xml| {
        xml.list(name, "member", items, write);
        xml.text("IsTruncated", "false");
    })
}

/// A role; lists and profiles leave its tags out.
fn write_role(name: &str, role: &RoleRecord, with_tags: bool, xml: &mut XmlWriter) {
    xml.text("Path", &role.path);
    xml.text("RoleName", name);
    xml.text("RoleId", &role.id);
    xml.text("Arn", arn("role", &role.path, name));
    xml.value("CreateDate", role.created);
    xml.text("AssumeRolePolicyDocument", encoded(&role.trust));
    xml.text("Description", &role.description);
    if with_tags {
        xml.tags("Tags", "member", &role.tags);
    }
}

fn create_role(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let name = form.required("RoleName")?;
    let role = RoleRecord {
        id: format!("AROA{:016X}", account.next_id()),
        path: form.get("Path").unwrap_or("/").to_owned(),
        description: form.get("Description").unwrap_or_default().to_owned(),
        trust: form.required("AssumeRolePolicyDocument")?.to_owned(),
        policies: BTreeMap::new(),
        attached: BTreeSet::new(),
        created: CreationTime(account.now),
        tags: form.tags("Tags.member"),
    };
    if account.iam.roles.contains_key(name) {
        let message = format!("Role with name {name} already exists.");
        return Err(conflict("EntityAlreadyExists", message));
    }
    let answer = xml(|xml| xml.node("Role", |xml| write_role(name, &role, true, xml)));
    account.iam.roles.insert(name.to_owned(), role);
    Ok(answer)
}

/// What was just detached is still seen for a moment (terraform-provider-aws repeats this for
/// two minutes: internal/service/iam/role.go).
fn still_seen(account: &AwsAccount, name: &str) -> Result<(), AwsError> {
    match account.lags(&format!("detached/{name}")) {
        true => Err(conflict(
            "DeleteConflict",
            "Cannot delete entity, must remove referenced objects first.",
        )),
        false => Ok(()),
    }
}

fn delete_role(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    still_seen(account, form.required("RoleName")?)?;
    let iam = &mut account.iam;
    let (name, role) = iam.role_in(form)?;
    let message = if !role.policies.is_empty() || !role.attached.is_empty() {
        Some("Cannot delete entity, must detach all policies first.")
    } else if iam
        .profiles
        .values()
        .any(|one| one.role.as_deref() == Some(name))
    {
        Some("Cannot delete entity, must remove roles from instance profile first.")
    } else {
        None
    };
    if let Some(message) = message {
        return Err(conflict("DeleteConflict", message));
    }
    iam.roles.remove(name);
    Ok(String::new())
}

fn create_service_role(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let service = form.required("AWSServiceName")?;
    if !account.iam.service_roles.insert(service.to_owned()) {
        return Err(AwsError::new(
            "InvalidInput",
            format!(
                "Service role name for {service} has been taken in this account, please try a different suffix."
            ),
        ));
    }
    account.lag(Delay::ServiceRole, format!("service-role/{service}"));
    if account.profile.traits().piecemeal {
        account.lag(Delay::RolePropagation, service_policy_lag(service));
    }
    Ok(xml(|xml| {
        xml.node("Role", |xml| {
            let path = format!("/aws-service-role/{service}/");
            let name = "AWSServiceRole";
            xml.text("Path", &path);
            xml.text("RoleName", name);
            xml.text("RoleId", "AROASERVICE");
            xml.text("Arn", arn("role", &path, name));
            xml.text("CreateDate", "2020-01-01T00:00:00Z");
        });
    }))
}

fn create_profile(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let name = form.required("InstanceProfileName")?;
    let profile = ProfileRecord {
        id: format!("AIPA{:016X}", account.next_id()),
        path: form.get("Path").unwrap_or("/").to_owned(),
        role: None,
        known_to_ec2: false,
        created: CreationTime(account.now),
        tags: form.tags("Tags.member"),
    };
    if account.iam.profiles.contains_key(name) {
        let message = format!("Instance Profile {name} already exists.");
        return Err(conflict("EntityAlreadyExists", message));
    }
    account.iam.profiles.insert(name.to_owned(), profile);
    propagate(account, name);
    let iam = &account.iam;
    Ok(xml(|xml| {
        xml.node("InstanceProfile", |xml| {
            if let Some(profile) = iam.profiles.get(name) {
                iam.write_profile(name, profile, xml);
            }
        });
    }))
}

fn propagate(account: &mut AwsAccount, profile: &str) {
    account.after(
        Delay::ProfilePropagation,
        ScheduledEvent::ProfileKnown(profile.to_owned()),
    );
}

fn add_role(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let (role, _) = account.iam.role_in(form)?;
    let profile = account.iam.profile_mut(form)?;
    if profile.role.is_some() {
        return Err(conflict(
            "LimitExceeded",
            "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
        ));
    }
    profile.role = Some(role.to_owned());
    profile.known_to_ec2 = false;
    propagate(account, form.required("InstanceProfileName")?);
    Ok(String::new())
}

fn remove_role(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    let role = form.required("RoleName")?;
    let name = form.required("InstanceProfileName")?;
    let profile = account.iam.profile_mut(form)?;
    if profile.role.as_deref() != Some(role) {
        return Err(no_role(role));
    }
    profile.role = None;
    for one in [role, name] {
        account.lag(Delay::DetachLag, format!("detached/{one}"));
    }
    Ok(String::new())
}

fn delete_profile(account: &mut AwsAccount, form: &QueryForm<'_>) -> QueryResult {
    still_seen(account, form.required("InstanceProfileName")?)?;
    let iam = &mut account.iam;
    let (name, profile) = iam.profile_in(form)?;
    if profile.role.is_some() {
        return Err(conflict(
            "DeleteConflict",
            "Cannot delete entity, must remove roles from instance profile first.",
        ));
    }
    iam.profiles.remove(name);
    Ok(String::new())
}

fn summary(iam: &Iam) -> String {
    let entries = [
        ("Roles", iam.roles.len()),
        ("RolesQuota", 1000),
        ("InstanceProfiles", iam.profiles.len()),
        ("InstanceProfilesQuota", 1000),
    ];
    xml(|xml| {
        xml.list("SummaryMap", "entry", entries, |xml, (key, value)| {
            xml.text("key", key);
            xml.value("value", value);
        });
    })
}

/// Everything is allowed that no guardrail is known to deny.
///
/// SimulatePrincipalPolicy: "Simulate how a set of IAM policies attached to an IAM entity works
/// with a list of API operations and Amazon Web Services resources to determine the policies'
/// effective permissions."
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>).
fn simulate(guardrails: &[Guardrail], form: &QueryForm<'_>) -> String {
    form.accept(&["PolicySourceArn"]);
    let resources = form.list("ResourceArns.member");
    for entry in form.items("ContextEntries.member") {
        entry.accept(&["ContextKeyName", "ContextKeyType"]);
        entry.list("ContextKeyValues.member");
    }
    let actions = form.list("ActionNames.member");
    list(actions, "EvaluationResults", |xml, action| {
        xml.text("EvalActionName", action);
        xml.maybe("EvalResourceName", resources.first());
        let denied = guardrails.iter().any(|one| one.simulated(action));
        let decision = if denied { "explicitDeny" } else { "allowed" };
        xml.text("EvalDecision", decision);
        if denied {
            xml.node("OrganizationsDecisionDetail", |xml| {
                xml.text("AllowedByOrganizations", "false");
            });
        }
    })
}
