//! An ssh-agent of our own that holds the generated key, so that no file ever does.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use ssh_key::LineEnding;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStdin, Command};

use super::error::HostError;

/// How long the agent may take to open its socket.
const START_LIMIT: Duration = Duration::from_secs(10);

/// The agent. It ends when this is dropped, and also when this process dies in any way.
#[derive(Debug)]
pub(super) struct PrivateAgent {
    _process: Child,
    _lifeline: Option<ChildStdin>,
}

impl PrivateAgent {
    /// Starts an agent on a socket and gives it a key.
    pub(super) async fn start(socket: &Path, key: &ssh_key::PrivateKey) -> Result<Self, HostError> {
        // The agent lives as long as the command that it is given, and that command lives
        // until its standard input ends: when we drop it, or when we die. A group of its
        // own keeps Ctrl-C, which is for us, from the agent.
        let mut process = Command::new("ssh-agent")
            .arg("-a")
            .arg(socket)
            .args(["sh", "-c", "cat >/dev/null; kill \"$SSH_AGENT_PID\""])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| tool("ssh-agent", error))?;
        let lifeline = process.stdin.take();
        let agent = Self {
            _process: process,
            _lifeline: lifeline,
        };
        tokio::time::timeout(START_LIMIT, agent.load(socket, key))
            .await
            .map_err(|_| tool("ssh-agent", "it did not open its socket"))??;
        Ok(agent)
    }

    async fn load(&self, socket: &Path, key: &ssh_key::PrivateKey) -> Result<(), HostError> {
        // The socket's file is there a moment before anybody listens on it.
        while UnixStream::connect(socket).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut add = Command::new("ssh-add")
            .args(["-q", "-"])
            .env("SSH_AUTH_SOCK", socket)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| tool("ssh-add", error))?;
        let text = key
            .to_openssh(LineEnding::LF)
            .map_err(|error| tool("ssh-add", error))?;
        if let Some(mut stdin) = add.stdin.take() {
            // Where it ends without reading, its own words say why.
            let _unread = stdin.write_all(text.as_bytes()).await;
        }
        let output = add
            .wait_with_output()
            .await
            .map_err(|error| tool("ssh-add", error))?;
        if output.status.success() {
            return Ok(());
        }
        Err(tool(
            "ssh-add",
            String::from_utf8_lossy(&output.stderr).trim(),
        ))
    }
}

/// The first public key that the user's own agent offers.
pub(super) async fn first_agent_key() -> Result<String, HostError> {
    let listing = Command::new("ssh-add")
        .arg("-L")
        .stdin(Stdio::null())
        .output();
    let output = tokio::time::timeout(START_LIMIT, listing)
        .await
        .map_err(|_| tool("ssh-add", "the agent does not answer"))?
        .map_err(|error| tool("ssh-add", error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().next() {
        Some(line) if output.status.success() => Ok(line.to_owned()),
        _ => Err(HostError::OperatorKey {
            detail: "the ssh-agent offers no key (`ssh-add -L`)".to_owned(),
        }),
    }
}

fn tool(program: &'static str, error: impl ToString) -> HostError {
    HostError::Tool {
        program,
        detail: error.to_string(),
    }
}
