//! What has to be alike for two runs to be comparable: the same users doing the same thing on the
//! same hosts. The server's version may differ: that is what runs are compared for.

use std::collections::BTreeSet;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::loadtest::ScenarioResult;
use crate::report::Report;
use crate::spec::{CloudTarget, Role};

/// Something that differs although it should not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// What it is.
    pub what: String,
    /// Its values on the base's side.
    pub base: Vec<String>,
    /// Its values on the other side.
    pub with: Vec<String>,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (base, with) = (self.base.join(" and "), self.with.join(" and "));
        write!(f, "{}: {base} against {with}", self.what)
    }
}

/// The conditions of a run, in the order in which they are told.
pub(super) fn conditions(report: &Report, result: &ScenarioResult) -> Vec<(String, String)> {
    let topology = &report.topology;
    let mut conditions = vec![
        ("scenario".to_owned(), result.scenario.clone()),
        ("steps of the scenario".to_owned(), steps(result)),
        ("users".to_owned(), result.users.to_string()),
        ("pace of arrivals".to_owned(), pace(result)),
        (
            "server".to_owned(),
            match result.server.standin {
                true => "stand-in".to_owned(),
                false => "Mattermost".to_owned(),
            },
        ),
        (
            "cloud".to_owned(),
            match report.environment.cloud {
                CloudTarget::Aws => "AWS".to_owned(),
                CloudTarget::Local => "local cloud".to_owned(),
            },
        ),
    ];
    for role in Role::ALL {
        let types: Vec<&str> = topology
            .hosts_of(role)
            .map(|host| host.instance_type.as_str())
            .collect();
        conditions.push((format!("{role} hosts"), counted(&types)));
    }
    let none = || "none".to_owned();
    conditions.push((
        "database".to_owned(),
        topology.database.as_ref().map_or_else(none, |database| {
            let readers = database.readers.len();
            let (engine, kind) = (&database.engine, &database.instance_type);
            format!("{engine} on {kind}, readers: {readers}")
        }),
    ));
    conditions.push((
        "search".to_owned(),
        topology.search.as_ref().map_or_else(none, |search| {
            format!("{} × {}", search.nodes, search.instance_type)
        }),
    ));
    conditions.push((
        "cache".to_owned(),
        topology.cache.as_ref().map_or_else(none, |cache| {
            format!("{} × {}", cache.nodes, cache.instance_type)
        }),
    ));
    conditions
}

/// How users came where somebody changed that while the storm went on.
fn pace(result: &ScenarioResult) -> String {
    let changes = result.storm.as_ref().map(|figures| figures.storm.pace());
    let changes: Vec<String> = changes
        .unwrap_or_default()
        .iter()
        .map(|change| format!("{} × from {} s", change.factor, change.at_ms / 1000))
        .collect();
    match changes.is_empty() {
        true => "as planned".to_owned(),
        false => changes.join(", "),
    }
}

/// What the users do, as the beginning of a digest: a file may have been edited under the same name.
fn steps(result: &ScenarioResult) -> String {
    match &result.definition {
        None => "not recorded".to_owned(),
        Some(definition) => {
            // A storm has no steps; what makes it the same storm has other names.
            let said: Vec<String> = ["steps", "phases", "client", "mix", "population", "seed"]
                .iter()
                .filter_map(|key| definition.get(key))
                .map(|value| value.to_string())
                .collect();
            let digest = Sha256::digest(said.concat());
            format!("sha256 {}", hex::encode(&digest[..4]))
        }
    }
}

/// `2 × c7i.xlarge`; several kinds with a `+` between.
fn counted(types: &[&str]) -> String {
    let kinds: BTreeSet<&str> = types.iter().copied().collect();
    if kinds.is_empty() {
        return "none".to_owned();
    }
    let count = |kind: &&str| types.iter().filter(|one| *one == kind).count();
    let parts: Vec<String> = kinds
        .iter()
        .map(|kind| format!("{} × {kind}", count(kind)))
        .collect();
    parts.join(" + ")
}

/// What differs between runs, also within one side.
pub(super) fn mismatches(
    base: &[Vec<(String, String)>],
    with: &[Vec<(String, String)>],
) -> Vec<Mismatch> {
    let Some(first) = base.first() else {
        return Vec::new();
    };
    let values = |side: &[Vec<(String, String)>], at: usize| -> Vec<String> {
        let values: BTreeSet<String> = side
            .iter()
            .filter_map(|run| run.get(at).map(|(_, value)| value.clone()))
            .collect();
        values.into_iter().collect()
    };
    first
        .iter()
        .enumerate()
        .filter_map(|(at, (what, _))| {
            let (base, with) = (values(base, at), values(with, at));
            let is_alike = base.len() == 1 && base == with;
            (!is_alike).then(|| Mismatch {
                what: what.clone(),
                base,
                with,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_counted_by_kind() {
        assert_eq!(counted(&[]), "none");
        assert_eq!(counted(&["c7i.large", "c7i.large"]), "2 × c7i.large");
        assert_eq!(counted(&["b", "a", "b"]), "1 × a + 2 × b");
    }

    #[test]
    fn what_differs_within_a_side_is_a_mismatch_too() {
        let run = |users: &str| vec![("users".to_owned(), users.to_owned())];
        assert!(mismatches(&[run("50"), run("50")], &[run("50")]).is_empty());
        let found = mismatches(&[run("50"), run("60")], &[run("50")]);
        assert_eq!(found[0].to_string(), "users: 50 and 60 against 50");
    }
}
