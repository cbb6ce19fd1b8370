//! Whether an application node that has changed is a part of the server, before people are sent to it: its
//! own ping says nothing of version, license, cluster, configuration, search and metrics.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::diagnose::Diagnose;
use crate::loadtest::api::{Api, ApiError, ApiSession};
use crate::loadtest::wire::Admin;

use super::answers::{ClusterNode, is_search_backend, metrics, version_and_build};
use super::judge::is_licensed;
use super::{PlannedLicense, PromiseNode};

/// How long nodes may take to find each other, and a server to reach its search backend.
const JOINED: Duration = Duration::from_mins(1);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// What a node has to be.
#[derive(Clone, Debug)]
pub struct JoinPlan {
    /// The environment's name.
    pub environment: String,
    /// The node.
    pub node: PromiseNode,
    /// The administrator.
    pub admin: Admin,
    /// The license that it is to have.
    pub license: PlannedLicense,
    /// The version that it is to run, where the environment says it: `11.7.9`.
    pub version: Option<String>,
    /// Whether a search domain is to answer searches.
    pub search: bool,
    /// Whether its metrics are to be read.
    pub metrics: bool,
    /// Every node that it has to know.
    pub peers: Vec<JoinPeer>,
    /// One of these, which has to know it too.
    pub peer: Option<PromiseNode>,
}

/// A node that another one has to know.
#[derive(Clone, Debug)]
pub struct JoinPeer {
    /// For example `app-2`.
    pub name: String,
    /// Its address inside the VPC.
    pub address: String,
    /// Whether it is as it should be already: then both have one version, configuration and schema.
    pub is_as_planned: bool,
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeJoin {
    /// It is a part of the server.
    Joined,
    /// The administrator cannot log in, and why: nobody else is told.
    NotAsked(String),
}

/// Why a node is no part of the server although it answers.
#[derive(Debug, thiserror::Error)]
#[error("`{node}` answers, but {fault}")]
pub struct JoinError {
    environment: String,
    node: String,
    fault: String,
}

impl Diagnose for JoinError {
    fn hints(&self) -> Vec<String> {
        vec![format!(
            "`loadrig ssh {} {} -- sudo journalctl -u mattermost` shows the server's log",
            self.environment, self.node
        )]
    }
}

/// A reason, and whether waiting may fix it.
enum JoinFault {
    Passing(String),
    Lasting(String),
}

/// The addresses of the nodes that one lists as its cluster, itself included.
///
/// # Errors
/// When it cannot be asked, and why.
pub async fn known_addresses(
    node: &PromiseNode,
    admin: &Admin,
) -> Result<BTreeSet<String>, String> {
    let listed = async {
        let api = Api::new(&node.url, None)?;
        let session = api.administrator(admin).await?;
        api.cluster(&session).await
    };
    let listed: Result<_, ApiError> = listed.await;
    let listed = listed.map_err(|error| error.to_string())?;
    Ok(listed.into_iter().map(|one| one.ipaddress).collect())
}

/// Waits until a node is a part of the server, a minute at most. `waits` is told what it waits for.
///
/// # Errors
/// When it is not by then, or will not be.
pub async fn check_joined(plan: &JoinPlan, waits: impl Fn(&str)) -> Result<NodeJoin, JoinError> {
    let failed = |fault: String| JoinError {
        environment: plan.environment.clone(),
        node: plan.node.name.clone(),
        fault,
    };
    let no_login = |error: &ApiError| format!("the administrator cannot log in there: {error}");
    let api = Api::new(&plan.node.url, None).map_err(|error| failed(no_login(&error)))?;
    let session = match api.administrator(&plan.admin).await {
        Ok(session) => session,
        // The account is not as planned; `verify` says what helps.
        Err(error) if matches!(error.status(), Some(400..=404)) => {
            return Ok(NodeJoin::NotAsked(no_login(&error)));
        }
        Err(error) => return Err(failed(no_login(&error))),
    };
    let deadline = Instant::now() + JOINED;
    loop {
        match fault(plan, &api, &session).await {
            None => return Ok(NodeJoin::Joined),
            Some(JoinFault::Lasting(fault)) => return Err(failed(fault)),
            Some(JoinFault::Passing(fault)) if Instant::now() > deadline => {
                return Err(failed(format!("{fault}, for {} s", JOINED.as_secs())));
            }
            Some(JoinFault::Passing(fault)) => waits(&fault),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What keeps the node from being a part of the server now, causes first.
async fn fault(plan: &JoinPlan, api: &Api, session: &ApiSession) -> Option<JoinFault> {
    let passing = |error: ApiError| JoinFault::Passing(error.to_string());
    let told = match api.license(session).await {
        Ok(told) => told,
        Err(error) => return Some(passing(error)),
    };
    if plan.license.is_licensed() && !is_licensed(&told) {
        return Some(JoinFault::Lasting("it has no license".to_owned()));
    }
    if let PlannedLicense::Known { id, summary } = &plan.license
        && told.get("Id") != Some(id)
    {
        let fault = format!("it has another license than the planned one ({summary})");
        return Some(JoinFault::Lasting(fault));
    }
    let (id, backend) = match api.version(session).await {
        Ok(told) => told,
        Err(error) => return Some(passing(error)),
    };
    if let Err(fault) = is_version(&id, plan.version.as_deref()) {
        return Some(JoinFault::Lasting(fault));
    }
    if !plan.peers.is_empty() {
        let faults = match beside_peers(plan, api, session).await {
            Ok(faults) => faults,
            Err(error) => return Some(passing(error)),
        };
        if !faults.is_empty() {
            return Some(JoinFault::Passing(faults.join("; ")));
        }
    }
    if plan.search && !is_search_backend(&backend) {
        let fault = "it does not use the search domain".to_owned();
        return Some(JoinFault::Passing(fault));
    }
    if plan.metrics && plan.license.is_licensed() {
        let fault = match metrics(&plan.node.metrics_url).await {
            Ok(1..) => return None,
            Ok(0) => "its metrics have no sample of the server".to_owned(),
            Err(error) => format!("its metrics do not answer: {error}"),
        };
        return Some(JoinFault::Passing(fault));
    }
    None
}

/// Holds an `X-Version-Id` against the version that is planned, if one is known.
fn is_version(id: &str, planned: Option<&str>) -> Result<(), String> {
    let runs = version_and_build(id)?;
    match planned {
        // The server leaves out which candidate for a release it is.
        Some(planned)
            if !runs.starts_with(&format!(
                "{}.",
                planned.split('-').next().unwrap_or(planned)
            )) =>
        {
            Err(format!("it runs {runs}; planned is {planned}"))
        }
        _ => Ok(()),
    }
}

/// Who does not know whom, and how the node differs from those that are as planned.
async fn beside_peers(
    plan: &JoinPlan,
    api: &Api,
    session: &ApiSession,
) -> Result<Vec<String>, ApiError> {
    let listed = api.cluster(session).await?;
    let found = |address: &str| listed.iter().find(|one| one.ipaddress == address);
    let missing = plan
        .peers
        .iter()
        .filter(|one| found(&one.address).is_none());
    let missing: Vec<&str> = missing.map(|one| one.name.as_str()).collect();
    let mut faults = Vec::new();
    if !missing.is_empty() {
        faults.push(format!("it does not know {}", missing.join(", ")));
    }
    if let Some(peer) = &plan.peer {
        let listed = Api::new(&peer.url, None)?.cluster(session).await?;
        if !listed.iter().any(|one| one.ipaddress == plan.node.address) {
            faults.push(format!("{} does not know it", peer.name));
        }
    }
    if let Some(own) = found(&plan.node.address) {
        let planned = plan.peers.iter().filter(|one| one.is_as_planned);
        let pairs = planned.filter_map(|peer| Some((peer, found(&peer.address)?)));
        faults.extend(pairs.filter_map(|(peer, its)| difference(own, &peer.name, its)));
    }
    Ok(faults)
}

/// What a node has other than one that is as planned.
fn difference(own: &ClusterNode, peer: &str, its: &ClusterNode) -> Option<String> {
    let what = if own.version != its.version {
        "version"
    } else if own.config_hash != its.config_hash {
        "configuration"
    } else if own.schema_version != its.schema_version {
        "schema of the database"
    } else {
        return None;
    };
    Some(format!("it has another {what} than {peer}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_runs_the_planned_version_or_the_one_that_it_has() {
        let id = "11.7.9.11.7.9.d41d8cd98f.true";
        for planned in [None, Some("11.7.9"), Some("11.7.9-rc2")] {
            assert_eq!(is_version(id, planned), Ok(()), "{planned:?}");
        }
        for other in ["11.7.8", "11.7.90", "1.7.9"] {
            let fault = is_version(id, Some(other));
            let expected = format!("it runs 11.7.9.11.7.9; planned is {other}");
            assert_eq!(fault, Err(expected));
        }
        assert!(is_version("", None).is_err());
    }

    #[test]
    fn nodes_of_one_plan_are_alike() {
        let node = |version: &str, hash: &str, schema: &str| ClusterNode {
            version: version.to_owned(),
            config_hash: hash.to_owned(),
            ipaddress: String::new(),
            schema_version: schema.to_owned(),
        };
        let own = node("11.7.9", "a", "140");
        assert_eq!(difference(&own, "app-2", &own), None);
        for (other, what) in [
            (node("11.2.0", "b", "130"), "version"),
            (node("11.7.9", "b", "140"), "configuration"),
            (node("11.7.9", "a", "139"), "schema of the database"),
        ] {
            let told = difference(&own, "app-2", &other);
            assert_eq!(told, Some(format!("it has another {what} than app-2")));
        }
    }
}
