//! The way to a canary's host: SSH with the key that its user data gave it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::engine::{HostRequest, Hosts, TaskError, Urgency};
use crate::events::Outcome;
use crate::hosts::{Keyring, SshLogin, SshSession};
use crate::identity::END_TIMER;
use crate::ops::error::HostTrialError;
use crate::ops::hosts::register;
use crate::spec::Spec;

/// How long a host may take to answer, and its first boot to end.
const ANSWER: Duration = Duration::from_mins(3);
const BOOT: Duration = Duration::from_mins(2);
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// What a host has shown that was reached.
pub(super) const HOST_DETAIL: &str = "answers SSH with the key of its user data, has carried that out, has its role, and a timer that ends it";

/// Prints how far the first boot is, by which user data is carried out.
const BOOTED: &str = "cloud-init status --long";

/// Where hosts of EC2 find their metadata service.
const METADATA: &str = "169.254.169.254";

/// Prints the name of the role that the host acts in, as the metadata service at `METADATA` tells it (EC2 User Guide, "Retrieve security credentials
/// from instance metadata"). No proxy is asked, whatever the environment names.
const ROLE: &str = r#"python3 - <<'END'
import urllib.request as r
u = "http://METADATA/latest/"
o = r.build_opener(r.ProxyHandler({})).open
t = r.Request(u + "api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"})
try:
    t = o(t, timeout=5).read().decode()
    q = r.Request(u + "meta-data/iam/security-credentials/", headers={"X-aws-ec2-metadata-token": t})
    print(o(q, timeout=5).read().decode())
except OSError as error:
    raise SystemExit(f"the metadata service: {error}")
END"#;

/// Reaches the host over SSH.
pub struct CanarySsh {
    /// The canary as an environment.
    pub spec: Spec,
    /// As whom and where to log in.
    pub login: SshLogin,
    /// Where its metadata service answers: an address, with a port if it is not 80.
    pub metadata: String,
    /// How long the host may take to answer.
    pub answer: Duration,
    /// How long its first boot may take after that, and its role and timer to be there.
    pub boot: Duration,
}

impl CanarySsh {
    /// As hosts of AWS are reached.
    #[must_use]
    pub fn new(spec: Spec) -> Self {
        Self {
            spec,
            login: SshLogin::default(),
            metadata: METADATA.to_owned(),
            answer: ANSWER,
            boot: BOOT,
        }
    }
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
        let login = self.login.clone();
        let keyring = Keyring::open_as(&spec.name, &spec.access, &secrets, login).await;
        let keyring = keyring.map_err(boxed)?;
        register(&keyring, spec, host, &inventory).map_err(boxed)?;
        let deadline = Instant::now() + self.answer;
        let session = keyring.connect(host, "canary", &events, deadline).await;
        let session = session.map_err(boxed)?;
        let trial = HostTrial {
            session: &session,
            until: Instant::now() + self.boot,
        };
        let booted = |text: &str| text.lines().any(|line| line.trim() == "status: done");
        let boot = trial.wait_for(BOOTED, booted).await;
        boot.map_err(|said| boxed(HostTrialError::NotBooted { said }))?;
        let role = ROLE.replace("METADATA", &self.metadata);
        let role = trial
            .wait_for(&role, |text| text.contains(&spec.name))
            .await;
        role.map_err(|said| boxed(HostTrialError::NoRole { said }))?;
        let timer = format!("systemctl is-active {END_TIMER}.timer");
        let timer = trial.wait_for(&timer, |text| text.trim() == "active").await;
        timer.map_err(|said| boxed(HostTrialError::NoTimer { said }))?;
        session.close().await;
        Ok(Outcome::Applied)
    }
}

/// A host that answers.
struct HostTrial<'a> {
    session: &'a SshSession,
    until: Instant,
}

impl HostTrial<'_> {
    /// Runs a command until it says what it should; answers with what it said instead.
    async fn wait_for(&self, command: &str, is_fine: impl Fn(&str) -> bool) -> Result<(), String> {
        loop {
            let said = match self.session.run(command).await {
                Ok(output) if output.success() && is_fine(&output.text()) => return Ok(()),
                Ok(output) => output.complaint().lines().collect::<Vec<_>>().join("; "),
                Err(error) => return Err(error.to_string()),
            };
            if Instant::now() > self.until {
                return Err(said);
            }
            sleep(LOOK_AGAIN).await;
        }
    }
}

fn boxed<E: crate::diagnose::Diagnose + Send + Sync + 'static>(error: E) -> TaskError {
    Box::new(error)
}
