//! The program is killed at call k, before the call took effect or after it took effect
//! and before the answer: in an `up`, in a `down`, and in an `up` that changes sizes.

use std::collections::BTreeMap;

use strict_cloud::Moment;

use super::inventory::IdsByKind;
use super::lane::{ENVIRONMENT, Lane, Ran};
use super::tally::{Findings, Wrong, sweep};

const UP: &[&str] = &[
    "--api-rate",
    "unlimited",
    "up",
    ENVIRONMENT,
    "--resources-only",
    "--accept-unchecked",
    "all",
];
const DOWN: &[&str] = &["--api-rate", "unlimited", "down", ENVIRONMENT];
const PLAN: &[&str] = &[
    "--api-rate",
    "unlimited",
    "plan",
    ENVIRONMENT,
    "--detailed-exitcode",
];

/// The sizes that a sweep goes between.
#[derive(Debug, Clone, Copy)]
struct KillSizes {
    first: &'static str,
    then: &'static str,
}

const TEN_THOUSAND: KillSizes = KillSizes {
    first: "architecture: 10k\ncloud: aws\nregion: us-east-1\nmattermost: { release: standin }\naccess: { operators: [198.51.100.7/32] }\n",
    then: "architecture: 10k\ncloud: aws\nregion: us-east-1\nmattermost: { release: standin }\naccess: { operators: [198.51.100.7/32] }\n\
           sizes: { nodes: { app: { count: 3 }, agent: { count: 4, instance_type: c7i.2xlarge } } }\n",
};

/// Which command is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum During {
    Up,
    Down,
    Resize,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    during: During,
    call: u64,
    side: Moment,
}

/// What stands when all is as planned, and how many calls each command makes.
#[derive(Debug, Clone)]
pub struct Baseline {
    first: BTreeMap<&'static str, usize>,
    then: BTreeMap<&'static str, usize>,
    up: u64,
    down: u64,
    resize: u64,
}

fn counts(inventory: &IdsByKind) -> BTreeMap<&'static str, usize> {
    inventory
        .iter()
        .map(|(kind, ids)| (*kind, ids.len()))
        .collect()
}

#[track_caller]
fn fine(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{}", ran.said);
}

fn baseline(lane: &mut Lane, sizes: KillSizes) -> Baseline {
    lane.reset();
    let nothing = lane.inventory();
    assert_eq!(nothing, IdsByKind::new(), "an empty account");
    lane.write(sizes.first);
    let up = lane.loadrig(UP, None);
    fine(&up);
    fine(&lane.loadrig(PLAN, None));
    let first = counts(&lane.inventory());
    assert!(first["instance"] >= 10, "{first:?}");
    lane.write(sizes.then);
    let resize = lane.loadrig(UP, None);
    fine(&resize);
    let then = counts(&lane.inventory());
    lane.write(sizes.first);
    fine(&lane.loadrig(UP, None));
    assert_eq!(counts(&lane.inventory()), first);
    let down = lane.loadrig(DOWN, None);
    fine(&down);
    assert_eq!(lane.inventory(), IdsByKind::new());
    Baseline {
        first,
        then,
        up: up.calls,
        down: down.calls,
        resize: resize.calls,
    }
}

fn run(lane: &mut Lane, case: &Case, sizes: KillSizes, baseline: &Baseline) -> Findings {
    lane.reset();
    lane.write(sizes.first);
    let mut found = Findings::new();
    let mut wants = &baseline.first;
    if case.during != During::Up {
        let up = lane.loadrig(UP, None);
        if up.code != Some(0) {
            return vec![(Wrong::Stuck, format!("the first up: {}", up.said))];
        }
    }
    if case.during == During::Resize {
        lane.write(sizes.then);
        wants = &baseline.then;
    }
    let words = if case.during == During::Down {
        DOWN
    } else {
        UP
    };
    let killed = lane.loadrig(words, Some((case.call, case.side)));
    let at = killed.killed_at.as_deref().unwrap_or("its end").to_owned();
    if killed.killed_at.is_none() && killed.code != Some(0) {
        found.push((Wrong::Stuck, format!("not killed: {}", killed.said)));
    }
    lane.let_lease_run_out();
    // Every second time the operator's machine is gone too.
    if case.call % 2 == 1 {
        lane.new_home();
    }
    // What a killed `down` left is taken down again, or brought up.
    if case.during != During::Down || case.call.is_multiple_of(2) {
        let again = lane.loadrig(UP, None);
        if again.code != Some(0) {
            found.push((
                Wrong::Stuck,
                format!("killed at {at}; up again: {}", again.said),
            ));
        }
        let plan = lane.loadrig(PLAN, None);
        if plan.code != Some(0) {
            found.push((
                Wrong::Stuck,
                format!("killed at {at}; plan is not empty: {}", plan.said),
            ));
        }
        found.extend(compare(&lane.inventory(), wants, &at));
    }
    let down = lane.loadrig(DOWN, None);
    if down.code != Some(0) {
        found.push((Wrong::Stuck, format!("killed at {at}; down: {}", down.said)));
    }
    let left = lane.inventory();
    if !left.is_empty() {
        found.push((Wrong::Orphan, format!("killed at {at}: {left:?}")));
    }
    found
}

/// What stands against what should.
pub fn compare(inventory: &IdsByKind, wants: &BTreeMap<&'static str, usize>, at: &str) -> Findings {
    let has = counts(inventory);
    let kinds = has.keys().chain(wants.keys());
    let kinds: std::collections::BTreeSet<&str> = kinds.copied().collect();
    let mut found = Findings::new();
    for kind in kinds {
        let has = has.get(kind).copied().unwrap_or_default();
        let wants = wants.get(kind).copied().unwrap_or_default();
        let text = || format!("killed at {at}: {has} of kind {kind}, not {wants}");
        match has.cmp(&wants) {
            std::cmp::Ordering::Greater => found.push((Wrong::Duplicate, text())),
            std::cmp::Ordering::Less => found.push((Wrong::Stuck, text())),
            std::cmp::Ordering::Equal => {}
        }
    }
    found
}

/// What stands after an `up` of the first size, for other sweeps.
pub fn standing(lane: &mut Lane) -> (BTreeMap<&'static str, usize>, &'static str) {
    lane.reset();
    lane.write(TEN_THOUSAND.first);
    fine(&lane.loadrig(UP, None));
    (counts(&lane.inventory()), TEN_THOUSAND.first)
}

fn cases(baseline: &Baseline, step: usize) -> Vec<Case> {
    let commands = [
        (During::Up, baseline.up),
        (During::Down, baseline.down),
        (During::Resize, baseline.resize),
    ];
    commands
        .into_iter()
        .flat_map(|(during, calls)| {
            (1..=calls).flat_map(move |call| {
                [Moment::Before, Moment::After].map(|side| Case { during, call, side })
            })
        })
        .step_by(step)
        .collect()
}

fn sweep_all(lanes: usize, step: impl Fn(usize) -> usize) {
    let mut first = Lane::open();
    let baseline = baseline(&mut first, TEN_THOUSAND);
    drop(first);
    println!(
        "calls: up {}, down {}, up with other sizes {}",
        baseline.up, baseline.down, baseline.resize
    );
    let all = cases(&baseline, 1).len();
    let mut cases = cases(&baseline, step(all));
    cases.retain(is_asked_for);
    let (line, clean) = sweep(
        &cases,
        lanes,
        |_| Lane::open(),
        |lane, case| run(lane, case, TEN_THOUSAND, &baseline),
    );
    println!("{line}");
    assert!(clean, "{line}");
}

/// Whether `CASES` asks for a case, for example `down:60-75`; without it, all are.
fn is_asked_for(case: &Case) -> bool {
    let Ok(asked) = std::env::var("CASES") else {
        return true;
    };
    let (during, calls) = asked.split_once(':').expect("for example down:60-75");
    let (first, last) = calls.split_once('-').unwrap_or((calls, calls));
    let calls: std::ops::RangeInclusive<u64> = first.parse().unwrap()..=last.parse().unwrap();
    format!("{:?}", case.during).eq_ignore_ascii_case(during) && calls.contains(&case.call)
}

/// How many lanes: as many as there are cores, or as `LANES` says.
pub fn lanes() -> usize {
    let cores = || std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    number("LANES").unwrap_or_else(cores)
}

/// A number from the environment.
pub fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn sampled_kills_of_the_program_leave_nothing() {
    // A few cases, spread over all three commands and both sides.
    sweep_all(2, |all| (all / 6).max(1) | 1);
}

#[test]
#[ignore = "takes long: `make wire-sweep`"]
fn kill_sweep() {
    sweep_all(lanes(), |_| number("STEP").unwrap_or(1));
}
