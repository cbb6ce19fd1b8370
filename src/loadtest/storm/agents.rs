//! Asks agents about their storms, and tells them what to do.

use futures::future::join_all;
use loadrig_storm::StormControl;
use secrecy::SecretString;
use tokio::sync::mpsc;

use super::error::StormTestError;
use super::wire::{STORM_ORDER_FORMAT, StatusStage, StormAnswer, StormStatus};
use crate::loadtest::load_run::LoadRun;
use crate::loadtest::run::AgentHost;
use crate::loadtest::task::AgentTask;

/// Lines of an answer that wait to be read.
const LINES: usize = 16;

/// A storm on the agents of a rig, and how far they are.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundStorm {
    /// Which.
    pub storm: LoadRun,
    /// Whether no agent works on it any more.
    pub is_over: bool,
}

/// What one agent says when it is asked something.
pub(super) async fn ask(
    agent: &dyn AgentHost,
    task: &AgentTask,
    input: SecretString,
) -> Result<Vec<String>, String> {
    let (sender, mut lines) = mpsc::channel(LINES);
    let asked = agent.run_agent(task, input, sender);
    let reading = async {
        let mut read = Vec::new();
        while let Some(line) = lines.recv().await {
            read.push(line);
        }
        read
    };
    let (ended, read) = futures::join!(asked, reading);
    match ended {
        Ok(()) => Ok(read),
        Err(error) => Err(format!("{}: {error}", agent.name())),
    }
}

/// Which storm an agent has.
pub(super) async fn state(agent: &dyn AgentHost) -> Result<StormAnswer, String> {
    let lines = ask(agent, &AgentTask::StormState, SecretString::default()).await?;
    let answer = lines
        .iter()
        .find_map(|line| serde_json::from_str(line).ok());
    let answer: StormAnswer =
        answer.ok_or_else(|| format!("{}: it does not say which storm it has", agent.name()))?;
    match answer.format {
        STORM_ORDER_FORMAT => Ok(answer),
        other => Err(format!(
            "{}: it speaks format {other}, this program {STORM_ORDER_FORMAT}",
            agent.name()
        )),
    }
}

/// The storm that is on the agents of an environment: the one that goes on, or the last one, as
/// long as its result is there.
///
/// # Errors
/// When there is none, or agents cannot be asked.
pub async fn find_storm(
    agents: &[&dyn AgentHost],
    environment: &str,
) -> Result<FoundStorm, StormTestError> {
    if agents.is_empty() {
        return Err(StormTestError::NoAgents(environment.to_owned()));
    }
    let answers = join_all(agents.iter().map(|agent| state(*agent))).await;
    let mut silent = Vec::new();
    let mut found: Vec<StormStatus> = Vec::new();
    for answer in answers {
        match answer {
            Ok(answer) => found.extend(answer.status),
            Err(error) => silent.push(error),
        }
    }
    // Hosts that were added since may have an older one, or none.
    let newest = found.iter().max_by_key(|status| status.storm.start_ms);
    let Some(newest) = newest.map(|status| status.storm.clone()) else {
        return Err(match silent.is_empty() {
            true => StormTestError::NoStorm(environment.to_owned()),
            false => StormTestError::Unreachable(silent),
        });
    };
    let is_over = found
        .iter()
        .filter(|status| status.storm.run == newest.run)
        .all(|status| status.stage == StatusStage::Ended);
    Ok(FoundStorm {
        storm: newest,
        is_over: is_over && silent.is_empty(),
    })
}

/// Stops a storm, or changes its rate, on every agent.
///
/// # Errors
/// When the storm is over, or an agent was not told.
pub async fn control_storm(
    agents: &[&dyn AgentHost],
    found: &FoundStorm,
    message: StormControl,
) -> Result<(), StormTestError> {
    if found.is_over {
        return Err(StormTestError::Over {
            run: found.storm.run.clone(),
            environment: found.storm.environment.clone(),
        });
    }
    let told = join_all(of_storm(agents, &found.storm).map(|agent| async move {
        let told = ask(
            agent,
            &AgentTask::ControlStorm(message),
            SecretString::default(),
        )
        .await;
        match told {
            Ok(_) => Ok(()),
            // One that is done already needs not be told.
            Err(error) => match state(agent).await {
                Ok(StormAnswer {
                    status: Some(status),
                    ..
                }) if status.stage == StatusStage::Ended => Ok(()),
                _ => Err(error),
            },
        }
    }))
    .await;
    let failures: Vec<String> = told.into_iter().filter_map(Result::err).collect();
    match failures.is_empty() {
        true => Ok(()),
        false => Err(StormTestError::NotTold(failures)),
    }
}

/// The agents that take part.
pub(super) fn of_storm<'a>(
    agents: &'a [&'a dyn AgentHost],
    storm: &'a LoadRun,
) -> impl Iterator<Item = &'a dyn AgentHost> + 'a {
    let takes_part = |agent: &&dyn AgentHost| storm.agents.contains(&agent.name());
    agents.iter().copied().filter(takes_part)
}
