//! One storm, event by event.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::balancer::Balancer;
use crate::collapse::Collapse;
use crate::gate::Bucket;
use crate::model::{Arrivals, Ending, Lock, Outcome, Rig, Storm};
use crate::node::{Attempt, Node};

/// Clients that try again are this much off the beat: no two have the same clock.
const JITTER: f64 = 0.1;
/// Events after which a storm is not played on.
const MOST_EVENTS: u64 = 3_000_000;
/// Of up to so many users each attempt that the gate refuses is played. A small storm comes within a few
/// pauses of its clients: those who were refused together come back together, and between two such waves the
/// gate has turns that nobody takes. In a large one there is always somebody.
const FEW_USERS: u32 = 500;

#[derive(Clone, Copy, Debug)]
enum Event {
    /// A client begins an attempt.
    Try(Attempt),
    /// The gate passes it on.
    Pass(Attempt),
    /// A client's patience is over.
    GiveUp(Attempt),
    /// One of those whom a proxy refused comes back when there is room.
    ComeBack { proxy: usize },
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

/// Those whom one proxy refused, and who come back, where they are many. While the gate is full nearly all of
/// their attempts are refused again, millions in a storm: those are counted, and only the one that meets
/// with room is played. With many clients, each on its own beat, it comes after an exponential time.
#[derive(Clone, Debug, Default)]
struct Refused {
    waiting: Vec<Attempt>,
    /// Attempts that were refused, not yet a whole one, up to `counted`.
    attempts: f64,
    counted: f64,
    is_due: bool,
}

impl Refused {
    fn count(&mut self, now: f64, pause: f64) {
        self.attempts += self.waiting.len() as f64 * (now - self.counted) / pause;
        self.counted = now;
    }
}

struct Simulation<'a> {
    rig: &'a Rig,
    storm: &'a Storm,
    rng: SmallRng,
    events: BinaryHeap<Scheduled>,
    order: u64,
    clients: Vec<Client>,
    buckets: Vec<Bucket>,
    refused: Vec<Refused>,
    nodes: Vec<Node>,
    turns: Vec<u64>,
    /// What each proxy knows of the nodes: nothing of one another.
    balancers: Vec<Balancer>,
    /// Seconds of work of attempts that were counted and not played.
    not_played: f64,
    /// Clients who have come, are not in, and try on.
    outside: u32,
    collapse: Collapse,
    outcome: Outcome,
}

/// Plays one storm; the same seed gives the same storm.
#[must_use]
pub fn simulate(rig: &Rig, storm: &Storm, seed: u64) -> Outcome {
    play(rig, storm, 1.0, seed)
}

/// Plays one storm whose users come at random times that are off the even ones by a share (0 to 1) of
/// what they would be.
pub(crate) fn play(rig: &Rig, storm: &Storm, noise: f64, seed: u64) -> Outcome {
    let mut rng = SmallRng::seed_from_u64(seed);
    let starts = starts(storm, noise, &mut rng);
    let proxies = rig.gate.map_or(0, |gate| gate.proxies) as usize;
    let nodes = rig.nodes.count as usize;
    let mut simulation = Simulation {
        rig,
        storm,
        rng,
        events: BinaryHeap::with_capacity(starts.len() * 2),
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
        refused: vec![Refused::default(); proxies],
        nodes: vec![Node::new(&rig.nodes); nodes],
        turns: vec![0; nodes],
        balancers: vec![Balancer::new(nodes); proxies.max(1)],
        not_played: 0.0,
        outside: 0,
        collapse: Collapse::of(rig, storm),
        outcome: Outcome {
            ending: Ending::Drained,
            played: 0.0,
            logged_in: 0,
            last_in: 0.0,
            unanswered: 0,
            refused: 0,
            turns: 0,
            lost_turns: 0,
            dead_work: 0.0,
            work: 0.0,
            recovered: 0.0,
            waits: Vec::with_capacity(starts.len()),
            logins: Vec::with_capacity(starts.len()),
        },
    };
    for (client, start) in starts.into_iter().enumerate() {
        simulation.schedule(start, Event::Try(Attempt { client, number: 0 }));
    }
    simulation.run()
}

/// When users come, in order.
fn starts(storm: &Storm, noise: f64, rng: &mut SmallRng) -> Vec<f64> {
    let users = f64::from(storm.users);
    if storm.arrivals == Arrivals::Even {
        let even = (0..storm.users).map(|index| storm.window * f64::from(index) / users);
        return even.collect();
    }
    let mut random: Vec<f64> = (0..storm.users)
        .map(|_| rng.random::<f64>() * storm.window)
        .collect();
    random.sort_by(f64::total_cmp);
    for (index, start) in random.iter_mut().enumerate() {
        let even = storm.window * (index as f64 + 0.5) / users;
        *start = even + (*start - even) * noise;
        if storm.arrivals != Arrivals::Random {
            let share = (*start / storm.window).clamp(0.0, 1.0);
            *start = storm.arrivals.moment(share, storm.window) * storm.window;
        }
    }
    random
}

impl Simulation<'_> {
    fn schedule(&mut self, at: f64, event: Event) {
        self.order += 1;
        let order = self.order;
        self.events.push(Scheduled { at, order, event });
    }

    fn run(mut self) -> Outcome {
        let mut played = 0;
        while let Some(Scheduled { at, event, .. }) = self.events.pop() {
            played += 1;
            if self.has_collapsed(at) {
                return self.end_with(Ending::Collapsed, at);
            }
            if played > MOST_EVENTS {
                return self.end_with(Ending::CutOff, at);
            }
            self.outcome.played = at;
            match event {
                Event::Try(attempt) => self.begin(attempt, at),
                Event::Pass(attempt) => self.turn(attempt, at),
                Event::GiveUp(attempt) if self.is_waiting(attempt) => {
                    self.outcome.unanswered += 1;
                    self.fail(attempt, at);
                }
                Event::GiveUp(_) => {}
                Event::ComeBack { proxy } => self.come_back(proxy, at),
                Event::Checked { node, turn } => self.checked(node, turn, at),
            }
        }
        self.summed_up()
    }

    fn summed_up(mut self) -> Outcome {
        self.outcome.waits.sort_by(f64::total_cmp);
        let refused: f64 = self.refused.iter().map(|one| one.attempts).sum();
        self.outcome.refused += refused.round() as u64;
        self.outcome.recovered += self.not_played / self.nodes.len().max(1) as f64;
        self.outcome
    }

    /// Ends a storm before it ends by itself: what is in the nodes then is for clients that are gone by
    /// the time it is done.
    fn end_with(mut self, ending: Ending, at: f64) -> Outcome {
        let left: usize = self.nodes.iter().map(Node::len).sum();
        self.outcome.dead_work += left as f64 * self.rig.nodes.hash;
        self.outcome.ending = ending;
        self.outcome.played = at;
        self.outcome.recovered = f64::INFINITY;
        self.summed_up()
    }

    fn has_collapsed(&mut self, now: f64) -> bool {
        if self.collapse.is_over(now) {
            return true;
        }
        if !self.collapse.is_due(now) {
            return false;
        }
        let longest = self.backlogs(now).fold(0.0, f64::max);
        let still = now > self.storm.window && self.outside > 0;
        self.collapse
            .stands_still(now, longest, self.outcome.logged_in)
            && still
    }

    fn backlogs(&self, now: f64) -> impl Iterator<Item = f64> {
        self.nodes.iter().map(move |node| node.backlog(now))
    }

    /// The gate passes an attempt on; nginx drops what waits there when its client has gone.
    fn turn(&mut self, attempt: Attempt, now: f64) {
        if self.is_waiting(attempt) {
            self.pass(attempt, now);
        } else {
            self.outcome.turns += 1;
            self.outcome.lost_turns += 1;
        }
    }

    fn is_waiting(&self, attempt: Attempt) -> bool {
        let client = self.clients.get(attempt.client);
        client.is_some_and(|client| client.waits && client.attempt == attempt.number)
    }

    /// Whether nobody who comes from now on gets in before the end: the nodes are busy until then with
    /// those who came before.
    fn is_hopeless(&self, patience: f64, now: f64) -> bool {
        self.rig.gate.is_none()
            && self.rig.nodes.lock == Lock::OneAtATime
            && self
                .nodes
                .iter()
                .all(|node| node.backlog(now) > self.end() - now + patience)
    }

    /// Counts a client's attempts up to the end, none of which is answered.
    fn count_hopeless(&mut self, patience: f64, now: f64) {
        let again = self.storm.clients.mean_pause();
        let more = again.map_or(0.0, |pause| {
            (self.end() - now).max(0.0) / (patience + pause)
        });
        let attempts = 1.0 + more.floor();
        let work = attempts * self.rig.nodes.hash;
        self.outcome.unanswered += attempts as u64;
        self.outcome.work += work;
        self.outcome.dead_work += work;
        self.not_played += work;
    }

    fn begin(&mut self, attempt: Attempt, now: f64) {
        if attempt.number == 0 {
            self.outside += 1;
        }
        if self.collapse.may_be(self.outside) {
            let least = self.backlogs(now).fold(f64::INFINITY, f64::min);
            self.collapse.prove(now, least);
        }
        if self.collapse.is_proved() {
            return;
        }
        if let Some(patience) = self.storm.clients.patience
            && self.is_hopeless(patience, now)
        {
            return self.count_hopeless(patience, now);
        }
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
        let proxy = self.proxy(attempt);
        match self
            .buckets
            .get_mut(proxy)
            .and_then(|bucket| bucket.take(&gate, now))
        {
            Some(delay) => self.schedule(now + delay, Event::Pass(attempt)),
            None => {
                self.outcome.refused += 1;
                self.refuse(attempt, proxy, now);
            }
        }
    }

    /// The attempt is over without an answer.
    fn fail(&mut self, attempt: Attempt, now: f64) {
        self.stop_waiting(attempt);
        let Some(pause) = self.storm.clients.retry_after else {
            self.outside -= 1;
            return;
        };
        let pause = pause * (1.0 + JITTER * (self.rng.random::<f64>() * 2.0 - 1.0));
        self.try_again(attempt, now + pause);
    }

    /// Begins the next attempt of a client at a moment, or later by its jitter.
    fn try_again(&mut self, attempt: Attempt, mut at: f64) {
        let jitter = self.storm.clients.jitter;
        if jitter > 0.0 {
            at += jitter * self.rng.random::<f64>();
        }
        if at < self.end() {
            self.schedule(at, Event::Try(attempt.next()));
        }
    }

    /// The gate has refused the attempt.
    fn refuse(&mut self, attempt: Attempt, proxy: usize, now: f64) {
        self.stop_waiting(attempt);
        let (Some(told), Some(pause)) = (self.told(), self.pause()) else {
            self.outside -= 1;
            return;
        };
        if self.storm.users <= FEW_USERS {
            return self.try_again(attempt, now + told);
        }
        if let Some(refused) = self.refused.get_mut(proxy) {
            refused.count(now, pause);
            refused.waiting.push(attempt.next());
        }
        self.await_room(proxy, now);
    }

    /// Seconds after which clients come back to the gate, if they do; jitter is added to what they are
    /// told, too.
    fn told(&self) -> Option<f64> {
        let told = self.rig.gate.and_then(|gate| gate.retry_after);
        told.or(self.storm.clients.retry_after)
    }

    /// The same with the jitter's mean.
    fn pause(&self) -> Option<f64> {
        Some(self.told()? + self.storm.clients.jitter / 2.0)
    }

    fn await_room(&mut self, proxy: usize, now: f64) {
        let (Some(gate), Some(pause)) = (self.rig.gate, self.pause()) else {
            return;
        };
        let opens = self.buckets.get(proxy).map_or(now, |one| one.opens(&gate));
        let Some(refused) = self.refused.get_mut(proxy) else {
            return;
        };
        if refused.is_due || refused.waiting.is_empty() {
            return;
        }
        refused.is_due = true;
        let mean = pause / refused.waiting.len() as f64;
        let gap = -(1.0 - self.rng.random::<f64>()).ln() * mean;
        self.schedule(opens.max(now) + gap, Event::ComeBack { proxy });
    }

    fn come_back(&mut self, proxy: usize, now: f64) {
        let end = self.end();
        let Some(pause) = self.pause() else { return };
        let Some(refused) = self.refused.get_mut(proxy) else {
            return;
        };
        refused.is_due = false;
        refused.count(now.min(end), pause);
        if now >= end {
            refused.waiting.clear();
            return;
        }
        let index = self.rng.random_range(0..refused.waiting.len());
        let attempt = refused.waiting.swap_remove(index);
        self.begin(attempt, now);
        self.await_room(proxy, now);
    }

    fn stop_waiting(&mut self, attempt: Attempt) {
        if let Some(client) = self.clients.get_mut(attempt.client) {
            client.waits = false;
        }
    }

    /// When whoever is not in has given up.
    fn end(&self) -> f64 {
        self.storm.window + self.storm.grace
    }

    /// The proxy of a client, if there are any.
    fn proxy(&self, attempt: Attempt) -> usize {
        attempt.client % self.buckets.len().max(1)
    }

    /// Sends an attempt to a node.
    fn pass(&mut self, attempt: Attempt, now: f64) {
        let proxy = self.proxy(attempt);
        let (gate, nodes) = (self.rig.gate, self.nodes.len().max(1));
        let most = gate.map_or(u32::MAX, |gate| gate.in_node);
        let own = gate.filter(|gate| gate.own_node).map(|_| proxy % nodes);
        let balancer = self.balancers.get_mut(proxy);
        let Some(index) = balancer.and_then(|one| one.choose(own, most)) else {
            self.outcome.refused += 1;
            return self.refuse(attempt, proxy, now);
        };
        self.outcome.turns += u64::from(gate.is_some());
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
        let proxy = self.proxy(attempt);
        if let Some(balancer) = self.balancers.get_mut(proxy) {
            balancer.done(index);
        }
        if !self.is_waiting(attempt) {
            self.outcome.dead_work += self.rig.nodes.hash;
            return;
        }
        self.outside -= 1;
        self.outcome.logged_in += 1;
        self.outcome.last_in = now;
        if let Some(client) = self.clients.get_mut(attempt.client) {
            client.waits = false;
            self.outcome.waits.push(now - client.first_try);
            self.outcome.logins.push(now);
        }
    }
}
