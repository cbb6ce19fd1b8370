//! Large storms, played with fewer users.
//!
//! The queue of a storm is the same in seconds if users, nodes and the gate's rate are all divided by one
//! number. There are no parts of nodes: what cannot be divided is made slower instead, and users come more
//! evenly, so that chance plays the part that it has with all of them.

use crate::model::{Clients, Gate, Nodes, Outcome, Rig, Storm};
use crate::simulate::{play, simulate};

/// The shortest pause of scaled clients, of their real one.
const SHORTEST_PAUSE: f64 = 0.1;

/// Plays one storm with `most` users at the most, which stand for all.
///
/// Exact if there are no more. Otherwise counts and times are near the exact ones; with hashes, patience
/// and rates as loadrig has them within a few hundredths.
#[must_use]
pub fn simulate_coarsely(rig: &Rig, storm: &Storm, most: u32, seed: u64) -> Outcome {
    if storm.users <= most {
        return simulate(rig, storm, seed);
    }
    let scale = f64::from(storm.users) / f64::from(most.max(1));
    let small = scaled_rig(rig, scale);
    // A password takes longer there, and no client is to give up or come again the sooner for it.
    let longer = small.nodes.hash - rig.nodes.hash;
    let clients = Clients {
        patience: storm.clients.patience.map(|patience| patience + longer),
        retry_after: storm
            .clients
            .retry_after
            .map(|pause| (pause - longer).max(pause * SHORTEST_PAUSE)),
        jitter: storm.clients.jitter,
    };
    let few = Storm {
        users: most.max(1),
        clients,
        ..*storm
    };
    let outcome = play(&small, &few, scale.sqrt().recip(), seed);
    let count = |number: u64| (number as f64 * scale).round() as u64;
    let work = scale * rig.nodes.hash / small.nodes.hash;
    Outcome {
        logged_in: match outcome.logged_in == few.users {
            true => storm.users,
            false => (f64::from(outcome.logged_in) * scale).round() as u32,
        },
        last_in: (outcome.last_in - longer).max(0.0),
        unanswered: count(outcome.unanswered),
        refused: count(outcome.refused),
        turns: count(outcome.turns),
        lost_turns: count(outcome.lost_turns),
        dead_work: outcome.dead_work * work,
        work: outcome.work * work,
        recovered: (outcome.recovered - longer).max(0.0),
        waits: outcome
            .waits
            .iter()
            .map(|wait| (wait - longer).max(rig.nodes.hash))
            .collect(),
        logins: outcome
            .logins
            .iter()
            .map(|login| (login - longer).max(0.0))
            .collect(),
        ..outcome
    }
}

fn scaled_rig(rig: &Rig, scale: f64) -> Rig {
    let count = divided(rig.nodes.count, scale);
    let nodes = Nodes {
        count,
        hash: rig.nodes.hash * scale * f64::from(count) / f64::from(rig.nodes.count.max(1)),
        lock: rig.nodes.lock,
    };
    let gate = rig.gate.map(|gate| {
        let proxies = divided(gate.proxies, scale);
        let share = f64::from(gate.proxies) / (scale * f64::from(proxies));
        Gate {
            proxies,
            rate: gate.rate * share,
            burst: ((f64::from(gate.burst) * share).round() as u32).max(1),
            in_node: in_node(&gate, proxies, nodes.hash / rig.nodes.hash),
            ..gate
        }
    });
    Rig { nodes, gate }
}

/// As many as are the same time of work in a node that is slower and, unless it is a proxy's own, behind fewer
/// proxies. Never fewer than keep it busy.
fn in_node(gate: &Gate, fewer: u32, slower: f64) -> u32 {
    let each = match gate.own_node {
        true => f64::from(gate.in_node),
        false => f64::from(gate.in_node) * f64::from(gate.proxies) / f64::from(fewer),
    };
    ((each / slower).round() as u32).max(gate.in_node.min(2))
}

fn divided(count: u32, scale: f64) -> u32 {
    ((f64::from(count) / scale).round() as u32).max(1)
}
