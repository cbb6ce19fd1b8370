//! What must be true of an account after a command, read from the account itself and not
//! with the adapter's eyes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use loadrig::spec::Spec;
use strict_cloud::{AccountResource, AwsAccount, SharedAccount};

use super::link::{CloudBackend, ProcessLink};
use super::process::{graph, runtime, work_left};

/// The tag that names the environment.
pub const ENVIRONMENT: &str = "loadrig:environment";
/// The tag that names the address.
pub const ADDRESS: &str = "loadrig:address";

/// Kinds that are parts of other resources: they come and go with those and have no address
/// of their own.
const PARTS: &[&str] = &["network interface", "volume"];

/// What a fresh process would still do to an account in memory.
pub fn still_to_do(account: &AwsAccount, spec: &Spec) -> Vec<String> {
    runtime().block_on(async {
        let shared = SharedAccount::new(account.clone());
        work_left(&ProcessLink::new(CloudBackend::Memory(shared), None), spec).await
    })
}

/// What is wrong with an account that should hold exactly one environment: resources that no
/// address of the blueprint accounts for, and addresses that more than one resource has.
pub fn unaccounted(account: &AwsAccount, spec: &Spec, outside: &BTreeSet<String>) -> Vec<String> {
    let addresses: BTreeSet<String> = graph(spec)
        .resources()
        .map(|(address, _)| address.to_string())
        .collect();
    let mut wrong = Vec::new();
    let mut holders: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for resource in account.resources() {
        if PARTS.contains(&resource.kind) || outside.contains(&resource.id) || resource.leaving {
            continue;
        }
        let address = resource.tags.get(ADDRESS).cloned().unwrap_or_default();
        let ours = resource.tags.get(ENVIRONMENT) == Some(&spec.name);
        if !ours || !addresses.contains(&address) {
            wrong.push(format!("{} at `{address}` is an orphan", name(&resource)));
        }
        *holders.entry((resource.kind, address)).or_default() += 1;
    }
    for ((kind, address), count) in holders {
        if count > 1 {
            wrong.push(format!("{count} × {kind} at `{address}`: duplicates"));
        }
    }
    wrong
}

/// What exists in an account that should hold no more than was there before.
pub fn leftovers(account: &AwsAccount, outside: &BTreeSet<String>) -> Vec<String> {
    account
        .resources()
        .iter()
        .filter(|resource| !outside.contains(&resource.id))
        .map(name)
        .collect()
}

/// The ids of all that exists.
pub fn ids(account: &AwsAccount) -> BTreeSet<String> {
    let resources = account.resources().into_iter();
    resources.map(|resource| resource.id).collect()
}

/// The account after a while in which nobody calls.
pub fn later(mut account: AwsAccount, by: Duration) -> AwsAccount {
    let then = account.now().checked_add(by).expect("in range");
    account.pass_until(then);
    account
}

fn name(resource: &AccountResource) -> String {
    format!("{} {}", resource.kind, resource.id)
}
