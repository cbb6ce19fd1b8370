//! The smoke scenario's agent against a small server on loopback that answers as two
//! application nodes behind one proxy would.
//!
//! Protocol only: the real servers are met on the local cloud.

mod chat_server;

use std::io::Write;
use std::sync::{Arc, Mutex};

use chat_server::{ChatServer, ServerFault};
use futures::future::BoxFuture;
use loadrig::events::Events;
use loadrig::loadtest::{
    Admin, AgentHost, AgentHostError, AgentTask, LoadTest, Password, RigEntrance, ScenarioResult,
    SmokeScenario, agent,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc;

/// Runs the agent in this process instead of on a host.
struct InProcess(&'static str);

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl AgentHost for InProcess {
    fn name(&self) -> String {
        self.0.into()
    }

    fn run_agent(
        &self,
        _: &AgentTask,
        plan: SecretString,
        lines: mpsc::Sender<String>,
    ) -> BoxFuture<'_, Result<(), AgentHostError>> {
        Box::pin(async move {
            let output = Lines::default();
            agent::run(plan.expose_secret().as_bytes(), output.clone()).await?;
            let text = String::from_utf8(output.0.lock().unwrap().clone())?;
            for line in text.lines() {
                lines.send(line.to_owned()).await?;
            }
            Ok(())
        })
    }
}

/// The smoke scenario, with waits that fit a test.
fn scenario() -> SmokeScenario {
    let text = include_str!("../../scenarios/smoke.yaml")
        .replace("users: 50", "users: 12")
        .replace("deliver_within: 10s", "deliver_within: 1s")
        .replace("{ within: 30s }", "{ within: 2s }")
        .replace("deadline: 3m", "deadline: 30s");
    SmokeScenario::parse("smoke.yaml", &text).unwrap()
}

fn admin() -> Admin {
    let (username, password) = chat_server::ADMINISTRATOR;
    Admin {
        username: username.into(),
        password: Password::new(password.into()),
    }
}

async fn run_with(
    server: &ChatServer,
    scenario: &SmokeScenario,
    agents: &[&dyn AgentHost],
) -> ScenarioResult {
    let url = server.url();
    let test = LoadTest {
        scenario,
        environment: "test",
        run: "r1",
        entrances: vec![RigEntrance { url, route: None }],
        app_nodes: chat_server::NODES.map(str::to_owned).to_vec(),
        admin: admin(),
        targets: Vec::new(),
    };
    test.run(agents, None, &Events::default()).await.unwrap()
}

async fn run(server: &ChatServer) -> ScenarioResult {
    run_with(server, &scenario(), &[&InProcess("agent-1")]).await
}

fn failed(result: &ScenarioResult) -> Vec<String> {
    let failed = result.checks.iter().filter(|check| !check.pass);
    failed
        .map(|check| format!("{}: {}", check.name, check.detail))
        .collect()
}

#[tokio::test]
async fn a_working_rig_passes_and_every_action_was_exercised() {
    let server = ChatServer::start(ServerFault::None).await;
    let result = run(&server).await;
    assert!(result.passed, "{:#?}", failed(&result));
    assert_eq!(result.errors, 0);
    assert!(result.server.standin);
    let actions: Vec<&str> = result.actions.iter().map(|a| a.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "create-user",
            "log-in",
            "join-team",
            "join-channel",
            "connect",
            "post",
            "deliver",
            "upload",
            "download",
            "search"
        ]
    );
}

#[tokio::test]
async fn the_same_server_can_be_tested_again() {
    let server = ChatServer::start(ServerFault::None).await;
    assert!(run(&server).await.passed);
    let again = run(&server).await;
    assert!(again.passed, "{:#?}", failed(&again));
}

#[tokio::test]
async fn two_agents_share_the_users_and_the_team() {
    let server = ChatServer::start(ServerFault::None).await;
    let agents: [&dyn AgentHost; 2] = [&InProcess("agent-1"), &InProcess("agent-2")];
    let result = run_with(&server, &scenario(), &agents).await;
    assert!(result.passed, "{:#?}", failed(&result));
    assert_eq!(result.actions[0].requests, 12);
}

#[tokio::test]
async fn nodes_outside_the_cluster_are_detected() {
    let server = ChatServer::start(ServerFault::NodesApart).await;
    let result = run(&server).await;
    let failed = failed(&result);
    assert!(
        failed
            .iter()
            .any(|line| line.starts_with("posts cross application nodes: 2 of 2 pairs lost")),
        "{failed:#?}"
    );
}

#[tokio::test]
async fn a_node_that_gets_no_traffic_is_named() {
    let server = ChatServer::start(ServerFault::OneNodeUnused).await;
    let result = run(&server).await;
    let failed = failed(&result);
    assert!(
        failed
            .iter()
            .any(|line| line.contains("never gave a websocket to 10.0.0.5")),
        "{failed:#?}"
    );
}

#[tokio::test]
async fn a_damaged_download_fails_the_check() {
    let server = ChatServer::start(ServerFault::DamagedFiles).await;
    let failed = failed(&run(&server).await);
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert!(failed[0].starts_with("files come back byte for byte: 0 of 4"));
}

#[tokio::test]
async fn a_post_that_is_never_indexed_fails_within_the_wait() {
    let server = ChatServer::start(ServerFault::NothingIndexed).await;
    let failed = failed(&run(&server).await);
    assert_eq!(failed, ["search finds a new post: not found within 2s"]);
}

#[tokio::test]
async fn refused_logins_are_counted_with_the_servers_message() {
    let server = ChatServer::start(ServerFault::EveryThirdLoginRefused).await;
    let result = run(&server).await;
    assert!(!result.passed);
    let log_in = &result.actions[1];
    assert!(log_in.errors > 0);
    assert!(
        log_in.error_samples[0].text.contains("HTTP 503"),
        "{:?}",
        log_in.error_samples
    );
}

#[tokio::test]
async fn logins_wait_when_the_login_gate_is_full() {
    let server = ChatServer::start(ServerFault::EveryThirdLoginPostponed).await;
    let result = run(&server).await;
    assert!(result.passed, "{:#?}", failed(&result));
    assert_eq!(result.errors, 0);
}

#[tokio::test]
async fn a_server_with_a_foreign_admin_is_refused() {
    let server = ChatServer::start(ServerFault::ClaimedByOthers).await;
    let failed = failed(&run(&server).await);
    assert!(
        failed[0].contains("is no system administrator"),
        "{failed:#?}"
    );
}

#[tokio::test]
async fn a_proxy_that_is_down_ends_in_a_clear_check() {
    let server = ChatServer::start(ServerFault::None).await;
    let url = server.url();
    drop(server);
    let scenario = scenario();
    let test = LoadTest {
        scenario: &scenario,
        environment: "test",
        run: "r1",
        entrances: vec![RigEntrance { url, route: None }],
        app_nodes: Vec::new(),
        admin: admin(),
        targets: Vec::new(),
    };
    let agents: [&dyn AgentHost; 1] = [&InProcess("agent-1")];
    let result = test.run(&agents, None, &Events::default()).await.unwrap();
    let failed = failed(&result);
    assert!(
        failed[0].starts_with("set-up: no answer from the proxy"),
        "{failed:#?}"
    );
}

#[tokio::test]
async fn a_plan_of_another_format_is_refused() {
    let error = agent::run(&br#"{"format": 1}"#[..], std::io::sink())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("standard input holds no agent plan")
    );
}
