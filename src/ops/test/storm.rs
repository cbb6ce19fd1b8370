//! The engine of storms: agents that go on without the operator, and are found again, steered, ended.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::BoxFuture;
use loadrig_storm::StormControl;
use tokio::sync::watch;

use crate::engine::Urgency;
use crate::events::EventKind;
use crate::loadtest::storm::{
    FoundStorm, HeardStorm, LiveSources, StormTest, StormTestError, at_entrances, check_agents,
    control_storm, find_storm, hear_storm, longest_storm, read_storm,
};
use crate::loadtest::{AgentHost, LoadRun, ScenarioResult, StormScenario};
use crate::ops::agent_hosts::{agent_hosts, as_agents, entrances};
use crate::ops::error::OpsError;
use crate::ops::population::{seed_population, storm_accounts};
use crate::ops::predict::{StormForecast, forecast_storm};
use crate::ops::sampling::RigSampler;
use crate::spec::{Role, Spec};

use super::beside::follow_beside;
use super::differing::differing_hosts;
use super::engine::{
    DetachedEngine, FoundRun, LoadEngine, RigChanges, RunControl, RunLifetime, RunWatch,
    StartFailure, TestSite,
};
use super::outlook::{expectation, outlook_of};
use super::reconnects::expect_returns;
use super::rig_events::{RigEvents, check_events};

/// Drives a storm from every agent host.
pub(super) struct StormEngine(pub(super) StormScenario);

impl LoadEngine for StormEngine {
    fn scenario(&self) -> &str {
        &self.0.name
    }

    fn check(&self, spec: &Spec, watch: RunWatch) -> Result<(), OpsError> {
        Ok(check_events(spec, &self.0, watch == RunWatch::Follow)?)
    }

    fn lifetime(&self, spec: &Spec) -> RunLifetime {
        RunLifetime::Detached {
            at_most: self.longest(spec),
        }
    }

    /// Checks the agents, brings accounts, teams, channels and posts into the database, and starts
    /// the samplers of the hosts, which end by themselves.
    fn prepare<'a>(&'a self, site: TestSite<'a>) -> BoxFuture<'a, Result<(), OpsError>> {
        Box::pin(async move {
            let TestSite {
                rig,
                inventory,
                connected,
                events,
            } = site;
            let hosts = agent_hosts(rig, connected, events);
            let scenario = self.at_the_rigs_entrances(site)?;
            if scenario != self.0 {
                events.note("the rig has no TLS: clients speak HTTP/1.1, as browsers do then");
            }
            if let Some(differing) = differing_hosts(rig).await {
                events.note(differing);
            }
            check_agents(&as_agents(&hosts), &rig.spec.name, &scenario, events).await?;
            seed_population(rig, inventory, connected, &scenario, events).await?;
            let sampled = RigSampler::of(rig, connected, events);
            sampled.start(self.longest(&rig.spec)).await;
            Ok(())
        })
    }

    fn start<'a>(
        &'a self,
        site: TestSite<'a>,
        run: &'a str,
    ) -> BoxFuture<'a, Result<LoadRun, StartFailure>> {
        Box::pin(self.start_agents(site, run))
    }

    fn follow<'a>(
        &'a self,
        site: TestSite<'a>,
        run: &'a LoadRun,
        changes: RigChanges,
        stop: watch::Receiver<Urgency>,
    ) -> BoxFuture<'a, Result<Option<ScenarioResult>, OpsError>> {
        Box::pin(async move {
            let hosts = agent_hosts(site.rig, site.connected, site.events);
            self.follow_agents(site, run, &as_agents(&hosts), changes, stop)
                .await
        })
    }
}

impl DetachedEngine for StormEngine {
    fn control<'a>(
        &'a self,
        site: TestSite<'a>,
        run: &'a FoundRun,
        control: RunControl,
    ) -> BoxFuture<'a, Result<(), OpsError>> {
        Box::pin(async move {
            let hosts = agent_hosts(site.rig, site.connected, site.events);
            let found = FoundStorm {
                storm: run.run.clone(),
                is_over: run.is_over,
            };
            let control = match control {
                RunControl::RateFactor(factor) => StormControl::Rate(factor),
                RunControl::Stop => StormControl::Stop,
            };
            Ok(control_storm(&as_agents(&hosts), &found, control).await?)
        })
    }
}

/// The storm that is on a rig's agents, if there is one.
///
/// # Errors
/// When agents cannot be asked, or the storm is of another version.
pub(super) async fn find_storm_run(
    site: TestSite<'_>,
) -> Result<Option<(StormEngine, FoundRun)>, OpsError> {
    let hosts = agent_hosts(site.rig, site.connected, site.events);
    let FoundStorm { storm, is_over } =
        match find_storm(&as_agents(&hosts), &site.rig.spec.name).await {
            Err(StormTestError::NoStorm(_)) => return Ok(None),
            found => found?,
        };
    let engine = StormEngine(read_storm(&storm)?);
    let found = FoundRun {
        run: storm,
        is_over,
    };
    Ok(Some((engine, found)))
}

impl StormEngine {
    fn longest(&self, spec: &Spec) -> Duration {
        longest_storm(&self.0, spec.count(Role::Agent) as usize)
    }

    /// The scenario as clients carry it out there.
    fn at_the_rigs_entrances(&self, site: TestSite<'_>) -> Result<StormScenario, OpsError> {
        let entrances = entrances(site.rig, site.inventory, site.connected)?;
        Ok(at_entrances(&self.0, &entrances))
    }

    async fn start_agents(&self, site: TestSite<'_>, run: &str) -> Result<LoadRun, StartFailure> {
        let TestSite {
            rig,
            inventory,
            connected,
            events,
        } = site;
        let hosts = agent_hosts(rig, connected, events);
        let agents = as_agents(&hosts);
        let scenario = self.at_the_rigs_entrances(site)?;
        let test = StormTest {
            scenario: &scenario,
            environment: &rig.spec.name,
            run,
            entrances: entrances(rig, inventory, connected)?,
            accounts: storm_accounts(&connected.secrets),
        };
        let storm = test.start(&agents).await.map_err(OpsError::from)?;
        let rig_events = RigEvents {
            rig,
            connected,
            storm: &storm,
            scenario: &scenario,
            events,
        };
        if let Err(error) = rig_events.arm(self.longest(&rig.spec)).await {
            let found = FoundStorm {
                storm,
                is_over: false,
            };
            let stopped = control_storm(&agents, &found, StormControl::Stop).await;
            return Err(StartFailure {
                is_running: stopped.is_err(),
                error: stopped.err().map_or(error, OpsError::from),
            });
        }
        events.note(format!(
            "{} users from {}; the storm goes on without this command: `loadrig test {} --attach` \
             comes back to it, `--stop` ends it",
            scenario.arriving_users(),
            storm.agents.join(", "),
            rig.spec.name
        ));
        Ok(storm)
    }

    async fn follow_agents(
        &self,
        site: TestSite<'_>,
        storm: &LoadRun,
        agents: &[&dyn AgentHost],
        changes: RigChanges,
        stop: watch::Receiver<Urgency>,
    ) -> Result<Option<ScenarioResult>, OpsError> {
        let events = site.events;
        let phase = format!("storm {}", storm.run);
        events.emit(EventKind::PhaseStarted {
            phase: phase.clone(),
        });
        // As it is carried out, which is not always as it was asked for.
        let scenario = read_storm(storm)?;
        let rig_events = RigEvents {
            rig: site.rig,
            connected: site.connected,
            storm,
            scenario: &scenario,
            events,
        };
        let (tell_outlook, outlook) = watch::channel(None);
        let (tell_cpu, cpu) = watch::channel(BTreeMap::new());
        let sources = LiveSources { outlook, cpu };
        let sampled = RigSampler::of(site.rig, site.connected, events);
        let hearing = async {
            tokio::select! {
                heard = hear_storm(storm, agents, sources, events) => heard,
                never = sampled.watch(&tell_cpu) => match never {},
            }
        };
        let forecasting = async {
            let forecast = forecast_in_background(&site.rig.spec, &scenario).await;
            tell_outlook.send_replace(Some(outlook_of(
                &site.rig.spec,
                &scenario,
                forecast.as_ref(),
            )));
            forecast
        };
        let following = async { futures::join!(hearing, forecasting) };
        let (say_over, over) = watch::channel(changes == RigChanges::Leave);
        let carrying = rig_events.carry_out(over, stop.clone());
        let followed = follow_beside(following, carrying, say_over, stop).await;
        let Some((heard, forecast)) = followed else {
            events.emit(EventKind::PhaseFinished { phase });
            for ahead in rig_events.ahead() {
                events.note(format!(
                    "{ahead} takes place only if the storm is followed then"
                ));
            }
            return Ok(None);
        };
        // Also where there is no result: what is down runs again afterwards.
        let started_ms = heard.as_ref().map_or(0, HeardStorm::started_ms);
        let done = rig_events.collect(started_ms).await;
        let mut result = heard?.judge(&storm.run, done, events);
        events.emit(EventKind::PhaseFinished { phase });
        add_surroundings(site, &scenario, &sampled, forecast, &mut result).await;
        Ok(Some(result))
    }
}

/// Adds what hosts did meanwhile, and what was expected.
async fn add_surroundings(
    site: TestSite<'_>,
    scenario: &StormScenario,
    sampled: &RigSampler<'_>,
    forecast: Option<StormForecast>,
    result: &mut ScenarioResult,
) {
    let Some(figures) = &mut result.storm else {
        return;
    };
    let spec = &site.rig.spec;
    let (hosts, missing) = sampled.collect(figures.storm.started_ms).await;
    figures.hosts = hosts;
    figures.forecast =
        forecast.and_then(|forecast| expectation(&forecast, scenario, &figures.storm));
    expect_returns(spec, scenario, &figures.storm, &mut figures.events);
    result.notes.extend(missing);
    result.notes.extend(differing_hosts(site.rig).await);
}

/// What is to be expected of a storm on a rig; nothing of one that cannot be forecast. The
/// simulation takes a processor for a moment, which this program's other work needs not wait for.
async fn forecast_in_background(spec: &Spec, scenario: &StormScenario) -> Option<StormForecast> {
    let (spec, scenario) = (spec.clone(), scenario.clone());
    let forecast = tokio::task::spawn_blocking(move || forecast_storm(&spec, &scenario).ok());
    // It does not panic, and is not cancelled.
    forecast.await.ok().flatten()
}
