//! Starts a storm on all agents at one moment.

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use loadrig_storm::StormControl;
use secrecy::SecretString;

use super::agents::{FoundStorm, ask, control_storm, state};
use super::divide::{StormAccounts, divide};
use super::error::StormTestError;
use super::wire::{StatusStage, StormAnswer};
use crate::events::Events;
use crate::loadtest::load_run::LoadRun;
use crate::loadtest::run::AgentHost;
use crate::loadtest::scenario::StormScenario;
use crate::loadtest::task::AgentTask;
use crate::loadtest::wire::RigEntrance;

/// From the order to the start: agents have to be reached, and their workers to listen.
const LEAD: Duration = Duration::from_secs(10);
/// For each agent, which takes a connection of its own.
const LEAD_PER_AGENT: Duration = Duration::from_millis(250);
/// Agents whose clocks differ by less begin together as far as anybody can see, ms.
const SAME_CLOCK_MS: i64 = 500;

/// A storm and the rig that it is to break over.
#[derive(Clone, Debug)]
pub struct StormTest<'a> {
    /// Who comes when, and what counts as good.
    pub scenario: &'a StormScenario,
    /// The environment's name.
    pub environment: &'a str,
    /// The run's identity.
    pub run: &'a str,
    /// The proxies, or the load balancer.
    pub entrances: Vec<RigEntrance>,
    /// The users' accounts, which exist.
    pub accounts: StormAccounts,
}

/// By when the storm of a scenario is over that is started now, and its agents have said so.
#[must_use]
pub fn longest_storm(scenario: &StormScenario, agents: usize) -> Duration {
    scenario.deadline.unsigned_abs() + lead(agents)
}

fn lead(agents: usize) -> Duration {
    LEAD + LEAD_PER_AGENT * u32::try_from(agents).unwrap_or(u32::MAX)
}

/// Refuses where a storm cannot be started: no agents, fewer users than agents, or another storm.
///
/// # Errors
/// Why it cannot be started.
pub async fn check_agents(
    agents: &[&dyn AgentHost],
    environment: &str,
    scenario: &StormScenario,
    events: &Events,
) -> Result<(), StormTestError> {
    if agents.is_empty() {
        return Err(StormTestError::NoAgents(environment.to_owned()));
    }
    let users = scenario.arriving_users();
    if (users as usize) < agents.len() {
        let agents = agents.len();
        return Err(StormTestError::TooFewUsers { users, agents });
    }
    let answers = join_all(agents.iter().map(|agent| clocked(*agent))).await;
    let mut silent = Vec::new();
    for (agent, answer) in agents.iter().zip(answers) {
        let (answer, ahead_ms) = match answer {
            Ok(answer) => answer,
            Err(error) => {
                silent.push(error);
                continue;
            }
        };
        if ahead_ms.abs() > SAME_CLOCK_MS {
            let side = if ahead_ms > 0 { "ahead" } else { "behind" };
            events.note(format!(
                "the clock of {} is {:.1} s {side}: it begins so much {}",
                agent.name(),
                ahead_ms.abs() as f64 / 1000.0,
                if ahead_ms > 0 { "earlier" } else { "later" },
            ));
        }
        if let Some(status) = answer.status
            && status.stage != StatusStage::Ended
        {
            return Err(StormTestError::Busy {
                run: status.storm.run,
                environment: status.storm.environment,
            });
        }
    }
    match silent.is_empty() {
        true => Ok(()),
        false => Err(StormTestError::Unreachable(silent)),
    }
}

/// What an agent answers, and how far its clock is ahead of ours, ms: that of the middle of the
/// time that the answer took.
async fn clocked(agent: &dyn AgentHost) -> Result<(StormAnswer, i64), String> {
    let asked = Timestamp::now().as_millisecond();
    let answer = state(agent).await?;
    let answered = Timestamp::now().as_millisecond();
    let theirs = i64::try_from(answer.now_ms).unwrap_or(i64::MAX);
    // It said so at some moment between the two: only what lies outside is a difference.
    let ahead = (theirs - answered).max(0) + (theirs - asked).min(0);
    Ok((answer, ahead))
}

impl StormTest<'_> {
    /// Starts the storm on every agent. When it returns, all of them wait for one moment, some
    /// seconds ahead.
    ///
    /// # Errors
    /// When an agent does not start; those that did are stopped.
    pub async fn start(&self, agents: &[&dyn AgentHost]) -> Result<LoadRun, StormTestError> {
        let start = Timestamp::now() + lead(agents.len());
        let storm = LoadRun {
            run: self.run.to_owned(),
            environment: self.environment.to_owned(),
            agents: agents.iter().map(|agent| agent.name()).collect(),
            start_ms: u64::try_from(start.as_millisecond()).unwrap_or(0),
            deadline_ms: u64::try_from(self.scenario.deadline.as_millis()).unwrap_or(u64::MAX),
            scenario: serde_json::to_value(self.scenario)?,
        };
        let orders = divide(self.scenario, &storm, &self.entrances, &self.accounts);
        let starting = agents.iter().zip(orders).map(|(agent, order)| async move {
            let order = serde_json::to_string(&order).map_err(|error| error.to_string())?;
            ask(*agent, &AgentTask::StormStart, SecretString::from(order)).await
        });
        let started = join_all(starting).await;
        let failures: Vec<String> = started.into_iter().filter_map(Result::err).collect();
        if failures.is_empty() {
            return Ok(storm);
        }
        let found = FoundStorm {
            storm,
            is_over: false,
        };
        // Those that did not start cannot be told; which they are is in the error already.
        let _ = control_storm(agents, &found, StormControl::Stop).await;
        Err(StormTestError::NotStarted(failures))
    }
}
