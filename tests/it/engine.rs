//! The engine against an AWS account in memory, on a virtual clock: kills at every API call,
//! and what else can go wrong behind its back.

mod account;
mod adversity;
mod data;
mod ec2;
mod fleet;
mod iam;
mod judge;
mod lease;
mod looks;
mod looks_network;
mod make_data;
mod make_hosts;
mod make_network;
mod memory;
mod removals;
mod sweep;
mod wire;

use std::time::Instant;

use account::{Account, Ms};
use fleet::{Job, run, size};
use sweep::{Sweep, Verdict, sweep};

/// So long after a death, at the least, the next process starts: by then lists are true.
const LATER: Ms = 15_000;

#[test]
fn a_kill_at_any_call_is_repaired_by_up_and_by_down() {
    let started = Instant::now();
    let spec = size("10k", "sweep");
    let empty = Account::new();
    let standing = run(empty.clone(), Job::Up(&spec), None).done().expect("up");
    let mut resized = spec.clone();
    for (role, group) in &mut resized.nodes {
        match role {
            loadrig::spec::Role::App => group.count += 1,
            loadrig::spec::Role::Agent => group.count -= 2,
            loadrig::spec::Role::Proxy => group.instance_type = "c7i.2xlarge".to_owned(),
            _ => {}
        }
    }
    let mut private = spec.clone();
    private.network.layout = loadrig::spec::Layout::Private;
    let sweeps = [
        Sweep {
            name: "up",
            before: empty,
            job: Job::Up(&spec),
            spec: &spec,
            restart: LATER,
        },
        Sweep {
            name: "up with private subnets",
            before: Account::new(),
            job: Job::Up(&private),
            spec: &private,
            restart: LATER,
        },
        Sweep {
            name: "up with other sizes",
            before: standing.clone(),
            job: Job::Up(&resized),
            spec: &resized,
            restart: LATER,
        },
        Sweep {
            name: "down",
            before: standing,
            job: Job::Down(&spec.name),
            spec: &spec,
            restart: LATER,
        },
    ];
    let mut all = Verdict::default();
    for one in &sweeps {
        let verdict = sweep(one);
        say(&format!(
            "{}: {} calls, {} cases ({} states), {} wrong, {:.1} s so far",
            one.name,
            verdict.calls,
            verdict.cases,
            verdict.states,
            verdict.wrong.len(),
            started.elapsed().as_secs_f64()
        ));
        all.cases += verdict.cases;
        all.wrong.extend(verdict.wrong);
    }
    let with = |word: &str| all.wrong.iter().filter(|what| what.contains(word)).count();
    say(&format!(
        "{} cases, {} orphans, {} duplicates, {} stuck",
        all.cases,
        with("orphan") + with("left behind"),
        with("duplicates"),
        with("up: ") + with("down: ")
    ));
    assert!(all.wrong.is_empty(), "{}", all.wrong.join("\n"));
}

/// Shown also where the test passes: the count is the point.
fn say(line: &str) {
    use std::io::Write as _;

    writeln!(std::io::stderr(), "{line}").expect("standard error");
}
