//! Does to a rig what a scenario says, and reads what hosts wrote down of it.
//!
//! Losses are left to the hosts, which need nobody for them. What takes the operator's rights or view
//! of the whole rig is done by whoever follows the storm: once, since the first agent host holds the
//! notes and lets nobody begin it twice.

use std::time::Duration;

use futures::future::join_all;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::diagnose::Diagnose as _;
use crate::engine::Urgency;
use crate::events::Events;
use crate::loadtest::storm::RigEventRecord;
use crate::loadtest::{
    EventAction, EventNotes, LOSS_PROGRAM, LoadRun, ScenarioEvent, StormScenario, arm_loss,
    claim_event, clear_events, collect_event, finish_event,
};
use crate::ops::error::{EventRefusal, MissingHost, OpsError};
use crate::ops::rig::{HostAccess, Rig};
use crate::spec::{HostName, Role, Spec};

use super::fail_over::fail_over_database;
use super::rolling_restart::restart_nodes;

/// How long a host may take to answer SSH: it has answered before.
const ANSWER: Duration = Duration::from_mins(1);
/// An event that the operator could not begin by then is not begun: it would meet another storm.
const LATE_MS: i64 = 5_000;

/// Refuses a scenario whose events cannot take place on a rig.
///
/// # Errors
/// Which ones, and why.
pub(super) fn check_events(
    spec: &Spec,
    scenario: &StormScenario,
    is_followed: bool,
) -> Result<(), EventRefusal> {
    let mut missing = Vec::new();
    for event in &scenario.events {
        let action = event.what.name();
        match event.what.loss() {
            Some(loss) if !spec.hosts().contains(&loss.host) => missing.push(MissingHost {
                action,
                host: loss.host,
                there_are: spec.count(loss.host.role),
            }),
            None if !is_followed => return Err(EventRefusal::NeedsFollower { action }),
            _ => {}
        }
    }
    if !missing.is_empty() {
        return Err(EventRefusal::NoHosts(missing));
    }
    Ok(())
}

/// The events of a storm on a rig.
pub(super) struct RigEvents<'a> {
    pub(super) rig: &'a Rig,
    pub(super) connected: &'a HostAccess,
    pub(super) storm: &'a LoadRun,
    pub(super) scenario: &'a StormScenario,
    pub(super) events: &'a Events,
}

impl RigEvents<'_> {
    /// Has the hosts wait for their losses. Each ends after `longest` at the latest.
    ///
    /// # Errors
    /// When a host is not told. Nothing is armed then.
    pub(super) async fn arm(&self, longest: Duration) -> Result<(), OpsError> {
        let armed = self.try_arm(longest).await;
        if armed.is_err() {
            let losses = self.scenario.events.iter().filter_map(|it| it.what.loss());
            let cleared = losses.map(|loss| async move {
                // What cannot be told now ends by itself.
                let _ = self.run(loss.host, &clear_events(), "").await;
            });
            join_all(cleared).await;
        }
        armed
    }

    async fn try_arm(&self, longest: Duration) -> Result<(), OpsError> {
        let mut hosts: Vec<HostName> = (0..self.scenario.events.len())
            .map(|number| self.notes_at(number))
            .collect();
        hosts.sort_unstable();
        hosts.dedup();
        let clear = clear_events();
        let cleared = hosts.iter().map(|host| self.run(*host, &clear, ""));
        for cleared in join_all(cleared).await {
            cleared?;
        }
        for (number, event) in self.scenario.events.iter().enumerate() {
            let at = self.scenario.planned(event);
            self.events.note(format!(
                "{at:#} after the start, {}",
                describe(event, &self.rig.spec)
            ));
            if let Some(loss) = event.what.loss() {
                let at_ms = u64::try_from(self.due_ms(event)).unwrap_or(0);
                let command = arm_loss(number, &loss, at_ms, longest);
                self.run(loss.host, &command, LOSS_PROGRAM).await?;
            }
        }
        Ok(())
    }

    /// Carries out what no host does by itself, each at its time, until the storm is over or the
    /// operator wants to leave. One that has begun is brought to its end.
    pub(super) async fn carry_out(
        &self,
        over: watch::Receiver<bool>,
        stop: watch::Receiver<Urgency>,
    ) {
        for (number, event) in self.scenario.events.iter().enumerate() {
            if event.what.loss().is_some() {
                continue;
            }
            if !self.wait_for(event, over.clone(), stop.clone()).await {
                continue;
            }
            // Whoever else follows the storm may have begun it.
            if self.note(number, &claim_event(number), "").await {
                self.events.note(describe(event, &self.rig.spec));
                let failure = self.do_it(event, &stop).await.err();
                let failure = failure.map(|error| one_line(&error)).unwrap_or_default();
                if !failure.is_empty() {
                    self.events
                        .note(format!("{}: {failure}", event.what.name()));
                }
                self.note(number, &finish_event(number), &failure).await;
            }
        }
    }

    /// What is still to come and needs somebody who follows the storm, for people.
    pub(super) fn ahead(&self) -> Vec<String> {
        let all = self.scenario.events.iter();
        let ahead =
            all.filter(|event| event.what.loss().is_none() && self.due_ms(event) > now_ms());
        let text = |event: &ScenarioEvent| {
            let at = self.scenario.planned(event);
            format!("`{}` {at:#} after the start", event.what.name())
        };
        ahead.map(text).collect()
    }

    /// Whether the time of an event has come: it has not where it was missed, or the storm ended.
    async fn wait_for(
        &self,
        event: &ScenarioEvent,
        mut over: watch::Receiver<bool>,
        mut stop: watch::Receiver<Urgency>,
    ) -> bool {
        let left = self.due_ms(event) - now_ms();
        if left < -LATE_MS {
            return false;
        }
        let wait = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        tokio::select! {
            () = tokio::time::sleep(wait) => true,
            _ = over.wait_for(|over| *over) => false,
            _ = stop.wait_for(|urgency| *urgency > Urgency::None) => false,
        }
    }

    async fn do_it(
        &self,
        event: &ScenarioEvent,
        stop: &watch::Receiver<Urgency>,
    ) -> Result<(), OpsError> {
        match event.what {
            EventAction::RollingRestart(_) => {
                restart_nodes(self.rig, self.events, stop.clone()).await
            }
            EventAction::FailOverDatabase(_) => {
                fail_over_database(&self.rig.cloud, &self.rig.spec).await
            }
            // Their hosts do that.
            EventAction::LoseNode(_) | EventAction::LoseProxy(_) => Ok(()),
        }
    }

    /// Ends all events, puts back what is down, and reads what was written down of them.
    pub(super) async fn collect(&self, started_ms: u64) -> Vec<RigEventRecord> {
        let numbered = self.scenario.events.iter().enumerate();
        let read = numbered.map(|(number, event)| async move {
            let command = collect_event(number);
            let notes = match self.run(self.notes_at(number), &command, "").await {
                Ok(text) => EventNotes::read(&text),
                Err(error) => EventNotes {
                    failure: Some(error.to_string()),
                    ..EventNotes::default()
                },
            };
            let from_start = |ms: u64| ms.saturating_sub(started_ms);
            let planned = self.scenario.planned(event).as_millis();
            RigEventRecord {
                action: event.what.name().to_owned(),
                text: describe(event, &self.rig.spec),
                planned_ms: u64::try_from(planned).unwrap_or(0),
                begin_ms: notes.begin_ms.map(from_start),
                end_ms: notes.end_ms.map(from_start),
                failure: notes.failure,
                recovery: None,
                expected: None,
                expected_errors_ms: None,
            }
        });
        join_all(read).await
    }

    /// When an event is due, milliseconds since 1970.
    fn due_ms(&self, event: &ScenarioEvent) -> i64 {
        let start = i64::try_from(self.storm.start_ms).unwrap_or(i64::MAX);
        let planned = i64::try_from(self.scenario.planned(event).as_millis()).unwrap_or(i64::MAX);
        start.saturating_add(planned)
    }

    /// The host that holds the notes of an event: the one that it happens to, else the first agent.
    fn notes_at(&self, number: usize) -> HostName {
        let loss = self
            .scenario
            .events
            .get(number)
            .and_then(|it| it.what.loss());
        loss.map_or(
            HostName {
                role: Role::Agent,
                index: 1,
            },
            |loss| loss.host,
        )
    }

    /// Writes something down; whether it was.
    async fn note(&self, number: usize, command: &str, input: &str) -> bool {
        let noted = self.run(self.notes_at(number), command, input).await;
        if let Err(error) = &noted {
            self.events.note(format!("event {}: {error}", number + 1));
        }
        noted.is_ok()
    }

    async fn run(&self, host: HostName, command: &str, input: &str) -> Result<String, OpsError> {
        let deadline = Instant::now() + ANSWER;
        let step = format!("events/{host}");
        let keyring = &self.connected.keyring;
        let session = keyring.connect(host, &step, self.events, deadline).await?;
        let output = session.run_with_input(command, input).await?;
        session.close().await;
        match output.success() {
            true => Ok(output.text()),
            false => Err(EventRefusal::NotTold {
                host,
                complaint: output.complaint(),
            }
            .into()),
        }
    }
}

/// What an event does, for people.
fn describe(event: &ScenarioEvent, spec: &Spec) -> String {
    match (event.what, event.what.loss()) {
        (_, Some(loss)) => {
            let time = match loss.down {
                Some(down) => format!("for {down:#}"),
                None => "until the end".to_owned(),
            };
            format!(
                "{} of {} is killed and stays down {time}",
                loss.unit, loss.host
            )
        }
        (EventAction::RollingRestart(_), None) => {
            "the application nodes are restarted one by one".to_owned()
        }
        (_, None) => super::fail_over::describe(spec).to_owned(),
    }
}

/// An error with what caused it, in a line.
fn one_line(error: &OpsError) -> String {
    let mut text = error.to_string();
    for hint in error.hints() {
        text.push_str("; ");
        text.push_str(&hint);
    }
    text.replace('\n', " ")
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
