//! Detached agents: the built program carries storms out against the real stand-in, whether or not
//! anybody is connected.
#![cfg(target_os = "linux")]

#[allow(dead_code, reason = "the stage is shared with the tests of storms")]
#[path = "../../storm/tests/storms/stage.rs"]
pub mod stage;

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use loadrig::loadtest::LoadRun;
use loadrig::loadtest::storm::{
    STORM_ORDER_FORMAT, StatusStage, StormAgentLine, StormAnswer, StormGap, StormMessage,
    StormOrder, StormOutcome,
};
use loadrig_storm::{ArrivalShape, StormPhase, StormPlan, StormResult, StormSample};
use tempfile::TempDir;

use crate::rig;
use crate::rig::client::PASSWORD;
use stage::Stage;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(2);

/// An agent host: a directory.
struct Agent(TempDir);

impl Agent {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadrig"));
        let (duty, rest) = words.split_first().unwrap();
        command.args(["agent", duty, "--directory"]);
        command.arg(self.0.path()).args(rest);
        command
    }

    fn run(&self, words: &[&str], input: &str) -> Output {
        let mut child = self
            .command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that refuses need not read its input to the end.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    fn start(&self, order: &StormOrder) -> Output {
        let text = serde_json::to_string(order).unwrap();
        self.run(&["start", "--supervisor", "none"], &text)
    }

    fn state(&self) -> StormAnswer {
        let output = self.run(&["state"], "");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }

    fn stage(&self) -> StatusStage {
        self.state().status.unwrap().stage
    }

    /// Process ids of the workers.
    fn workers(&self) -> Vec<String> {
        let own = self.0.path().display().to_string();
        std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter(|process| {
                let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                line.contains("agent work") && line.contains(&own)
            })
            .map(|process| process.file_name().to_string_lossy().into_owned())
            .collect()
    }

    fn kill_worker(&self) {
        let workers = self.workers();
        assert_eq!(workers.len(), 1);
        let killed = Command::new("kill").args(["-KILL", &workers[0]]).status();
        assert!(killed.unwrap().success());
        let since = Instant::now();
        while self.stage() != StatusStage::Interrupted {
            assert!(since.elapsed() < PATIENCE);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn follow(&self, from: u64) -> Follower {
        let mut child = self
            .command(&["follow", "--from", &from.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Follower { child, lines }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        for worker in self.workers() {
            // It may have ended meanwhile.
            let _ = Command::new("kill").args(["-KILL", &worker]).status();
        }
    }
}

/// Somebody who follows.
struct Follower {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Follower {
    fn next(&mut self) -> Option<StormAgentLine> {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap())
    }

    /// Reads until a sample for which this holds.
    fn until(&mut self, holds: impl Fn(&StormSample) -> bool) -> StormSample {
        loop {
            let line = self.next().expect("a sample of that kind");
            if let StormMessage::Sample(sample) = line.message
                && holds(&sample)
            {
                return *sample;
            }
        }
    }

    /// All that is left.
    fn rest(mut self) -> Vec<StormAgentLine> {
        let mut lines = Vec::new();
        while let Some(line) = self.next() {
            lines.push(line);
        }
        assert!(self.child.wait().unwrap().success());
        lines
    }
}

fn now_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap()
}

/// The plan, to be carried out in a moment.
fn order(plan: StormPlan, in_ms: u64) -> StormOrder {
    StormOrder {
        format: STORM_ORDER_FORMAT,
        storm: LoadRun {
            run: "r1".into(),
            environment: "demo".into(),
            agents: vec![plan.agent.clone()],
            start_ms: now_ms() + in_ms,
            deadline_ms: plan.deadline_ms,
            scenario: serde_json::json!({"name": "login-storm"}),
        },
        plan,
    }
}

fn done(lines: &[StormAgentLine]) -> (StormResult, Vec<StormGap>) {
    match &lines.last().expect("an outcome").message {
        StormMessage::Outcome(StormOutcome::Done {
            result,
            gaps,
            server,
        }) => {
            assert!(server.standin, "{server:?}");
            ((**result).clone(), gaps.clone())
        }
        other => panic!("{other:?}"),
    }
}

fn even(users: u32, over_ms: u64) -> Vec<StormPhase> {
    vec![
        StormPhase::Arrive {
            users,
            over_ms,
            shape: ArrivalShape::Even,
        },
        StormPhase::Drain { at_most_ms: 60_000 },
    ]
}

fn complaint(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_goes_on_without_whoever_started_it_and_any_number_may_follow() {
    let stage = Stage::new(12).await;
    let agent = Agent::new();
    let order_now = order(stage.plan(12, 3_000), 3_000);
    let started = agent.start(&order_now);
    assert!(started.status.success(), "{started:?}");
    let answer: StormAnswer = serde_json::from_slice(&started.stdout).unwrap();
    assert_eq!(answer.status.unwrap().storm, order_now.storm);
    let plan = agent.0.path().join("plan.json");
    let mode = plan.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds the accounts' password");

    let second = complaint(&agent.start(&order(stage.plan(12, 3_000), 60_000)));
    assert!(
        second.contains("storm `r1` of environment `demo`"),
        "{second}"
    );

    let mut first = agent.follow(0);
    let seen = first.next().unwrap();
    assert_eq!(seen.number, 0);
    let late = agent.follow(2);
    let (first, late) = (first.rest(), late.rest());
    assert_eq!(first[1..], late[..], "the same lines, from the third on");
    let (result, gaps) = done(&late);
    assert!(gaps.is_empty());
    assert_eq!((result.users.offered, result.users.logged_in), (12, 12));
    assert!(!result.cut_short);

    assert_eq!(agent.stage(), StatusStage::Ended);
    assert!(agent.workers().is_empty());
    for file in agent.0.path().read_dir().unwrap().flatten() {
        let content = std::fs::read(file.path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&content);
        assert!(!text.contains(PASSWORD), "{:?}", file.path());
    }
    // It stays to be read, until another one starts.
    assert_eq!(agent.follow(0).rest().last(), first.last());

    // A storm that is stopped before its start has a result, in which nobody came.
    let waiting = agent.start(&order(stage.plan(12, 3_000), 600_000));
    assert!(waiting.status.success(), "{waiting:?}");
    assert_eq!(agent.stage(), StatusStage::Waiting);
    assert!(agent.run(&["control", "stop"], "").status.success());
    let (result, _) = done(&agent.follow(0).rest());
    assert_eq!((result.users.logged_in, result.cut_short), (0, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_killed_goes_on_where_the_plan_is_by_then() {
    let stage = Stage::new(40).await;
    let agent = Agent::new();
    let mut plan = stage.plan(40, 16_000);
    plan.phases = even(40, 16_000);
    plan.checkpoint_every_ms = Some(1_000);
    assert!(agent.start(&order(plan, 1_000)).status.success());
    let mut follower = agent.follow(0);
    let before = follower.until(|sample| sample.users.logged_in >= 8);
    agent.kill_worker();
    let refused = complaint(&agent.start(&order(stage.plan(1, 1), 60_000)));
    assert!(refused.contains("was interrupted"), "{refused}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut worker = agent.command(&["work"]).spawn().unwrap();
    let lines = follower.rest();
    assert!(worker.wait().unwrap().success());
    assert!(
        lines
            .iter()
            .any(|line| matches!(line.message, StormMessage::Gap(_))),
        "who follows is told"
    );
    let (result, gaps) = done(&lines);
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    let gap = &gaps[0];
    assert!(gap.to_ms - gap.from_ms >= 3_000, "{gap:?}");
    assert!((6..35).contains(&gap.lost_users), "{gap:?}");
    let users = result.users;
    assert_eq!(users.offered, 40);
    assert_eq!(users.logged_in + users.never, 40);
    assert!(users.never >= gap.lost_users);
    assert!(users.logged_in + 2 >= before.users.logged_in, "{users:?}");
    assert!(result.last.logged_in_ms > Some(gap.to_ms), "{result:?}");
    let samples: Vec<&StormSample> = lines
        .iter()
        .filter_map(|line| match &line.message {
            StormMessage::Sample(sample) => Some(&**sample),
            _ => None,
        })
        .collect();
    assert!(
        samples.windows(2).all(|pair| pair[0].at_ms < pair[1].at_ms),
        "seconds go on from the start of the storm"
    );
    let last = samples.last().unwrap().users;
    assert!(last.offered == 40 && last.logged_in > before.users.logged_in);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_can_be_held_sped_up_and_stopped() {
    let stage = Stage::new(20).await;
    let agent = Agent::new();
    let mut plan = stage.plan(20, 4_000);
    plan.phases = even(20, 4_000);
    plan.phases.push(StormPhase::Hold { for_ms: 600_000 });
    plan.checkpoint_every_ms = Some(1_000);
    plan.deadline_ms = 900_000;
    assert!(agent.start(&order(plan.clone(), 1_000)).status.success());
    assert!(agent.run(&["control", "rate", "0"], "").status.success());
    let mut follower = agent.follow(0);
    let held = follower.until(|sample| sample.at_ms > 4_500);
    assert_eq!(held.users.offered, 0, "nobody comes at a rate of zero");
    assert!(agent.run(&["control", "rate", "4"], "").status.success());
    let all = follower.until(|sample| sample.users.logged_in == 20);
    assert!(all.at_ms > held.at_ms);
    assert!(agent.run(&["control", "stop"], "").status.success());
    let (result, _) = done(&follower.rest());
    assert!(result.cut_short);
    assert_eq!(result.users.logged_in, 20);
    let over = complaint(&agent.run(&["control", "stop"], ""));
    assert!(over.contains("is over"), "{over}");

    // A storm that nobody carries on is ended with what the last checkpoint has.
    assert!(agent.start(&order(plan, 1_000)).status.success());
    let mut follower = agent.follow(0);
    follower.until(|sample| sample.users.logged_in == 20 && sample.at_ms > 6_000);
    agent.kill_worker();
    assert!(agent.run(&["control", "stop"], "").status.success());
    let (result, gaps) = done(&follower.rest());
    assert_eq!(gaps.len(), 1);
    assert!(result.users.logged_in > 0);
    assert_eq!(agent.stage(), StatusStage::Ended);
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_an_agent_that_is_gone_leaves_out_is_counted() {
    let stage = Stage::new(20).await;
    let agent = Agent::new();
    let mut plan = stage.plan(20, 6_000);
    plan.phases = even(20, 6_000);
    plan.checkpoint_every_ms = Some(500);
    assert!(agent.start(&order(plan, 500)).status.success());
    let mut follower = agent.follow(0);
    follower.until(|sample| sample.users.logged_in >= 2);
    agent.kill_worker();
    // By then all were to come.
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert!(agent.run(&["control", "stop"], "").status.success());
    let (result, gaps) = done(&follower.rest());
    assert!((1..=19).contains(&gaps[0].lost_users), "{gaps:?}");
    assert_eq!(result.users.offered, 20);
    assert!(result.cut_short);
}

#[test]
fn orders_that_cannot_be_carried_out_are_refused_and_leave_nothing() {
    let agent = Agent::new();
    assert_eq!(agent.state().status, None);
    for words in [["control", "stop"].as_slice(), &["follow"]] {
        let said = complaint(&agent.run(words, ""));
        assert!(said.contains("there is no storm on this host"), "{said}");
    }
    let plan = |change: fn(&mut StormPlan)| {
        let mut plan: StormPlan = serde_json::from_value(serde_json::json!({
            "format": loadrig_storm::STORM_FORMAT, "agent": "agent-1", "entrances": [{"url": "http://127.0.0.1:9"}],
            "accounts": {"prefix": "u", "first": 0, "users": 2, "password": "p"},
            "phases": [{"arrive": {"users": 2, "over_ms": 1000}}],
            "seed": 1, "deadline_ms": 1000,
        }))
        .unwrap();
        change(&mut plan);
        plan
    };
    let start = |order: &StormOrder| complaint(&agent.start(order));
    let said = complaint(&agent.run(&["start", "--supervisor", "none"], "{\"format\":"));
    assert!(said.contains("no order for a storm"), "{said}");
    let mut other = order(plan(|_| {}), 60_000);
    other.format = 99;
    let said = start(&other);
    assert!(said.contains("the order has format 99"), "{said}");
    let said = start(&order(plan(|plan| plan.accounts.users = 1), 60_000));
    assert!(said.contains("2 users arrive, with 1 accounts"), "{said}");
    let mut late = order(plan(|_| {}), 0);
    late.storm.start_ms -= 5_000;
    let said = start(&late);
    assert!(said.contains("was to start 5"), "{said}");
    assert_eq!(agent.state().status, None);

    // What only the network can tell is the storm's outcome.
    let nowhere = plan(|plan| plan.entrances[0].url = "http://does-not-exist.invalid".into());
    assert!(agent.start(&order(nowhere, 500)).status.success());
    let lines = agent.follow(0).rest();
    assert!(
        matches!(
            &lines.last().unwrap().message,
            StormMessage::Outcome(StormOutcome::Failed { reason }) if reason.contains("does-not-exist")
        ),
        "{lines:?}"
    );
}
