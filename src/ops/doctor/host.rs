//! The way to a canary's host: SSH with the key that its user data gave it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::engine::{HostRequest, Hosts, TaskError, Urgency};
use crate::events::Outcome;
use crate::hosts::{Keyring, SshSession};
use crate::identity::END_TIMER;
use crate::ops::error::HostTrialError;
use crate::ops::hosts::register;
use crate::spec::Spec;

/// How long a host may take to answer, and its first boot to end.
const ANSWER: Duration = Duration::from_mins(3);
const BOOT: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// What a host has shown that was reached.
pub(super) const HOST_DETAIL: &str =
    "answers SSH with the key of its user data, has its role, and a timer that ends it";

/// Prints the name of the role that the host acts in (EC2 User Guide, "Retrieve security credentials
/// from instance metadata").
const ROLE: &str = r#"python3 - <<'END'
import urllib.request as r
u = "http://169.254.169.254/latest/"
t = r.Request(u + "api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"})
t = r.urlopen(t, timeout=5).read().decode()
q = r.Request(u + "meta-data/iam/security-credentials/", headers={"X-aws-ec2-metadata-token": t})
print(r.urlopen(q, timeout=5).read().decode())
END"#;

/// Reaches the host over SSH.
pub(super) struct CanarySsh {
    /// The canary as an environment.
    pub spec: Spec,
}

impl Hosts for CanarySsh {
    async fn apply(&self, request: HostRequest) -> Result<Outcome, TaskError> {
        let mut stop = request.stop.clone();
        tokio::select! {
            tried = self.try_host(request) => tried,
            _ = stop.wait_for(|urgency| *urgency > Urgency::None) => {
                Err(Box::new(HostTrialError::Interrupted))
            }
        }
    }
}

impl CanarySsh {
    async fn try_host(&self, request: HostRequest) -> Result<Outcome, TaskError> {
        let HostRequest {
            host,
            inventory,
            secrets,
            events,
            ..
        } = request;
        let spec = &self.spec;
        let keyring = Keyring::open(&spec.name, &spec.access, &secrets, &[]).await;
        let keyring = keyring.map_err(boxed)?;
        register(&keyring, spec, host, &inventory).map_err(boxed)?;
        let deadline = Instant::now() + ANSWER;
        let session = keyring.connect(host, "canary", &events, deadline).await;
        let session = session.map_err(boxed)?;
        let role = until(&session, ROLE, |text| text.contains(&spec.name)).await;
        role.map_err(|said| boxed(HostTrialError::NoRole { said }))?;
        let timer = format!("systemctl is-active {END_TIMER}.timer");
        let timer = until(&session, &timer, |text| text.trim() == "active").await;
        timer.map_err(|said| boxed(HostTrialError::NoTimer { said }))?;
        session.close().await;
        Ok(Outcome::Applied)
    }
}

/// Runs a command until it says what it should; answers with what it said instead.
async fn until(
    session: &SshSession,
    command: &str,
    is_fine: impl Fn(&str) -> bool,
) -> Result<(), String> {
    let deadline = Instant::now() + BOOT;
    loop {
        let said = match session.run(command).await {
            Ok(output) if output.success() && is_fine(&output.text()) => return Ok(()),
            Ok(output) => output.complaint(),
            Err(error) => return Err(error.to_string()),
        };
        if Instant::now() > deadline {
            return Err(said);
        }
        sleep(LOOK_AGAIN).await;
    }
}

fn boxed<E: crate::diagnose::Diagnose + Send + Sync + 'static>(error: E) -> TaskError {
    Box::new(error)
}
