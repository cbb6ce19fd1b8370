//! What exists in an account and region, environment by environment, without any YAML.

use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use serde::Serialize;

use crate::aws::{Aws, Registry};
use crate::blueprint::Kind;
use crate::engine::{Account, Cloud as _, CloudError, Kept};
use crate::plan::{Observed, Snapshot, State, running_cost};

use super::adapters::Adapters;
use super::leases::{StoredLease, leases};
use super::status::Age;
use crate::ops::error::OpsError;

/// Environments that are looked at side by side.
const AT_ONCE: usize = 4;

/// What `list` found.
#[derive(Clone, Debug)]
pub struct EnvironmentListing {
    /// Account, region and principal that were acted with.
    pub account: Account,
    /// The environments of which anything exists or is kept.
    pub environments: Vec<ListedEnvironment>,
}

/// One environment of which something exists.
#[derive(Clone, Debug, Serialize)]
pub struct ListedEnvironment {
    /// Its name.
    pub environment: String,
    /// How many resources it has.
    pub resources: usize,
    /// Hosts by what AWS calls their state, such as `6 running`.
    pub hosts: Vec<String>,
    /// When the first `up` began, about.
    pub since: Option<Timestamp>,
    /// US dollars at list prices for what exists now.
    pub cost_per_hour: f64,
    /// What of it has no known price.
    pub unpriced: Vec<String>,
    /// The same since then, as if all of it had existed from the start.
    pub cost_so_far: Option<f64>,
    /// What has its tag or a name of it where nothing that loadrig created exists.
    pub left: Vec<String>,
    /// What outlived the environment on purpose.
    pub kept: Vec<Kept>,
    /// Who works on it, in full.
    pub locked_by: Option<String>,
    /// The same in short: who, and with which operation.
    #[serde(skip)]
    pub holder: Option<String>,
}

impl ListedEnvironment {
    /// Whether nothing exists but what is kept on purpose.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.resources == 0 && self.left.is_empty() && self.locked_by.is_none()
    }
}

/// Lists the environments of the account and region.
///
/// # Errors
/// When the account cannot be read.
pub async fn list(adapters: &dyn Adapters) -> Result<EnvironmentListing, OpsError> {
    let cloud = adapters.cloud().await?;
    let account = cloud.account().await?;
    let leases = leases(&Registry::of(&cloud).await?).await?;
    Ok(EnvironmentListing {
        account,
        environments: environments(&cloud, &leases).await?,
    })
}

/// Every environment of which anything exists.
///
/// A lease that was never returned is followed too: its run may have died after it created one
/// thing that no listing shows.
pub(super) async fn environments(
    cloud: &Aws,
    leases: &[StoredLease],
) -> Result<Vec<ListedEnvironment>, OpsError> {
    let mut names = cloud.environments().await?;
    names.extend(leases.iter().map(|found| found.lease.environment.clone()));
    let all: Vec<ListedEnvironment> = futures::stream::iter(names)
        .map(|name| look(cloud, leases, name))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let is_shown = |one: &ListedEnvironment| !one.is_removed() || !one.kept.is_empty();
    Ok(all.into_iter().filter(is_shown).collect())
}

async fn look(
    cloud: &Aws,
    leases: &[StoredLease],
    name: String,
) -> Result<ListedEnvironment, OpsError> {
    let lease = leases
        .iter()
        .find(|found| found.live && found.lease.environment == name);
    let snapshot = cloud.snapshot(&name).await?;
    let mut listed = listed(name, cloud.region(), &snapshot, lease)?;
    let looked = cloud.find_leftovers(&listed.environment).await?;
    let is_kept = |id: &str| {
        looked
            .iter()
            .flat_map(|at| &at.kept)
            .any(|kept| kept.id == id)
    };
    let mut others = snapshot.resources.iter().filter(|one| exists(one));
    if others.all(|one| is_kept(&one.id)) {
        listed.resources = 0;
        listed.left = looked.iter().flat_map(|at| at.left.clone()).collect();
    }
    listed.kept = looked.into_iter().flat_map(|at| at.kept).collect();
    if listed.resources > 0 {
        // What the environment uses now is no remainder of an earlier one.
        let used = |id: &str| snapshot.resources.iter().any(|one| one.id == id);
        listed.kept.retain(|kept| !used(&kept.id));
    }
    Ok(listed)
}

fn exists(resource: &Observed) -> bool {
    resource.state != State::Gone && resource.kind != Kind::Adopted
}

fn listed(
    environment: String,
    region: &str,
    snapshot: &Snapshot,
    lease: Option<&StoredLease>,
) -> Result<ListedEnvironment, CloudError> {
    let existing: Vec<_> = snapshot
        .resources
        .iter()
        .filter(|resource| exists(resource))
        .collect();
    let mut statuses: Vec<&str> = existing
        .iter()
        .filter(|resource| resource.kind == Kind::Instance)
        .map(|host| host.status.as_str())
        .collect();
    statuses.sort_unstable();
    let hosts = statuses
        .chunk_by(|one, next| one == next)
        .map(|same| format!("{} {}", same.len(), same.first().unwrap_or(&"")));
    let age = Age::of(snapshot);
    let cost = running_cost(snapshot, region)?;
    Ok(ListedEnvironment {
        resources: existing.len(),
        hosts: hosts.collect(),
        since: age.map(|age| age.since),
        cost_per_hour: cost.per_hour,
        cost_so_far: age.map(|age| age.cost(cost.per_hour)),
        unpriced: cost.unpriced,
        left: vec![],
        kept: vec![],
        locked_by: lease.map(|found| found.text.clone()),
        holder: lease.map(|found| {
            let holder = &found.lease.holder;
            format!("{} ({})", holder.owner, holder.operation)
        }),
        environment,
    })
}
