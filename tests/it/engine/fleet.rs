//! Processes on the account: each runs one command in a runtime of its own on a virtual
//! clock, knows nothing of those before it, and leaves the account behind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use loadrig::blueprint::{Blueprint, blueprint};
use loadrig::engine::{
    Cloud, Engine, HostRequest, Hosts, Permit, Poller, TaskError, Urgency, WalkReport,
};
use loadrig::events::{Events, Outcome};
use loadrig::plan::{Action, Plan, plan, plan_down};
use loadrig::spec::{Library, Spec};
use tokio::sync::watch;

use super::account::{ADDRESS, Account, ENVIRONMENT, Ms};
use super::memory::Memory;
use super::wire::{Hand, Kill, Wire};

/// The operator's key: given, so that no run spends its time on deriving one.
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUSNw2vJ1ZBVL1hGVmTXWWm2KCEFMwvV3b9nYZp0Vb1 test";

/// No command may take longer than this, in virtual time: more is stuck.
const STUCK: Duration = Duration::from_hours(4);

/// A command.
#[derive(Clone, Copy, Debug)]
pub enum Job<'a> {
    /// Bring the environment to a spec.
    Up(&'a Spec),
    /// Take it down.
    Down(&'a str),
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It did all it had to.
    Done,
    /// It was killed.
    Killed,
    /// It gave up, with this message.
    Failed(String),
}

/// What a process leaves.
pub struct Left {
    /// How it ended.
    pub end: End,
    /// The account.
    pub account: Account,
    /// Names of the API calls that it made.
    pub calls: Vec<&'static str>,
}

impl Left {
    /// The account, if the process did all it had to.
    pub fn done(self) -> Result<Account, String> {
        match self.end {
            End::Done => Ok(self.account),
            other => Err(format!("{other:?}")),
        }
    }
}

/// Hosts that take their time and never fail.
#[derive(Debug)]
struct Patient;

impl Hosts for Patient {
    async fn apply(&self, _request: HostRequest) -> Result<Outcome, TaskError> {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Ok(Outcome::Applied)
    }
}

/// The size that is tried, as an environment of that name.
pub fn size(architecture: &str, name: &str) -> Spec {
    let architecture = Library::new(None)
        .architecture(architecture)
        .expect("the size ships");
    let mut spec = architecture.example();
    spec.name = name.to_owned();
    spec
}

/// The graph of a spec.
pub fn graph(spec: &Spec) -> Blueprint {
    blueprint(spec, &["198.51.100.7/32".parse().expect("a range")])
}

/// Runs a command on an account until it ends or is killed.
pub fn run(account: Account, job: Job<'_>, kill: Option<Kill>) -> Left {
    run_with(account, job, kill, BTreeMap::new())
}

/// The same with somebody else's hand in the account.
pub fn run_with(
    account: Account,
    job: Job<'_>,
    kill: Option<Kill>,
    hands: BTreeMap<usize, Hand>,
) -> Left {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let wire = Wire::new(account, kill, hands);
        let cloud = Memory::new(Arc::clone(&wire));
        let end = tokio::select! {
            biased;
            () = wire.death() => End::Killed,
            () = tokio::time::sleep(STUCK) => End::Failed("stuck".to_owned()),
            end = work(cloud, job) => end,
        };
        // What was dropped must not go on: a call after this fails the case.
        tokio::time::sleep(Duration::from_secs(1)).await;
        Left {
            end,
            account: wire.account(),
            calls: wire.calls(),
        }
    })
}

async fn work(cloud: Memory, job: Job<'_>) -> End {
    let result = match job {
        Job::Up(spec) => up(cloud, spec).await,
        Job::Down(name) => down(cloud, name).await,
    };
    match result {
        Ok(()) => End::Done,
        Err(message) => End::Failed(message),
    }
}

fn engine(cloud: Memory, name: &str) -> Arc<Engine<Memory, Patient>> {
    let cloud = Arc::new(cloud);
    Arc::new(Engine {
        poller: Poller::new(Arc::clone(&cloud), name),
        cloud,
        hosts: Arc::new(Patient),
        environment: name.to_owned(),
        tags: BTreeMap::new(),
        operator_key: Some(KEY.to_owned()),
        permit: Permit::default(),
        events: Events::default(),
    })
}

async fn up(cloud: Memory, spec: &Spec) -> Result<(), String> {
    let (_keep, stop) = watch::channel(Urgency::None);
    let engine = engine(cloud, &spec.name);
    let graph = graph(spec);
    let plan = look(&engine.cloud, &graph, &spec.name).await?;
    let refused: Vec<String> = plan
        .work()
        .filter(|change| change.action == Action::Refuse)
        .map(|change| format!("{}: {}", change.address, change.reason))
        .collect();
    if !refused.is_empty() {
        return Err(format!("refused: {}", refused.join("; ")));
    }
    let (report, _) = engine.up(&graph, &plan, stop).await;
    judge(&report)
}

async fn down(cloud: Memory, name: &str) -> Result<(), String> {
    let (_keep, stop) = watch::channel(Urgency::None);
    let engine = engine(cloud, name);
    let snapshot = engine.cloud.snapshot(name).await;
    let snapshot = snapshot.map_err(|error| error.to_string())?;
    judge(&engine.down(&plan_down(&snapshot), stop).await)
}

async fn look(cloud: &Memory, graph: &Blueprint, name: &str) -> Result<Plan, String> {
    let snapshot = cloud.snapshot(name).await;
    Ok(plan(graph, &snapshot.map_err(|error| error.to_string())?))
}

fn judge(report: &WalkReport) -> Result<(), String> {
    if report.is_complete() {
        return Ok(());
    }
    let failed: Vec<String> = report
        .failed
        .iter()
        .map(|(step, error)| format!("{step}: {error}"))
        .collect();
    Err(failed.join("; "))
}

/// What a fresh process would still do, as text; empty when the environment is as planned.
pub fn still_to_do(account: &Account, spec: &Spec) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let cloud = Memory::new(Wire::new(account.clone(), None, BTreeMap::new()));
        match look(&cloud, &graph(spec), &spec.name).await {
            Ok(plan) => plan
                .work()
                .map(|change| format!("{:?} {}: {}", change.action, change.address, change.reason))
                .collect(),
            Err(error) => vec![error],
        }
    })
}

/// What is wrong with an account that should hold exactly one environment: things that no
/// address of the blueprint accounts for, and addresses that more than one thing has.
pub fn unaccounted(account: &Account, spec: &Spec) -> Vec<String> {
    let graph = graph(spec);
    let addresses: BTreeSet<String> = graph
        .resources()
        .map(|(address, _)| address.to_string())
        .collect();
    let mut wrong = Vec::new();
    let mut holders: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for thing in account.alive() {
        // Parts of other things live and die with those.
        if let "eni" | "volume" | "association" = thing.sort {
            let of = thing.attr("of");
            if !account.alive().any(|owner| owner.id == of) && thing.gone.is_none() {
                wrong.push(format!("{} {} belongs to nothing", thing.sort, thing.id));
            }
            continue;
        }
        let address = thing.tags.get(ADDRESS).cloned().unwrap_or_default();
        let ours = thing.tags.get(ENVIRONMENT) == Some(&spec.name);
        if !ours || !addresses.contains(&address) {
            wrong.push(format!(
                "{} {} at `{address}` is an orphan",
                thing.sort, thing.id
            ));
        }
        if thing.gone.is_none() {
            *holders.entry((thing.sort, address)).or_default() += 1;
        }
    }
    for ((sort, address), count) in holders {
        if count > 1 {
            wrong.push(format!("{count} × {sort} at `{address}`: duplicates"));
        }
    }
    wrong
}

/// What lives in an account that should be empty.
pub fn leftovers(account: &Account) -> Vec<String> {
    account
        .alive()
        .map(|thing| format!("{} {}", thing.sort, thing.id))
        .collect()
}

/// The account after a while in which nobody calls.
pub fn later(mut account: Account, by: Ms) -> Account {
    account.now += by;
    account
}
