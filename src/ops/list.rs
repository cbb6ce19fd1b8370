//! What stands in an account and region, environment by environment, without any YAML.

use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use serde::Serialize;

use crate::aws::{Aws, Registry};
use crate::blueprint::{Address, Kind};
use crate::engine::{Cloud as _, Kept, Lease, described, environment_of, holder};
use crate::plan::{Observed, Snapshot, State, running_cost};

use crate::cli::failure::Failure;

/// Environments that are looked at side by side.
const AT_ONCE: usize = 4;

/// One environment of which something is there.
#[derive(Serialize)]
pub struct Standing {
    /// Its name.
    pub environment: String,
    /// How many resources it has.
    pub resources: usize,
    /// Hosts by what AWS calls their state, such as `6 running`.
    pub hosts: Vec<String>,
    /// When the first `up` began, about.
    pub since: Option<Timestamp>,
    /// US dollars at list prices for what is there now.
    pub cost_per_hour: f64,
    /// The same since then, as if it had been so all the time.
    pub cost_so_far: Option<f64>,
    /// What bears its tag or a name where nothing that loadrig made is there.
    pub left: Vec<String>,
    /// What outlived the environment on purpose.
    pub kept: Vec<Kept>,
    /// Who works on it.
    pub locked_by: Option<String>,
}

impl Standing {
    /// Whether nothing is there but what is kept on purpose.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.resources == 0 && self.left.is_empty() && self.locked_by.is_none()
    }
}

/// A lease, and how it reads at the store's time.
pub struct Found {
    /// As it was written.
    pub lease: Lease,
    /// For people.
    pub text: String,
    /// Whether it still stands.
    pub live: bool,
}

/// All leases of the registry.
pub async fn leases(registry: &Registry) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    if !registry.exists().await? {
        return Ok(found);
    }
    for name in registry.objects().await? {
        let Some(environment) = environment_of(&name) else {
            continue;
        };
        if let Some((lease, now)) = holder(registry, environment).await? {
            found.push(Found {
                text: described(&lease, now),
                live: now < lease.expires_at,
                lease,
            });
        }
    }
    Ok(found)
}

/// Every environment of which anything is there.
///
/// A lease that nobody gave back is looked after too: its run may have died after it made one
/// thing that no listing shows.
pub async fn survey(cloud: &Aws, leases: &[Found]) -> Result<Vec<Standing>, Failure> {
    let mut names = cloud.environments().await?;
    names.extend(leases.iter().map(|found| found.lease.environment.clone()));
    let all: Vec<Standing> = futures::stream::iter(names)
        .map(|name| look(cloud, leases, name))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let there = |one: &Standing| !one.is_removed() || !one.kept.is_empty();
    Ok(all.into_iter().filter(there).collect())
}

async fn look(cloud: &Aws, leases: &[Found], name: String) -> Result<Standing, Failure> {
    let lease = leases
        .iter()
        .find(|found| found.live && found.lease.environment == name);
    let snapshot = cloud.snapshot(&name).await?;
    let mut standing = standing(name, &snapshot, lease);
    let looked = cloud.find_leftovers(&standing.environment).await?;
    let is_kept = |id: &str| {
        looked
            .iter()
            .flat_map(|at| &at.kept)
            .any(|kept| kept.id == id)
    };
    let mut others = snapshot.resources.iter().filter(|one| stands(one));
    if others.all(|one| is_kept(&one.id)) {
        standing.resources = 0;
        standing.left = looked.iter().flat_map(|at| at.left.clone()).collect();
    }
    standing.kept = looked.into_iter().flat_map(|at| at.kept).collect();
    if standing.resources > 0 {
        // What the environment uses now is no remainder of an earlier one.
        let used = |id: &str| snapshot.resources.iter().any(|one| one.id == id);
        standing.kept.retain(|kept| !used(&kept.id));
    }
    Ok(standing)
}

fn stands(resource: &Observed) -> bool {
    resource.state != State::Gone && resource.kind != Kind::Adopted
}

/// When the first `up` of what stands began, about: its seed was made then.
#[must_use]
pub fn since(snapshot: &Snapshot) -> Option<Timestamp> {
    let created = snapshot.get(&Address::seed())?.get("created")?;
    created.parse().ok()
}

/// Hours from then to now.
#[must_use]
pub fn hours_since(since: Timestamp) -> f64 {
    Timestamp::now().duration_since(since).as_secs_f64() / 3600.0
}

fn standing(environment: String, snapshot: &Snapshot, lease: Option<&Found>) -> Standing {
    let there: Vec<_> = snapshot
        .resources
        .iter()
        .filter(|resource| stands(resource))
        .collect();
    let mut statuses: Vec<&str> = there
        .iter()
        .filter(|resource| resource.kind == Kind::Instance)
        .map(|host| host.status.as_str())
        .collect();
    statuses.sort_unstable();
    let hosts = statuses
        .chunk_by(|one, next| one == next)
        .map(|same| format!("{} {}", same.len(), same.first().unwrap_or(&"")));
    let since = since(snapshot);
    let cost_per_hour = running_cost(snapshot);
    let hours = since.map(hours_since);
    Standing {
        resources: there.len(),
        hosts: hosts.collect(),
        since,
        cost_per_hour,
        cost_so_far: hours.map(|hours| hours * cost_per_hour),
        left: vec![],
        kept: vec![],
        locked_by: lease.map(|found| found.text.clone()),
        environment,
    }
}
