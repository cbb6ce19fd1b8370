//! Follows a storm to its end, through connections that break, and judges what came of it.

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use loadrig_storm::StormSample;
use secrecy::SecretString;
use tokio::sync::mpsc;

use super::agents::{of_storm, state};
use super::error::StormTestError;
use super::figures::RigEventRecord;
use super::live::{LiveSamples, LiveSources};
use super::verdict::{MergedStorm, judge, merge};
use super::wire::{StatusStage, StormAgentLine, StormMessage, StormOutcome, read_storm};
use crate::events::{EventKind, Events};
use crate::loadtest::load_run::LoadRun;
use crate::loadtest::result::ScenarioResult;
use crate::loadtest::run::AgentHost;
use crate::loadtest::scenario::StormScenario;
use crate::loadtest::task::AgentTask;

/// Pause before an agent is connected to again.
const AGAIN: Duration = Duration::from_secs(2);
/// So long after its latest end agents are still asked for what came of it.
const GRACE: Duration = Duration::from_mins(5);
/// Lines of an agent that wait to be read.
const LINES: usize = 64;

/// What all agents said came of a storm.
pub struct HeardStorm {
    storm: LoadRun,
    scenario: StormScenario,
    merged: MergedStorm,
}

impl HeardStorm {
    /// When the first agent began, milliseconds since 1970.
    #[must_use]
    pub fn started_ms(&self) -> u64 {
        self.merged.storm.started_ms
    }

    /// Holds it against the thresholds. `run` is the run that stores the result, `done` what was done
    /// to the rig, one for each event of the scenario, with times from the start of the storm.
    #[must_use]
    pub fn judge(self, run: &str, done: Vec<RigEventRecord>, events: &Events) -> ScenarioResult {
        let result = judge(&self.scenario, &self.storm, run, self.merged, done);
        for check in &result.checks {
            events.emit(EventKind::Check {
                name: check.name.clone(),
                pass: check.pass,
                detail: check.detail.clone(),
            });
        }
        result
    }
}

/// Follows a storm on all its agents until each has said what came of it.
///
/// Dropping the future stops following; the storm goes on.
///
/// # Errors
/// When the storm is of another version, or no agent comes to a result.
pub async fn hear_storm(
    storm: &LoadRun,
    agents: &[&dyn AgentHost],
    sources: LiveSources,
    events: &Events,
) -> Result<HeardStorm, StormTestError> {
    let scenario = read_storm(storm)?;
    let agents: Vec<&dyn AgentHost> = of_storm(agents, storm).collect();
    let (say, mut heard) = mpsc::channel::<(usize, StormSample)>(LINES);
    let following = agents.iter().enumerate().map(|(index, agent)| {
        let say = say.clone();
        async move {
            let outcome = follow_agent(storm, *agent, index, say, events).await;
            (agent.name(), outcome)
        }
    });
    let following = join_all(following.collect::<Vec<_>>());
    drop(say);
    let mut live = LiveSamples::new(agents.len(), &scenario, storm.start_ms, sources);
    let telling = async {
        while let Some((agent, sample)) = heard.recv().await {
            for moment in live.add(agent, sample) {
                events.emit(EventKind::StormSample(Box::new(moment)));
            }
        }
        for moment in live.finish() {
            events.emit(EventKind::StormSample(Box::new(moment)));
        }
    };
    let (mut outcomes, ()) = futures::join!(following, telling);
    for name in &storm.agents {
        if !agents.iter().any(|agent| agent.name() == *name) {
            let gone = Err("the host is not there any more".to_owned());
            outcomes.push((name.clone(), gone));
        }
    }
    Ok(HeardStorm {
        storm: storm.clone(),
        scenario,
        merged: merge(outcomes)?,
    })
}

/// Follows one agent to its outcome. A connection that breaks loses nothing: the next one asks for
/// the lines from the first that was not read.
async fn follow_agent(
    storm: &LoadRun,
    agent: &dyn AgentHost,
    index: usize,
    say: mpsc::Sender<(usize, StormSample)>,
    events: &Events,
) -> Result<StormOutcome, String> {
    let latest = i64::try_from(storm.latest_end_ms()).unwrap_or(i64::MAX);
    let mut next = 0;
    let mut interrupted = 0;
    loop {
        let error = match follow_once(agent, index, &mut next, &say, events).await {
            Ok(outcome) => return Ok(outcome),
            Err(error) => error,
        };
        match state(agent).await.map(|answer| answer.status) {
            Ok(Some(status)) if status.storm.run != storm.run => {
                return Err(format!(
                    "it has another storm by now, `{}`",
                    status.storm.run
                ));
            }
            Ok(None) => return Err("its storm is gone".to_owned()),
            Ok(Some(status)) if status.stage == StatusStage::Interrupted => {
                interrupted += 1;
                // Once may be the moment of a restart, after a connection that broke.
                if interrupted > 1 {
                    return Err(format!(
                        "its program ended and was not started again; `loadrig test {} --stop` makes \
                     what it had measured its result",
                        storm.environment
                    ));
                }
            }
            Ok(Some(_)) => interrupted = 0,
            Err(_) => {}
        }
        let late = Timestamp::now().as_millisecond().saturating_sub(latest);
        if late > GRACE.as_millis() as i64 {
            return Err(error);
        }
        // What follows the first line is for whoever runs the agent by hand.
        let error = error.lines().next().unwrap_or_default();
        events.note(format!("{}: {error}; connecting again", agent.name()));
        tokio::time::sleep(AGAIN).await;
    }
}

/// Follows an agent for as long as the connection lasts.
async fn follow_once(
    agent: &dyn AgentHost,
    index: usize,
    next: &mut u64,
    say: &mpsc::Sender<(usize, StormSample)>,
    events: &Events,
) -> Result<StormOutcome, String> {
    let (sender, mut lines) = mpsc::channel::<String>(LINES);
    let task = AgentTask::StormFollow { from: *next };
    let program = agent.run_agent(&task, SecretString::default(), sender);
    let reading = async {
        let mut outcome = None;
        while let Some(line) = lines.recv().await {
            let Ok(line) = serde_json::from_str::<StormAgentLine>(&line) else {
                // A login banner or a warning of the host's shell is no reason to stop.
                events.note(format!("{}: {line}", agent.name()));
                continue;
            };
            *next = line.number + 1;
            match line.message {
                StormMessage::Sample(sample) => {
                    // Nobody listens once the storm is not followed any more.
                    let _ = say.send((index, *sample)).await;
                }
                StormMessage::Gap(gap) => events.note(format!(
                    "{} did not work for {:.1} s, {} users did not come and those who were there are gone: {}",
                    agent.name(),
                    gap.to_ms.saturating_sub(gap.from_ms) as f64 / 1000.0,
                    gap.lost_users,
                    gap.reason
                )),
                StormMessage::Outcome(found) => outcome = Some(found),
            }
        }
        outcome
    };
    let (ended, outcome) = futures::join!(program, reading);
    match (ended, outcome) {
        (_, Some(outcome)) => Ok(outcome),
        (Err(error), None) => Err(error.to_string()),
        (Ok(()), None) => Err("it ended without a result".to_owned()),
    }
}
