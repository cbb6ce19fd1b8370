//! The least-privilege policy that an environment needs.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::blueprint::{Blueprint, CanaryHost, Kind, blueprint, canary, canary_spec};
use crate::engine::Cloud as _;
use crate::preflight::{Scope, Statement, canary_statements, documents, statements};
use crate::spec::Spec;

use super::adapters::Adapters;
use crate::ops::error::OpsError;

/// A policy and where it comes from.
#[derive(Clone, Debug)]
pub struct PolicyReport {
    /// What it is for.
    pub scope: Scope,
    /// Its statements, each action with its reason.
    pub statements: Vec<Statement>,
    /// The policy documents: more than one where one would be too long.
    pub documents: Vec<Value>,
}

/// What a policy takes from an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyAccount {
    /// 12 digits.
    pub id: String,
    /// Id of the environment's private DNS zone, if it has one and it is known.
    pub zone: Option<String>,
}

/// The policy of an environment in an account and region.
#[must_use]
pub fn iam_policy(spec: &Spec, account: &PolicyAccount, region: &str) -> PolicyReport {
    let scope = Scope::of(spec, &account.id, region).with_zone(account.zone.as_deref());
    let kinds: BTreeSet<Kind> = blueprint(spec, &[])
        .resources()
        .map(|(_, desired)| desired.kind())
        .collect();
    report(statements(&kinds, &scope), scope)
}

/// The policy of the canaries by which `doctor --live` tries an account for an environment.
#[must_use]
pub fn canary_policy(spec: &Spec, account: &str, region: &str) -> PolicyReport {
    let scope = Scope::of_canaries(account, region);
    let host = CanaryHost {
        operators: Vec::new(),
        lifetime: Duration::ZERO,
    };
    let kinds = |graph: &Blueprint| -> BTreeSet<Kind> {
        graph.resources().map(|(_, one)| one.kind()).collect()
    };
    let created = canary(&canary_spec(spec, &spec.name), Some(&host));
    let statements = canary_statements(&kinds(&blueprint(spec, &[])), &kinds(&created), &scope);
    report(statements, scope)
}

fn report(statements: Vec<Statement>, scope: Scope) -> PolicyReport {
    PolicyReport {
        documents: documents(&statements),
        statements,
        scope,
    }
}

/// The account of the credentials in use, with the environment's zone if it exists there.
///
/// # Errors
/// When there are no credentials, AWS refuses them, or zones cannot be listed.
pub async fn own_account(adapters: &dyn Adapters, spec: &Spec) -> Result<PolicyAccount, OpsError> {
    let cloud = adapters.cloud().await?;
    let id = cloud.account().await?.id;
    let zone = match spec.network.private_dns {
        true => cloud.private_zone(&spec.name).await?,
        false => None,
    };
    Ok(PolicyAccount { id, zone })
}
