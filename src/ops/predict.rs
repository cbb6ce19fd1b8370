//! What a login storm will do to an environment, before it is built, and what mends it.
//!
//! A pure function of the YAML: no account is asked. The simulation is the crate `forecast`, which
//! is held to measurements of a real server.

use std::time::Duration;

use forecast::{Arrivals, Clients, Forecast, Gate, Lock, Nodes, Range, Rig, Storm};
use serde::Serialize;

use crate::engine::CloudError;
use crate::spec::{GateSetting, LoginCost, LoginGate, Release, Role, Spec};

use super::plan::price;

/// What one vCPU does for hashing while its core's other vCPU hashes too, of what it does alone.
const SHARED_CORE: f64 = 0.6;
/// The table of costs errs on the dear side, since none of EC2's processors was measured: a password
/// may cost by this factor less, and by this one less again.
const UNCERTAINTY: f64 = 1.25;
/// Storms that are played for the environment as it is.
const RUNS: u32 = 5;
/// The same storms every time.
const SEED: u64 = 1;
/// The first version without a lock over logins.
const UNLOCKED: &str = "11.8.0";
/// What is asked for beyond the offered rate: a node that is just fast enough never catches up.
const SLACK: f64 = 1.1;

/// The storm that is asked about.
#[derive(Clone, Copy, Debug)]
pub struct StormOptions {
    /// Users who log in; all that the size is for without it.
    pub users: Option<u32>,
    /// Within which time they come.
    pub within: Duration,
    /// How long clients wait for an answer.
    pub patience: Duration,
    /// After which time they try again.
    pub retry_after: Duration,
}

/// What will happen.
#[derive(Clone, Debug, Serialize)]
pub struct Prediction {
    /// Name of the environment.
    pub environment: String,
    /// Users who log in.
    pub users: u32,
    /// Seconds within which they come.
    pub within: f64,
    /// Seconds for which clients wait.
    pub patience: f64,
    /// Seconds after which they try again.
    pub retry_after: f64,
    /// Logins per second that are offered.
    pub offered: f64,
    /// Logins per second that the nodes can take.
    pub possible: f64,
    /// What that follows from.
    pub basis: String,
    /// The environment as it is, then each change.
    pub cases: Vec<PredictedCase>,
}

/// What will happen to one variant of the environment.
#[derive(Clone, Debug, Serialize)]
pub struct PredictedCase {
    /// What is changed.
    pub change: String,
    /// US dollars per hour more than without it.
    pub cost: f64,
    /// Users who get in.
    pub logged_in: Range,
    /// Seconds until the last of them is in.
    pub last_in: Range,
    /// Seconds that half of them wait at the most.
    pub median_wait: Range,
    /// Seconds from the start until logins are answered at once again.
    pub recovered: Range,
    /// Share of the nodes' work that is for clients who have gone.
    pub dead_work: f64,
    /// Whether it collapses: not everybody gets in, or not within twice the least time.
    pub collapses: bool,
    /// Whether everybody is in soon after the last has come.
    pub passes: bool,
}

impl Prediction {
    /// The cheapest change that lets everybody in in time; of two at one price the first.
    #[must_use]
    pub fn cheapest(&self) -> Option<&PredictedCase> {
        let passing = self.cases.iter().filter(|case| case.passes);
        passing.min_by(|a, b| a.cost.total_cmp(&b.cost))
    }
}

/// Predicts a storm.
///
/// # Errors
/// When the environment has a size whose price cannot be told.
pub fn predict(spec: &Spec, options: &StormOptions) -> Result<Prediction, CloudError> {
    let cost = LoginCost::of(spec);
    let users = options.users.unwrap_or(spec.concurrent_users);
    let storm = storm(users, options);
    let now = rig(spec, &cost);
    let base = price(spec)?.per_hour;
    let mut cases = vec![case("as it is", 0.0, &now, &storm)];
    for (change, changed) in changes(spec, &cost, &storm) {
        let more = price(&changed)?.per_hour - base;
        let changed_rig = rig(&changed, &LoginCost::of(&changed));
        cases.push(case(&change, more, &changed_rig, &storm));
    }
    let rate = rate_to_count_on(spec, &cost);
    if rate < storm.offered() * SLACK {
        let window = f64::from(users) * SLACK / rate;
        let spread = Storm { window, ..storm };
        let change = format!("spread over {:.0} min", (window / 60.0).ceil());
        cases.push(case(&change, 0.0, &now, &spread));
    }
    Ok(Prediction {
        environment: spec.name.clone(),
        users,
        within: storm.window,
        patience: options.patience.as_secs_f64(),
        retry_after: options.retry_after.as_secs_f64(),
        offered: storm.offered(),
        possible: now.nodes.possible(),
        basis: basis(&cost),
        cases,
    })
}

fn storm(users: u32, options: &StormOptions) -> Storm {
    let window = options.within.as_secs_f64();
    Storm {
        users,
        window,
        arrivals: Arrivals::Random,
        clients: Clients {
            patience: Some(options.patience.as_secs_f64()),
            retry_after: Some(options.retry_after.as_secs_f64()),
        },
        // Whoever is not in by then goes home.
        grace: 2.0 * window,
    }
}

fn rig(spec: &Spec, cost: &LoginCost) -> Rig {
    let lock = match cost.is_serial {
        true => Lock::OneAtATime,
        false => Lock::Shared {
            processors: (f64::from(cost.vcpus) * SHARED_CORE).max(1.0),
        },
    };
    let gate = LoginGate::of(spec);
    Rig {
        nodes: Nodes {
            count: cost.nodes.max(1),
            hash: cost.seconds / UNCERTAINTY,
            lock,
        },
        gate: gate.limits().map(|limits| Gate {
            proxies: spec.count(limits.on).max(1),
            rate: f64::from(limits.per_minute) / 60.0,
            burst: limits.burst,
            retry_after: Some(f64::from(limits.retry_after)),
        }),
    }
}

/// Logins per second that get through even if passwords cost as much as the table says.
fn rate_to_count_on(spec: &Spec, cost: &LoginCost) -> f64 {
    match LoginGate::of(spec).limits() {
        Some(limits) => limits.rate,
        None => rig(spec, cost).nodes.possible() / UNCERTAINTY,
    }
}

/// Changes that may mend it, each by itself.
fn changes(spec: &Spec, cost: &LoginCost, storm: &Storm) -> Vec<(String, Spec)> {
    let mut changes = Vec::new();
    let mut gated = spec.clone();
    gated.login_gate = GateSetting::default();
    if LoginGate::of(spec).limits().is_none() && LoginGate::of(&gated).limits().is_some() {
        changes.push(("a login gate".to_owned(), gated.clone()));
    }
    let each = rate_to_count_on(&gated, cost) / f64::from(cost.nodes.max(1));
    let needed = (storm.offered() * SLACK / each).ceil() as u32;
    if needed > cost.nodes {
        let mut more = gated.clone();
        if let Some(group) = more.nodes.get_mut(&Role::App) {
            group.count = needed;
        }
        changes.push((format!("{needed} application nodes"), more));
    }
    if cost.is_serial && matches!(spec.mattermost.release, Release::Version(_)) {
        let mut newer = gated;
        newer.mattermost.release = Release::Version(UNLOCKED.to_owned());
        changes.push((format!("Mattermost {UNLOCKED}, without the lock"), newer));
    }
    changes
}

fn case(change: &str, cost: f64, rig: &Rig, storm: &Storm) -> PredictedCase {
    let Forecast {
        logged_in,
        last_in,
        median_wait,
        recovered,
        dead_work,
        collapsed,
        everybody_in,
        ..
    } = forecast::forecast(rig, storm, UNCERTAINTY, RUNS, SEED);
    let soon = storm.window * SLACK + 30.0;
    PredictedCase {
        change: change.to_owned(),
        cost,
        logged_in,
        last_in,
        median_wait,
        recovered,
        dead_work: dead_work.median,
        collapses: collapsed > 0.5,
        passes: everybody_in >= 0.9 && last_in.high <= soon,
    }
}

fn basis(cost: &LoginCost) -> String {
    let plural = if cost.nodes == 1 { "node" } else { "nodes" };
    let how = match cost.is_serial {
        true => "one password at a time".to_owned(),
        false => format!("{} vCPUs each", cost.vcpus),
    };
    format!(
        "{} {plural} of {}, {how}, {:.2} to {:.2} s for each ({})",
        cost.nodes,
        cost.server,
        cost.seconds / (UNCERTAINTY * UNCERTAINTY),
        cost.seconds,
        cost.basis
    )
}

#[cfg(test)]
mod tests {
    use crate::spec::Library;

    use super::*;

    fn predicted(more: &str, users: u32) -> Prediction {
        let library = Library::new(Some("no-such-directory".into()));
        let text =
            format!("architecture: 15k\nmattermost: {{release: 11.7.9, license_env: L}}\n{more}");
        let spec = library.load_text("test", &text).unwrap();
        let options = StormOptions {
            users: Some(users),
            within: Duration::from_mins(15),
            patience: Duration::from_secs(10),
            retry_after: Duration::from_secs(3),
        };
        predict(&spec, &options).unwrap()
    }

    fn case<'a>(prediction: &'a Prediction, change: &str) -> &'a PredictedCase {
        let found = prediction
            .cases
            .iter()
            .find(|case| case.change.contains(change));
        found.unwrap_or_else(|| panic!("no `{change}` in {prediction:#?}"))
    }

    #[test]
    fn without_a_gate_a_storm_beyond_the_nodes_collapses_and_with_one_it_is_late() {
        let off = predicted("proxy: {login_gate: off}\n", 15_000);
        assert!(off.offered > off.possible);
        let now = case(&off, "as it is");
        assert!(
            now.collapses && !now.passes && now.logged_in.high < 5_000.0,
            "{now:?}"
        );
        let gated = case(&off, "a login gate");
        assert!(
            !gated.collapses && gated.logged_in.low >= 15_000.0,
            "{gated:?}"
        );
        assert!(gated.dead_work < 0.01, "{gated:?}");
    }

    #[test]
    fn the_cheapest_change_lets_everybody_in_in_time() {
        let late = predicted("", 15_000);
        assert!(!case(&late, "as it is").passes);
        let nodes = case(&late, "application nodes");
        assert!(nodes.passes && nodes.cost > 0.0, "{nodes:?}");
        let spread = case(&late, "spread over");
        assert!(spread.passes, "{spread:?}");
        // It costs nothing.
        assert!(late.cheapest().unwrap().cost < 0.01);
    }

    #[test]
    fn a_storm_that_the_nodes_can_take_needs_no_change() {
        let calm = predicted("", 3_000);
        assert!(case(&calm, "as it is").passes, "{calm:#?}");
        assert_eq!(calm.cheapest().unwrap().change, "as it is");
    }
}
