//! The least-privilege policy that an environment needs.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::blueprint::{Kind, blueprint};
use crate::engine::Cloud as _;
use crate::preflight::{Scope, Statement, documents, statements};
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

/// The policy of an environment in an account and region.
#[must_use]
pub fn iam_policy(spec: &Spec, account: &str, region: &str) -> PolicyReport {
    let scope = Scope::new(account, region, &spec.name);
    let kinds: BTreeSet<Kind> = blueprint(spec, &[])
        .resources()
        .map(|(_, desired)| desired.kind())
        .collect();
    let statements = statements(&kinds, &scope);
    PolicyReport {
        documents: documents(&statements),
        statements,
        scope,
    }
}

/// The account of the credentials in use.
///
/// # Errors
/// When there are none, or AWS refuses them.
pub async fn own_account(adapters: &dyn Adapters) -> Result<String, OpsError> {
    Ok(adapters.cloud().await?.account().await?.id)
}
