//! Every check of a rig, side by side.

use futures::future::join_all;

use crate::events::{EventKind, Events};
use crate::spec::Spec;

use crate::ops::adapters::Adapters;
use crate::ops::payload::balancer_trust;
use crate::ops::planned_hosts::PlannedHosts;
use crate::ops::rig::{Rig, RigState};

use super::balancer::nodes_behind_balancer;
use super::causes::{in_order_of_causes, obstacle};
use super::check::RigCheck;
use super::entrance_name::entrance_name;
use super::probe::ask_host;
use super::promised::promised;
use super::questions::probes;
use crate::ops::error::OpsError;

/// What `verify` found.
#[derive(Clone, Debug)]
pub struct VerifyReport {
    /// Name of the environment.
    pub environment: String,
    /// In the order in which they were made.
    pub checks: Vec<RigCheck>,
}

impl VerifyReport {
    /// Whether every check passed.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.checks.iter().all(|check| check.pass)
    }
}

/// Verifies an environment.
///
/// # Errors
/// When it does not exist, or the account cannot be read.
pub async fn run(
    spec: Spec,
    adapters: &dyn Adapters,
    events: &Events,
) -> Result<VerifyReport, OpsError> {
    let rig = Rig::open(spec, adapters).await?;
    let reading = rig.read().await?;
    Ok(VerifyReport {
        checks: verify(&rig, &reading, events).await?,
        environment: rig.spec.name,
    })
}

/// Runs every check on what was read.
///
/// # Errors
/// When the rig does not exist, or its hosts' key cannot be used.
pub async fn verify(
    rig: &Rig,
    reading: &RigState,
    events: &Events,
) -> Result<Vec<RigCheck>, OpsError> {
    events.emit(EventKind::PhaseStarted {
        phase: "verify".to_owned(),
    });
    let connected = rig.connect(&reading.inventory).await?;
    let planned = PlannedHosts::of(rig, &reading.inventory, &connected.secrets);
    let alb = rig.spec.load_balancer.alb();
    let trust = alb.map(balancer_trust).transpose()?.unwrap_or_default();
    let authority = trust.authority.as_deref();
    let probes = join_all(rig.spec.hosts().into_iter().map(|host| {
        let probes = probes(&rig.spec, &reading.inventory, host, authority);
        ask_host(&rig.spec, &connected, host, probes, planned.bundles(host))
    }));
    let balancer = async {
        match alb {
            Some(_) => Some(nodes_behind_balancer(rig, events).await),
            None => None,
        }
    };
    // The load balancer may need a minute to find its nodes; the hosts are asked meanwhile.
    let name = entrance_name(&rig.spec, &reading.inventory);
    let (balancer, probes, name) = futures::join!(balancer, probes, name);
    // What does not run keeps no promise, and why is told already.
    let promises = match obstacle(&probes) {
        None => promised(rig, &reading.inventory, &connected, &planned).await,
        Some(failed) => vec![not_asked(rig, failed)],
    };
    let mut checks = vec![as_planned(rig, reading)];
    checks.extend(in_order_of_causes(balancer, probes));
    checks.extend(name);
    checks.extend(promises);
    for check in &checks {
        events.emit(EventKind::Check {
            name: check.name.clone(),
            pass: check.pass,
            detail: check.detail.clone(),
        });
    }
    events.emit(EventKind::PhaseFinished {
        phase: "verify".to_owned(),
    });
    Ok(checks)
}

/// What stands in the place of all promises when the server cannot be asked for them.
fn not_asked(rig: &Rig, failed: &str) -> RigCheck {
    RigCheck {
        name: "server: license, cluster, logins, events, files, search".to_owned(),
        pass: false,
        warning: false,
        detail: format!("not checked, because of `{failed}`"),
        remedy: format!(
            "`loadrig verify {}` asks the server once that passes",
            rig.spec.name
        ),
    }
}

fn as_planned(rig: &Rig, reading: &RigState) -> RigCheck {
    let name = &rig.spec.name;
    let differing: Vec<&str> = reading.plan.work().map(|c| c.address.as_str()).collect();
    RigCheck {
        name: "resources are as planned".to_owned(),
        pass: differing.is_empty(),
        warning: false,
        detail: if differing.is_empty() {
            format!("{} resources", reading.plan.changes.len())
        } else {
            format!("different: {}", differing.join(", "))
        },
        remedy: format!("`loadrig plan {name}` shows what differs; `loadrig up {name}` fixes it"),
    }
}
