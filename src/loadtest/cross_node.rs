//! Proves that application nodes hear of each other's posts: for every pair of nodes, a
//! post made through one reaches a websocket that the other one holds.
//!
//! Only the proxy chooses nodes; its `X-Served-By` header tells which one it chose, on
//! answers and on websocket upgrades alike.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::agent_state::Agent;
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
        .api
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
            .api
            .join_channel(&user.session, &channel)
            .await
            .map_err(|error| refused(&format!("joining the channel: {error}:")))?;
    }
    let Some(poster) = users.values().next() else {
        return Err(refused("every user"));
    };
    let mut tokens = BTreeMap::new();
    let total = nodes.len() as u64;
    for attempt in 0..attempts {
        agent.progress("cross nodes", tokens.len() as u64, total);
        if tokens.len() == nodes.len() {
            break;
        }
        let token = format!("{}x{}n{attempt}", agent.plan.run, agent.plan.first_user);
        let sockets = sockets_by_node.values().map(|listener| listener.socket);
        let node = deliver(agent, poster, &channel, &token, sockets).await;
        match node.flatten() {
            Some(node) if nodes.contains(&node) && !tokens.contains_key(&node) => {
                tokens.insert(node, token);
            }
            _ => pause_at_random().await,
        }
    }
    let silent = absent(nodes, tokens.keys());
    if silent.is_empty() {
        Ok(tokens)
    } else {
        Err(Check::fail(
            NAME,
            format!("the proxy never gave a post to {silent} ({attempts} posts)"),
        ))
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
