//! The search for a ceiling, on simulated rigs with planted ceilings, beside load-test-ng's
//! coordinator, simulated after its published algorithm (mattermost-load-test-ng, `coordinator/`).

use crate::random::SplitMix;
use crate::{CeilingSearch, CeilingStep, CeilingTrial, SearchEnd, SearchGoal, SearchPlan};

/// What gives way first.
#[derive(Clone, Copy, Debug)]
enum Limit {
    /// CPU of the application nodes rises with the users; 85 % is the threshold.
    Cpu,
    /// A lock: the mean latency grows as one over what is left; 0.1 s is the threshold.
    Lock,
    /// A pool of connections: beyond it requests fail; 2.5 % are tolerated.
    Pool,
    /// Contention and coherency: the 99th percentile grows smoothly; 2 s is the threshold.
    Latency,
}

/// A rig whose figures follow the number of users with a lag, and with noise from second to second
/// and from hold to hold.
struct PlantedRig {
    limit: Limit,
    ceiling: f64,
    random: SplitMix,
    users: f64,
    /// The figure that the limit is about, as a part of its threshold.
    figure: f64,
    /// Slow noise, which a longer trial does not average out.
    drift: f64,
}

/// Time in which the figures follow the users, seconds.
const LAG: f64 = 8.0;

impl PlantedRig {
    fn new(limit: Limit, ceiling: f64, seed: u64) -> Self {
        Self {
            limit,
            ceiling,
            random: SplitMix::new(seed),
            users: 0.0,
            figure: 0.0,
            drift: 0.0,
        }
    }

    /// The figure in the long run, as a part of its threshold: 1 at the ceiling.
    fn settled(&self, users: f64) -> f64 {
        let load = users / self.ceiling;
        match self.limit {
            Limit::Cpu => (0.03 + 0.97 * load).min(1.0 / 0.85),
            // 5 ms without load, 100 ms at the ceiling.
            Limit::Lock => {
                let busy = 0.95 * load;
                if busy >= 0.999 {
                    50.0
                } else {
                    0.05 / (1.0 - busy)
                }
            }
            // From the size of the pool on, everything beyond it fails.
            Limit::Pool => {
                let excess = 1.0 - 0.975 / load.max(1e-9);
                (excess / 0.025).max(0.0)
            }
            Limit::Latency => 0.1 + 0.9 * load.powi(4),
        }
    }

    /// One second later: the figure as it is measured.
    fn second(&mut self) -> f64 {
        self.drift = 0.98 * self.drift + 0.0015 * self.random.normal();
        let aim = self.settled(self.users * (1.0 + self.drift));
        self.figure += (aim - self.figure) / LAG;
        self.figure * (0.02 * self.random.normal()).exp()
    }
}

/// Most users that are added per second: sessions exist, each user opens a websocket and begins to
/// act. A rig that is expected to carry few gets them in 20 s at least.
const RAMP: f64 = 50.0;
/// Time after a change of load that is not counted, seconds.
const SETTLE: f64 = 20.0;
/// A ramp ends where the mean of so many seconds is over the threshold.
const HOPELESS: usize = 10;

fn goal() -> SearchGoal {
    SearchGoal {
        name: "thresholds".into(),
        loss_ratio: 0.0,
        exceed_ratio: 0.5,
        initial_trial: 10.0,
        final_trial: 30.0,
        duration_sum: 60.0,
        width: 0.022,
    }
}

fn plan(start: f64) -> SearchPlan {
    SearchPlan {
        goals: vec![goal()],
        least: 10,
        most: 200_000,
        start: start as u32,
        preceding: 1,
        budget: None,
    }
}

/// Makes a trial: ramp, settling, hold. It is lost when the mean figure of the hold is above its
/// threshold, or when that already shows on the way up: then the load that was reached is not carried.
fn trial(rig: &mut PlantedRig, load: u32, duration: f64, expected: u32) -> CeilingTrial {
    let ramp = RAMP.min(f64::from(expected) / 20.0);
    let settle = if rig.users.round() as u32 == load {
        0.0
    } else {
        SETTLE
    };
    let mut seen = Vec::new();
    while rig.users.round() as u32 != load {
        let rest = f64::from(load) - rig.users;
        // People leave as fast as one likes.
        rig.users += rest.min(ramp);
        seen.push(rig.second());
        let latest = &seen[seen.len().saturating_sub(HOPELESS)..];
        let is_hopeless = latest.iter().sum::<f64>() > HOPELESS as f64;
        if rest > 0.0 && latest.len() == HOPELESS && is_hopeless {
            rig.users = rig.users.round();
            return CeilingTrial {
                load: rig.users as u32,
                duration: goal().initial_trial,
                spent: seen.len() as f64,
                loss: 1.0,
                valid: true,
            };
        }
    }
    for _ in 0..settle as u32 {
        rig.second();
    }
    let held: f64 = (0..duration.round() as u32).map(|_| rig.second()).sum();
    let is_over = held / duration.round() > 1.0;
    CeilingTrial {
        load,
        duration,
        spent: seen.len() as f64 + settle + duration,
        loss: if is_over { 1.0 } else { 0.0 },
        valid: true,
    }
}

/// The ceiling and the time under load.
fn search(rig: &mut PlantedRig, start: f64) -> (f64, f64) {
    let mut search = CeilingSearch::new(plan(start)).unwrap();
    loop {
        match search.next_step() {
            CeilingStep::Measure { load, duration, .. } => {
                search.record(trial(rig, load, duration, start as u32));
            }
            CeilingStep::Done(end) => {
                assert_eq!(end, SearchEnd::Reached);
                let result = search.results().remove(0);
                let (lower, upper) = (result.lower.unwrap(), result.upper.unwrap());
                assert!(result.is_narrow);
                return ((f64::from(lower) * f64::from(upper)).sqrt(), search.spent());
            }
        }
    }
}

/// load-test-ng's coordinator: 8 users more each second until the mean of the last minute is over a
/// threshold, then 8 more or fewer every 2 s, until the users' trend over 30 minutes is below 0.2 a
/// second. Answers with the mean of those 30 minutes, and the time under load.
fn coordinator(rig: &mut PlantedRig) -> (f64, f64) {
    const STEP: f64 = 8.0;
    const REST: usize = 2;
    const WINDOW: usize = 30 * 60;
    let mut measured: Vec<f64> = Vec::new();
    let mut samples: Vec<f64> = Vec::new();
    let mut last_alert: Option<usize> = None;
    let mut last_action: usize = 0;
    for second in 1.. {
        measured.push(rig.second());
        let minute = &measured[measured.len().saturating_sub(60)..];
        let is_over = minute.iter().sum::<f64>() / minute.len() as f64 >= 1.0;
        if is_over {
            last_alert = Some(second);
        }
        if last_alert.is_some() {
            samples.push(rig.users);
        }
        if samples.len() > WINDOW {
            let window = &samples[samples.len() - WINDOW..];
            if slope(window).abs() < 0.2 {
                let mean = window.iter().sum::<f64>() / window.len() as f64;
                return (mean, second as f64);
            }
        }
        if last_alert.is_some() && second - last_action < REST {
            continue;
        }
        if is_over {
            rig.users = (rig.users - STEP).max(0.0);
            last_action = second;
        } else if last_alert.is_none_or(|alert| second - alert >= REST) {
            rig.users += STEP;
            last_action = second;
        }
    }
    unreachable!("the loop has no end")
}

/// Least-squares slope of values one second apart.
fn slope(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let (mid, mean) = ((count - 1.0) / 2.0, values.iter().sum::<f64>() / count);
    let (mut over, mut under) = (0.0, 0.0);
    for (at, value) in values.iter().enumerate() {
        let x = at as f64 - mid;
        over += x * (value - mean);
        under += x * x;
    }
    over / under
}

/// 24 ceilings, of four kinds and six sizes.
fn planted() -> impl Iterator<Item = (Limit, f64)> {
    [Limit::Cpu, Limit::Lock, Limit::Pool, Limit::Latency]
        .into_iter()
        .flat_map(|limit| {
            [430.0, 1_270.0, 3_900.0, 9_600.0, 16_300.0, 47_000.0].map(|ceiling| (limit, ceiling))
        })
}

#[test]
fn planted_ceilings_are_found_within_3_percent_in_a_quarter_of_the_coordinators_time() {
    let mut text = String::new();
    let mut wrong = Vec::new();
    for (case, (limit, ceiling)) in planted().enumerate() {
        let mut found = Vec::new();
        let (mut ours, mut theirs) = (0.0, 0.0);
        for repeat in 0..5_u64 {
            let seed = 100 * case as u64 + repeat;
            // The size of the rig says about what it carries, wrong by up to a factor of two.
            let guess = ceiling * [0.5, 0.7, 1.0, 1.4, 2.0][repeat as usize];
            let (users, time) = search(&mut PlantedRig::new(limit, ceiling, seed), guess);
            found.push(users / ceiling - 1.0);
            ours += time / 5.0;
            let (_, time) = coordinator(&mut PlantedRig::new(limit, ceiling, seed));
            theirs += time / 5.0;
        }
        let most = found.iter().fold(0.0_f64, |most, one| most.max(one.abs()));
        let spread = found.iter().fold(f64::MIN, |most, one| most.max(*one))
            - found.iter().fold(f64::MAX, |least, one| least.min(*one));
        text.push_str(&format!(
            "{limit:?} {ceiling:.0}: off by at most {:.1} %, repeats within {:.1} %, {:.0} s for {:.0} s\n",
            100.0 * most,
            100.0 * spread,
            ours,
            theirs
        ));
        if most > 0.03 || spread > 0.05 || ours > 0.25 * theirs {
            wrong.push(format!("{limit:?} {ceiling}"));
        }
    }
    println!("{text}");
    assert!(wrong.is_empty(), "{wrong:?}\n{text}");
}

#[test]
fn an_interrupted_search_continues_as_if_it_had_not_been() {
    let run = |interrupt: usize| {
        let mut rig = PlantedRig::new(Limit::Latency, 9_600.0, 7);
        let mut stored: Vec<CeilingTrial> = Vec::new();
        let mut search = CeilingSearch::new(plan(6_000.0)).unwrap();
        while let CeilingStep::Measure { load, duration, .. } = search.next_step() {
            let made = trial(&mut rig, load, duration, 6_000);
            stored.push(made);
            search.record(made);
            if stored.len() == interrupt {
                // As read back after a crash.
                let text = serde_json::to_string(&stored).unwrap();
                let read: Vec<CeilingTrial> = serde_json::from_str(&text).unwrap();
                search = CeilingSearch::resume(plan(6_000.0), &read).unwrap();
            }
        }
        stored
    };
    let whole = run(usize::MAX);
    for interrupt in 1..whole.len() {
        assert_eq!(
            run(interrupt),
            whole,
            "interrupted after {interrupt} trials"
        );
    }
}

#[test]
fn several_goals_are_answered_by_one_search() {
    let strict = SearchGoal {
        name: "strict".into(),
        loss_ratio: 0.0,
        ..goal()
    };
    let lax = SearchGoal {
        name: "lax".into(),
        loss_ratio: 0.1,
        ..goal()
    };
    // Losses rise from 1000 users on, to 10 % at 1500.
    let loss = |load: u32| ((f64::from(load) - 1_000.0) / 5_000.0).max(0.0);
    let answer = |goals: &[&SearchGoal]| {
        let mut plan = plan(700.0);
        plan.goals = goals.iter().map(|goal| (*goal).clone()).collect();
        let mut search = CeilingSearch::new(plan).unwrap();
        let mut trials = 0;
        while let CeilingStep::Measure { load, duration, .. } = search.next_step() {
            trials += 1;
            search.record(CeilingTrial {
                load,
                duration,
                spent: duration,
                loss: loss(load),
                valid: true,
            });
        }
        (search.results(), trials)
    };
    let (both, together) = answer(&[&strict, &lax]);
    for (result, ceiling) in both.iter().zip([1_000.0, 1_500.0]) {
        let (lower, upper) = (result.lower.unwrap(), result.upper.unwrap());
        assert!(
            f64::from(lower) <= ceiling && ceiling <= f64::from(upper),
            "{result:?}"
        );
        assert!(
            f64::from(upper - lower) <= 0.022 * f64::from(upper) + 1.0,
            "{result:?}"
        );
    }
    let conditional = both[1].conditional.unwrap();
    assert!(conditional < f64::from(both[1].lower.unwrap()), "{both:?}");
    let apart = answer(&[&strict]).1 + answer(&[&lax]).1;
    assert!(together < apart, "{together} for {apart}");
}

#[test]
fn a_search_ends_at_its_limits() {
    let run = |loss: f64, valid: bool, budget: Option<f64>| {
        let mut plan = plan(1_000.0);
        (plan.least, plan.most, plan.budget) = (500, 2_000, budget);
        let mut search = CeilingSearch::new(plan).unwrap();
        for _ in 0..100 {
            match search.next_step() {
                CeilingStep::Measure { load, duration, .. } => search.record(CeilingTrial {
                    load,
                    duration,
                    spent: duration,
                    loss,
                    valid,
                }),
                CeilingStep::Done(end) => return (end, search.results().remove(0)),
            }
        }
        panic!("the search does not end");
    };
    let (end, all) = run(0.0, true, None);
    assert_eq!(
        (end, all.lower, all.upper),
        (SearchEnd::Reached, Some(2_000), None)
    );
    let (end, nothing) = run(1.0, true, None);
    assert_eq!(
        (end, nothing.lower, nothing.upper),
        (SearchEnd::Reached, None, Some(500))
    );
    assert_eq!(nothing.conditional, None);
    let (end, _) = run(0.0, false, None);
    assert_eq!(end, SearchEnd::AgentsSaturated { load: 1_000 });
    let (end, early) = run(0.0, true, Some(15.0));
    assert_eq!((end, early.is_narrow), (SearchEnd::BudgetSpent, false));
}

#[test]
fn plans_that_make_no_sense_are_refused() {
    let with = |change: fn(&mut SearchPlan)| {
        let mut plan = plan(100.0);
        change(&mut plan);
        CeilingSearch::new(plan)
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    assert!(with(|plan| plan.goals.clear()).contains("needs a goal"));
    assert!(with(|plan| plan.least = 0).contains("loads"));
    assert!(with(|plan| plan.start = 300_000).contains("loads"));
    assert!(with(|plan| plan.goals[0].exceed_ratio = 1.0).contains("exceed"));
    assert!(with(|plan| plan.goals[0].width = 0.0).contains("width"));
    assert!(with(|plan| plan.goals[0].initial_trial = 90.0).contains("first trials"));
}
