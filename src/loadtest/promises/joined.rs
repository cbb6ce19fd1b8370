//! Whether an application node that has changed is a part of the server, before people are sent to it: its
//! own ping says nothing of license, cluster and search.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::diagnose::Diagnose;
use crate::loadtest::api::{Api, ApiError, ApiSession};
use crate::loadtest::wire::Admin;

use super::answers::is_search_backend;
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
    /// Whether a search domain is to answer searches.
    pub search: bool,
    /// Name and address of every node that it has to know.
    pub peers: Vec<(String, String)>,
    /// One of these, which has to know it too.
    pub peer: Option<PromiseNode>,
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
    if !plan.peers.is_empty() {
        let unknown = match unknown(plan, api, session).await {
            Ok(unknown) => unknown,
            Err(error) => return Some(passing(error)),
        };
        if !unknown.is_empty() {
            return Some(JoinFault::Passing(unknown.join("; ")));
        }
    }
    if plan.search {
        match api.version(session).await {
            Ok((_, backend)) if is_search_backend(&backend) => {}
            Ok(_) => {
                let fault = "it does not use the search domain".to_owned();
                return Some(JoinFault::Passing(fault));
            }
            Err(error) => return Some(passing(error)),
        }
    }
    None
}

/// Who does not know whom.
async fn unknown(
    plan: &JoinPlan,
    api: &Api,
    session: &ApiSession,
) -> Result<Vec<String>, ApiError> {
    let listed = api.cluster(session).await?;
    let is_listed = |address: &str| listed.iter().any(|one| one.ipaddress == address);
    let missing = plan.peers.iter().filter(|(_, address)| !is_listed(address));
    let missing: Vec<&str> = missing.map(|(name, _)| name.as_str()).collect();
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
    Ok(faults)
}
