//! Permissions as plain data: which actions, on what, under which condition, and why.
//!
//! Each kind's grants are in its row; policies for people, the check of permissions and the
//! page of permissions all come from there. Actions, resource types and condition keys are those
//! of the AWS Service Authorization Reference
//! (docs.aws.amazon.com/service-authorization/latest/reference/), service by service.
//!
//! A creation in EC2 is judged once for each resource that it touches: what it creates has to be
//! tagged in the same call, and what it is created in has to be the environment's own.

/// What an action is used for; a plan that only creates needs no deletions checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum GrantUse {
    Read,
    Create,
    Update,
    Delete,
}

/// The condition under which a grant holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantCondition {
    /// None.
    Always,
    /// The request stamps the environment's tag on what it creates.
    Tagged,
    /// What is acted on has the environment's tag.
    Owned,
    /// So it does, and no other tag than this one is touched.
    OwnedTag(&'static str),
    /// A role is passed to this service alone.
    PassedTo(&'static str),
    /// The role that is created is the one of this service.
    ServiceRole(&'static str),
    /// The DNS records are names below the environment's zone.
    OwnRecords,
    /// The DNS zone is created for VPCs of the region, so a private one.
    PrivateZone,
}

/// Actions that are granted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The statement of a policy that it goes into.
    pub statement: &'static str,
    /// What for.
    pub access: &'static [GrantUse],
    pub(crate) actions: &'static str,
    pub(crate) on: &'static str,
    /// What has to hold of the resource or the request for the actions to be allowed.
    pub condition: GrantCondition,
    /// Why, as a phrase.
    pub why: &'static str,
}

impl Grant {
    /// IAM actions, for example `ec2:RunInstances`.
    pub fn actions(&self) -> impl Iterator<Item = &'static str> {
        self.actions.split_whitespace()
    }

    /// ARNs with `{partition}`, `{region}`, `{account}`, `{environment}`, `{bucket}`, `{zone}` and
    /// `{final_snapshot}` to be filled in; `*` where AWS knows no narrower resource.
    pub fn resources(&self) -> impl Iterator<Item = &'static str> {
        self.on.split_whitespace()
    }

    /// Whether it is used for this.
    #[must_use]
    pub fn is_for(&self, access: GrantUse) -> bool {
        self.access.contains(&access)
    }

    /// A grant with nothing left to the helpers below.
    pub(crate) const fn new(
        statement: &'static str,
        access: &'static [GrantUse],
        actions: &'static str,
        on: &'static str,
        condition: GrantCondition,
        why: &'static str,
    ) -> Self {
        Self {
            statement,
            access,
            actions,
            on,
            condition,
            why,
        }
    }
}

pub(crate) const READ: &[GrantUse] = &[GrantUse::Read];
pub(crate) const CREATE: &[GrantUse] = &[GrantUse::Create];
pub(crate) const UPDATE: &[GrantUse] = &[GrantUse::Update];
pub(crate) const CREATE_AND_UPDATE: &[GrantUse] = &[GrantUse::Create, GrantUse::Update];
pub(crate) const UPDATE_AND_DELETE: &[GrantUse] = &[GrantUse::Update, GrantUse::Delete];
pub(crate) const DELETE: &[GrantUse] = &[GrantUse::Delete];

/// Reading; AWS narrows most `Describe` calls by nothing but the region.
pub(crate) const fn read(actions: &'static str, why: &'static str) -> Grant {
    Grant::new("Read", READ, actions, "*", GrantCondition::Always, why)
}

/// Reading what keeps a resource from being deleted; without it nobody is named.
pub(super) const fn read_blockers(actions: &'static str, why: &'static str) -> Grant {
    Grant::new("Read", DELETE, actions, "*", GrantCondition::Always, why)
}

/// Creating in EC2 with the environment's tag in the same call.
pub(super) const fn create(actions: &'static str, on: &'static str, why: &'static str) -> Grant {
    Grant::new(
        "CreateTagged",
        CREATE,
        actions,
        on,
        GrantCondition::Tagged,
        why,
    )
}

/// Acting on what has the environment's tag in EC2.
pub(super) const fn own(
    access: &'static [GrantUse],
    actions: &'static str,
    why: &'static str,
) -> Grant {
    Grant::new(
        "ManageOwn",
        access,
        actions,
        "arn:{partition}:ec2:{region}:{account}:*/*",
        GrantCondition::Owned,
        why,
    )
}

/// Resources of one service that are identified by their names.
#[derive(Clone, Copy)]
pub(crate) struct NamedResources {
    pub(crate) statement: &'static str,
    pub(crate) on: &'static str,
}

impl NamedResources {
    pub(crate) const fn grant(
        self,
        access: &'static [GrantUse],
        actions: &'static str,
        why: &'static str,
    ) -> Grant {
        Grant::new(
            self.statement,
            access,
            actions,
            self.on,
            GrantCondition::Always,
            why,
        )
    }
}

/// The role with which a service of AWS acts in the account, created before its first resource. It
/// belongs to the account and outlives the environment.
pub(super) const fn service_role(service: &'static str, why: &'static str) -> Grant {
    Grant::new(
        "ServiceLinkedRoles",
        CREATE,
        "iam:CreateServiceLinkedRole",
        "arn:{partition}:iam::{account}:role/aws-service-role/*",
        GrantCondition::ServiceRole(service),
        why,
    )
}

pub(super) const TAKING_DOWN: &str = "deletion";
