//! Processes on the account: each runs one command with the real adapter, in a runtime of its
//! own on a virtual clock, knows nothing of those before it, and leaves the account behind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use loadrig::aws::Aws;
use loadrig::blueprint::{Blueprint, blueprint};
use loadrig::engine::{Cloud, Engine, Permit, Poller, Urgency, WalkReport};
use loadrig::events::Events;
use loadrig::plan::{Action, Plan, Removal, plan, plan_down_as};
use loadrig::spec::Spec;
use strict_cloud::{AwsAccount, SharedAccount};
use tokio::sync::watch;

use super::account_hosts::AccountHosts;
use super::link::{CloudBackend, Death, Interference, Kill, ProcessLink};
use crate::connector;

/// The region of every environment here.
pub const REGION: &str = "us-east-1";

/// The operator's key: given, so that no run spends its time on deriving one.
pub const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUSNw2vJ1ZBVL1hGVmTXWWm2KCEFMwvV3b9nYZp0Vb1 test";

/// No command may take longer than this, in virtual time: more is stuck.
const STUCK: Duration = Duration::from_hours(4);

/// A command.
#[derive(Clone, Copy, Debug)]
pub enum Job<'a> {
    /// Bring the environment to a spec.
    Up(&'a Spec),
    /// Take it down.
    Down(&'a Spec),
    /// Take it down although it is protected; data is kept.
    Lift(&'a Spec),
    /// The same in a way of one's choice.
    DownAs(&'a Spec, Removal),
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
    pub account: AwsAccount,
    /// Names of the API calls that it made.
    pub calls: Vec<String>,
    /// The account as each possible death would leave it, if that was asked for.
    pub deaths: Vec<Death>,
}

impl Left {
    /// The account, if the process did all it had to.
    pub fn done(self) -> Result<AwsAccount, String> {
        match self.end {
            End::Done => Ok(self.account),
            other => Err(format!("{other:?}")),
        }
    }
}

/// What is done to a process.
#[derive(Default)]
pub struct Fate {
    /// When it is killed.
    pub kill: Option<Kill>,
    /// Whether the account is kept as each possible death would leave it.
    pub keep_deaths: bool,
    /// What somebody else does meanwhile.
    pub interference: Option<(usize, Interference)>,
    /// When the user interrupts it for the first time, from its start.
    pub interrupt: Option<Duration>,
}

/// The graph of a spec.
pub fn graph(spec: &Spec) -> Blueprint {
    blueprint(spec, &["198.51.100.7/32".parse().expect("a range")])
}

/// A runtime on a virtual clock.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

/// Runs a command on an account until it ends.
pub fn run(account: AwsAccount, job: Job<'_>) -> Left {
    run_with(account, job, Fate::default())
}

/// Runs a command until it ends or meets its fate.
pub fn run_with(account: AwsAccount, job: Job<'_>, fate: Fate) -> Left {
    runtime().block_on(async {
        let link = ProcessLink::new(CloudBackend::Memory(SharedAccount::new(account)), fate.kill);
        if fate.keep_deaths {
            link.keep_deaths();
        }
        if let Some((at, interference)) = fate.interference {
            link.interfere(at, interference);
        }
        let end = live_until(&link, "AKIDCRASH", job, fate.interrupt).await;
        Left {
            end,
            account: link.account().expect("it is one in memory"),
            calls: link.calls(),
            deaths: link.deaths(),
        }
    })
}

/// The life of one process.
pub async fn live(link: &Arc<ProcessLink>, job: Job<'_>) -> End {
    live_as(link, "AKIDCRASH", job).await
}

/// The life of a process that signs with this key.
pub async fn live_as(link: &Arc<ProcessLink>, key: &str, job: Job<'_>) -> End {
    live_until(link, key, job, None).await
}

async fn live_until(
    link: &Arc<ProcessLink>,
    key: &str,
    job: Job<'_>,
    interrupt: Option<Duration>,
) -> End {
    let aws = connector::connect(REGION, key, link.clone()).await;
    let hosts = AccountHosts {
        link: Arc::clone(link),
        takes: Duration::from_secs(5),
    };
    let end = tokio::select! {
        biased;
        () = link.death() => End::Killed,
        () = tokio::time::sleep(STUCK) => End::Failed("stuck".to_owned()),
        end = work((aws, hosts), job, interrupt) => end,
    };
    // What was dropped must not go on: a call after this fails the case.
    tokio::time::sleep(Duration::from_secs(1)).await;
    end
}

/// An account, and the hosts in it.
type Rig = (Aws, AccountHosts);

async fn work(rig: Rig, job: Job<'_>, interrupt: Option<Duration>) -> End {
    let (user, stop) = watch::channel(Urgency::None);
    let interrupted = async {
        if let Some(after) = interrupt {
            tokio::time::sleep(after).await;
            user.send(Urgency::Drain).expect("somebody listens");
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        end = carry_out(rig, job, stop) => end,
        () = interrupted => unreachable!("it never ends"),
    }
}

async fn carry_out(rig: Rig, job: Job<'_>, stop: watch::Receiver<Urgency>) -> End {
    let result = match job {
        Job::Up(spec) => up(rig, spec, stop).await,
        Job::Down(spec) => down(rig, &spec.name, Removal::default(), stop).await,
        Job::Lift(spec) => {
            let how = Removal {
                lift_protection: true,
                ..Removal::default()
            };
            down(rig, &spec.name, how, stop).await
        }
        Job::DownAs(spec, how) => down(rig, &spec.name, how, stop).await,
    };
    match result {
        Ok(()) => End::Done,
        Err(message) => End::Failed(message),
    }
}

fn engine(
    (aws, hosts): Rig,
    name: &str,
    tags: BTreeMap<String, String>,
) -> Arc<Engine<Aws, AccountHosts>> {
    let cloud = Arc::new(aws);
    Arc::new(Engine {
        poller: Poller::new(Arc::clone(&cloud), name),
        cloud,
        hosts: Arc::new(hosts),
        environment: name.to_owned(),
        tags,
        operator_key: Some(KEY.to_owned()),
        permit: Permit::default(),
        events: Events::default(),
    })
}

async fn up(rig: Rig, spec: &Spec, stop: watch::Receiver<Urgency>) -> Result<(), String> {
    let engine = engine(rig, &spec.name, spec.tags.clone());
    let graph = graph(spec);
    let plan = plan_of(&engine.cloud, &graph, &spec.name).await?;
    let refused: Vec<String> = plan
        .work()
        .filter(|change| change.action == Action::Refuse)
        .map(|change| format!("{}: {}", change.address, change.reason))
        .collect();
    if !refused.is_empty() {
        return Err(format!("refused: {}", refused.join("; ")));
    }
    let (report, _) = engine.up(&graph, &plan, stop).await;
    outcome(&report)
}

async fn down(
    rig: Rig,
    name: &str,
    how: Removal,
    stop: watch::Receiver<Urgency>,
) -> Result<(), String> {
    let engine = engine(rig, name, BTreeMap::new());
    let snapshot = engine.cloud.snapshot(name).await;
    let snapshot = snapshot.map_err(|error| error.to_string())?;
    outcome(&engine.down(&plan_down_as(&snapshot, how), stop).await)
}

/// What differs from a graph.
pub async fn plan_of(aws: &Aws, graph: &Blueprint, name: &str) -> Result<Plan, String> {
    let mut snapshot = aws
        .snapshot(name)
        .await
        .map_err(|error| error.to_string())?;
    let adopted = aws.adopted(&graph.adopted()).await;
    let adopted = adopted.map_err(|error| error.to_string())?;
    snapshot.resources.extend(adopted);
    Ok(plan(graph, &snapshot))
}

fn outcome(report: &WalkReport) -> Result<(), String> {
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
pub async fn work_left(link: &Arc<ProcessLink>, spec: &Spec) -> Vec<String> {
    let aws = connector::connect(REGION, "AKIDCRASH", link.clone()).await;
    match plan_of(&aws, &graph(spec), &spec.name).await {
        Ok(plan) => plan
            .work()
            .map(|change| format!("{:?} {}: {}", change.action, change.address, change.reason))
            .collect(),
        Err(error) => vec![error],
    }
}
