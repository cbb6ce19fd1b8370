//! One storm, event by event.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::gate::Bucket;
use crate::model::{Arrivals, Outcome, Rig, Storm};
use crate::node::{Attempt, Node};

/// Clients that try again are this much off the beat: no two have the same clock.
const JITTER: f64 = 0.1;

#[derive(Clone, Copy, Debug)]
enum Event {
    /// A client begins an attempt.
    Try(Attempt),
    /// The gate passes it on.
    Pass(Attempt),
    /// A client's patience is over.
    GiveUp(Attempt),
    /// A node may have checked a password; stale if the node has been at something since.
    Checked { node: usize, turn: u64 },
}

#[derive(Clone, Copy, Debug)]
struct Scheduled {
    at: f64,
    order: u64,
    event: Event,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    /// The earliest is the greatest: the heap gives out the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        let at = other.at.total_cmp(&self.at);
        at.then_with(|| other.order.cmp(&self.order))
    }
}

#[derive(Clone, Copy, Debug)]
struct Client {
    first_try: f64,
    attempt: u32,
    waits: bool,
}

struct Simulation<'a> {
    rig: &'a Rig,
    storm: &'a Storm,
    rng: SmallRng,
    events: BinaryHeap<Scheduled>,
    order: u64,
    clients: Vec<Client>,
    buckets: Vec<Bucket>,
    nodes: Vec<Node>,
    turns: Vec<u64>,
    next_node: usize,
    outcome: Outcome,
}

/// Plays one storm; the same seed gives the same storm.
#[must_use]
pub fn simulate(rig: &Rig, storm: &Storm, seed: u64) -> Outcome {
    let mut rng = SmallRng::seed_from_u64(seed);
    let users = storm.users as usize;
    let mut starts: Vec<f64> = match storm.arrivals {
        Arrivals::Even => (0..users)
            .map(|index| storm.window * index as f64 / users as f64)
            .collect(),
        Arrivals::Random => (0..users)
            .map(|_| rng.random::<f64>() * storm.window)
            .collect(),
    };
    starts.sort_by(f64::total_cmp);
    let proxies = rig.gate.map_or(0, |gate| gate.proxies) as usize;
    let nodes = rig.nodes.count as usize;
    let mut simulation = Simulation {
        rig,
        storm,
        rng,
        events: BinaryHeap::with_capacity(users * 2),
        order: 0,
        clients: starts
            .iter()
            .map(|start| Client {
                first_try: *start,
                attempt: 0,
                waits: false,
            })
            .collect(),
        buckets: vec![Bucket::default(); proxies],
        nodes: vec![Node::new(&rig.nodes); nodes],
        turns: vec![0; nodes],
        next_node: 0,
        outcome: Outcome {
            logged_in: 0,
            last_in: 0.0,
            unanswered: 0,
            refused: 0,
            dead_work: 0.0,
            work: 0.0,
            recovered: 0.0,
            waits: Vec::with_capacity(users),
        },
    };
    for (client, start) in starts.into_iter().enumerate() {
        simulation.schedule(start, Event::Try(Attempt { client, number: 0 }));
    }
    simulation.run()
}

impl Simulation<'_> {
    fn schedule(&mut self, at: f64, event: Event) {
        self.order += 1;
        let order = self.order;
        self.events.push(Scheduled { at, order, event });
    }

    fn run(mut self) -> Outcome {
        while let Some(Scheduled { at, event, .. }) = self.events.pop() {
            match event {
                Event::Try(attempt) => self.begin(attempt, at),
                Event::Pass(attempt) if self.is_waiting(attempt) => self.pass(attempt, at),
                Event::GiveUp(attempt) if self.is_waiting(attempt) => {
                    self.outcome.unanswered += 1;
                    self.fail(attempt, at, None);
                }
                // nginx drops what waits at the gate when its client has gone.
                Event::Pass(_) | Event::GiveUp(_) => {}
                Event::Checked { node, turn } => self.checked(node, turn, at),
            }
        }
        self.outcome.waits.sort_by(f64::total_cmp);
        self.outcome
    }

    fn is_waiting(&self, attempt: Attempt) -> bool {
        let client = self.clients.get(attempt.client);
        client.is_some_and(|client| client.waits && client.attempt == attempt.number)
    }

    fn begin(&mut self, attempt: Attempt, now: f64) {
        if let Some(client) = self.clients.get_mut(attempt.client) {
            client.waits = true;
            client.attempt = attempt.number;
        }
        if let Some(patience) = self.storm.clients.patience {
            self.schedule(now + patience, Event::GiveUp(attempt));
        }
        let Some(gate) = self.rig.gate else {
            return self.pass(attempt, now);
        };
        let proxy = attempt.client % self.buckets.len().max(1);
        match self
            .buckets
            .get_mut(proxy)
            .and_then(|bucket| bucket.take(&gate, now))
        {
            Some(delay) => self.schedule(now + delay, Event::Pass(attempt)),
            None => {
                self.outcome.refused += 1;
                self.fail(attempt, now, gate.retry_after);
            }
        }
    }

    /// The attempt is over without a login. `told` is the server's `Retry-After`.
    fn fail(&mut self, attempt: Attempt, now: f64, told: Option<f64>) {
        if let Some(client) = self.clients.get_mut(attempt.client) {
            client.waits = false;
        }
        let Some(pause) = told.or(self.storm.clients.retry_after) else {
            return;
        };
        let pause = pause * (1.0 + JITTER * (self.rng.random::<f64>() * 2.0 - 1.0));
        if now + pause < self.storm.window + self.storm.grace {
            let again = Attempt {
                number: attempt.number + 1,
                ..attempt
            };
            self.schedule(now + pause, Event::Try(again));
        }
    }

    fn pass(&mut self, attempt: Attempt, now: f64) {
        let index = self.next_node;
        self.next_node = (index + 1) % self.nodes.len().max(1);
        if let Some(node) = self.nodes.get_mut(index) {
            node.add(attempt, now);
        }
        self.outcome.work += self.rig.nodes.hash;
        self.look(index);
    }

    /// Schedules the end of what a node works on.
    fn look(&mut self, index: usize) {
        let Some(turn) = self.turns.get_mut(index) else {
            return;
        };
        *turn += 1;
        let turn = *turn;
        if let Some(at) = self.nodes.get(index).and_then(Node::next) {
            self.schedule(at, Event::Checked { node: index, turn });
        }
    }

    fn checked(&mut self, index: usize, turn: u64, now: f64) {
        if self.turns.get(index) != Some(&turn) {
            return;
        }
        let finished = self.nodes.get_mut(index).and_then(|node| node.finish(now));
        self.outcome.recovered = now;
        self.look(index);
        let Some(attempt) = finished else { return };
        if !self.is_waiting(attempt) {
            self.outcome.dead_work += self.rig.nodes.hash;
            return;
        }
        self.outcome.logged_in += 1;
        self.outcome.last_in = now;
        if let Some(client) = self.clients.get_mut(attempt.client) {
            client.waits = false;
            self.outcome.waits.push(now - client.first_try);
        }
    }
}
