//! Measures what a login takes the application nodes of a rig, by logging in at each of them.

use std::time::Duration;

use futures::future::join_all;
use serde::Serialize;

use crate::events::{EventKind, Events, Outcome};
use crate::loadtest::{Admin, PromiseNode, time_logins};
use crate::ops::error::{MeasureHashError, OpsError};
use crate::spec::{HashTimeSource, HostName, LoginCost, LoginGate, MeasuredHashTime, Spec};

use super::adapters::Adapters;
use super::lock::must_be_free;
use super::rig::Rig;
use super::verify::{administrator, open_ways};

/// Logins that a node is sent at once. At 0.2 s for each it is busy for four seconds.
const LOGINS: usize = 21;

/// What logins took a node.
#[derive(Clone, Debug, Serialize)]
pub struct MeasuredLogins {
    /// The application node.
    pub host: String,
    /// How many there were.
    pub logins: usize,
    /// Seconds for each, in the mean.
    pub seconds: f64,
}

/// What follows for an environment.
#[derive(Clone, Debug, Serialize)]
pub struct LoginConsequence {
    /// Name of the environment.
    pub environment: String,
    /// `mattermost.login_seconds` for its YAML: the slowest node's.
    pub login_seconds: f64,
    /// The login gate as it is.
    pub login_gate: LoginGate,
    /// The login gate with that setting.
    pub login_gate_then: LoginGate,
}

/// Measures application nodes of a rig that is up, all at the same time, as in a storm: those of the
/// local cloud share this machine's processors. Nobody else can log in meanwhile.
///
/// # Errors
/// When the server has no lock to queue at, the rig does not exist, or a node does not log the
/// administrator in.
pub async fn measure_logins(
    spec: Spec,
    hosts: &[HostName],
    adapters: &dyn Adapters,
    events: &Events,
) -> Result<Vec<MeasuredLogins>, OpsError> {
    let cost = LoginCost::of(&spec);
    if !cost.is_serial {
        let environment = spec.argument().to_owned();
        let server = cost.server;
        return Err(MeasureHashError::SideBySide {
            server,
            environment,
        }
        .into());
    }
    let rig = Rig::open(spec, adapters).await?;
    let inventory = rig.read().await?.inventory;
    // A storm and this measurement would falsify each other.
    must_be_free(&rig.cloud, &rig.spec.name).await?;
    let connected = rig.connect(&inventory).await?;
    let ways = open_ways(&inventory, &connected.keyring, hosts.iter().copied()).await;
    let ways = ways.map_err(MeasureHashError::Logins)?;
    let admin = administrator(&connected.secrets);
    let measuring = ways.nodes.iter().map(|node| async {
        let step = format!("measure/{}", node.name);
        events.emit(EventKind::StepStarted { step: step.clone() });
        let measured = measure(node, &admin).await;
        events.emit(match &measured {
            Ok(_) => EventKind::StepFinished {
                step,
                outcome: Outcome::Applied,
                detail: None,
            },
            Err(error) => EventKind::StepFailed {
                step,
                error: error.to_string(),
            },
        });
        measured
    });
    let measured: Result<Vec<_>, _> = join_all(measuring).await.into_iter().collect();
    Ok(measured?)
}

async fn measure(node: &PromiseNode, admin: &Admin) -> Result<MeasuredLogins, MeasureHashError> {
    let failed = |why: String| MeasureHashError::Logins(format!("{}: {why}", node.name));
    let times = time_logins(&node.url, admin, LOGINS).await;
    let times = times.map_err(|error| failed(error.to_string()))?;
    let seconds = times.seconds_of_each();
    Ok(MeasuredLogins {
        host: node.name.clone(),
        logins: times.count(),
        seconds: seconds.ok_or_else(|| failed("fewer than two logins".to_owned()))?,
    })
}

/// What follows for an environment from the logins at its nodes; nothing without any.
#[must_use]
pub fn login_consequence(spec: &Spec, measured: &[MeasuredLogins]) -> Option<LoginConsequence> {
    let seconds = measured.iter().map(|node| node.seconds);
    let slowest = seconds.max_by(f64::total_cmp)?;
    // Up, and to the precision that is written down: the gate must not let through more than the nodes take.
    let login_seconds = (slowest * 1000.0).ceil() / 1000.0;
    let mut then = spec.clone();
    then.mattermost.hash_time = Some(MeasuredHashTime {
        time: Duration::from_secs_f64(login_seconds.max(0.0)),
        source: HashTimeSource::Logins,
    });
    Some(LoginConsequence {
        environment: spec.argument().to_owned(),
        login_seconds,
        login_gate: LoginGate::of(spec),
        login_gate_then: LoginGate::of(&then),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Library;

    #[test]
    fn the_slowest_node_sets_the_gate() {
        let library = Library::new(Some("no-such-directory".into()));
        let text = "architecture: 1k\nmattermost: {release: 11.2.0, license_env: L}";
        let spec = library.load_text("test", text).unwrap();
        assert!(login_consequence(&spec, &[]).is_none());
        let nodes = [0.2, 0.2504].map(|seconds| MeasuredLogins {
            host: "app-1".to_owned(),
            logins: LOGINS,
            seconds,
        });
        let found = login_consequence(&spec, &nodes).unwrap();
        assert!((found.login_seconds - 0.251).abs() < 1e-9);
        let rate = found.login_gate_then.limits().unwrap().rate;
        let possible = 2.0 / 0.251;
        assert!((0.98..1.0).contains(&(rate / possible)), "{rate}");
    }
}
