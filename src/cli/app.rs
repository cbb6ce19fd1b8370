//! What commands share: the event stream with its listeners, and how operations are run.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use tokio::sync::watch;

use crate::diagnose::ExitCode;
use crate::engine::Urgency;
use crate::events::{Events, Listener, Recorder};
use crate::ops::Session;
use crate::ops::measure_hash::timed_hash;
use crate::ops::run_dir::RunDir;
use crate::spec::{HashTimeSource, LoginCost, MeasuredHashTime, Spec};

use super::App;
use super::event_log::{EventLog, LogPurpose};
use super::failure::Failure;
use super::place::Place;
use super::printer::Printer;
use super::progress::Progress;
use super::questions::Questions;
use super::sample_lines::SampleLines;

impl App {
    /// An environment. On the local cloud a password hash costs what it does on this machine.
    ///
    /// # Errors
    /// Everything that is wrong with it, or that this machine cannot be measured.
    pub(crate) fn load(&self, reference: &str) -> Result<Spec, Failure> {
        let spec = self.library.load(reference)?;
        Printer::name_as_given(&spec.name, reference);
        self.with_own_hash_time(spec)
    }

    /// The environment, with what a hash costs this machine if it is one of the local cloud and does
    /// not say itself.
    ///
    /// # Errors
    /// When this machine cannot be measured.
    #[cfg(target_os = "linux")]
    pub(crate) fn with_own_hash_time(&self, mut spec: Spec) -> Result<Spec, Failure> {
        let is_known = spec.mattermost.hash_time.is_some();
        if !is_known && Place::is_local(&self.global, spec.cloud) {
            let machine = crate::localcloud::hash_cost()?;
            let hash = timed_hash(LoginCost::of(&spec).hash);
            let seconds = machine.of(hash).alone.fastest;
            spec.mattermost.hash_time = Some(MeasuredHashTime {
                time: Duration::from_secs_f64(seconds.max(0.0)),
                source: HashTimeSource::SharedMachine {
                    vcpus: machine.vcpus,
                },
            });
        }
        Ok(spec)
    }

    /// The environment: there is no local cloud on this system.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn with_own_hash_time(&self, spec: Spec) -> Result<Spec, Failure> {
        Ok(spec)
    }

    /// The event stream of a command, with progress, logs and a recorder listening.
    ///
    /// # Errors
    /// When a log file cannot be created.
    pub(crate) fn events(&self, run: Option<&RunDir>) -> Result<(Events, Recorder), Failure> {
        self.events_with(run, Progress::new(self.printer))
    }

    /// The same with another progress display.
    ///
    /// # Errors
    /// When a log file cannot be created.
    pub(crate) fn events_with(
        &self,
        run: Option<&RunDir>,
        progress: Progress,
    ) -> Result<(Events, Recorder), Failure> {
        let recorder = Recorder::default();
        let mut listeners: Vec<Box<dyn Listener>> =
            vec![Box::new(recorder.clone()), Box::new(progress)];
        if self.printer.is_json() {
            listeners.push(Box::new(SampleLines(self.printer)));
        }
        listeners.extend(self.event_log()?);
        if let Some(run) = run {
            let path = run.path.join("events.jsonl");
            listeners.push(self.log(&path, LogPurpose::RunDirectory)?);
        }
        Ok((Events::new(listeners), recorder))
    }

    /// The log that `--events` asks for. Commands that have nothing to log create it too: a path
    /// that cannot be written is an error everywhere.
    ///
    /// # Errors
    /// When it cannot be created.
    pub(crate) fn event_log(&self) -> Result<Vec<Box<dyn Listener>>, Failure> {
        let asked = self.global.events.iter();
        asked
            .map(|path| self.log(path, LogPurpose::AskedFor))
            .collect()
    }

    fn log(&self, path: &Path, purpose: LogPurpose) -> Result<Box<dyn Listener>, Failure> {
        Ok(Box::new(EventLog::create(path, purpose, self.printer)?))
    }

    /// Adds what a newcomer with a local cloud wants to know when AWS refuses the credentials.
    pub(crate) fn with_local_hint(&self, mut failure: Failure, command: &str) -> Failure {
        #[cfg(target_os = "linux")]
        if self.global.endpoint_url.is_none()
            && let Some(hint) =
                local_hint(&failure, command, || crate::localcloud::status().is_some())
        {
            failure.hints.insert(0, hint);
        }
        failure
    }

    /// Whoever answers the questions of operations.
    pub(crate) fn questions(&self) -> Questions<'_> {
        Questions { app: self }
    }

    /// Runs an operation that handles interrupts itself. Ends at once, with the reason, when the
    /// place that it acts in is gone.
    ///
    /// # Errors
    /// The operation's own, or that the place is gone.
    pub(crate) fn run<T, E: Into<Failure>>(
        place: &Place,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure> {
        super::block_on(async {
            tokio::select! {
                result = work => result.map_err(Into::into),
                failure = place.gone() => Err(failure),
            }
        })?
    }

    /// Runs an operation that changes nothing: an interrupt drops it, and with it what it keeps
    /// on this machine (connections, directories).
    ///
    /// # Errors
    /// The operation's own, that the place is gone, or that it was interrupted.
    pub(crate) fn run_reader<T, E: Into<Failure>>(
        place: &Place,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure> {
        let mut stop = super::stop::listen(&Events::default())?;
        Self::run(place, async {
            tokio::select! {
                result = work => result.map_err(Into::into),
                _ = stop.wait_for(|urgency| *urgency > Urgency::None) => {
                    Err(Failure::new("interrupted", "nothing was changed")
                        .with_code(ExitCode::Interrupted))
                }
            }
        })
    }

    /// What an operation that changes something runs with.
    pub(crate) fn session<'a>(
        events: &'a Events,
        stop: &watch::Receiver<Urgency>,
        questions: &'a Questions<'a>,
    ) -> Session<'a> {
        Session {
            events,
            stop: stop.clone(),
            confirm: questions,
        }
    }
}

/// Where a failure is about credentials, and a local cloud runs, how to ask that one.
#[cfg(target_os = "linux")]
fn local_hint(failure: &Failure, command: &str, is_running: impl Fn() -> bool) -> Option<String> {
    (failure.code == ExitCode::Preflight && is_running()).then(|| {
        format!(
            "a local cloud runs on this machine: `loadrig --endpoint-url local {command}` asks it"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn missing_credentials_point_to_a_local_cloud_that_runs() {
        let denied = Failure::new("no credentials", "sign in").with_code(ExitCode::Preflight);
        let hint = local_hint(&denied, "list", || true);
        assert!(hint.is_some_and(|hint| hint.contains("`loadrig --endpoint-url local list`")));
        assert_eq!(local_hint(&denied, "list", || false), None);
        let other = Failure::new("no answer", "try again");
        assert_eq!(local_hint(&other, "list", || true), None);
    }
}
