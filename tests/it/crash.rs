//! The engine with the real adapter, killed at every API call it makes: whoever comes next
//! repairs it, and `down` leaves nothing. On a virtual clock, without sockets; the account is
//! one in memory, which can be copied at every call.
//!
//! `cargo test` takes samples. `make kill-sweep` lives through every case.

mod adversity;
mod canary;
mod conformance;
mod databases;
mod emulated;
mod foreign_calls;
mod lags;
mod layouts;
mod link;
mod outcome;
mod process;
mod refused;
mod services;
mod sweep;

use std::io::Write as _;
use std::time::Instant;

use layouts::{RigLayout, layouts};
use outcome::later;
use process::{Job, run};
use sweep::{SETTLED, Sweep, SweepResult};

/// Kills every command of a layout, and adds up what came of it.
fn sweep_layout(layout: &RigLayout, sample: Option<usize>, all: &mut SweepResult) {
    let standing = run(layout.account.clone(), Job::Up(&layout.spec)).done();
    let standing = standing.unwrap_or_else(|what| panic!("{}: up: {what}", layout.name));
    let standing = later(standing, SETTLED);
    let commands = [
        ("up", &layout.account, Job::Up(&layout.spec), &layout.spec),
        (
            "up with changes",
            &standing,
            Job::Up(&layout.changed),
            &layout.changed,
        ),
        ("down", &standing, Job::Down(&layout.spec), &layout.spec),
    ];
    for (command, before, job, spec) in commands {
        let started = Instant::now();
        let result = Sweep {
            name: format!("{}: {command}", layout.name),
            before: before.clone(),
            job,
            spec,
            outside: &layout.outside,
        }
        .run(sample);
        say(&format!(
            "{}: {command}: {} calls, {} cases ({} of {} states), {} wrong, {:.1} s",
            layout.name,
            result.calls,
            result.cases,
            result.states,
            result.all_states,
            result.wrong.len(),
            started.elapsed().as_secs_f64()
        ));
        all.calls += result.calls;
        all.cases += result.cases;
        all.wrong.extend(result.wrong);
    }
}

fn sweep_all(sample: Option<usize>) {
    let mut all = SweepResult::default();
    for layout in layouts() {
        sweep_layout(&layout, sample, &mut all);
    }
    for what in &all.wrong {
        say(what);
    }
    let with = |word: &str| all.wrong.iter().filter(|what| what.contains(word)).count();
    say(&format!(
        "{} cases, {} orphans, {} duplicates, {} stuck",
        all.cases,
        with("orphan"),
        with("duplicates"),
        with("stuck")
    ));
    assert!(all.wrong.is_empty(), "{}", all.wrong.join("\n"));
}

#[test]
fn sampled_kills_are_repaired_by_up_and_by_down() {
    sweep_all(Some(2));
}

#[test]
#[ignore = "takes minutes: `make kill-sweep`"]
fn kill_sweep() {
    sweep_all(None);
}

/// Shown also where the test passes: the count is the point.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("standard error");
}
