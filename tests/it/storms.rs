//! Storms as an operator drives them: several agents, connections that break, one result. Agents are
//! the built program, and the server is the real stand-in.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::BoxFuture;
use loadrig::diagnose::{Diagnose as _, ExitCode};
use loadrig::events::{EventKind, Events, Recorder, StormMoment};
use loadrig::loadtest::storm::{
    LiveSources, StormAccounts, StormTest, StormTestError, check_agents, control_storm, find_storm,
    hear_storm,
};
use loadrig::loadtest::{
    AgentHost, AgentHostError, AgentTask, RigEntrance, Scenario, StormScenario,
};
use loadrig_storm::{AccountPassword, StormControl};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc;

use crate::rig::client::PASSWORD;
use crate::storm_agents::stage::Stage;

/// An agent host of this machine.
struct LocalHost {
    name: &'static str,
    directory: TempDir,
    /// So many connections break after a few lines.
    breaks: AtomicU32,
}

impl LocalHost {
    fn new(name: &'static str, breaks: u32) -> Self {
        Self {
            name,
            directory: tempfile::tempdir().unwrap(),
            breaks: AtomicU32::new(breaks),
        }
    }

    fn arguments(&self, task: &AgentTask) -> Vec<String> {
        let mut messages = task.arguments();
        let directory: PathBuf = self.directory.path().into();
        let place = ["--directory".to_owned(), directory.display().to_string()];
        messages.splice(2..2, place);
        if *task == AgentTask::StormStart {
            messages.extend(["--supervisor", "none"].map(str::to_owned));
        }
        messages
    }
}

impl AgentHost for LocalHost {
    fn name(&self) -> String {
        self.name.into()
    }

    fn run_agent(
        &self,
        task: &AgentTask,
        input: SecretString,
        lines: mpsc::Sender<String>,
    ) -> BoxFuture<'_, Result<(), AgentHostError>> {
        let arguments = self.arguments(task);
        let is_follow = matches!(task, AgentTask::StormFollow { .. });
        Box::pin(async move {
            let mut child = Command::new(env!("CARGO_BIN_EXE_loadrig"))
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .spawn()?;
            let mut stdin = child.stdin.take().unwrap();
            // A command that refuses need not read its input to the end.
            let _ = stdin.write_all(input.expose_secret().as_bytes()).await;
            drop(stdin);
            let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
            let mut read = 0;
            while let Some(line) = output.next_line().await? {
                lines.send(line).await?;
                read += 1;
                if is_follow && read == 2 && self.breaks.load(Ordering::Relaxed) > 0 {
                    self.breaks.fetch_sub(1, Ordering::Relaxed);
                    return Err("the connection broke".into());
                }
            }
            let output = child.wait_with_output().await?;
            match output.status.success() {
                true => Ok(()),
                false => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
            }
        })
    }
}

fn scenario(users: u32) -> StormScenario {
    let text = format!(
        "engine: storm\nname: small\ntitle: A small storm\ndescription: for tests\nusers: {users}\n\
         deadline: 2m\nclient: {{web_client: \"11.9\", http: http1}}\n\
         phases:\n- storm: {{over: 6s, shape: even}}\n- drain: {{at_most: 1m}}\n\
         thresholds: {{users_in_percent: 100, last_user_in: 1m, start_lag_p99: 10s}}\n"
    );
    match Scenario::parse("small.yaml", &text) {
        Ok(Scenario::Storm(storm)) => *storm,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_from_two_agents_is_one_result_although_connections_break() {
    let stage = Stage::new(20).await;
    let (first, second) = (LocalHost::new("agent-1", 2), LocalHost::new("agent-2", 0));
    let agents: [&dyn AgentHost; 2] = [&first, &second];
    let recorder = Recorder::default();
    let events = Events::new(vec![Box::new(recorder.clone())]);
    let scenario = scenario(20);
    let none = find_storm(&agents, "demo").await.unwrap_err();
    assert!(matches!(none, StormTestError::NoStorm(_)), "{none}");

    check_agents(&agents, "demo", &scenario, &events)
        .await
        .unwrap();
    let test = StormTest {
        scenario: &scenario,
        environment: "demo",
        run: "r1",
        entrances: vec![RigEntrance {
            url: stage.url(),
            route: None,
        }],
        accounts: StormAccounts {
            prefix: "storm-".into(),
            password: AccountPassword::new(PASSWORD),
        },
    };
    let storm = test.start(&agents).await.unwrap();
    let busy = check_agents(&agents, "demo", &scenario, &events).await;
    let busy = busy.unwrap_err();
    assert!(matches!(busy, StormTestError::Busy { .. }), "{busy}");
    assert_eq!(busy.exit_code(), ExitCode::Locked);

    // Somebody else comes, from another machine: all that is needed lies on the agents.
    let found = find_storm(&agents, "demo").await.unwrap();
    assert_eq!((&found.storm, found.is_over), (&storm, false));
    let heard = hear_storm(&found.storm, &agents, LiveSources::default(), &events)
        .await
        .unwrap();
    let result = heard.judge("r2", Vec::new(), &events);
    let figures = result.storm.as_ref().unwrap();
    assert_eq!(figures.storm.users.logged_in, 20, "{:#?}", result.checks);
    assert_eq!(figures.storm.drivers.len(), 2);
    assert_eq!(figures.gaps, []);
    let phases: Vec<&str> = figures
        .phases
        .iter()
        .map(|phase| phase.name.as_str())
        .collect();
    assert_eq!(phases, ["storm", "drain"]);
    assert!(result.server.standin);
    assert_eq!((result.run.as_str(), result.users), ("r2", 20));
    let check = |name: &str| {
        let check = result.checks.iter().find(|check| check.name.contains(name));
        check
            .unwrap_or_else(|| panic!("{name}: {:#?}", result.checks))
            .pass
    };
    assert!(check("of the users get in") && check("last user is in"));
    assert!(check("ran to its end") && check("no agent was interrupted"));

    let told: Vec<EventKind> = recorder
        .events()
        .into_iter()
        .map(|event| event.kind)
        .collect();
    let moments: Vec<&StormMoment> = told
        .iter()
        .filter_map(|kind| match kind {
            EventKind::StormSample(moment) => Some(&**moment),
            _ => None,
        })
        .collect();
    assert!(
        moments
            .windows(2)
            .all(|pair| pair[0].second < pair[1].second),
        "each second is told once, whatever breaks"
    );
    let last = moments.last().unwrap();
    assert_eq!((last.users_in, last.offered, last.waiting), (20, 20, 0));
    let broken = told.iter().filter(
        |kind| matches!(kind, EventKind::Note { message } if message.contains("connecting again")),
    );
    assert_eq!(broken.count(), 2);

    // What came of it can be read again; there is nobody to be told anything.
    let over = find_storm(&agents, "demo").await.unwrap();
    assert!(over.is_over);
    let told = control_storm(&agents, &over, StormControl::Stop).await;
    assert!(matches!(told, Err(StormTestError::Over { .. })));
    let again = hear_storm(
        &over.storm,
        &agents,
        LiveSources::default(),
        &Events::default(),
    )
    .await;
    let again = again.unwrap().judge("r2", Vec::new(), &Events::default());
    assert_eq!(again, result);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_that_does_not_start_everywhere_starts_nowhere() {
    let (first, second) = (LocalHost::new("agent-1", 0), LocalHost::new("agent-2", 0));
    // A directory where a file should be.
    let broken = second.directory.path().join("storm.json");
    std::fs::create_dir(&broken).unwrap();
    let agents: [&dyn AgentHost; 2] = [&first, &second];
    let scenario = scenario(20);
    let test = StormTest {
        scenario: &scenario,
        environment: "demo",
        run: "r1",
        entrances: vec![RigEntrance {
            url: "http://127.0.0.1:9".into(),
            route: None,
        }],
        accounts: StormAccounts {
            prefix: "storm-".into(),
            password: AccountPassword::new(PASSWORD),
        },
    };
    let error = test.start(&agents).await.unwrap_err();
    assert!(matches!(error, StormTestError::NotStarted(_)), "{error}");
    assert!(error.to_string().contains("agent-2: "), "{error}");
    std::fs::remove_dir(&broken).unwrap();
    // The one that started was stopped before anybody came.
    let found = find_storm(&agents, "demo").await.unwrap();
    let heard = hear_storm(
        &found.storm,
        &agents[..1],
        LiveSources::default(),
        &Events::default(),
    )
    .await;
    let result = heard.unwrap().judge("r1", Vec::new(), &Events::default());
    assert!(!result.passed);
    assert_eq!(result.storm.unwrap().storm.users.logged_in, 0);
    let few = check_agents(&agents, "demo", &self::scenario(1), &Events::default()).await;
    assert_eq!(few.unwrap_err().exit_code(), ExitCode::Usage);
}
