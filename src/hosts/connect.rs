//! Getting through to a host: what is worth trying again and what is not.

use std::num::NonZeroUsize;
use std::time::Duration;

use openssh::{ControlPersist, KnownHosts, SessionBuilder};
use tokio::time::Instant;

use crate::events::Events;
use crate::spec::HostName;

use super::apply::Applied;
use super::bundle::Bundle;
use super::error::HostError;
use super::keyring::Keyring;
use super::session::SshSession;

/// The pauses between attempts grow to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A connection that nobody uses ends after this many seconds, should we die without
/// ending it.
const IDLE_SECONDS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(59);

/// How an attempt ended, when not well.
#[derive(Debug, PartialEq, Eq)]
enum SshRefusal {
    /// Another key than the one that the host was given.
    HostKey,
    /// Our key is not accepted.
    Denied,
    /// Not up yet, or not reachable.
    NotYet,
}

impl Keyring {
    /// Connects to a host; tries again until the deadline while the host is not up.
    ///
    /// # Errors
    /// At once when the host's key is not the one that it was given, soon when ours is
    /// refused, otherwise at the deadline.
    pub async fn connect(
        &self,
        host: HostName,
        step: &str,
        events: &Events,
        deadline: Instant,
    ) -> Result<SshSession, HostError> {
        let address = self.address(host)?.to_string();
        let started = Instant::now();
        let mut pause = Duration::from_millis(200);
        let mut said = String::new();
        let mut denied_since = None;
        loop {
            let detail = match tokio::time::timeout_at(deadline, self.attempt(host)).await {
                Ok(Ok(session)) => {
                    let (environment, warnings) = (self.environment(), self.warnings());
                    return Ok(SshSession::new(environment, host, session, warnings));
                }
                Ok(Err(openssh::Error::Connect(error))) => error.to_string(),
                Ok(Err(error)) => error.to_string(),
                // What was heard before says more than that time is up.
                Err(_) => said.clone(),
            };
            let detail = match self.bastion_log(host) {
                Some((bastion, text)) => format!("{bastion}: {}", telling_line(&text)),
                None => telling_line(&detail),
            };
            match interpret(&detail) {
                SshRefusal::HostKey => {
                    return Err(HostError::HostKey {
                        host,
                        address,
                        detail,
                    });
                }
                SshRefusal::Denied => {
                    let since = *denied_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= self.login().denied_grace {
                        return Err(HostError::Denied {
                            host,
                            address,
                            detail,
                        });
                    }
                }
                SshRefusal::NotYet => denied_since = None,
            }
            if Instant::now() + pause >= deadline {
                return Err(HostError::Unreachable {
                    environment: self.environment().to_owned(),
                    host,
                    address,
                    waited: started.elapsed(),
                    detail,
                });
            }
            if said != detail {
                events.waiting(step, format!("{host} to answer SSH at {address}: {detail}"));
                said = detail;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    /// Connects and applies a bundle; connects again when the connection ends in between,
    /// which is safe since what was applied is not applied again. Once `quit` is over, it no
    /// longer waits for a host to answer; work that has begun on the host goes to its end.
    ///
    /// # Errors
    /// As [`Keyring::connect`] and [`SshSession::apply`].
    pub async fn apply(
        &self,
        bundle: &Bundle,
        step: &str,
        events: &Events,
        deadline: Instant,
        quit: impl Future<Output = ()>,
    ) -> Result<Applied, HostError> {
        let host = bundle.host();
        let mut quit = std::pin::pin!(quit);
        // A server that migrates its database is given longer than a host that does not answer.
        let end = deadline + bundle.long_wait();
        let mut reachable_by = deadline;
        loop {
            let session = tokio::select! {
                session = self.connect(host, step, events, reachable_by) => session?,
                () = &mut quit => return Err(HostError::Interrupted { host }),
            };
            match session.apply(bundle, step, events, end).await {
                Err(error) if error.is_retryable() && Instant::now() < end => {
                    reachable_by = end;
                    events.waiting(step, format!("another connection: {error}"));
                    tokio::time::sleep(LONGEST_PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt(&self, host: HostName) -> Result<openssh::Session, openssh::Error> {
        self.clear_jump_log(host);
        SessionBuilder::default()
            .known_hosts_check(KnownHosts::Strict)
            .config_file(self.config(host))
            .control_directory(self.directory())
            .control_persist(ControlPersist::IdleFor(IDLE_SECONDS))
            .connect_mux(host.to_string())
            .await
    }
}

/// SSH tells causes in words alone; these have been the same for many years.
fn interpret(detail: &str) -> SshRefusal {
    if detail.contains("Host key verification failed")
        || detail.contains("host key is known")
        || detail.contains("no matching host key type")
    {
        SshRefusal::HostKey
    } else if detail.contains("Permission denied") || detail.contains("Too many authentication") {
        SshRefusal::Denied
    } else {
        SshRefusal::NotYet
    }
}

/// The line that says why: the last one, but SSH frames a changed key with a dozen lines of
/// alarm.
fn telling_line(text: &str) -> String {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines()
        .rfind(|line| interpret(line) != SshRefusal::NotYet)
        .or_else(|| lines().next_back())
        .unwrap_or("no answer")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_host_key_is_final() {
        let alarm = "@@@@@@@@@@@\r\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\r\nHost key for x has changed and you have requested strict checking.\r\nHost key verification failed.\r\n";
        assert_eq!(interpret(&telling_line(alarm)), SshRefusal::HostKey);
        let other = "Unable to negotiate with 10.0.0.1 port 22: no matching host key type found. Their offer: ssh-rsa";
        assert_eq!(interpret(other), SshRefusal::HostKey);
    }

    #[test]
    fn a_refused_key_is_distinguished_from_a_booting_host() {
        let denied = "admin@10.0.0.1: Permission denied (publickey).";
        assert_eq!(interpret(denied), SshRefusal::Denied);
        for booting in [
            "connect to host 10.0.0.1 port 22: Connection refused",
            "connect to host 10.0.0.1 port 22: Connection timed out",
            "Connection closed by 10.0.0.1 port 22",
            "kex_exchange_identification: read: Connection reset by peer",
        ] {
            assert_eq!(interpret(booting), SshRefusal::NotYet, "{booting}");
        }
    }
}
