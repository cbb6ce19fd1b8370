//! Proves that application nodes hear of each other's posts: for every pair of nodes, a
//! post made through one reaches a websocket that the other one holds.
//!
//! Only the proxy chooses nodes; its `X-Served-By` header tells which one it chose, on
//! answers and on websocket upgrades alike.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::agent_state::Agent;
use super::api::ApiError;
use super::scenario::CrossNodeStep;
use super::users::{ChannelMember, Readers, SimulatedUser, Venue, deliver, open_socket, settle};
use super::wire::Check;

const NAME: &str = "posts cross application nodes";

/// Longest pause before the proxy is asked once more for a node that it has not given yet.
const JITTER_MS: u64 = 20;

/// A websocket on a node that the others should reach.
struct NodeSocket {
    user: SimulatedUser,
    socket: usize,
}

/// Meets every node with a websocket and with a post, and looks at every pair.
pub(super) async fn perform(
    agent: &Agent,
    step: CrossNodeStep,
    place: &Venue,
    members: &[ChannelMember],
    readers: &mut Readers,
) -> Check {
    let nodes: BTreeSet<String> = agent.plan.app_nodes.iter().cloned().collect();
    if nodes.len() < 2 {
        return Check::pass(NAME, "one application node: there is nothing to cross");
    }
    if members.iter().all(|member| member.node.is_none()) {
        return Check::fail(
            NAME,
            "the proxy does not say in `X-Served-By` which node took a websocket",
        );
    }
    let nodes_count = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
    let attempts = step.attempts_per_node.saturating_mul(nodes_count);
    let sockets_by_node = match listen_on_all(agent, &nodes, attempts, members, readers).await {
        Ok(sockets_by_node) => sockets_by_node,
        Err(check) => return check,
    };
    let tokens = match post_on_all(agent, place, &nodes, attempts, &sockets_by_node).await {
        Ok(tokens) => tokens,
        Err(check) => return check,
    };
    settle(agent).await;
    let verdict = evaluate(agent, &tokens, &sockets_by_node);
    agent.shared.deliveries.clear();
    verdict
}

/// A websocket on each node: those that users have already, and new ones while a node is
/// missing.
async fn listen_on_all(
    agent: &Agent,
    nodes: &BTreeSet<String>,
    attempts: u32,
    members: &[ChannelMember],
    readers: &mut Readers,
) -> Result<BTreeMap<String, NodeSocket>, Check> {
    let mut sockets_by_node: BTreeMap<String, NodeSocket> = BTreeMap::new();
    for member in members {
        if let Some(node) = member.node.clone().filter(|node| nodes.contains(node)) {
            sockets_by_node.entry(node).or_insert_with(|| NodeSocket {
                user: member.user.clone(),
                socket: member.socket,
            });
        }
    }
    let more = members.iter().cycle().take(attempts as usize);
    for member in more {
        if sockets_by_node.len() == nodes.len() {
            break;
        }
        let Some(socket) = open_socket(agent, &member.user).await else {
            continue;
        };
        let node = socket.node.clone().filter(|node| nodes.contains(node));
        if let Some(node) = node.filter(|node| !sockets_by_node.contains_key(node)) {
            let socket = readers.add(socket, &agent.shared);
            let user = member.user.clone();
            sockets_by_node.insert(node, NodeSocket { user, socket });
        } else {
            pause_at_random().await;
        }
    }
    let unreached = absent(nodes, sockets_by_node.keys());
    if unreached.is_empty() {
        Ok(sockets_by_node)
    } else {
        Err(Check::fail(
            NAME,
            format!(
                "the proxy never gave a websocket to {unreached} ({} connections, {attempts} more)",
                members.len()
            ),
        ))
    }
}

/// A post through each node, in a channel that every listener is in; its token by node.
async fn post_on_all(
    agent: &Agent,
    place: &Venue,
    nodes: &BTreeSet<String>,
    attempts: u32,
    sockets_by_node: &BTreeMap<String, NodeSocket>,
) -> Result<BTreeMap<String, String>, Check> {
    let refused = |what: &str| Check::fail(NAME, format!("{what} was refused"));
    let name = format!("{}-relay", agent.plan.agent);
    let channel = agent
        .api(0)
        .create_channel(&place.admin, &place.team, &name)
        .await
        .map_err(|error| refused(&format!("the channel: {error}:")))?
        .id;
    let users: BTreeMap<u32, &SimulatedUser> = sockets_by_node
        .values()
        .map(|listener| (listener.user.number, &listener.user))
        .collect();
    for user in users.values() {
        agent
            .api(user.number)
            .join_channel(&user.session, &channel)
            .await
            .map_err(|error| refused(&format!("joining the channel: {error}:")))?;
    }
    let Some(poster) = users.values().next() else {
        return Err(refused("every user"));
    };
    let mut tokens = BTreeMap::new();
    let mut refusals = Refusals::default();
    let total = nodes.len() as u64;
    for attempt in 0..attempts {
        agent.progress("cross nodes", tokens.len() as u64, total);
        if tokens.len() == nodes.len() {
            break;
        }
        let token = format!("{}x{}n{attempt}", agent.plan.run, agent.plan.first_user);
        let sockets = sockets_by_node.values().map(|listener| listener.socket);
        match deliver(agent, poster, &channel, &token, sockets).await {
            Ok(Some(node)) if nodes.contains(&node) && !tokens.contains_key(&node) => {
                tokens.insert(node, token);
            }
            Ok(_) => pause_at_random().await,
            Err(error) => {
                refusals.add(&error);
                pause_at_random().await;
            }
        }
    }
    let missing: Vec<&String> = nodes
        .iter()
        .filter(|node| !tokens.contains_key(*node))
        .collect();
    if missing.is_empty() {
        Ok(tokens)
    } else {
        Err(Check::fail(NAME, refusals.explain(&missing, attempts)))
    }
}

/// Posts that were refused: by which node, how often, and why the last time.
#[derive(Debug, Default)]
struct Refusals {
    by_node: BTreeMap<String, (u32, String)>,
    /// Those of which the proxy did not say whose they are.
    by_nobody: Option<(u32, String)>,
}

impl Refusals {
    fn add(&mut self, error: &ApiError) {
        let (count, why) = match error.node() {
            Some(node) => self.by_node.entry(node.to_owned()).or_default(),
            None => self.by_nobody.get_or_insert_default(),
        };
        *count += 1;
        *why = error.to_string();
    }

    /// Why these nodes made no post out of so many.
    fn explain(&self, missing: &[&String], attempts: u32) -> String {
        let mut parts = Vec::new();
        let mut silent = Vec::new();
        for node in missing {
            match self.by_node.get(*node) {
                Some((count, why)) => parts.push(format!("{node} refused {count} posts: {why}")),
                None => silent.push(node.as_str()),
            }
        }
        if !silent.is_empty() {
            let silent = silent.join(", ");
            parts.push(format!(
                "the proxy never gave a post to {silent} ({attempts} posts)"
            ));
        }
        if let Some((count, why)) = &self.by_nobody {
            parts.push(format!("{count} posts failed without a node's name: {why}"));
        }
        parts.join("; ")
    }
}

/// Two agents that take turns at a round-robin proxy would meet the same node each time.
async fn pause_at_random() {
    let pause = rand::random_range(0..=JITTER_MS);
    tokio::time::sleep(Duration::from_millis(pause)).await;
}

/// Every pair of distinct nodes must have met.
fn evaluate(
    agent: &Agent,
    tokens: &BTreeMap<String, String>,
    sockets_by_node: &BTreeMap<String, NodeSocket>,
) -> Check {
    let mut slowest = Duration::ZERO;
    let mut missing = Vec::new();
    let mut pairs = 0_u32;
    for (from, token) in tokens {
        let arrivals = agent.shared.deliveries.arrivals(token);
        for (to, listener) in sockets_by_node.iter().filter(|(to, _)| *to != from) {
            pairs += 1;
            match arrivals.get(&listener.socket) {
                Some(took) => slowest = slowest.max(*took),
                None => missing.push(format!("{from} to {to}")),
            }
        }
    }
    if missing.is_empty() {
        agent.shared.measured().cross_node = Some(slowest);
        Check::pass(
            NAME,
            format!("{pairs} pairs, the slowest took {} ms", slowest.as_millis()),
        )
    } else {
        Check::fail(
            NAME,
            format!(
                "{} of {pairs} pairs lost a post: {}",
                missing.len(),
                missing.join(", ")
            ),
        )
    }
}

fn absent<'a>(nodes: &BTreeSet<String>, met: impl Iterator<Item = &'a String>) -> String {
    let met: BTreeSet<&String> = met.collect();
    let absent: Vec<&str> = nodes
        .iter()
        .filter(|node| !met.contains(node))
        .map(String::as_str)
        .collect();
    absent.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(node: Option<&str>) -> ApiError {
        ApiError::Refused {
            status: 403,
            id: "api.context.permissions.app_error".to_owned(),
            message: "No".to_owned(),
            node: node.map(str::to_owned),
        }
    }

    #[test]
    fn a_refused_post_is_the_nodes_and_not_the_proxys() {
        let mut refusals = Refusals::default();
        for _ in 0..25 {
            refusals.add(&refused(Some("10.0.0.4")));
        }
        let (refusing, silent) = ("10.0.0.4".to_owned(), "10.0.0.5".to_owned());
        assert_eq!(
            refusals.explain(&[&refusing], 50),
            "10.0.0.4 refused 25 posts: HTTP 403 `api.context.permissions.app_error`: No"
        );
        let both = refusals.explain(&[&refusing, &silent], 50);
        assert!(
            both.ends_with("; the proxy never gave a post to 10.0.0.5 (50 posts)"),
            "{both}"
        );
        refusals.add(&refused(None));
        assert!(refusals.explain(&[&silent], 50).contains("1 posts failed"));
    }
}
