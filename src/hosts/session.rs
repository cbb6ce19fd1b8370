//! A connection to one host: commands, streams, forwarded ports.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use openssh::{ForwardType, Socket, Stdio};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::spec::HostName;

use super::error::HostError;

/// How much of a command's standard error is kept, bytes, from its end.
const STDERR_KEPT: usize = 64 << 10;

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Exit status; 127 when there is no such command.
    pub status: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error; of streams the last 64 KiB.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Whether it succeeded.
    #[must_use]
    pub fn success(&self) -> bool {
        self.status == 0
    }

    /// Standard output as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// What the command said about its failure: the end of standard error, or of standard output.
    #[must_use]
    pub fn complaint(&self) -> String {
        let stderr = String::from_utf8_lossy(&self.stderr);
        let stdout = String::from_utf8_lossy(&self.stdout);
        let said = if stderr.trim().is_empty() {
            stdout
        } else {
            stderr
        };
        let lines: Vec<&str> = said.trim().lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// Where a forwarded port is opened on the operator's machine.
#[derive(Clone, Copy, Debug)]
pub enum Listen<'a> {
    /// A unix socket.
    Unix(&'a Path),
    /// A TCP port.
    Tcp(SocketAddr),
}

/// A connection to a host. Ends when it is dropped.
#[derive(Debug)]
pub struct SshSession {
    environment: String,
    host: HostName,
    ssh: Arc<openssh::Session>,
    warnings: Warnings,
}

/// Warnings of all hosts of a rig that were shown. Hosts of a role are alike: what one of them
/// reports, the others report too, in each of their stages.
pub(super) type Warnings = Arc<Mutex<BTreeSet<String>>>;

/// What goes to a command's standard input.
pub(super) enum Input {
    Bytes(Vec<u8>),
    /// Chunks as they are made; an error ends the command.
    Stream(mpsc::Receiver<std::io::Result<Bytes>>),
}

/// A command that runs: its standard output line by line.
#[derive(Debug)]
pub struct OutputLines {
    host: HostName,
    doing: String,
    child: Option<openssh::Child<Arc<openssh::Session>>>,
    stdout: tokio::io::Lines<BufReader<openssh::ChildStdout>>,
    pumps: JoinSet<Pumped>,
}

/// What the tasks beside a running command bring home.
#[derive(Debug)]
enum Pumped {
    Stdin(std::io::Result<()>),
    Stderr(Vec<u8>),
}

impl SshSession {
    pub(super) fn new(
        environment: &str,
        host: HostName,
        ssh: openssh::Session,
        warnings: Warnings,
    ) -> Self {
        Self {
            environment: environment.to_owned(),
            host,
            ssh: Arc::new(ssh),
            warnings,
        }
    }

    /// Whether no host of the rig has reported a warning before; it counts as reported now.
    pub(super) fn is_news(&self, warning: &str) -> bool {
        let mut shown = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        shown.insert(warning.to_owned())
    }

    /// Name of the environment that the host belongs to.
    #[must_use]
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// Role and number of the host that it is connected to.
    #[must_use]
    pub fn host(&self) -> HostName {
        self.host
    }

    /// Runs a shell command line. Put no secrets in it: other processes of the host can
    /// read command lines.
    ///
    /// # Errors
    /// When the connection ends. A command that fails is no error.
    pub async fn run(&self, command: &str) -> Result<Output, HostError> {
        self.run_with_input(command, Vec::new()).await
    }

    /// The same, with data for its standard input.
    ///
    /// # Errors
    /// When the connection ends. A command that fails, or leaves its input, is no error.
    pub async fn run_with_input(
        &self,
        command: &str,
        input: impl Into<Vec<u8>>,
    ) -> Result<Output, HostError> {
        let running = self.start(command, Input::Bytes(input.into())).await?;
        running.collect().await
    }

    /// Starts a command whose standard output comes line by line.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn lines(
        &self,
        command: &str,
        input: impl Into<Vec<u8>>,
    ) -> Result<OutputLines, HostError> {
        self.start(command, Input::Bytes(input.into())).await
    }

    /// Forwards a local port or socket to an address as the host sees it, for as long as
    /// the session lives.
    ///
    /// # Errors
    /// When the port is taken or the connection ended.
    pub async fn forward(
        &self,
        listen: Listen<'_>,
        to_host: &str,
        to_port: u16,
    ) -> Result<(), HostError> {
        let local: Socket<'_> = match listen {
            Listen::Unix(path) => path.into(),
            Listen::Tcp(address) => address.into(),
        };
        let to = Socket::new(to_host, to_port);
        let asked = self.ssh.request_port_forward(ForwardType::Local, local, to);
        asked.await.map_err(|error| HostError::Command {
            environment: self.environment.clone(),
            host: self.host,
            doing: format!("forward to {to_host}:{to_port}"),
            status: 255,
            detail: chain(&error),
        })
    }

    /// Ends the connection in order.
    pub async fn close(self) {
        if let Ok(ssh) = Arc::try_unwrap(self.ssh)
            && let Err(error) = ssh.close().await
        {
            tracing::debug!(host = %self.host, %error, "ssh did not close in order");
        }
    }

    pub(super) async fn start(
        &self,
        command: &str,
        input: Input,
    ) -> Result<OutputLines, HostError> {
        let doing = summary(command);
        let ended = || self.disconnected(&doing);
        let mut child = Arc::clone(&self.ssh)
            .arc_raw_command(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .await
            .map_err(|error| self.failed(&doing, &error))?;
        let stdin = child.stdin().take().ok_or_else(ended)?;
        let stdout = child.stdout().take().ok_or_else(ended)?;
        let stderr = child.stderr().take().ok_or_else(ended)?;
        let mut pumps = JoinSet::new();
        pumps.spawn(async move { Pumped::Stdin(feed(stdin, input).await) });
        pumps.spawn(async move { Pumped::Stderr(tail(stderr).await) });
        Ok(OutputLines {
            host: self.host,
            doing,
            child: Some(child),
            stdout: BufReader::new(stdout).lines(),
            pumps,
        })
    }

    fn disconnected(&self, doing: &str) -> HostError {
        HostError::Disconnected {
            host: self.host,
            doing: doing.to_owned(),
        }
    }

    fn failed(&self, doing: &str, error: &openssh::Error) -> HostError {
        tracing::debug!(host = %self.host, error = chain(error), "ssh failed");
        self.disconnected(doing)
    }
}

impl OutputLines {
    /// The next line, without its end; `None` when the command has closed its output.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn next(&mut self) -> Result<Option<String>, HostError> {
        self.stdout
            .next_line()
            .await
            .map_err(|_| self.disconnected())
    }

    /// Waits for the command to end. Lines that were not read are dropped.
    ///
    /// # Errors
    /// When the connection ends, or the data for its standard input could not be made.
    pub async fn finish(mut self) -> Result<Output, HostError> {
        while self.next().await?.is_some() {}
        self.end(Vec::new()).await
    }

    async fn collect(mut self) -> Result<Output, HostError> {
        let mut stdout = Vec::new();
        self.stdout
            .get_mut()
            .read_to_end(&mut stdout)
            .await
            .map_err(|_| self.disconnected())?;
        self.end(stdout).await
    }

    async fn end(mut self, stdout: Vec<u8>) -> Result<Output, HostError> {
        let Some(child) = self.child.take() else {
            return Err(self.disconnected());
        };
        let status = match child.wait().await {
            Ok(status) => code(status),
            Err(openssh::Error::Remote(_)) => 127,
            Err(error) => {
                tracing::debug!(host = %self.host, error = chain(&error), "ssh ended");
                return Err(self.disconnected());
            }
        };
        let mut stderr = Vec::new();
        while let Some(pumped) = self.pumps.join_next().await {
            match pumped {
                Ok(Pumped::Stderr(text)) => stderr = text,
                // A command need not read its input to the end.
                Ok(Pumped::Stdin(Err(source)))
                    if source.kind() != std::io::ErrorKind::BrokenPipe =>
                {
                    return Err(HostError::Ship {
                        host: self.host,
                        source,
                    });
                }
                Ok(Pumped::Stdin(_)) | Err(_) => {}
            }
        }
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    fn disconnected(&self) -> HostError {
        HostError::Disconnected {
            host: self.host,
            doing: self.doing.clone(),
        }
    }
}

async fn feed(mut stdin: openssh::ChildStdin, input: Input) -> std::io::Result<()> {
    match input {
        Input::Bytes(bytes) => stdin.write_all(&bytes).await?,
        Input::Stream(mut chunks) => {
            while let Some(chunk) = chunks.recv().await {
                stdin.write_all(&chunk?).await?;
            }
        }
    }
    stdin.shutdown().await
}

async fn tail(mut stderr: openssh::ChildStderr) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = [0; 8192];
    while let Ok(read) = stderr.read(&mut buffer).await
        && read > 0
    {
        kept.extend_from_slice(&buffer[..read]);
        if kept.len() > 2 * STDERR_KEPT {
            kept.drain(..kept.len() - STDERR_KEPT);
        }
    }
    kept
}

/// Exit status; commands that a signal ended count as shells count them.
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(255)
}

/// The beginning of a command, for messages.
fn summary(command: &str) -> String {
    let line = command.lines().next().unwrap_or_default();
    let mut text: String = line.chars().take(60).collect();
    if text.len() < command.trim_end().len() {
        text.push('…');
    }
    format!("run `{text}`")
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
