//! Whether a host serves users, and until when.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::time::Instant;

use crate::events::Events;
use crate::spec::{HostName, Role};

use super::bundle::Bundle;
use super::error::HostError;
use super::keyring::Keyring;
use super::session::{Output, SshSession};
use super::shell::quote;

/// Succeeds on an application node whose server answers.
const ANSWERS: &str = "systemctl is-active --quiet mattermost && curl -fsS -o /dev/null --max-time 5 http://localhost:8065/api/v4/system/ping";
/// Restarts the server; it says itself when it is ready.
const RESTART: &str = "sudo -n systemctl restart mattermost";
/// Distance of the looks at whether it answers.
const ANSWERS_AGAIN: Duration = Duration::from_millis(500);
/// Waits on a proxy for the requests that are under way.
const DRAINED: &str = concat!(
    include_str!("../../templates/look.sh"),
    include_str!("../../templates/proxy/drained.sh")
);
/// How long requests that are under way may take: uploads and downloads of large files are the
/// longest. What takes longer is cut off.
const LAST_REQUESTS: Duration = Duration::from_mins(1);

/// How a host compares with a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Whether the bundle is applied already.
    pub is_applied: bool,
    /// Whether the host is an application node whose server answers.
    pub is_serving: bool,
    /// Whether such a node goes on serving while the bundle is applied.
    pub serves_meanwhile: bool,
}

impl Keyring {
    /// Compares a host with a bundle, and changes nothing. Once `quit` is over, it no longer waits
    /// for the host to answer.
    ///
    /// # Errors
    /// As [`Keyring::connect`], and when the host cannot be asked.
    pub async fn compare(
        &self,
        bundle: &Bundle,
        step: &str,
        events: &Events,
        deadline: Instant,
        quit: impl Future<Output = ()>,
    ) -> Result<Comparison, HostError> {
        let host = bundle.host();
        let session = tokio::select! {
            session = self.connect(host, step, events, deadline) => session?,
            () = quit => return Err(HostError::Interrupted { host }),
        };
        let is_applied = session.missing(bundle).await?.is_none();
        let is_serving = host.role == Role::App && session.run(ANSWERS).await?.success();
        let serves_meanwhile = is_serving
            && !is_applied
            && session
                .inspect(std::slice::from_ref(bundle))
                .await?
                .serves_meanwhile();
        session.close().await;
        Ok(Comparison {
            is_applied,
            is_serving,
            serves_meanwhile,
        })
    }

    /// Restarts the server of an application node, and waits until it answers.
    ///
    /// # Errors
    /// As [`Keyring::connect`], and when the server does not start, or does not answer by the deadline.
    pub async fn restart_server(
        &self,
        node: HostName,
        step: &str,
        events: &Events,
        deadline: Instant,
    ) -> Result<(), HostError> {
        let session = self.connect(node, step, events, deadline).await?;
        let failed = |output: Output| HostError::Command {
            environment: session.environment().to_owned(),
            host: node,
            doing: "restart its server".to_owned(),
            status: output.status,
            detail: output.complaint(),
        };
        let restarted = session.run(RESTART).await?;
        if !restarted.success() {
            return Err(failed(restarted));
        }
        events.waiting(step, format!("{node} to answer"));
        loop {
            let answers = session.run(ANSWERS).await?;
            if answers.success() {
                break;
            }
            if Instant::now() > deadline {
                return Err(failed(answers));
            }
            tokio::time::sleep(ANSWERS_AGAIN).await;
        }
        session.close().await;
        Ok(())
    }

    /// Waits until a proxy has no request under way at an application node that its nginx was told
    /// to leave out, a minute at most. Answers with the number of those that are left.
    ///
    /// # Errors
    /// As [`Keyring::connect`], and when nginx does not take its new configuration.
    pub async fn drained(
        &self,
        proxy: HostName,
        node: Ipv4Addr,
        step: &str,
        events: &Events,
        deadline: Instant,
    ) -> Result<u64, HostError> {
        let session = self.connect(proxy, step, events, deadline).await?;
        events.waiting(
            step,
            format!("requests that {proxy} has under way at {node}"),
        );
        let left = session.requests_left(node).await;
        session.close().await;
        left
    }
}

impl SshSession {
    async fn requests_left(&self, node: Ipv4Addr) -> Result<u64, HostError> {
        let limit = LAST_REQUESTS.as_secs();
        let command = format!("sudo -n sh -c {} drained {node} {limit}", quote(DRAINED));
        let output = self.run(&command).await?;
        let left = output.text().trim().parse();
        match left {
            Ok(left) if output.success() => Ok(left),
            _ => Err(HostError::Command {
                environment: self.environment().to_owned(),
                host: self.host(),
                doing: format!("leave {node} out"),
                status: output.status,
                detail: output.complaint(),
            }),
        }
    }
}
