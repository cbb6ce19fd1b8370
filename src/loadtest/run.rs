//! The operator's side: splits a scenario over the agents, starts them, merges what they
//! measured and judges it.
//!
//! Reaches hosts through traits alone: nothing here knows SSH.

use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::mpsc;

use crate::diagnose::Diagnose;
use crate::events::{EventKind, Events, Outcome};

use super::result::{Merged, ScenarioResult};
use super::scenario::SmokeScenario;
use super::tally::{HistogramError, Tallies};
use super::targets::{self, ExpectedTarget, MetricsHost};
use super::task::AgentTask;
use super::wire::{
    Admin, AgentHostError, AgentLine, AgentPlan, AgentResult, Check, FORMAT, Password, RigEntrance,
    ServerInfo,
};

/// What an agent may take beyond its own deadline: the way there and back.
const GRACE: Duration = Duration::from_secs(30);
/// Lines of an agent that wait to be read.
const LINES: usize = 64;

/// A host that can run the agent program.
pub trait AgentHost: Send + Sync {
    /// The host's name, for example `agent-1`.
    fn name(&self) -> String;

    /// Runs `loadrig agent` there for a task, with this as its standard input, and hands over
    /// every line of its standard output. Ends when the program does; the error says why
    /// it could not be run or how it failed. Dropping the future stops waiting for it.
    fn run_agent(
        &self,
        task: &AgentTask,
        input: SecretString,
        lines: mpsc::Sender<String>,
    ) -> BoxFuture<'_, Result<(), AgentHostError>>;
}

/// A scenario and the rig that it is to run on.
#[derive(Clone, Debug)]
pub struct LoadTest<'a> {
    /// What users do, and the thresholds.
    pub scenario: &'a SmokeScenario,
    /// The environment's name.
    pub environment: &'a str,
    /// The run's identity.
    pub run: &'a str,
    /// The proxies, or the load balancer.
    pub entrances: Vec<RigEntrance>,
    /// Private addresses of the application nodes.
    pub app_nodes: Vec<String>,
    /// The administrator's account.
    pub admin: Admin,
    /// What Prometheus should scrape; empty leaves that check out.
    pub targets: Vec<ExpectedTarget>,
}

/// Why a scenario came to no result.
#[derive(Debug, thiserror::Error)]
pub enum LoadTestError {
    /// Nobody to run it.
    #[error("environment `{0}` has no agent host to run a scenario on")]
    NoAgents(String),
    /// No agent reported.
    #[error("no agent came to a result: {}", failures.join("; "))]
    NoResult {
        /// Name of the environment.
        environment: String,
        /// What became of each agent.
        failures: Vec<String>,
    },
    /// Agents disagree about histograms.
    #[error("results cannot be merged")]
    Merge(#[from] HistogramError),
    /// The plan cannot be written.
    #[error("the agent's plan cannot be written")]
    Plan(#[from] serde_json::Error),
}

impl Diagnose for LoadTestError {
    fn hints(&self) -> Vec<String> {
        match self {
            LoadTestError::NoAgents(_) => {
                vec!["give the role `agent` at least one host, then run `loadrig up` again".into()]
            }
            LoadTestError::NoResult { environment, .. } => vec![
                format!(
                    "`loadrig verify {environment}` shows which part of the rig does not answer"
                ),
                format!(
                    "`loadrig up {environment}` restores what it installed on the agents, and repairs hosts whose \
                     bundle was not applied to the end"
                ),
            ],
            LoadTestError::Merge(_) | LoadTestError::Plan(_) => Vec::new(),
        }
    }
}

impl LoadTest<'_> {
    /// Runs the scenario. Missed thresholds and failing agents are in the result; it is an
    /// error only when no agent reported at all.
    ///
    /// # Errors
    /// When there are no agents, or none of them came to a result.
    pub async fn run(
        &self,
        agents: &[&dyn AgentHost],
        metrics: Option<&dyn MetricsHost>,
        events: &Events,
    ) -> Result<ScenarioResult, LoadTestError> {
        if agents.is_empty() {
            return Err(LoadTestError::NoAgents(self.environment.to_owned()));
        }
        let plans = self.plans(agents);
        let running = agents
            .iter()
            .zip(plans)
            .map(|(agent, plan)| self.drive(*agent, plan, events));
        let outcomes = join_all(running).await;
        let mut merged = merge(self.environment, outcomes)?;
        if let (Some(metrics), Some(within), false) = (
            metrics,
            self.scenario.thresholds.metrics_scraped_within,
            self.targets.is_empty(),
        ) {
            events.note("waiting until Prometheus has scraped every host");
            let check = targets::check(metrics, &self.targets, within.unsigned_abs()).await;
            merged.checks.push(check);
        }
        let result = ScenarioResult::evaluate(self.scenario, self.environment, self.run, merged);
        for check in &result.checks {
            events.emit(EventKind::Check {
                name: check.name.clone(),
                pass: check.pass,
                detail: check.detail.clone(),
            });
        }
        Ok(result)
    }

    /// Spreads the users evenly; the first agents take one more when it does not come out.
    fn plans(&self, agents: &[&dyn AgentHost]) -> Vec<AgentPlan> {
        let run = word("s", 9);
        let user_password = Password::new(SecretString::from(word("Pw1-", 24)));
        let count = u32::try_from(agents.len()).unwrap_or(u32::MAX);
        let (share, rest) = (self.scenario.users / count, self.scenario.users % count);
        let mut first_user = 0;
        (0..count)
            .zip(agents)
            .map(|(index, agent)| {
                let users = share + u32::from(index < rest);
                let plan = AgentPlan {
                    format: FORMAT,
                    agent: agent.name(),
                    entrances: self.entrances.clone(),
                    run: run.clone(),
                    first_user,
                    users,
                    app_nodes: self.app_nodes.clone(),
                    admin: self.admin.clone(),
                    user_password: user_password.clone(),
                    deadline_ms: u64::try_from(self.scenario.deadline.as_millis())
                        .unwrap_or(u64::MAX),
                    steps: self.scenario.steps.clone(),
                };
                first_user += users;
                plan
            })
            .collect()
    }

    /// Runs one agent to its end and follows its progress.
    async fn drive(
        &self,
        agent: &dyn AgentHost,
        plan: AgentPlan,
        events: &Events,
    ) -> Result<AgentResult, String> {
        let name = agent.name();
        let step = format!("scenario/{}/{name}", self.scenario.name);
        events.emit(EventKind::StepStarted { step: step.clone() });
        let deadline = self.scenario.deadline.unsigned_abs() + GRACE;
        let followed = tokio::time::timeout(deadline, follow(agent, &plan, &step, events)).await;
        let outcome = match followed {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("no result within {} s", deadline.as_secs())),
        };
        match outcome {
            Ok(result) => {
                events.emit(EventKind::StepFinished {
                    step,
                    outcome: Outcome::Applied,
                    detail: Some(format!("{} requests", result.actions.requests())),
                });
                Ok(result)
            }
            Err(error) => {
                let error = format!("{name}: {error}");
                events.emit(EventKind::StepFailed {
                    step,
                    error: error.clone(),
                });
                Err(error)
            }
        }
    }
}

/// Starts the agent and reads its lines until it ends.
async fn follow(
    agent: &dyn AgentHost,
    plan: &AgentPlan,
    step: &str,
    events: &Events,
) -> Result<AgentResult, String> {
    let plan = serde_json::to_string(plan).map_err(|error| error.to_string())?;
    let (sender, mut lines) = mpsc::channel::<String>(LINES);
    let program = agent.run_agent(&AgentTask::Scenario, SecretString::from(plan), sender);
    let reading = async {
        let mut result = None;
        while let Some(line) = lines.recv().await {
            match serde_json::from_str(&line) {
                Ok(AgentLine::Progress(progress)) => events.waiting(
                    step,
                    format!("{} {}/{}", progress.step, progress.done, progress.total),
                ),
                Ok(AgentLine::Result(found)) => result = Some(found),
                // A login banner or a warning of the host's shell is no reason to stop.
                Err(_) => events.note(format!("{step}: {line}")),
            }
        }
        result
    };
    let (ended, result) = futures::join!(program, reading);
    match (ended, result) {
        (_, Some(result)) if result.format == FORMAT => Ok(*result),
        (_, Some(result)) => Err(format!(
            "its result has format {}, this program reads {FORMAT}",
            result.format
        )),
        (Err(error), None) => Err(error.to_string()),
        (Ok(()), None) => Err("the agent ended without a result".to_owned()),
    }
}

fn merge(
    environment: &str,
    outcomes: Vec<Result<AgentResult, String>>,
) -> Result<Merged, LoadTestError> {
    let mut merged = Merged {
        agents: Vec::new(),
        started: Timestamp::MAX,
        server: ServerInfo::default(),
        tallies: Tallies::new()?,
        checks: Vec::new(),
        cross_node: None,
        search_indexing: None,
    };
    let several = outcomes.len() > 1;
    let mut failures = Vec::new();
    for outcome in outcomes {
        let result = match outcome {
            Ok(result) => result,
            Err(error) => {
                failures.push(error);
                continue;
            }
        };
        merged.tallies.merge(&result.actions)?;
        merged.started = merged.started.min(result.started);
        merged.cross_node = merged
            .cross_node
            .max(result.cross_node_ms.map(Duration::from_millis));
        merged.search_indexing = merged
            .search_indexing
            .max(result.search_indexing_ms.map(Duration::from_millis));
        // A rig with one stand-in among its nodes is a stand-in's rig.
        merged.server.standin |= result.server.standin;
        if merged.server.version.is_empty() {
            merged.server.version = result.server.version;
        }
        for mut check in result.checks {
            if several {
                check.name = format!("{} ({})", check.name, result.agent);
            }
            merged.checks.push(check);
        }
        merged.agents.push(result.agent);
    }
    if merged.agents.is_empty() {
        return Err(LoadTestError::NoResult {
            environment: environment.to_owned(),
            failures,
        });
    }
    let lost = failures.into_iter().map(|f| Check::fail("agent", f));
    merged.checks.extend(lost);
    Ok(merged)
}

/// A random word of lower-case letters and digits after a prefix.
fn word(prefix: &str, length: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = vec![0_u8; length];
    rand::fill(bytes.as_mut_slice());
    let letters = bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    prefix.chars().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Recorder;

    /// An agent host that answers with fixed lines.
    struct Scripted {
        name: &'static str,
        answer: fn(&AgentPlan) -> Vec<String>,
        fails: bool,
    }

    impl AgentHost for Scripted {
        fn name(&self) -> String {
            self.name.into()
        }

        fn run_agent(
            &self,
            _: &AgentTask,
            plan: SecretString,
            lines: mpsc::Sender<String>,
        ) -> BoxFuture<'_, Result<(), AgentHostError>> {
            use secrecy::ExposeSecret as _;
            let plan: AgentPlan = serde_json::from_str(plan.expose_secret()).unwrap();
            let answer = (self.answer)(&plan);
            Box::pin(async move {
                for line in answer {
                    lines.send(line).await?;
                }
                if self.fails {
                    return Err("connection lost".into());
                }
                Ok(())
            })
        }
    }

    fn good(plan: &AgentPlan) -> Vec<String> {
        let mut actions = Tallies::new().unwrap();
        for action in SmokeScenario::built_in().unwrap().thresholds.latency.keys() {
            for _ in 0..plan.users {
                actions.succeeded(*action, Duration::from_millis(5));
            }
        }
        let result = AgentResult {
            format: FORMAT,
            agent: plan.agent.clone(),
            started: Timestamp::UNIX_EPOCH,
            finished: Timestamp::UNIX_EPOCH,
            server: ServerInfo {
                version: "standin-0.1.0".into(),
                standin: true,
            },
            actions,
            checks: vec![Check::pass(
                "users connected",
                format!("{}", plan.first_user),
            )],
            cross_node_ms: Some(10),
            search_indexing_ms: Some(100),
        };
        let line = AgentLine::Result(Box::new(result));
        vec![
            "Warning: some banner".into(),
            r#"{"progress":{"step":"log in","done":1,"total":2}}"#.into(),
            serde_json::to_string(&line).unwrap(),
        ]
    }

    fn silent(_: &AgentPlan) -> Vec<String> {
        Vec::new()
    }

    async fn run(agents: &[&dyn AgentHost]) -> (Result<ScenarioResult, LoadTestError>, Recorder) {
        let scenario = SmokeScenario::built_in().unwrap();
        let recorder = Recorder::default();
        let events = Events::new(vec![Box::new(recorder.clone())]);
        let test = LoadTest {
            scenario: &scenario,
            environment: "demo",
            run: "r1",
            entrances: vec![RigEntrance {
                url: "http://10.0.0.10".to_owned(),
                route: None,
            }],
            app_nodes: vec!["10.0.0.4".into()],
            admin: Admin {
                username: "admin".into(),
                password: Password::new("secret".into()),
            },
            targets: Vec::new(),
        };
        (test.run(agents, None, &events).await, recorder)
    }

    const AGENT_1: Scripted = Scripted {
        name: "agent-1",
        answer: good,
        fails: false,
    };

    #[tokio::test]
    async fn users_are_spread_over_agents_and_results_merged() {
        let other = Scripted {
            name: "agent-2",
            ..AGENT_1
        };
        let third = Scripted {
            name: "agent-3",
            ..AGENT_1
        };
        let (result, recorder) = run(&[&AGENT_1, &other, &third]).await;
        let result = result.unwrap();
        assert!(result.passed, "{:?}", result.checks);
        assert!(result.server.standin);
        // 50 users over three agents: 17 + 17 + 16, none twice.
        let firsts: Vec<&str> = result.checks[..3]
            .iter()
            .map(|c| c.detail.as_str())
            .collect();
        assert_eq!(firsts, ["0", "17", "34"]);
        assert_eq!(result.actions[0].requests, 50);
        let progress = recorder.events().into_iter().any(
            |event| matches!(event.kind, EventKind::StepWaiting { on, .. } if on == "log in 1/2"),
        );
        assert!(progress);
    }

    #[tokio::test]
    async fn an_agent_that_is_lost_fails_the_scenario_but_not_the_report() {
        let lost = Scripted {
            name: "agent-2",
            answer: silent,
            fails: true,
        };
        let (result, _) = run(&[&AGENT_1, &lost]).await;
        let result = result.unwrap();
        assert!(!result.passed);
        let check = result.checks.iter().find(|check| !check.pass).unwrap();
        assert_eq!(check.detail, "agent-2: connection lost");
    }

    #[tokio::test]
    async fn no_result_at_all_is_an_error_that_names_every_agent() {
        let silent = Scripted {
            answer: silent,
            ..AGENT_1
        };
        let (result, _) = run(&[&silent]).await;
        let error = result.unwrap_err();
        assert_eq!(
            error.to_string(),
            "no agent came to a result: agent-1: the agent ended without a result"
        );
    }

    #[tokio::test]
    async fn a_rig_without_agents_says_so() {
        let (result, _) = run(&[]).await;
        assert!(matches!(result, Err(LoadTestError::NoAgents(_))));
    }
}
