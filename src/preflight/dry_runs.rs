//! Which calls of EC2 a plan makes, and what dry runs of them came to.
//!
//! EC2 answers a call with `DryRun` as it would answer the call itself, and changes nothing:
//! `DryRunOperation` means that it is allowed, `UnauthorizedOperation` that it is not
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html>).

use std::collections::{BTreeMap, BTreeSet};

use crate::blueprint::kinds::GrantUse;
use crate::blueprint::{Blueprint, Desired, Kind};

/// What a dry run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DryRunOutcome {
    /// It is allowed.
    Permitted,
    /// It is not.
    Denied(String),
    /// It was refused for another reason.
    Refused {
        /// The code.
        code: String,
        /// The message.
        message: String,
        /// The HTTP status of the answer; none where the call was not sent.
        status: Option<u16>,
    },
    /// It was carried out: whoever answers does not know the flag.
    CarriedOut {
        /// The HTTP status of the answer.
        status: Option<u16>,
    },
    /// No answer that tells anything.
    Unanswered(String),
    /// It was not made, for this reason.
    NotMade(&'static str),
}

/// One dry run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DryRun {
    /// The action, for example `ec2:RunInstances`.
    pub action: &'static str,
    /// What tells it from others of the action: an instance type, for example.
    pub of: String,
    /// What it came to.
    pub outcome: DryRunOutcome,
}

/// What is to be tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DryRunWants {
    /// The actions of EC2 that a plan takes to create, change and delete.
    pub actions: BTreeSet<&'static str>,
    /// The instance types that it launches, those that it falls back to included, with the size of
    /// their root volume in GiB.
    pub launches: BTreeSet<(String, u32)>,
    /// The user's tags, which every creation bears.
    pub tags: BTreeMap<String, String>,
}

/// The calls of EC2 that bring an environment up, change it and take it down.
#[must_use]
pub fn dry_run_wants(blueprint: &Blueprint, tags: BTreeMap<String, String>) -> DryRunWants {
    let mut wants = DryRunWants {
        tags,
        ..DryRunWants::default()
    };
    let kinds: BTreeSet<Kind> = blueprint.resources().map(|(_, one)| one.kind()).collect();
    let changes = [GrantUse::Create, GrantUse::Update, GrantUse::Delete];
    for grant in kinds.iter().flat_map(|kind| kind.info().grants) {
        if changes.iter().any(|access| grant.is_for(*access)) {
            let actions = grant.actions();
            wants.actions.extend(actions.filter(|action| {
                action.starts_with("ec2:") && !action.starts_with("ec2:Describe")
            }));
        }
    }
    for (_, desired) in blueprint.resources() {
        if let Desired::Instance(instance) = desired {
            let types = std::iter::once(&instance.instance_type).chain(&instance.fallback_types);
            let launches = types.map(|one| (one.clone(), instance.disk_gib));
            wants.launches.extend(launches);
        }
    }
    wants
}
