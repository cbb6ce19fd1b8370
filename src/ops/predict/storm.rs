//! A storm on an environment: what it meets there, and what comes of it.

use forecast::{Forecast, Gate, Lock, Nodes, Range, Rig, Storm};

use crate::spec::{LoginCost, LoginGate, Role, Spec};

use super::asked::{AskedStorm, RefusedClients};
use super::case::{PredictedCase, StormVerdict};
use super::cost::ExtraCost;

/// What one vCPU does for hashing while its core's other vCPU hashes too, of what it does alone.
const SHARED_CORE: f64 = 0.6;
/// Storms that are simulated for each variant, at the least: in a large one chance evens out.
const FEWEST_RUNS: u32 = 5;
/// And at the most: of those with few users, where the interval follows from chance alone, so many that it
/// holds 89 % of storms on average.
const MOST_RUNS: u32 = 200;
/// Users of all storms together that are worth simulating.
const PLAYED_USERS: u32 = 40_000;
/// The same storms every time.
const SEED: u64 = 1;
/// Everybody is in in time if the last is in by so many times the time within which they come,
const SLACK: f64 = 1.1;
/// and so many seconds.
const SLACK_SECONDS: f64 = 30.0;

/// A storm to try variants of an environment with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    pub(super) storm: Storm,
    /// What clients do when the gate refuses them.
    pub(super) refused: RefusedClients,
}

impl Trial {
    pub(super) fn new(asked: &AskedStorm) -> Self {
        Self {
            storm: asked.storm,
            refused: asked.refused,
        }
    }

    /// What logins meet in an environment, as these clients find it.
    fn rig(&self, spec: &Spec) -> Rig {
        let mut rig = rig(spec);
        let comes_back = self.storm.clients.retry_after.is_some();
        if let Some(gate) = &mut rig.gate {
            gate.retry_after = match (comes_back, self.refused.heed) {
                (false, _) => None,
                (true, true) => gate.retry_after,
                (true, false) => self.refused.otherwise,
            };
        }
        rig
    }

    /// The same storm over another time.
    pub(super) fn within(self, window: f64) -> Self {
        let storm = Storm {
            window,
            ..self.storm
        };
        Self { storm, ..self }
    }

    /// How many storms are simulated: the fewer users, the more depends on chance.
    fn runs(&self) -> u32 {
        (PLAYED_USERS / self.storm.users.max(1)).clamp(FEWEST_RUNS, MOST_RUNS)
    }

    /// Seconds by which everybody has to be in.
    fn soon(&self) -> f64 {
        self.storm.window * SLACK + SLACK_SECONDS
    }

    /// Whether an environment is likely to pass: one storm in place of many, with passwords at their
    /// dearest.
    pub(super) fn may_pass(&self, spec: &Spec) -> bool {
        let uncertainty = LoginCost::of(spec).uncertainty;
        let one = forecast::dearest(&self.rig(spec), &self.storm, uncertainty, self.runs(), SEED);
        one.logged_in == self.storm.users && one.last_in <= self.soon()
    }

    /// Whether all the storms that a case is made of pass.
    pub(super) fn passes(&self, spec: &Spec) -> bool {
        self.is_in_time(&self.forecast(spec))
    }

    /// What comes of the storm in an environment.
    pub(super) fn forecast(&self, spec: &Spec) -> Forecast {
        let uncertainty = LoginCost::of(spec).uncertainty;
        forecast::forecast(&self.rig(spec), &self.storm, uncertainty, self.runs(), SEED)
    }

    fn is_in_time(&self, forecast: &Forecast) -> bool {
        forecast.everybody_in >= 0.9
            && forecast
                .last_in
                .is_some_and(|last| last.high <= self.soon())
            && forecast.collapsed <= 0.5
    }

    /// What comes of a variant.
    pub(super) fn case(
        &self,
        spec: &Spec,
        change: String,
        yaml: Option<String>,
        cost: ExtraCost,
    ) -> PredictedCase {
        let rig = self.rig(spec);
        let forecast = self.forecast(spec);
        let verdict = match forecast.collapsed {
            most if most > 0.5 => StormVerdict::Collapses,
            _ if self.is_in_time(&forecast) => StormVerdict::InTime,
            some if some > 0.0 => StormVerdict::MayCollapse,
            _ => StormVerdict::Late,
        };
        PredictedCase {
            change,
            yaml,
            cost,
            within: self.storm.window,
            verdict,
            collapsed: forecast.collapsed,
            logged_in: forecast.logged_in,
            last_in: forecast.last_in,
            median_wait: forecast.median_wait,
            recovered: forecast.recovered,
            dead_work: forecast.dead_work.median,
            processors: self.processors(spec, &rig),
            cut_off: forecast.cut_off,
        }
    }

    /// If a variant collapses, or may: the least patience with which it does not, with passwords at their
    /// dearest.
    pub(super) fn patience_that_holds(&self, spec: &Spec, case: &PredictedCase) -> Option<f64> {
        (case.collapsed > 0.0 && !case.passes())
            .then(|| {
                let mut rig = self.rig(spec);
                rig.nodes.hash *= LoginCost::of(spec).uncertainty;
                forecast::patience_that_holds(&rig, &self.storm, SEED)
            })
            .flatten()
    }

    /// The most that logins take of the nodes' processors, with passwords at their dearest.
    fn processors(&self, spec: &Spec, rig: &Rig) -> f64 {
        let cost = LoginCost::of(spec);
        let vcpus = f64::from(cost.vcpus.max(1));
        let most = match rig.nodes.lock {
            Lock::OneAtATime => 1.0 / vcpus,
            Lock::Shared { .. } => 1.0,
        };
        // Those who try again offer more than once, so without a gate it is all that nodes can do.
        let busy = match rig.possible() < self.storm.offered() {
            true => rig.possible(),
            false => self.storm.offered(),
        };
        most * (busy / possible(rig, cost.uncertainty).low).min(1.0)
    }
}

/// What logins meet in an environment.
pub(super) fn rig(spec: &Spec) -> Rig {
    let cost = LoginCost::of(spec);
    let gate = LoginGate::of(spec);
    Rig {
        nodes: Nodes {
            count: cost.nodes.max(1),
            hash: cost.seconds / cost.uncertainty,
            lock: lock(&cost),
        },
        gate: gate.limits().map(|limits| Gate {
            proxies: spec.count(limits.on).max(1),
            rate: f64::from(limits.per_minute) / 60.0,
            burst: limits.burst,
            in_node: limits.in_node,
            own_node: limits.on == Role::App,
            retry_after: Some(f64::from(limits.retry_after)),
        }),
    }
}

fn lock(cost: &LoginCost) -> Lock {
    match cost.is_serial {
        true => Lock::OneAtATime,
        false => Lock::Shared {
            processors: (f64::from(cost.vcpus) * SHARED_CORE).max(1.0),
        },
    }
}

/// Logins per second that the nodes can take, over what a password may cost: by the factor more or less.
pub(super) fn possible(rig: &Rig, uncertainty: f64) -> Range {
    let median = rig.nodes.possible();
    Range {
        low: median / uncertainty,
        median,
        high: median * uncertainty,
    }
}

/// What that follows from.
pub(super) fn basis(cost: &LoginCost) -> String {
    let plural = if cost.nodes == 1 { "node" } else { "nodes" };
    let how = match cost.is_serial {
        true => "one password at a time".to_owned(),
        false => format!("{} vCPUs each", cost.vcpus),
    };
    format!(
        "{} {plural} of {}, {how}, {:.2} to {:.2} s for each ({})",
        cost.nodes,
        cost.server,
        cost.seconds / (cost.uncertainty * cost.uncertainty),
        cost.seconds,
        cost.basis
    )
}
