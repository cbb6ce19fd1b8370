//! Applying a bundle: ask, ship what is missing, follow the runner.

use std::io::{self, Write};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::events::{Events, Outcome};

use super::bundle::{Bundle, CHECK, RECEIVE};
use super::error::HostError;
use super::session::{Input, OutputLines, SshSession};
use super::shell::quote;

/// Size of the chunks in which a bundle is shipped, bytes.
const CHUNK: usize = 64 << 10;

/// What applying a bundle came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The steps that were run, with the time that each took.
    pub applied: Vec<(String, Duration)>,
    /// What the host would not do, though it did not fail for it: step and reason.
    pub warnings: Vec<(String, String)>,
}

impl Applied {
    /// For events and summaries.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if self.applied.is_empty() {
            Outcome::Unchanged
        } else {
            Outcome::Applied
        }
    }
}

/// How far the runner got.
#[derive(Default)]
struct BundleProgress {
    applied: Applied,
    /// BundleStep and status.
    failed: Option<(String, i32)>,
    /// The last lines of the failed step's output.
    output: Vec<String>,
    done: bool,
}

impl SshSession {
    /// Applies a bundle. One round trip when the host is already as it says.
    ///
    /// # Errors
    /// When a step fails, the connection ends or the deadline passes. Applying the same
    /// bundle again continues after the last step that succeeded.
    pub async fn apply(
        &self,
        bundle: &Bundle,
        step: &str,
        events: &Events,
        deadline: Instant,
    ) -> Result<Applied, HostError> {
        let work = async {
            let Some(present) = self.missing(bundle).await? else {
                return Ok(Applied::default());
            };
            for note in bundle.notes() {
                events.note(format!("{}: {note}", self.host()));
            }
            let running = self.ship(bundle, present).await?;
            self.follow(bundle, step, events, running).await
        };
        tokio::time::timeout_at(deadline, work)
            .await
            .unwrap_or_else(|_| {
                Err(HostError::Deadline {
                    host: self.host(),
                    doing: format!("apply its {} bundle", bundle.stage().as_str()),
                })
            })
    }

    /// Asks whether the bundle is applied; if not, which of its blobs are there already.
    pub(super) async fn missing(&self, bundle: &Bundle) -> Result<Option<Vec<String>>, HostError> {
        let mut command = format!(
            "sudo -n sh -c {} check {} {}",
            quote(CHECK),
            bundle.stage().as_str(),
            bundle.digest(),
        );
        for blob in bundle.blobs() {
            command = format!("{command} {}", blob.sha256());
        }
        let output = self.run(&command).await?;
        let text = output.text();
        let mut lines = text.lines();
        match lines.next() {
            Some("unchanged") => Ok(None),
            Some("changed") => Ok(Some(
                lines
                    .filter_map(|line| line.strip_prefix("have "))
                    .map(str::to_owned)
                    .collect(),
            )),
            _ => Err(HostError::Command {
                environment: self.environment().to_owned(),
                host: self.host(),
                doing: "say what is applied".to_owned(),
                status: output.status,
                detail: output.complaint(),
            }),
        }
    }

    async fn ship(&self, bundle: &Bundle, present: Vec<String>) -> Result<OutputLines, HostError> {
        let (sender, receiver) = mpsc::channel(8);
        let bundle = bundle.clone();
        // Compressing is work for a thread; it ends at the latest when the receiver goes.
        tokio::task::spawn_blocking(move || {
            let mut sink = Chunks {
                sender: sender.clone(),
                chunk: Vec::with_capacity(CHUNK),
            };
            let ship = |blob: &super::Blob| !present.iter().any(|sha256| sha256 == blob.sha256());
            if let Err(error) = bundle.write_archive(&mut sink, ship) {
                // The receiver hears of it, unless it is what went away.
                let _ = sender.blocking_send(Err(error));
            }
        });
        let command = format!("sudo -n sh -c {}", quote(RECEIVE));
        self.start(&command, Input::Stream(receiver)).await
    }

    async fn follow(
        &self,
        bundle: &Bundle,
        step: &str,
        events: &Events,
        mut running: OutputLines,
    ) -> Result<Applied, HostError> {
        let mut progress = BundleProgress::default();
        while let Some(line) = running.next().await? {
            if let Some(name) = line.strip_prefix("start ") {
                events.working(step, bundle.title(name));
            }
            if let Some((_, text)) = line
                .strip_prefix("waits ")
                .and_then(|rest| rest.split_once(' '))
            {
                events.waiting(step, bundle.redact(text));
            }
            if let Some(warning) = progress.line(bundle, &line)
                && self.is_news(&warning)
            {
                events.note(format!("{}: {warning}", self.host()));
            }
        }
        let output = running.finish().await?;
        if let Some((name, status)) = progress.failed {
            return Err(HostError::Step {
                environment: self.environment().to_owned(),
                host: self.host(),
                stage: bundle.stage(),
                title: bundle.title(&name).to_owned(),
                step: name,
                status,
                output: progress.output.join("\n"),
            });
        }
        if !progress.done {
            return Err(HostError::Command {
                environment: self.environment().to_owned(),
                host: self.host(),
                doing: format!("apply its {} bundle", bundle.stage().as_str()),
                status: output.status,
                detail: bundle.redact(&output.complaint()),
            });
        }
        Ok(progress.applied)
    }
}

impl BundleProgress {
    /// Takes a line of the runner, see `templates/runner.sh`; answers with a warning.
    fn line(&mut self, bundle: &Bundle, line: &str) -> Option<String> {
        if let Some(output) = line.strip_prefix("| ") {
            self.output.push(bundle.redact(output));
            return None;
        }
        let mut words = line.splitn(3, ' ');
        let word = words.next().unwrap_or_default();
        let name = words.next().unwrap_or_default().to_owned();
        let rest = words.next().unwrap_or_default();
        match word {
            "applied" => {
                let seconds = Duration::from_secs(rest.parse().unwrap_or(0));
                self.applied.applied.push((name, seconds));
            }
            "warning" => {
                let text = bundle.redact(rest);
                self.applied.warnings.push((name, text.clone()));
                return Some(text);
            }
            "failed" => self.failed = Some((name, rest.parse().unwrap_or(-1))),
            "done" => self.done = true,
            _ => {}
        }
        None
    }
}

/// Turns what is written into chunks of a channel.
struct Chunks {
    sender: mpsc::Sender<io::Result<Bytes>>,
    chunk: Vec<u8>,
}

impl Chunks {
    fn send(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        self.sender
            .blocking_send(Ok(chunk.into()))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Chunks {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(data);
        if self.chunk.len() >= CHUNK {
            self.send()?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}
