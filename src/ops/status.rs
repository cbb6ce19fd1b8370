//! What exists of one environment, how it is, how old it is and what it costs.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::aws::Registry;
use crate::blueprint::{Address, Kind};
use crate::engine::{Account, CloudError};
use crate::plan::{Inventory, RunningCost, Snapshot, State, running_cost};
use crate::preflight::FindingVerdict;
use crate::spec::{HostName, Spec};

use super::adapters::Adapters;
use super::leases::{StoredLease, stored_lease};
use super::license;
use super::planned_hosts::PlannedHosts;
use super::rig::{Rig, RigState};
use super::verify::{HostState, host_states};
use crate::ops::error::OpsError;

/// One host or managed service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Its address in the environment.
    pub address: Address,
    /// AWS's id.
    pub id: String,
    /// AWS's word for its state.
    pub status: String,
    /// How it is: what the host says of its main service, or the resource's state.
    pub health: String,
    /// Where it is reached.
    pub at: String,
}

/// How old something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// When it was created.
    pub since: Timestamp,
    /// How long ago that is; zero when this machine's clock says that it is in the future.
    pub elapsed: Duration,
    /// Whether this machine's clock is behind that of the account.
    pub clock_is_behind: bool,
}

impl Age {
    /// The age at a time of this machine's clock.
    #[must_use]
    pub fn at(since: Timestamp, now: Timestamp) -> Self {
        let elapsed = Duration::try_from(now.duration_since(since));
        Self {
            since,
            clock_is_behind: elapsed.is_err(),
            elapsed: elapsed.unwrap_or_default(),
        }
    }

    /// The age of an environment: its seed is created first.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        let created = snapshot.get(&Address::seed())?.text("created")?;
        Some(Self::at(created.parse().ok()?, Timestamp::now()))
    }

    /// What so much per hour comes to.
    #[must_use]
    pub fn cost(&self, per_hour: f64) -> f64 {
        self.elapsed.as_secs_f64() / 3600.0 * per_hour
    }
}

/// What `status` found.
#[derive(Clone, Debug)]
pub struct StatusReport {
    /// Name of the environment.
    pub environment: String,
    /// Account, region and principal that were acted with.
    pub account: Account,
    /// Hosts, then managed services.
    pub parts: Vec<Part>,
    /// How many resources exist.
    pub resources: usize,
    /// What differs from the plan, a line each.
    pub drift: Vec<String>,
    /// How old it is.
    pub age: Option<Age>,
    /// How old it may get.
    pub time_to_live: Option<Duration>,
    /// What it costs at list prices.
    pub cost: RunningCost,
    /// Where people find the server.
    pub url: Option<String>,
    /// Who works on it, or why nobody knows.
    pub lock: Result<Option<StoredLease>, String>,
    /// The license, or what there is without one.
    pub edition: String,
    /// What to know of the license.
    pub warnings: Vec<String>,
}

impl StatusReport {
    /// Whether anything of the environment exists.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.resources > 0
    }

    /// What it cost so far, as if all that exists now had existed from the start.
    #[must_use]
    pub fn cost_so_far(&self) -> Option<f64> {
        self.age.map(|age| age.cost(self.cost.per_hour))
    }
}

/// Looks at one environment: reads the account once, then asks the hosts.
///
/// # Errors
/// When the account cannot be read.
pub async fn status(spec: Spec, adapters: &dyn Adapters) -> Result<StatusReport, OpsError> {
    let rig = Rig::open(spec, adapters).await?;
    let reading = rig.read().await?;
    let (parts, lock) = if reading.inventory.is_empty() {
        (Vec::new(), Ok(None))
    } else {
        tokio::join!(parts(&rig, &reading.inventory), lock(&rig))
    };
    // What exists is shown to those who may not read the registry, too.
    let lock = lock.map_err(|error: OpsError| error.to_string());
    Ok(report(rig, &reading, parts, lock)?)
}

/// The lease that somebody holds.
async fn lock(rig: &Rig) -> Result<Option<StoredLease>, OpsError> {
    let registry = Registry::of(&rig.cloud).await?;
    let found = stored_lease(&registry, &rig.spec.name).await?;
    Ok(found.filter(|lease| lease.live))
}

fn report(
    rig: Rig,
    reading: &RigState,
    parts: Vec<Part>,
    lock: Result<Option<StoredLease>, String>,
) -> Result<StatusReport, CloudError> {
    Ok(StatusReport {
        parts,
        lock,
        resources: reading.inventory.len(),
        drift: reading
            .plan
            .work()
            .map(|change| format!("{}: {}", change.address, change.reason))
            .collect(),
        age: Age::of(&reading.snapshot),
        time_to_live: rig.spec.time_to_live,
        cost: running_cost(&reading.snapshot, &rig.account.region)?,
        url: reading.inventory.url(&rig.spec),
        edition: license::edition(&rig.spec),
        warnings: license::findings(&rig.spec)
            .into_iter()
            .filter(|finding| finding.verdict == FindingVerdict::Warn)
            .map(|finding| finding.detail)
            .collect(),
        account: rig.account,
        environment: rig.spec.name,
    })
}

async fn parts(rig: &Rig, inventory: &Inventory) -> Vec<Part> {
    let states = match rig.connect(inventory).await {
        Ok(connected) => {
            let planned = PlannedHosts::of(rig, inventory, &connected.secrets);
            host_states(&rig.spec, &connected, &planned).await
        }
        Err(error) => {
            let why = HostState::Unreachable(error.to_string());
            let hosts = rig.spec.hosts().into_iter();
            hosts.map(|host| (host, why.clone())).collect()
        }
    };
    let mut parts = hosts(&rig.spec, inventory, &states);
    parts.extend(services(inventory));
    parts
}

fn hosts(spec: &Spec, inventory: &Inventory, states: &BTreeMap<HostName, HostState>) -> Vec<Part> {
    let part = |host: HostName| {
        let address = Address::instance(host);
        let seen = inventory.get(&address);
        Part {
            id: seen.map_or("-".to_owned(), |seen| seen.id.clone()),
            status: seen.map_or("missing".to_owned(), |seen| seen.status.clone()),
            health: states
                .get(&host)
                .map_or(String::new(), |state| state.as_str().to_owned()),
            at: inventory
                .operator_address(spec, host)
                .map_or(String::new(), |address| address.to_string()),
            address,
        }
    };
    spec.hosts().into_iter().map(part).collect()
}

fn services(inventory: &Inventory) -> impl Iterator<Item = Part> + '_ {
    let shown = |kind: Kind| {
        matches!(
            kind,
            Kind::Database
                | Kind::DatabaseCluster
                | Kind::Search
                | Kind::Cache
                | Kind::LoadBalancer
        )
    };
    inventory
        .iter()
        .filter(move |seen| shown(seen.kind))
        .map(|seen| Part {
            address: seen.address.clone(),
            id: seen.id.clone(),
            status: seen.status.clone(),
            health: match seen.state {
                State::Ready => "ready",
                State::Pending => "not ready yet",
                State::Failed => "failed",
                State::Deleting => "being deleted",
                State::Gone => "gone",
            }
            .to_owned(),
            at: seen.text("endpoint").unwrap_or_default().to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn an_age_is_never_negative() {
        let since = Timestamp::UNIX_EPOCH;
        let old = Age::at(since, since + SignedDuration::from_hours(2));
        assert_eq!(old.elapsed, Duration::from_hours(2));
        assert!((old.cost(1.5) - 3.0).abs() < 1e-9);
        assert!(!old.clock_is_behind);
        let future = Age::at(since, since - SignedDuration::from_hours(48));
        assert_eq!(future.elapsed, Duration::ZERO);
        assert!(future.clock_is_behind);
        assert!(future.cost(1.5).abs() < 1e-9);
    }
}
