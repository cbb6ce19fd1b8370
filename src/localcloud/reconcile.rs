//! Makes what exists on this machine follow what the API reports. One loop; it
//! looks when the API says that something changed, so idling costs nothing.
//! Security groups are in force before a host has its first wire.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::Ipv4Net;
use tokio::task::JoinSet;

use super::cloud_view::{CloudView, InstanceState};
use super::error::{Error, Result};
use super::firewall::{self, FirewallMember, ReplicationLink};
use super::guest::Disk;
use super::guests::{Context, Guest, GuestKind, Stop, chain, run_guest};
use super::{cache, database, search};

/// How long a look may be put off when nothing is heard; moto changes nothing by
/// itself, so this only heals what an error interrupted.
const HEAL: Duration = Duration::from_secs(20);
/// Pause after a failed look.
const RETRY: Duration = Duration::from_secs(1);

/// The loop's memory.
pub(crate) struct Reconciler {
    context: Arc<Context>,
    hosts: BTreeMap<String, TrackedHost>,
    lives: JoinSet<String>,
    /// Addresses that the cloud chose: those of databases, domains and caches.
    chosen: BTreeMap<String, Ipv4Addr>,
    /// Instances that are stopped, and whose disks wait for them.
    stopped: BTreeSet<String>,
    rules: String,
}

struct TrackedHost {
    guest: Guest,
    stop: Stop,
}

impl Reconciler {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            hosts: BTreeMap::new(),
            lives: JoinSet::new(),
            chosen: BTreeMap::new(),
            stopped: BTreeSet::new(),
            rules: String::new(),
        }
    }

    /// Runs for ever.
    pub(crate) async fn run(mut self) {
        loop {
            let pause = match self.reconcile().await {
                Ok(()) => HEAL,
                Err(error) => {
                    tracing::error!(error = chain(&error), "cannot follow the API");
                    RETRY
                }
            };
            tokio::select! {
                () = self.context.changed.notified() => {}
                Some(ended) = self.lives.join_next() => self.forget(ended.ok()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Reads the API once and starts, stops and connects hosts accordingly.
    async fn reconcile(&mut self) -> Result<()> {
        let view = self.context.reader.read().await.map_err(Error::View)?;
        let wanted = self.wanted(&view)?;
        self.enforce(&view, &wanted).await?;
        for instance in &view.instances {
            self.context.metadata.refresh(instance);
        }
        let policies = view.domains.iter();
        let policies = policies.map(|domain| (domain.name.clone(), domain.policy.clone()));
        self.context.policies.set(policies.collect());
        for (name, host) in &self.hosts {
            if !wanted.iter().any(|guest| host.guest.is(guest)) {
                if self.stopped.contains(name) {
                    host.stop.keep_disk.cancel();
                }
                host.stop.now.cancel();
            }
        }
        for guest in wanted {
            // A host that is still going is made again once it is gone.
            if self.hosts.contains_key(&guest.name) {
                continue;
            }
            let stop = Stop::default();
            self.hosts.insert(
                guest.name.clone(),
                TrackedHost {
                    guest: guest.clone(),
                    stop: stop.clone(),
                },
            );
            let context = Arc::clone(&self.context);
            self.lives.spawn(async move {
                let name = guest.name.clone();
                run_guest(context, guest, stop).await;
                name
            });
        }
        Ok(())
    }

    /// A host's task has ended: forget the host.
    fn forget(&mut self, name: Option<String>) {
        let Some(name) = name else { return };
        let Some(host) = self.hosts.remove(&name) else {
            return;
        };
        if !self.stopped.contains(&name) {
            self.chosen.remove(&name);
        }
        tracing::debug!(host = name, address = %host.guest.address, "forgotten");
    }

    /// The hosts that should be there.
    fn wanted(&mut self, view: &CloudView) -> Result<Vec<Guest>> {
        let mut wanted = Vec::new();
        let stopped: BTreeSet<String> = view
            .instances
            .iter()
            .filter(|instance| instance.state == InstanceState::Stopped)
            .map(|instance| instance.id.clone())
            .collect();
        // The disk of an instance that was terminated while stopped.
        for id in self
            .stopped
            .iter()
            .filter(|id| !view.instances.iter().any(|instance| instance.id == **id))
        {
            if !self.hosts.contains_key(id) {
                Disk::open(id)?.destroy();
            }
        }
        self.stopped = stopped;
        for instance in &view.instances {
            if instance.state == InstanceState::Running {
                wanted.push(Guest {
                    name: instance.id.clone(),
                    address: instance.address,
                    kind: GuestKind::Instance(instance.clone()),
                });
            }
        }
        for database in &view.db_instances {
            let source = match &database.source {
                None => None,
                // A replica whose source is gone has nothing to follow.
                Some(id) => match view.db_instances.iter().find(|other| other.id == *id) {
                    Some(source) if self.context.readiness.is(&database::guest(id)) => {
                        Some(source.clone())
                    }
                    _ if self.hosts.contains_key(&database::guest(&database.id)) => None,
                    _ => continue,
                },
            };
            let name = database::guest(&database.id);
            let subnets = if database.subnets.is_empty() {
                source
                    .as_ref()
                    .map(|source| source.subnets.clone())
                    .unwrap_or_default()
            } else {
                database.subnets.clone()
            };
            let address = self.choose(view, &name, &subnets)?;
            wanted.push(Guest {
                name,
                address,
                kind: GuestKind::Database {
                    database: database.clone(),
                    source,
                },
            });
        }
        for domain in &view.domains {
            let name = search::guest(&domain.name);
            let address = self.choose(view, &name, &domain.subnets)?;
            wanted.push(Guest {
                name,
                address,
                kind: GuestKind::Domain(domain.clone()),
            });
        }
        for group in &view.caches {
            let name = cache::guest(&group.id);
            let address = self.choose(view, &name, &group.subnets)?;
            wanted.push(Guest {
                name,
                address,
                kind: GuestKind::Cache(group.clone()),
            });
        }
        Ok(wanted)
    }

    /// An address for a managed service: from the top of its subnets, since the
    /// API hands instances theirs from the bottom; one subnet after the other, so
    /// that a writer and its reader are in two zones.
    fn choose(&mut self, view: &CloudView, name: &str, subnets: &[String]) -> Result<Ipv4Addr> {
        if let Some(address) = self.chosen.get(name) {
            return Ok(*address);
        }
        let ranges: Vec<Ipv4Net> = view
            .subnets
            .iter()
            .filter(|subnet| subnets.contains(&subnet.id))
            .map(|subnet| subnet.range)
            .collect();
        let services: BTreeSet<Ipv4Addr> = self.chosen.values().copied().collect();
        let instances: BTreeSet<Ipv4Addr> = view
            .instances
            .iter()
            .map(|instance| instance.address)
            .collect();
        let address = pick(&ranges, &services, &instances).ok_or_else(|| {
            Error::Unsupported(format!("no free address in the subnets of `{name}`"))
        })?;
        self.chosen.insert(name.to_owned(), address);
        Ok(address)
    }

    /// Brings the security groups into force if they changed.
    async fn enforce(&mut self, view: &CloudView, wanted: &[Guest]) -> Result<()> {
        let mut members = Vec::new();
        let mut links = Vec::new();
        for guest in wanted {
            let vpc = |subnets: &[String]| {
                let subnet = view
                    .subnets
                    .iter()
                    .find(|subnet| subnets.contains(&subnet.id));
                subnet.map(|subnet| subnet.vpc.clone()).unwrap_or_default()
            };
            let (public, vpc, groups) = match &guest.kind {
                GuestKind::Instance(instance) => (
                    instance.public_address,
                    instance.vpc.clone(),
                    &instance.groups,
                ),
                GuestKind::Database { database, source } => {
                    let source_address = database
                        .source
                        .as_ref()
                        .and_then(|id| self.chosen.get(&database::guest(id)));
                    if let Some(&to) = source_address {
                        links.push(ReplicationLink {
                            from: guest.address,
                            to,
                            port: database::PORT,
                        });
                    }
                    let subnets = match source {
                        Some(source) if database.subnets.is_empty() => &source.subnets,
                        _ => &database.subnets,
                    };
                    (None, vpc(subnets), &database.groups)
                }
                GuestKind::Domain(domain) => (None, vpc(&domain.subnets), &domain.groups),
                GuestKind::Cache(group) => (None, vpc(&group.subnets), &group.groups),
            };
            members.push(FirewallMember {
                address: guest.address,
                public,
                vpc,
                groups: groups.clone(),
            });
        }
        let rules = firewall::ruleset(&view.security_groups, &members, &links);
        if rules != self.rules {
            let text = rules.clone();
            tokio::task::spawn_blocking(move || firewall::load(&text))
                .await
                .map_err(|error| Error::Io {
                    what: "a working thread ended early".into(),
                    source: error.into(),
                })??;
            self.rules = rules;
        }
        Ok(())
    }
}

/// The highest free address of the range that holds the fewest services.
fn pick(
    ranges: &[Ipv4Net],
    services: &BTreeSet<Ipv4Addr>,
    instances: &BTreeSet<Ipv4Addr>,
) -> Option<Ipv4Addr> {
    let services_in = |range: &Ipv4Net| {
        services
            .iter()
            .filter(|address| range.contains(*address))
            .count()
    };
    let mut by_load: Vec<&Ipv4Net> = ranges.iter().collect();
    by_load.sort_by_key(|range| services_in(range));
    by_load.into_iter().find_map(|range| {
        let last = u32::from(range.broadcast()).checked_sub(1)?;
        // AWS keeps the first four addresses of every subnet.
        let first = u32::from(range.network()).checked_add(4)?;
        (first..=last)
            .rev()
            .map(Ipv4Addr::from)
            .find(|address| !services.contains(address) && !instances.contains(address))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_get_addresses_from_the_end_of_each_subnet_in_turn() {
        let ranges = [
            "10.0.1.0/24".parse().unwrap(),
            "10.0.2.0/24".parse().unwrap(),
        ];
        let instances = BTreeSet::from([Ipv4Addr::new(10, 0, 1, 4), Ipv4Addr::new(10, 0, 1, 5)]);
        let mut services = BTreeSet::new();
        let first = pick(&ranges, &services, &instances).unwrap();
        assert_eq!(first, Ipv4Addr::new(10, 0, 1, 254));
        services.insert(first);
        let second = pick(&ranges, &services, &instances).unwrap();
        assert_eq!(second, Ipv4Addr::new(10, 0, 2, 254));
        services.insert(second);
        assert_eq!(
            pick(&ranges, &services, &instances),
            Some(Ipv4Addr::new(10, 0, 1, 253))
        );
    }

    #[test]
    fn a_full_subnet_has_no_address() {
        let range: Ipv4Net = "10.0.0.0/29".parse().unwrap();
        let taken = (0..8).map(|last| Ipv4Addr::new(10, 0, 0, last)).collect();
        assert_eq!(pick(&[range], &BTreeSet::new(), &taken), None);
    }
}
