//! Storms on a rig: started, left, found again, steered, ended.
//!
//! A storm goes on without the operator, and so does the rig's lock: it is left to the storm, until
//! whoever reads the result returns it, or the storm's latest end.

use std::time::Duration;

use forecast::Range;
use loadrig_storm::{AccountPassword, StormControl};
use secrecy::ExposeSecret as _;
use tokio::sync::watch;

use crate::engine::Urgency;
use crate::events::{EventKind, Recorder};
use crate::loadtest::storm::{
    DetachedStorm, FoundStorm, HeardStorm, StormAccounts, StormExpectation, StormPhaseSpan,
    StormTest, StormTestError, at_entrances, check_agents, find_storm, hear_storm, longest_storm,
    tell_storm,
};
use crate::loadtest::{AgentHost, ScenarioResult, StormScenario};
use crate::ops::agent_hosts::{agent_hosts, as_agents, entrances};
use crate::ops::error::{OpsError, TestError};
use crate::ops::lock::{self, Lock, LockOptions, LockPurpose};
use crate::ops::population::seed_population;
use crate::ops::predict::forecast_storm;
use crate::ops::report::{ReportInput, compose, store};
use crate::ops::rig::{HostAccess, Rig};
use crate::ops::run_dir::RunDir;
use crate::ops::sampling::RigSampler;
use crate::ops::session::Session;
use crate::plan::Inventory;
use crate::spec::Spec;

use super::outcome::TestReport;
use super::reconnects::expected_reconnects;
use super::rig_events::{RigEvents, check_events};

/// From the latest end of a storm until its lock ends by itself: agents write their results.
const LOCK_GRACE: Duration = Duration::from_mins(2);

/// What a storm was started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StormWatch {
    /// It is followed to its end.
    Follow,
    /// It is left to itself.
    Detach,
}

/// What became of a storm.
#[derive(Debug)]
pub enum StormEnd {
    /// It was followed to its end.
    Report(Box<TestReport>),
    /// It goes on.
    Detached(Box<DetachedStorm>),
}

/// Starts a storm, and follows it to its end unless it is to be left to itself.
///
/// # Errors
/// When the rig does not exist or is locked, the storm cannot be started, or no agent comes to a
/// result.
pub async fn run_storm(
    rig: &Rig,
    asked: &StormScenario,
    watch: StormWatch,
    run: &RunDir,
    lock: &LockOptions,
    session: &Session<'_>,
    recorder: &Recorder,
) -> Result<StormEnd, OpsError> {
    let events = session.events;
    check_events(&rig.spec, asked, watch == StormWatch::Follow)?;
    run_started(rig, run, session, &format!("scenario {}", asked.name));
    let inventory = rig.read().await?.inventory;
    let connected = rig.connect(&inventory).await?;
    let hosts = agent_hosts(rig, &connected, events);
    let agents = as_agents(&hosts);
    let entrances = entrances(rig, &inventory, &connected)?;
    let scenario = at_entrances(asked, &entrances);
    if scenario != *asked {
        events.note("the rig has no TLS: clients speak HTTP/1.1, as browsers do then");
    }
    let scenario = &scenario;
    let purpose = LockPurpose {
        environment: &rig.spec.name,
        operation: &scenario.name,
        run: &run.name,
    };
    let lock = Lock::take(&rig.cloud, purpose, lock, session).await?;
    let mut stop = lock.stop(&session.stop);
    let prepare = async {
        check_agents(&agents, &rig.spec.name, scenario, events).await?;
        let seeded = seed_population(rig, &inventory, &connected, scenario, events).await?;
        Ok(StormTest {
            scenario,
            environment: &rig.spec.name,
            run: &run.name,
            entrances,
            accounts: StormAccounts {
                prefix: seeded.prefix,
                password: AccountPassword::new(seeded.password.expose_secret()),
            },
        })
    };
    let prepared = tokio::select! {
        prepared = prepare => prepared,
        _ = stop.wait_for(|urgency| *urgency > Urgency::None) => Err(TestError::Interrupted {
            environment: rig.spec.name.clone(),
        }
        .into()),
    };
    let test = match prepared {
        Ok(test) => test,
        Err(error) => return lock.finish(Err(error)).await,
    };
    let longest = longest_storm(scenario, agents.len());
    let sampled = RigSampler::of(rig, &connected, events);
    sampled.start(longest).await;
    // Before the storm: whatever becomes of this process, nobody changes the rig under it.
    lock.leave(longest + LOCK_GRACE).await?;
    let storm = match test.start(&agents).await {
        Ok(storm) => storm,
        Err(error) => {
            lock::take_back(&rig.cloud, &rig.spec.name, &run.name).await?;
            return Err(error.into());
        }
    };
    let rig_events = RigEvents {
        rig,
        connected: &connected,
        storm: &storm,
        scenario,
        events,
    };
    if let Err(error) = rig_events.arm(longest).await {
        let found = FoundStorm {
            storm,
            is_over: false,
        };
        tell_storm(&agents, &found, StormControl::Stop).await?;
        lock::take_back(&rig.cloud, &rig.spec.name, &run.name).await?;
        return Err(error);
    }
    events.note(format!(
        "{} users from {}; the storm goes on without this command: `loadrig test {} --attach` \
         comes back to it, `--stop` ends it",
        scenario.arriving_users(),
        storm.agents.join(", "),
        rig.spec.name
    ));
    match watch {
        StormWatch::Detach => {
            events.emit(EventKind::RunFinished { ok: true });
            Ok(StormEnd::Detached(Box::new(storm)))
        }
        StormWatch::Follow => {
            let followed = Followed {
                rig,
                inventory: &inventory,
                connected: &connected,
                storm: &storm,
                run,
                session,
                recorder,
            };
            let report = followed.to_its_end(&agents).await?;
            Ok(StormEnd::Report(Box::new(report)))
        }
    }
}

/// Comes back to the storm on a rig's agents, from whatever machine, and follows it to its end. One
/// that is over gives its result at once.
///
/// # Errors
/// When there is none, or no agent comes to a result.
pub async fn attach_storm(
    rig: &Rig,
    run: &RunDir,
    session: &Session<'_>,
    recorder: &Recorder,
) -> Result<TestReport, OpsError> {
    come_back(rig, None, run, session, recorder).await
}

/// Ends the storm on a rig's agents, and reads what had come of it by then.
///
/// # Errors
/// When there is none, it is over, or no agent comes to a result.
pub async fn stop_storm(
    rig: &Rig,
    run: &RunDir,
    session: &Session<'_>,
    recorder: &Recorder,
) -> Result<TestReport, OpsError> {
    come_back(rig, Some(StormControl::Stop), run, session, recorder).await
}

/// Makes the users of the storm on a rig's agents arrive so many times as fast as planned.
///
/// # Errors
/// When there is none, or it is over.
pub async fn pace_storm(
    rig: &Rig,
    times: f64,
    session: &Session<'_>,
) -> Result<DetachedStorm, OpsError> {
    let inventory = rig.read().await?.inventory;
    let connected = rig.connect(&inventory).await?;
    let hosts = agent_hosts(rig, &connected, session.events);
    let agents = as_agents(&hosts);
    let found = find_storm(&agents, &rig.spec.name).await?;
    tell_storm(&agents, &found, StormControl::Rate(times)).await?;
    Ok(found.storm)
}

async fn come_back(
    rig: &Rig,
    word: Option<StormControl>,
    run: &RunDir,
    session: &Session<'_>,
    recorder: &Recorder,
) -> Result<TestReport, OpsError> {
    let inventory = rig.read().await?.inventory;
    let connected = rig.connect(&inventory).await?;
    let hosts = agent_hosts(rig, &connected, session.events);
    let agents = as_agents(&hosts);
    let FoundStorm { storm, is_over } = find_storm(&agents, &rig.spec.name).await?;
    run_started(rig, run, session, &format!("storm {}", storm.run));
    if let Some(word) = word {
        let found = FoundStorm {
            storm: storm.clone(),
            is_over,
        };
        tell_storm(&agents, &found, word).await?;
    }
    let followed = Followed {
        rig,
        inventory: &inventory,
        connected: &connected,
        storm: &storm,
        run,
        session,
        recorder,
    };
    followed.to_its_end(&agents).await
}

fn run_started(rig: &Rig, run: &RunDir, session: &Session<'_>, operation: &str) {
    session.events.emit(EventKind::RunStarted {
        environment: rig.spec.name.clone(),
        operation: operation.to_owned(),
        run: run.name.clone(),
    });
}

/// A storm that is followed.
struct Followed<'a> {
    rig: &'a Rig,
    inventory: &'a Inventory,
    connected: &'a HostAccess,
    storm: &'a DetachedStorm,
    run: &'a RunDir,
    session: &'a Session<'a>,
    recorder: &'a Recorder,
}

impl Followed<'_> {
    /// Follows the storm until its result is read and stored, and returns the lock that was left to
    /// it. An interruption ends the following alone.
    async fn to_its_end(&self, agents: &[&dyn AgentHost]) -> Result<TestReport, OpsError> {
        let events = self.session.events;
        let environment = &self.rig.spec.name;
        let phase = format!("storm {}", self.storm.run);
        events.emit(EventKind::PhaseStarted {
            phase: phase.clone(),
        });
        let scenario = self.storm.read_scenario()?;
        let rig_events = RigEvents {
            rig: self.rig,
            connected: self.connected,
            storm: self.storm,
            scenario: &scenario,
            events,
        };
        let Some(heard) = self.hear(agents, &rig_events).await.transpose() else {
            return Err(TestError::StormGoesOn {
                environment: environment.clone(),
            }
            .into());
        };
        // Also where there is no result: what is down runs again afterwards.
        let started_ms = heard.as_ref().map_or(0, HeardStorm::started_ms);
        let done = rig_events.collect(started_ms).await;
        let mut result = heard?.judge(&self.run.name, done, events);
        events.emit(EventKind::PhaseFinished { phase });
        self.add_surroundings(&scenario, &mut result).await;
        lock::take_back(&self.rig.cloud, environment, &self.storm.run).await?;
        events.emit(EventKind::RunFinished { ok: result.passed });
        let passed = result.passed;
        let report = compose(
            self.rig,
            ReportInput {
                run: self.run,
                events: self.recorder.events(),
                inventory: self.inventory,
                scenarios: vec![result],
                checks: Vec::new(),
                proof: Vec::new(),
            },
        )?;
        Ok(TestReport {
            stored: store(&report, self.run),
            report,
            passed,
        })
    }

    /// Follows the storm to its end, and does meanwhile to the rig what nobody else does. None: the
    /// operator leaves before.
    async fn hear(
        &self,
        agents: &[&dyn AgentHost],
        rig_events: &RigEvents<'_>,
    ) -> Result<Option<HeardStorm>, StormTestError> {
        let (say_over, over) = watch::channel(false);
        let mut stop = self.session.stop.clone();
        let carrying = rig_events.carry_out(over, stop.clone());
        let hearing = hear_storm(self.storm, agents, self.session.events);
        tokio::pin!(carrying, hearing);
        let mut is_carried = false;
        let heard = loop {
            tokio::select! {
                heard = &mut hearing => break Some(heard),
                () = &mut carrying, if !is_carried => is_carried = true,
                _ = stop.wait_for(|urgency| *urgency > Urgency::None) => break None,
            }
        };
        // What has begun is brought to its end, also when the operator leaves: a node may be away.
        say_over.send_replace(true);
        if !is_carried {
            carrying.await;
        }
        heard.transpose()
    }

    /// Adds what hosts did meanwhile, and what was expected.
    async fn add_surroundings(&self, scenario: &StormScenario, result: &mut ScenarioResult) {
        let Some(figures) = &mut result.storm else {
            return;
        };
        let sampled = RigSampler::of(self.rig, self.connected, self.session.events);
        let (hosts, missing) = sampled.collect(figures.storm.started_ms).await;
        figures.hosts = hosts;
        figures.forecast = expectation(&self.rig.spec, scenario, &figures.phases);
        for (record, event) in figures.events.iter_mut().zip(&scenario.events) {
            record.expected = expected_reconnects(&self.rig.spec, scenario, event, record);
        }
        result.notes.extend(missing);
    }
}

/// What was expected of a storm on a rig; nothing of one without a phase `storm`.
fn expectation(
    spec: &Spec,
    scenario: &StormScenario,
    phases: &[StormPhaseSpan],
) -> Option<StormExpectation> {
    let forecast = forecast_storm(spec, scenario).ok()?;
    // The forecast counts from the storm's own phase, which others may come before.
    let begin = phases.iter().find(|phase| phase.name == "storm")?.begin_ms as f64 / 1000.0;
    let is_known = |last: &Range| {
        [last.low, last.median, last.high]
            .iter()
            .all(|s| s.is_finite())
    };
    let last = forecast.last_in.filter(is_known);
    Some(StormExpectation {
        users_in: (1_u32..)
            .zip(&forecast.curve.users_in)
            .map(|(point, users)| {
                let at = begin + f64::from(point) * forecast.curve.every;
                (at, users.low, users.high)
            })
            .collect(),
        last_in: last.map(|last| (begin + last.low, begin + last.median, begin + last.high)),
        collapsed: forecast.collapsed,
    })
}
