//! The engine with the real adapter, killed at every API call it makes: whoever comes next
//! repairs it, and `down` leaves nothing. On a virtual clock, without sockets; the account is
//! one in memory, which can be copied at every call.
//!
//! `cargo test` takes samples. `make kill-sweep` lives through every case.

mod account_hosts;
mod adversity;
mod blockers;
mod canary;
mod canary_profiles;
mod conformance;
mod databases;
mod emulated;
mod failover;
mod foreign_calls;
mod lags;
mod layouts;
mod link;
mod outcome;
mod past;
mod process;
mod profiles;
mod refused;
mod rollout;
mod services;
mod sweep;

use std::io::Write as _;
use std::time::Instant;

use strict_cloud::AccountProfile;

use layouts::{RigLayout, layouts};
use outcome::later;
use process::{End, Job, run};
use sweep::{Expected, SETTLED, Sweep, SweepResult};

/// Kills every command of a layout, and adds up what came of it.
fn sweep_layout(
    layout: &RigLayout,
    expected: Expected,
    sample: Option<usize>,
    all: &mut SweepResult,
) {
    let converges = matches!(expected, Expected::Converges { .. });
    // What `up` came to, undisturbed: all of it, or what it created before it was refused.
    let mut standing = run(layout.account.clone(), Job::Up(&layout.spec));
    if let Expected::Converges { runs } = expected {
        for _ in 1..runs {
            if standing.end != End::Done {
                standing = run(later(standing.account, SETTLED), Job::Up(&layout.spec));
            }
        }
        assert_eq!(standing.end, End::Done, "{}: up", layout.name);
    }
    let standing = later(standing.account, SETTLED);
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
    let commands = commands
        .into_iter()
        .filter(|(name, ..)| converges || *name != "up with changes");
    for (command, before, job, spec) in commands {
        let started = Instant::now();
        let result = Sweep {
            name: format!("{}: {command}", layout.name),
            before: before.clone(),
            job,
            spec,
            outside: &layout.outside,
            expected,
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

/// Sweeps layouts in accounts of a profile.
fn sweep_profile(profile: AccountProfile, layouts: &[RigLayout], sample: Option<usize>) {
    let mut all = SweepResult::default();
    for layout in layouts {
        sweep_layout(layout, profiles::expected(profile), sample, &mut all);
    }
    for what in &all.wrong {
        say(what);
    }
    let with = |word: &str| all.wrong.iter().filter(|what| what.contains(word)).count();
    say(&format!(
        "{} cases, {} orphans, {} duplicates, {} stuck (account profile {})",
        all.cases,
        with("orphan"),
        with("duplicates"),
        with("stuck"),
        profile.name()
    ));
    assert!(all.wrong.is_empty(), "{}", all.wrong.join("\n"));
}

#[test]
fn sampled_kills_are_repaired_by_up_and_by_down() {
    sweep_profile(
        AccountProfile::Used,
        &layouts(AccountProfile::Used),
        Some(2),
    );
}

#[test]
#[ignore = "takes minutes: `make kill-sweep`"]
fn kill_sweep() {
    for profile in profiles::asked_for() {
        sweep_profile(profile, &layouts(profile), None);
    }
}

/// Shown also where the test passes: the count is the point.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("standard error");
}
