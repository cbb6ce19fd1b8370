//! What the nodes said, held against what was promised. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use mattermost_license::Sku;

use crate::spec::{LicenseSummary, without_license};

use super::answers::{NodeAnswers, is_search_backend};
use super::{PlannedLicense, Promise, PromisePlan};

const VERSION: &str = "application nodes: one version";
const LICENSE: &str = "license: as planned";
const CLUSTER: &str = "cluster: every node knows every other";
const METRICS: &str = "metrics: every application node answers";
const SEARCH: &str = "search backend: in use";

/// What the nodes' own answers come to.
pub(super) struct Judged {
    pub(super) promises: Vec<Promise>,
    /// Whether posts can be expected on other nodes.
    pub(super) clustered: bool,
    /// Whether nodes can be expected to read from readers.
    pub(super) uses_readers: bool,
    /// Whether searches can be expected to find something.
    pub(super) searchable: bool,
}

/// Judges everything that the nodes said, causes first.
pub(super) fn judge(plan: &PromisePlan, answers: &[NodeAnswers], now: Timestamp) -> Judged {
    let is_missing = |node: &NodeAnswers| !node.license.as_ref().is_ok_and(is_licensed);
    let mut promises = vec![version(plan, answers), license(plan, answers, now)];
    // Consequences of a license that is not there are told with it.
    if !plan.license.is_licensed() || answers.iter().any(is_missing) {
        return Judged {
            promises,
            clustered: plan.nodes.len() < 2,
            uses_readers: false,
            searchable: !plan.search,
        };
    }
    let mut clustered = true;
    if plan.nodes.len() > 1 {
        let (promise, is_complete) = cluster(plan, answers);
        clustered = is_complete;
        promises.push(promise);
    }
    promises.push(metrics(plan, answers));
    let mut searchable = true;
    if plan.search {
        let search = search(plan, answers);
        searchable = !search.is_broken();
        promises.push(search);
    }
    Judged {
        promises,
        clustered,
        uses_readers: plan.readers > 0,
        searchable,
    }
}

fn logs(plan: &PromisePlan, node: &str) -> String {
    format!(
        "`loadrig ssh {} {node} -- sudo journalctl -u mattermost` shows the server's log",
        plan.environment
    )
}

fn version(plan: &PromisePlan, answers: &[NodeAnswers]) -> Promise {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in answers {
        match &node.version {
            Ok(version) => versions.entry(version).or_default().push(&node.name),
            Err(error) => {
                return Promise::broken(VERSION, format!("{}: {error}", node.name))
                    .remedy(logs(plan, &node.name));
            }
        }
    }
    let by_version: Vec<String> = versions
        .iter()
        .map(|(version, nodes)| format!("{version} on {}", nodes.join(", ")))
        .collect();
    let detail = by_version.join("; ");
    match versions.len() {
        1 => Promise::kept(VERSION, detail),
        _ => Promise::broken(VERSION, detail).remedy(format!(
            "`loadrig up {}` brings every node to the planned release",
            plan.environment
        )),
    }
}

fn license(plan: &PromisePlan, answers: &[NodeAnswers], now: Timestamp) -> Promise {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for node in answers {
        match &node.license {
            Err(error) => {
                return Promise::broken(LICENSE, format!("{}: {error}", node.name))
                    .remedy(logs(plan, &node.name));
            }
            Ok(told) if is_licensed(told) => with.push((node.name.as_str(), told)),
            Ok(_) => without.push(node.name.as_str()),
        }
    }
    let first = with.first().copied();
    match (&plan.license, first) {
        (PlannedLicense::Unlicensed, None) => Promise::kept(LICENSE, planned_without(plan)),
        // What an official server gives itself when it has none.
        (PlannedLicense::Unlicensed, Some((_, told))) if sku(told) == Sku::Entry => Promise::kept(
            LICENSE,
            format!("{}; the server runs as Mattermost Entry", planned_without(plan)),
        ),
        (PlannedLicense::Unlicensed, Some((_, told))) => Promise::doubtful(
            LICENSE,
            format!("{}, though the environment is planned without one", named(told)),
        )
        .remedy(
            "set `mattermost.license_file` in place of `unlicensed: accept` for all that it carries",
        ),
        (_, None) => Promise::broken(
            LICENSE,
            format!("no node has a license{}", consequences(plan)),
        )
        .remedy(format!(
            "{}: look for `license`; `loadrig up {}` brings the license to the nodes",
            logs(plan, answers.first().map_or("app-1", |node| &node.name)),
            plan.environment
        )),
        (_, Some(_)) if !without.is_empty() => Promise::broken(
            LICENSE,
            format!("no license on {}{}", without.join(", "), consequences(plan)),
        )
        .remedy(logs(plan, without[0])),
        (PlannedLicense::Known { id, summary }, Some((_, told))) => {
            let other = with.iter().filter(|(_, told)| told.get("Id") != Some(id));
            let other: Vec<String> = other
                .map(|(name, told)| format!("{name} has another license, {}", named(told)))
                .collect();
            match other.is_empty() {
                true => carried(plan, told, now),
                false => another(plan, format!("{}; planned is {summary}", other.join("; "))),
            }
        }
        (PlannedLicense::Unknown(why), Some((name, told))) => {
            match with.iter().find(|one| one.1.get("Id") != told.get("Id")) {
                Some((other, their)) => another(
                    plan,
                    format!("{name} has {}, {other} has {}", named(told), named(their)),
                ),
                None => not_compared(carried(plan, told, now), why),
            }
        }
    }
}

/// Nodes that have another license than they should.
fn another(plan: &PromisePlan, detail: String) -> Promise {
    Promise::broken(LICENSE, detail).remedy(format!(
        "`loadrig up {}` brings the planned license to every node",
        plan.environment
    ))
}

/// A license of all nodes that nobody knows to be the planned one.
fn not_compared(carried: Promise, why: &str) -> Promise {
    if carried.is_broken() {
        return carried;
    }
    let detail = format!(
        "{}; not compared with the planned license: {why}",
        carried.detail
    );
    let here = "run `verify` where the license can be read";
    Promise::doubtful(LICENSE, detail).remedy(match carried.remedy.as_str() {
        "" => here.to_owned(),
        more => format!("{here}; {more}"),
    })
}

pub(super) fn is_licensed(told: &BTreeMap<String, String>) -> bool {
    told.get("IsLicensed").is_some_and(|value| value == "true")
}

/// What a node says of its license, for people.
fn named(told: &BTreeMap<String, String>) -> String {
    match summary(told) {
        Some(summary) => summary.to_string(),
        None => sku(told).name().to_owned(),
    }
}

fn planned_without(plan: &PromisePlan) -> String {
    match without_license(&plan.without) {
        Some(warning) => warning.detail,
        None => "no license, as planned".to_owned(),
    }
}

fn sku(license: &BTreeMap<String, String>) -> Sku {
    Sku::new(license.get("SkuShortName").map_or("", String::as_str))
}

/// What a node says of its license; nothing where it leaves something of it out.
fn summary(license: &BTreeMap<String, String>) -> Option<LicenseSummary> {
    let number = |key: &str| license.get(key)?.parse().ok();
    Some(LicenseSummary {
        edition: sku(license).name().to_owned(),
        seats: number("Users")?,
        ends_ms: number("ExpiresAt")?,
    })
}

/// A license that every node has: for how long yet, and for how many users.
fn carried(plan: &PromisePlan, license: &BTreeMap<String, String>, now: Timestamp) -> Promise {
    let Some(summary) = summary(license) else {
        return Promise::kept(LICENSE, sku(license).name());
    };
    let warnings = summary.warnings(plan.users, now);
    let details: Vec<&str> = warnings.iter().map(|one| one.detail.as_str()).collect();
    let remedies: Vec<&str> = warnings.iter().map(|one| one.remedy.as_str()).collect();
    let (text, remedy) = (details.join("; "), remedies.join("; "));
    if summary.is_over(now) {
        Promise::broken(LICENSE, text).remedy(remedy)
    } else if !warnings.is_empty() {
        Promise::doubtful(LICENSE, text).remedy(remedy)
    } else {
        Promise::kept(LICENSE, summary.to_string())
    }
}

/// What does not work without the license, in one half sentence.
fn consequences(plan: &PromisePlan) -> String {
    let parts = [
        (plan.nodes.len() > 1, "no cluster"),
        (plan.readers > 0, "no readers"),
        (plan.search, "no search backend"),
        (true, "no metrics"),
    ];
    let parts: Vec<&str> = parts
        .into_iter()
        .filter(|(planned, _)| *planned)
        .map(|(_, what)| what)
        .collect();
    format!(", so {}", parts.join(", "))
}

/// The promise, and whether every node knows every other: those with different configurations may.
fn cluster(plan: &PromisePlan, answers: &[NodeAnswers]) -> (Promise, bool) {
    let planned: BTreeSet<&str> = answers.iter().map(|node| node.address.as_str()).collect();
    let name_of = |address: &str| {
        let found = answers.iter().find(|node| node.address == address);
        found.map_or_else(|| address.to_owned(), |node| node.name.clone())
    };
    let mut faults = Vec::new();
    let mut hashes: BTreeSet<&str> = BTreeSet::new();
    let mut schemas: BTreeSet<&str> = BTreeSet::new();
    for node in answers {
        let listed = match &node.cluster {
            Ok(listed) => listed,
            Err(error) => {
                faults.push(format!("{}: {error}", node.name));
                continue;
            }
        };
        let seen: BTreeSet<&str> = listed.iter().map(|one| one.ipaddress.as_str()).collect();
        let missing: Vec<String> = planned.difference(&seen).map(|one| name_of(one)).collect();
        let foreign: Vec<&str> = seen.difference(&planned).copied().collect();
        if !missing.is_empty() {
            faults.push(format!(
                "{} does not know {}",
                node.name,
                missing.join(", ")
            ));
        }
        if !foreign.is_empty() {
            faults.push(format!("{} knows {} too", node.name, foreign.join(", ")));
        }
        hashes.extend(listed.iter().map(|one| one.config_hash.as_str()));
        schemas.extend(listed.iter().map(|one| one.schema_version.as_str()));
    }
    let remedy = format!(
        "port 8074 has to be open between the nodes (`loadrig plan {0}` shows changed rules); `loadrig up {0}` repairs configurations",
        plan.environment
    );
    if !faults.is_empty() {
        let detail = format!("{}, so posts do not cross nodes", faults.join("; "));
        return (Promise::broken(CLUSTER, detail).remedy(remedy), false);
    }
    if hashes.len() > 1 || schemas.len() > 1 {
        let what = match hashes.len() {
            1 => "schemas of the database",
            _ => "configurations",
        };
        let detail = format!("the nodes have different {what}");
        return (Promise::broken(CLUSTER, detail).remedy(remedy), true);
    }
    let detail = format!("{} nodes with one configuration and schema", planned.len());
    (Promise::kept(CLUSTER, detail), true)
}

fn metrics(plan: &PromisePlan, answers: &[NodeAnswers]) -> Promise {
    let mut samples = 0;
    for node in answers {
        let fault = match &node.metrics {
            Ok(found @ 1..) => {
                samples += found;
                continue;
            }
            Ok(0) => "no sample of Mattermost".to_owned(),
            Err(error) => error.clone(),
        };
        return Promise::broken(METRICS, format!("{}: {fault}", node.name))
            .remedy(format!("{}: look for `metrics`", logs(plan, &node.name)));
    }
    Promise::kept(
        METRICS,
        format!("{samples} samples from {} nodes", answers.len()),
    )
}

fn search(plan: &PromisePlan, answers: &[NodeAnswers]) -> Promise {
    let remedy = format!(
        "`loadrig ssh {} search-proxy-1 -- curl -s localhost:9200/_cluster/health` shows the domain's state",
        plan.environment
    );
    for node in answers {
        let fault = match &node.search {
            Err(error) => error.clone(),
            Ok(()) if is_search_backend(&node.search_backend) => continue,
            Ok(()) => "the server searches in its database".to_owned(),
        };
        return Promise::broken(SEARCH, format!("{}: {fault}", node.name)).remedy(remedy);
    }
    let backend = answers.first().map_or("", |node| &node.search_backend);
    Promise::kept(SEARCH, format!("{backend} on {} nodes", answers.len()))
}

#[cfg(test)]
#[path = "judge_tests.rs"]
pub(super) mod tests;
