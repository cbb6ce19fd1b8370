//! Spec to graph.

use ipnet::Ipv4Net;

use crate::spec::{HostName, Role, Spec, search_zones};

use super::kinds::{
    CacheGroup, CacheSubnets, FilesBucket, HostRole, Instance, InstanceProfile, KeyPair,
    SearchDomain, Seed,
};
use super::{Address, Blueprint, Desired, Group, Node, Peer, Stage, Step, SubnetTier};

/// Builds the graph of an environment.
///
/// `operators` are the address ranges that may reach SSH and the web: the spec's own, or
/// the operator's address as found at run time.
#[must_use]
pub fn blueprint(spec: &Spec, operators: &[Ipv4Net]) -> Blueprint {
    let operators: Vec<Peer> = operators.iter().copied().map(Peer::Range).collect();
    build(spec, &operators)
}

/// The same without looking up the operator's address: rules that admit it say so. They can be
/// shown but not created.
#[must_use]
pub fn blueprint_offline(spec: &Spec) -> Blueprint {
    let ranges = &spec.access.operators;
    if ranges.is_empty() {
        build(spec, &[Peer::Operator])
    } else {
        blueprint(spec, ranges)
    }
}

fn build(spec: &Spec, operators: &[Peer]) -> Blueprint {
    let mut builder = Builder {
        spec,
        nodes: Vec::new(),
    };
    builder.network();
    builder.security(operators);
    builder.identity();
    builder.database();
    builder.search();
    builder.cache();
    builder.hosts(operators);
    builder.names();
    Blueprint {
        nodes: builder.nodes,
    }
}

pub(super) struct Builder<'a> {
    pub(super) spec: &'a Spec,
    pub(super) nodes: Vec<Node>,
}

impl Builder<'_> {
    pub(super) fn resource(
        &mut self,
        address: Address,
        after: Vec<Address>,
        desired: impl Into<Desired>,
    ) {
        self.nodes.push(Node {
            address,
            after,
            step: Step::Resource(desired.into()),
        });
    }

    pub(super) fn identity(&mut self) {
        // Every secret derives from the seed. Created first, it lets a second run find the same
        // secrets whatever happened to the first.
        let key = self.spec.access.seed_key.clone();
        self.resource(Address::seed(), vec![], Seed { key });
        self.resource(Address::key_pair(), vec![Address::seed()], KeyPair);
        self.resource(
            Address::bucket(),
            vec![],
            FilesBucket {
                versioning: self.spec.services.files.versioning,
                protection: self.spec.protection,
            },
        );
        self.resource(
            Address::role(),
            vec![Address::bucket()],
            HostRole {
                bucket: Some(Address::bucket()),
            },
        );
        self.resource(
            Address::instance_profile(),
            vec![Address::role()],
            InstanceProfile {
                role: Address::role(),
            },
        );
        if self.spec.count(Role::SearchProxy) == 0 {
            return;
        }
        self.resource(
            Address::search_role(),
            vec![Address::seed()],
            HostRole { bucket: None },
        );
        self.resource(
            Address::search_profile(),
            vec![Address::search_role()],
            InstanceProfile {
                role: Address::search_role(),
            },
        );
    }

    fn search(&mut self) {
        let search = self.spec.search.clone();
        if search.nodes == 0 {
            return;
        }
        // A domain in one zone takes one subnet; zone awareness takes one for each zone.
        let placed = self.spec.network.placed_zones();
        let zones = usize::from(search_zones(search.nodes, placed).unwrap_or(1));
        let subnets: Vec<Address> = self
            .subnets(SubnetTier::Private)
            .into_iter()
            .take(zones)
            .collect();
        let mut after = subnets.clone();
        after.push(Address::security_group(Group::Search));
        self.resource(
            Address::search(),
            after,
            SearchDomain {
                version: search.version,
                nodes: search.nodes,
                instance_type: search.instance_type,
                storage_gib: search.storage_gib,
                volume: self.spec.services.search.volume,
                masters: self.spec.services.search.masters.clone(),
                role: Address::search_role(),
                subnets,
                group: Address::security_group(Group::Search),
            },
        );
    }

    pub(super) fn cache_subnets(&mut self) {
        let subnets = self.subnets(SubnetTier::Private);
        self.resource(
            Address::cache_subnets(),
            subnets.clone(),
            CacheSubnets { subnets },
        );
    }

    fn cache(&mut self) {
        let cache = self.spec.cache.clone();
        if cache.nodes == 0 {
            return;
        }
        self.cache_subnets();
        self.resource(
            Address::cache(),
            vec![
                Address::cache_subnets(),
                Address::security_group(Group::Cache),
            ],
            CacheGroup {
                nodes: cache.nodes,
                instance_type: cache.instance_type,
                engine: self.spec.services.cache.engine,
                final_snapshot: self.spec.protection.final_snapshot,
                subnets: Address::cache_subnets(),
                group: Address::security_group(Group::Cache),
            },
        );
    }

    fn hosts(&mut self, operators: &[Peer]) {
        let hosts = self.spec.hosts();
        for host in &hosts {
            self.instance(*host);
        }
        self.load_balancing(&hosts);
        for host in &hosts {
            self.nodes.push(Node {
                address: Address::host(*host, Stage::Prepare),
                after: self.prepare_after(*host),
                step: Step::Host {
                    host: *host,
                    stage: Stage::Prepare,
                },
            });
        }
        // Search proxies come first: application nodes look for search when they start. The way in
        // comes after the application nodes.
        let mut in_order = hosts.clone();
        in_order.sort_by_key(|host| match host.role {
            Role::SearchProxy => 0,
            Role::App => 1,
            Role::Job => 2,
            _ => 3,
        });
        for host in in_order {
            self.nodes.push(Node {
                address: Address::host(host, Stage::Configure),
                after: self.configure_after(host, &hosts),
                step: Step::Host {
                    host,
                    stage: Stage::Configure,
                },
            });
        }
        self.security_of_balancer(operators);
    }

    /// The subnet of services in the one zone of an environment that is placed in one.
    pub(super) fn one_zone(&self) -> Option<Address> {
        (self.spec.network.placed_zones() == 1).then(|| Address::subnet(SubnetTier::Private, 0))
    }

    pub(super) fn instance(&mut self, host: HostName) {
        let Some(group) = self.spec.nodes.get(&host.role).cloned() else {
            return;
        };
        let placed = u32::from(self.spec.network.placed_zones());
        let zone = u8::try_from((host.index - 1) % placed).unwrap_or(0);
        let public = self.spec.network.is_public(host.role);
        let tier = if public {
            SubnetTier::Public
        } else {
            SubnetTier::Private
        };
        let subnet = Address::subnet(tier, zone);
        let other_subnets: Vec<Address> = self
            .subnets(tier)
            .into_iter()
            .filter(|other| *other != subnet)
            .collect();
        let security = Address::security_group(Group::Hosts(host.role));
        let profile = match host.role {
            Role::SearchProxy => Address::search_profile(),
            _ => Address::instance_profile(),
        };
        let mut after = vec![
            subnet.clone(),
            security.clone(),
            Address::seed(),
            Address::key_pair(),
            profile.clone(),
        ];
        if public && self.is_own() {
            // AWS gives a public address only where a gateway is attached.
            after.push(Address::internet_gateway());
        }
        self.resource(
            Address::instance(host),
            after,
            Instance {
                host,
                instance_type: group.instance_type,
                disk_gib: group.disk_gib,
                protected: self.spec.protection.deletion,
                subnet,
                other_subnets,
                fallback_types: group.fallback_instance_types,
                group: security,
                key_pair: Address::key_pair(),
                profile,
                lifetime: None,
            },
        );
    }

    fn configure_after(&self, host: HostName, hosts: &[HostName]) -> Vec<Address> {
        let mut after = vec![Address::host(host, Stage::Prepare)];
        let instances = |role: Role| self.spec.hosts_of(role).map(Address::instance);
        match host.role {
            Role::App => self.server_after(&mut after),
            Role::Job => {
                self.server_after(&mut after);
                // The database is migrated once, and a release that does not start there stops here.
                let apps = self.spec.hosts_of(Role::App);
                after.extend(apps.map(|app| Address::host(app, Stage::Configure)));
            }
            Role::Proxy => {
                after.extend(instances(Role::App));
                after.push(first_administrator());
            }
            Role::SearchProxy => {
                after.push(Address::search());
                after.push(Address::security_rules(Group::Search));
            }
            Role::Metrics => after.extend(
                hosts
                    .iter()
                    .filter(|other| **other != host)
                    .map(|other| Address::instance(*other)),
            ),
            Role::Agent => {
                after.extend(instances(Role::Proxy));
                after.extend(self.entrance());
            }
            Role::Bastion => {}
        }
        after
    }

    /// What the Mattermost server needs, whatever it is started as.
    fn server_after(&self, after: &mut Vec<Address>) {
        after.extend(self.entrance());
        after.push(Address::bucket());
        if self.spec.services.database.existing.is_none() {
            after.push(Address::security_rules(Group::Database));
        }
        after.extend(self.database_ready());
        after.extend(
            self.spec
                .hosts_of(Role::SearchProxy)
                .map(|other| Address::host(other, Stage::Configure)),
        );
        if self.spec.cache.nodes > 0 {
            after.push(Address::cache());
            after.push(Address::security_rules(Group::Cache));
        }
    }

    /// What gives the server its name, when no host does.
    fn entrance(&self) -> Option<Address> {
        let alb = self.spec.load_balancer.alb();
        alb.map(|_| Address::load_balancer())
    }
}

/// The step that makes the first administrator. Whoever signs up first on a server becomes one,
/// so nothing lets people in before it.
pub(super) fn first_administrator() -> Address {
    let host = HostName {
        role: Role::App,
        index: 1,
    };
    Address::host(host, Stage::Configure)
}
