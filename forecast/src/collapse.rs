//! How a collapse is told from a queue that drains slowly.
//!
//! A queue drains, however long it takes. A collapse does not: nodes work for clients that have gone,
//! whom nobody serves, and who therefore come again. It is proved, not guessed from a time that has
//! passed, so a storm that is only late is played to its end.

use crate::model::{Rig, Storm};

/// Clients that are told to come again are this much later than told, at the most.
const LATEST: f64 = 1.1;
/// With a gate those who come again meet it at random times: so many times as many have to be outside.
const AT_RANDOM: f64 = 2.0;
/// A storm in which nobody got in for so many times the time between two tries of a client stands still.
const STILL: f64 = 10.0;
/// Or for so many turns of the gate.
const TURNS: f64 = 20.0;

/// What a collapse of one storm takes, and how near to it the storm is.
///
/// Proof for nodes without a gate: let every node have more work than `enough`, which is twice the patience
/// and a pause. Whoever comes then waits longer than he is willing to. Each of those outside tries
/// again within a patience and a pause, so if there are as many as the nodes could serve in that time,
/// they bring at least as much work as is done, and the node's work is never less than the patience. Nobody
/// gets in, so they stay as many. With a gate that lets more through than the nodes can do the same
/// holds of what it lets through.
#[derive(Clone, Debug)]
pub(crate) struct Collapse {
    /// Seconds of work that every node must have; none where a collapse cannot be proved so.
    enough: Option<f64>,
    /// How many clients have to be outside.
    outside: f64,
    patience: f64,
    proved: Option<f64>,
    /// Seconds between two looks at whether anybody gets in; none if there is no need to look.
    interval: Option<f64>,
    next: f64,
    longest: f64,
    logged_in: u32,
}

impl Collapse {
    pub(crate) fn of(rig: &Rig, storm: &Storm) -> Self {
        let clients = storm.clients;
        let told = rig.gate.and_then(|gate| gate.retry_after);
        let pause = clients
            .retry_after
            .map(|own| own.max(told.unwrap_or(0.0)) * LATEST + clients.jitter);
        // Whoever gives up at a known time ends the storm by himself.
        let times = clients.patience.zip(pause);
        let times = times.filter(|_| storm.grace.is_infinite());
        let (patience, pause) = times.unwrap_or_default();
        let nodes = rig.nodes.possible();
        let is_passed = rig.gate.is_none_or(|gate| {
            let delay = f64::from(gate.burst) / gate.rate;
            f64::from(gate.proxies) * gate.rate > nodes && delay < patience
        });
        let more = if rig.gate.is_some() { AT_RANDOM } else { 1.0 };
        let turn = rig.gate.map_or(0.0, |gate| 1.0 / gate.rate);
        let interval = (STILL * (patience + pause)).max(TURNS * turn);
        Self {
            enough: times.filter(|_| is_passed).map(|_| 2.0 * patience + pause),
            outside: more * nodes * (patience + pause) + f64::from(rig.nodes.count),
            patience,
            proved: None,
            interval: times.map(|_| interval),
            next: interval,
            longest: 0.0,
            logged_in: 0,
        }
    }

    /// Whether so many clients outside are enough.
    pub(crate) fn may_be(&self, outside: u32) -> bool {
        self.enough.is_some() && self.proved.is_none() && f64::from(outside) > self.outside
    }

    /// With enough clients outside and so much work at the node that has the least, it has come.
    pub(crate) fn prove(&mut self, now: f64, least: f64) {
        if self.enough.is_some_and(|enough| least > enough) {
            self.proved = Some(now);
        }
    }

    pub(crate) fn is_proved(&self) -> bool {
        self.proved.is_some()
    }

    /// Whether those who came before the proof are in or gone, too.
    pub(crate) fn is_over(&self, now: f64) -> bool {
        self.proved
            .is_some_and(|proved| now > proved + self.patience)
    }

    pub(crate) fn is_due(&self, now: f64) -> bool {
        self.interval.is_some() && now >= self.next
    }

    /// Whether nobody got in since the last look, and the nodes are not on their way out of it.
    pub(crate) fn stands_still(&mut self, now: f64, longest: f64, logged_in: u32) -> bool {
        let nobody = logged_in == self.logged_in;
        let is_busy = longest > self.patience;
        let still = nobody && (!is_busy || longest >= self.longest);
        self.longest = longest;
        self.logged_in = logged_in;
        self.next = now + self.interval.unwrap_or(f64::INFINITY);
        still
    }
}
