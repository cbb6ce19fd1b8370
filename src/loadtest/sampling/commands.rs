//! Starts samplers on hosts, and reads what they wrote.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use tokio::sync::{mpsc, watch};

use crate::loadtest::wire::AgentHostError;

use super::series::{HostSeries, NewestSamples, SeriesError};

/// What runs on the host.
const PROGRAM: &str = include_str!("sampler.awk");
/// The service's name, and the directory below `/run`.
const UNIT: &str = "loadrig-sampler";
/// What it writes.
const SAMPLES: &str = "/run/loadrig-sampler/samples.jsonl";

/// Pause before a host is connected to again whose samples ended.
const AGAIN: Duration = Duration::from_secs(5);
/// A host that has said nothing for so long is not spoken of any more.
const SILENT: Duration = Duration::from_secs(15);
/// Distance of the looks at a host's newest samples, seconds.
const LOOK: u32 = 2;
/// Lines of a host that wait to be read.
const LINES: usize = 16;

/// A host that can be sampled.
pub trait SampledHost: Send + Sync {
    /// For example `app-1`.
    fn name(&self) -> String;

    /// The port that it serves, if any.
    fn serves(&self) -> Option<u16>;

    /// Where its server's metrics are read, if it has any: a URL without quotes.
    fn metrics(&self) -> Option<String>;

    /// Runs a command as a user who may use `sudo`, with this standard input; its output.
    fn run(
        &self,
        command: String,
        input: &'static str,
    ) -> BoxFuture<'_, Result<String, AgentHostError>>;

    /// Runs a command as such a user, and hands over every line of its standard output. Dropping the
    /// future closes the command's output.
    fn follow(
        &self,
        command: String,
        lines: mpsc::Sender<String>,
    ) -> BoxFuture<'_, Result<(), AgentHostError>>;
}

/// Why a host has no samples. The run counts all the same; its report says what is missing.
#[derive(Debug, thiserror::Error)]
pub enum SamplingError {
    /// The command failed.
    #[error("{host}: {reason}")]
    Command {
        /// The host.
        host: String,
        /// Its own words.
        reason: AgentHostError,
    },
    /// What it wrote makes no sense.
    #[error("{host}: {source}")]
    Samples {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: SeriesError,
    },
}

/// Samplers of a rig's hosts.
pub struct HostSampler<'a> {
    hosts: Vec<&'a dyn SampledHost>,
    database_port: u16,
}

impl<'a> HostSampler<'a> {
    /// Samplers of these hosts, which find their database at this port.
    #[must_use]
    pub fn new(hosts: Vec<&'a dyn SampledHost>, database_port: u16) -> Self {
        Self {
            hosts,
            database_port,
        }
    }

    /// Starts all samplers, in place of those of an earlier run. Each ends by itself.
    ///
    /// Returns what could not be started.
    pub async fn start(&self, longest: Duration) -> Vec<SamplingError> {
        let started = self.hosts.iter().map(|host| async move {
            let command = start_command(*host, self.database_port, longest);
            run(*host, command, PROGRAM).await.err()
        });
        join_all(started).await.into_iter().flatten().collect()
    }

    /// Tells over and over which share of its processors each host has in use, 0 to 1, by its newest
    /// sample, until it is dropped. A host that cannot be asked is left out, and asked again.
    pub async fn watch(&self, tell: &watch::Sender<BTreeMap<String, f64>>) -> Infallible {
        let hosts = self.hosts.iter().map(|host| watch_host(*host, tell));
        join_all(hosts).await;
        // Without hosts there is nothing to tell.
        std::future::pending().await
    }

    /// Ends all samplers and reads what they wrote.
    ///
    /// `started_ms` is the start of the run, milliseconds since 1970.
    pub async fn collect(&self, started_ms: i64) -> (Vec<HostSeries>, Vec<SamplingError>) {
        let read = self.hosts.iter().map(|host| async move {
            let text = run(*host, collect_command(), "").await?;
            let name = host.name();
            HostSeries::read(&name, &text, started_ms)
                .map_err(|source| SamplingError::Samples { host: name, source })
        });
        let mut all = (Vec::new(), Vec::new());
        for outcome in join_all(read).await {
            match outcome {
                Ok(series) => all.0.push(series),
                Err(error) => all.1.push(error),
            }
        }
        all
    }
}

async fn watch_host(host: &dyn SampledHost, tell: &watch::Sender<BTreeMap<String, f64>>) {
    let name = host.name();
    let forget = || {
        tell.send_if_modified(|shares| shares.remove(&name).is_some());
    };
    loop {
        let (sender, mut lines) = mpsc::channel::<String>(LINES);
        let reading = async {
            let mut newest = NewestSamples::default();
            loop {
                match tokio::time::timeout(SILENT, lines.recv()).await {
                    Ok(Some(line)) => {
                        if let Some(share) = newest.read(&line) {
                            tell.send_modify(|shares| {
                                shares.insert(name.clone(), share);
                            });
                        }
                    }
                    Ok(None) => return,
                    Err(_) => forget(),
                }
            }
        };
        let (ended, ()) = futures::join!(host.follow(watch_command(), sender), reading);
        if let Err(error) = ended {
            tracing::debug!(host = name, error, "no live samples");
        }
        forget();
        tokio::time::sleep(AGAIN).await;
    }
}

async fn run(
    host: &dyn SampledHost,
    command: String,
    input: &'static str,
) -> Result<String, SamplingError> {
    host.run(command, input)
        .await
        .map_err(|reason| SamplingError::Command {
            host: host.name(),
            reason,
        })
}

/// Starts the sampler as a service that outlives this session. The program comes by standard input.
fn start_command(host: &dyn SampledHost, database_port: u16, longest: Duration) -> String {
    let seconds = longest.as_secs().max(1);
    let served = host.serves().map(|port| port.to_string());
    format!(
        "sudo -n sh -c 'set -e; systemctl stop {UNIT} 2>/dev/null || :; \
         install -d /run/{UNIT}; cat >/run/{UNIT}/sampler.awk; \
         exec systemd-run --quiet --collect --unit={UNIT} --nice=-5 --property=RuntimeMaxSec={} \
         --property=StandardOutput=truncate:{SAMPLES} \
         awk -v seconds={seconds} -v database={database_port} -v served={} -v metrics={} \
         -f /run/{UNIT}/sampler.awk'",
        seconds * 2,
        served.unwrap_or_default(),
        host.metrics().unwrap_or_default(),
    )
}

/// Prints the first line, then the newest two over and over. It ends with the sampler, and with the
/// connection: then `tail` cannot write any more.
fn watch_command() -> String {
    format!(
        "sudo -n sh -c 'head -n 1 {SAMPLES} && \
         while tail -n 2 {SAMPLES} && sleep {LOOK} && systemctl -q is-active {UNIT}; do :; done'"
    )
}

fn collect_command() -> String {
    format!("sudo -n sh -c 'systemctl stop {UNIT} 2>/dev/null; cat {SAMPLES}'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::process::{Child, Command};

    /// A process that does nothing but work, with the server's name.
    struct Worker(Child);

    impl Drop for Worker {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn the_sampler_sees_the_server_work_and_its_connections() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("mattermost");
        std::fs::copy("/bin/sh", &program).unwrap();
        let mut worker = Command::new(&program);
        let _worker = Worker(worker.args(["-c", "while :; do :; done"]).spawn().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let _here = TcpStream::connect(address).unwrap();
        let _there = listener.accept().unwrap();
        let script = directory.path().join("sampler.awk");
        std::fs::write(&script, PROGRAM).unwrap();
        let port = address.port();
        let output = Command::new("awk")
            .args(["-v", "seconds=3", "-v", "metrics="])
            .args([
                "-v",
                &format!("served={port}"),
                "-v",
                &format!("database={port}"),
            ])
            .arg("-f")
            .arg(&script)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let series = HostSeries::read("app-1", &text, 0).unwrap();
        assert_eq!(series.points.len(), 2, "{text}");
        for point in &series.points {
            assert!(point.server_processors > 0.0, "{text}");
            assert!(point.processors_used >= point.server_processors, "{text}");
            assert_eq!((point.connections, point.database_connections), (1, 1));
        }
    }

    struct UnreachableHost;

    impl SampledHost for UnreachableHost {
        fn name(&self) -> String {
            "app-1".to_owned()
        }

        fn serves(&self) -> Option<u16> {
            Some(8065)
        }

        fn metrics(&self) -> Option<String> {
            None
        }

        fn run(
            &self,
            _command: String,
            _input: &'static str,
        ) -> BoxFuture<'_, Result<String, AgentHostError>> {
            Box::pin(async { Err("connection lost".into()) })
        }

        fn follow(
            &self,
            _command: String,
            _lines: mpsc::Sender<String>,
        ) -> BoxFuture<'_, Result<(), AgentHostError>> {
            Box::pin(async { Err("connection lost".into()) })
        }
    }

    /// A host whose sampler says this, and whose connection breaks then.
    struct TalkingHost(&'static [&'static str]);

    impl SampledHost for TalkingHost {
        fn name(&self) -> String {
            "app-2".to_owned()
        }

        fn serves(&self) -> Option<u16> {
            None
        }

        fn metrics(&self) -> Option<String> {
            None
        }

        fn run(
            &self,
            _command: String,
            _input: &'static str,
        ) -> BoxFuture<'_, Result<String, AgentHostError>> {
            Box::pin(async { Ok(String::new()) })
        }

        fn follow(
            &self,
            _command: String,
            lines: mpsc::Sender<String>,
        ) -> BoxFuture<'_, Result<(), AgentHostError>> {
            Box::pin(async move {
                for line in self.0 {
                    lines.send((*line).to_owned()).await?;
                }
                tokio::time::sleep(SILENT / 2).await;
                Err("connection lost".into())
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn hosts_that_fall_silent_are_not_spoken_of_any_more() {
        let talking = TalkingHost(&[
            r#"{"ticks_per_second":100,"processors":2}"#,
            r#"{"at_ms":1000,"ticks":0,"server_ticks":0,"database_connections":0,"connections":0}"#,
            r#"{"at_ms":2000,"ticks":150,"server_ticks":0,"database_connections":0,"connections":0}"#,
        ]);
        let sampler = HostSampler::new(vec![&UnreachableHost, &talking], 5432);
        let (tell, mut heard) = watch::channel(BTreeMap::new());
        let telling = sampler.watch(&tell);
        tokio::pin!(telling);
        let mut seen = Vec::new();
        while seen.len() < 3 {
            tokio::select! {
                never = &mut telling => match never {},
                changed = heard.changed() => {
                    changed.unwrap();
                    seen.push(heard.borrow_and_update().clone());
                }
            }
        }
        let talks = BTreeMap::from([("app-2".to_owned(), 0.75)]);
        assert_eq!(seen, [talks.clone(), BTreeMap::new(), talks]);
    }

    #[tokio::test]
    async fn a_host_that_cannot_be_sampled_is_named() {
        let sampler = HostSampler::new(vec![&UnreachableHost], 5432);
        let errors = sampler.start(Duration::from_mins(1)).await;
        assert_eq!(errors[0].to_string(), "app-1: connection lost");
        let (series, errors) = sampler.collect(0).await;
        assert!(series.is_empty());
        assert_eq!(errors.len(), 1);
    }
}
