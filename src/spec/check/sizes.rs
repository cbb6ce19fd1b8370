//! Sizes: instance types, counts that fit together, what the services accept.

use std::collections::BTreeMap;

use super::Checker;
use crate::spec::catalog::{Arch, Table, catalog};
use crate::spec::shape::{DatabaseSizes, EnvironmentFile, NodeSizes, Nodes, SearchSizes, Sizes};
use crate::spec::{
    BalancerKind, Cache, Database, Layout, NodeGroup, Role, Scheme, Search, ZonePlacement,
    search_zones,
};

/// Simulated users per agent vCPU: 2,000 on an agent of four.
const USERS_PER_AGENT_VCPU: u32 = 500;
/// PostgreSQL majors that RDS offers and current Mattermost accepts (14 since 11.0).
const POSTGRES: std::ops::RangeInclusive<u32> = 14..=18;
/// OpenSearch 1.x is dropped at Mattermost 12, Elasticsearch 7 at 11.7.
const OPENSEARCH: [&str; 6] = [
    "OpenSearch_2.11",
    "OpenSearch_2.13",
    "OpenSearch_2.15",
    "OpenSearch_2.17",
    "OpenSearch_2.19",
    "OpenSearch_3.1",
];

/// What a bastion is made of: it passes SSH on and nothing else.
const BASTION: (&str, u32) = ("t3.small", 20);

/// The settings that sizes have to fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around {
    /// Availability zones that data nodes are spread over.
    pub(crate) zones: u8,
    /// Who stands where.
    pub(crate) layout: Layout,
    /// Whether the VPC is somebody else's.
    pub(crate) existing: bool,
    /// Whether it has public subnets.
    pub(crate) public_subnets: bool,
    /// The application load balancer, if there is one.
    pub(crate) alb: Option<Scheme>,
}

impl Around {
    /// What stands around an environment's sizes.
    pub(crate) fn of(file: &EnvironmentFile) -> Self {
        let network = file.network.clone().unwrap_or_default();
        let existing = network.existing.as_ref();
        let public = existing.and_then(|existing| existing.public_subnets.as_ref());
        let alb = file.alb.clone().unwrap_or_default();
        let zones = match super::placement(&network, file.purpose.unwrap_or_default()) {
            ZonePlacement::OneZone => 1,
            ZonePlacement::AllZones => super::zones(&network),
        };
        Self {
            zones,
            layout: network.layout.unwrap_or_default(),
            existing: existing.is_some(),
            public_subnets: existing.is_none() || public.is_some_and(|list| !list.is_empty()),
            alb: (file.load_balancer == Some(BalancerKind::Alb))
                .then(|| alb.scheme.unwrap_or_default()),
        }
    }

    /// What stands around a size by itself.
    pub(crate) fn size(zones: u8) -> Self {
        Self {
            zones,
            layout: Layout::Public,
            existing: false,
            public_subnets: true,
            alb: None,
        }
    }
}

/// Sizes in which nothing is missing.
pub(crate) struct CheckedSizes {
    pub(crate) nodes: BTreeMap<Role, NodeGroup>,
    pub(crate) database: Database,
    pub(crate) search: Search,
    pub(crate) cache: Cache,
}

impl CheckedSizes {
    /// `None` when a key is missing; its absence was reported where it happened.
    pub(crate) fn from_shape(sizes: &Sizes) -> Option<Self> {
        let nodes = sizes.nodes.as_ref()?;
        let database = sizes.database.as_ref()?;
        let search = sizes.search.as_ref()?;
        let cache = sizes.cache.as_ref()?;
        let group = |role: Role| {
            let shape = nodes.of(role)?;
            let group = NodeGroup {
                count: shape.count?,
                instance_type: shape.instance_type.clone()?,
                disk_gib: shape.disk_gib?,
                fallback_instance_types: shape.fallback_instance_types.clone().unwrap_or_default(),
            };
            Some((role, group))
        };
        Some(CheckedSizes {
            nodes: Role::ALL.into_iter().map(group).collect::<Option<_>>()?,
            database: Database {
                version: database.version.clone()?,
                instance_type: database.instance_type.clone()?,
                readers: database.readers?,
                storage_gib: database.storage_gib?,
            },
            search: Search {
                version: search.version.clone()?,
                nodes: search.nodes?,
                instance_type: search.instance_type.clone()?,
                storage_gib: search.storage_gib?,
            },
            cache: Cache {
                nodes: cache.nodes?,
                instance_type: cache.instance_type.clone()?,
            },
        })
    }
}

impl Sizes {
    /// Fills in the bastion and the job server, which sizes need not speak of.
    pub(crate) fn with_defaults(mut self, layout: Layout) -> Self {
        if let Some(nodes) = &mut self.nodes {
            // It runs what an application node runs.
            let app = nodes.app.clone().unwrap_or_default();
            let job = nodes.job.get_or_insert_default();
            job.count.get_or_insert(0);
            job.instance_type = job.instance_type.take().or(app.instance_type);
            job.disk_gib = job.disk_gib.or(app.disk_gib);
            let (instance_type, disk_gib) = BASTION;
            let bastion = nodes.bastion.get_or_insert_default();
            bastion
                .count
                .get_or_insert(u32::from(layout == Layout::Bastion));
            bastion
                .instance_type
                .get_or_insert_with(|| instance_type.to_owned());
            bastion.disk_gib.get_or_insert(disk_gib);
        }
        self
    }
}

impl Nodes {
    fn of(&self, role: Role) -> Option<&NodeSizes> {
        match role {
            Role::App => self.app.as_ref(),
            Role::Job => self.job.as_ref(),
            Role::Proxy => self.proxy.as_ref(),
            Role::SearchProxy => self.search_proxy.as_ref(),
            Role::Metrics => self.metrics.as_ref(),
            Role::Agent => self.agent.as_ref(),
            Role::Bastion => self.bastion.as_ref(),
        }
    }
}

impl Checker<'_> {
    /// Checks merged sizes for a number of concurrent users.
    pub(crate) fn sizes(&mut self, sizes: &Sizes, users: Option<u32>, around: Around) {
        if let Some(nodes) = &sizes.nodes {
            self.hosts(nodes, around.alb.is_some());
            self.in_front(nodes, &around);
            self.bastion(nodes, around.layout);
            if let Some(users) = users {
                self.agents(nodes, users);
            }
        }
        if let Some(database) = &sizes.database {
            self.database(database);
        }
        if let Some(search) = &sizes.search {
            self.search(search, around.zones);
        }
        self.search_proxy(sizes);
        if let Some(name) = sizes.cache.as_ref().and_then(|c| c.instance_type.as_ref()) {
            let path = ["cache", "instance_type"];
            self.known_type(&path, name, &catalog().elasticache, "ElastiCache node type");
        }
    }

    fn hosts(&mut self, nodes: &Nodes, has_alb: bool) {
        for role in Role::ALL {
            let Some(group) = nodes.of(role) else {
                continue;
            };
            // What the job server has from the application nodes is told with theirs.
            let app = nodes
                .app
                .as_ref()
                .and_then(|app| app.instance_type.as_ref());
            let own = group.instance_type.as_ref();
            if let Some(name) = own.filter(|own| role != Role::Job || app != Some(*own)) {
                let path = ["nodes", role.as_str(), "instance_type"];
                self.known_type(&path, name, &catalog().ec2, "EC2 instance type");
                self.x86(&path, name);
            }
            for name in group.fallback_instance_types.iter().flatten() {
                let path = ["nodes", role.as_str(), "fallback_instance_types"];
                self.known_type(&path, name, &catalog().ec2, "EC2 instance type");
                self.x86(&path, name);
            }
            let bounds = match role {
                Role::Proxy if has_alb => 0..=u32::MAX,
                Role::App | Role::Proxy => 1..=u32::MAX,
                Role::Job | Role::Metrics | Role::Bastion => 0..=1,
                Role::SearchProxy | Role::Agent => 0..=u32::MAX,
            };
            let Some(count) = group.count.filter(|count| !bounds.contains(count)) else {
                continue;
            };
            let (fault, expected) = match (count, role) {
                (0, Role::Proxy) => ("few", "expected at least 1, or `load_balancer: alb`"),
                (0, _) => ("few", "expected at least 1: the rig does not work without"),
                (_, Role::Bastion) => ("many", "expected 0 or 1: all operators share one bastion"),
                (_, Role::Job) => ("many", "expected 0 or 1: one job server runs all jobs"),
                _ => ("many", "expected 0 or 1: one Prometheus scrapes all hosts"),
            };
            let place = self.size_place(&["nodes", role.as_str(), "count"]);
            self.report(place.problem(format!("{count} `{role}` hosts are too {fault}"), expected));
        }
    }

    /// A bastion and its layout need each other.
    fn bastion(&mut self, nodes: &Nodes, layout: Layout) {
        let count = nodes.bastion.as_ref().and_then(|bastion| bastion.count);
        let (message, expected) = match (count, layout) {
            (Some(0), Layout::Bastion) => (
                "the layout `bastion` without a bastion",
                "expected 1, or another `network.layout`",
            ),
            (Some(1..), Layout::Public | Layout::Private) => (
                "a bastion without `network.layout: bastion`",
                "expected 0, or `network.layout: bastion`",
            ),
            _ => return,
        };
        let place = self.size_place(&["nodes", "bastion", "count"]);
        self.report(
            place
                .problem(message, expected)
                .hint("with `layout: bastion` loadrig adds one bastion; no entry is needed"),
        );
    }

    fn known_type(&mut self, path: &[&str], name: &str, table: &Table, what: &str) {
        if table.get(name).is_some() {
            return;
        }
        let place = self.size_place(path);
        self.report(
            place
                .problem(format!("unknown {what} `{name}`"), table.suggest(name))
                .hint("loadrig accepts the types of its table, `prices/types.yaml`"),
        );
    }

    /// Hosts run the Debian 12 amd64 image and amd64 tarballs.
    fn x86(&mut self, path: &[&str], name: &str) {
        let arm = catalog()
            .ec2
            .get(name)
            .is_some_and(|t| t.arch == Arch::Arm64);
        if !arm {
            return;
        }
        let twin = name.replacen("g.", "i.", 1).replacen("t4i", "t3", 1);
        let label = match catalog().ec2.get(&twin) {
            Some(_) => format!("expected an x86_64 type such as `{twin}`"),
            None => "expected an x86_64 type".to_owned(),
        };
        let place = self.size_place(path);
        self.report(
            place
                .problem(format!("`{name}` is an arm64 type"), label)
                .hint("hosts run Debian 12 for amd64; databases, search and cache may be Graviton"),
        );
    }

    /// Too few agents measure themselves, not the server.
    fn agents(&mut self, nodes: &Nodes, users: u32) {
        let Some(agent) = &nodes.agent else { return };
        let (Some(count), Some(name)) = (agent.count, &agent.instance_type) else {
            return;
        };
        let Some(kind) = catalog().ec2.get(name) else {
            return;
        };
        let each = kind.vcpu * USERS_PER_AGENT_VCPU;
        // None at all is a rig that is not there to be load-tested.
        if count == 0 || count.saturating_mul(each) >= users {
            return;
        }
        let place = self.clash_place(&[
            &["nodes", "agent", "count"],
            &["nodes", "agent", "instance_type"],
        ]);
        self.report(
            place
                .problem(
                    format!("{count} × `{name}` cannot drive {users} users"),
                    format!("expected at least {}, or 0 for none", users.div_ceil(each)),
                )
                .hint(format!(
                    "an agent drives about {USERS_PER_AGENT_VCPU} users per vCPU: {each} on `{name}`"
                )),
        );
    }

    fn database(&mut self, database: &DatabaseSizes) {
        if let Some(version) = &database.version {
            let major: Option<u32> = version.parse().ok();
            if !major.is_some_and(|major| POSTGRES.contains(&major)) {
                let place = self.size_place(&["database", "version"]);
                let (low, high) = (POSTGRES.start(), POSTGRES.end());
                let problem = place.problem(
                    format!("PostgreSQL `{version}` cannot be used"),
                    format!("expected a major version from {low} to {high}"),
                );
                let problem = match version.split_once('.') {
                    Some((major, _)) => problem.hint(format!(
                        "write `\"{major}\"`: RDS chooses the minor version"
                    )),
                    None => problem.hint("Mattermost 11 and later need PostgreSQL 14 or newer"),
                };
                self.report(problem);
            }
        }
        if let Some(class) = &database.instance_type {
            let path = ["database", "instance_type"];
            self.known_type(&path, class, &catalog().rds, "RDS instance class");
        }
    }

    fn search(&mut self, search: &SearchSizes, zones: u8) {
        if let Some(version) = &search.version
            && !is_opensearch(version)
        {
            let place = self.size_place(&["search", "version"]);
            let label = crate::spec::suggest::or_expected(version, OPENSEARCH);
            self.report(
                place
                    .problem(format!("search engine `{version}` cannot be used"), label)
                    .hint("Mattermost needs OpenSearch 2 or newer"),
            );
        }
        if let Some(name) = &search.instance_type {
            let path = ["search", "instance_type"];
            self.known_type(&path, name, &catalog().opensearch, "OpenSearch node type");
        }
        if let Some(nodes) = search
            .nodes
            .filter(|n| *n > 1 && search_zones(*n, zones).is_none())
        {
            let path = ["search", "nodes"];
            let zones_place = self
                .main
                .find(&["network", "zones"])
                .map(|span| self.main.place(span));
            let place = self.overridden(&path).or(zones_place);
            let place = place.unwrap_or_else(|| self.size_place(&path));
            let even = if zones == 2 {
                "an even number"
            } else {
                "a multiple of 2 or 3"
            };
            // One of six numbers in a row is a multiple of both 2 and 3.
            let next = (nodes..nodes.saturating_add(6)).find(|n| search_zones(*n, zones).is_some());
            let next = next.unwrap_or(nodes);
            self.report(
                place
                    .problem(
                        format!("{nodes} data nodes cannot be spread over {zones} zones"),
                        format!("expected 0, 1 or {even}, such as {next}"),
                    )
                    .hint("OpenSearch Service requires the same number of data nodes in each zone"),
            );
        }
    }

    /// The app nodes reach the domain through the search proxy: one needs the other.
    fn search_proxy(&mut self, sizes: &Sizes) {
        let nodes = sizes.search.as_ref().and_then(|search| search.nodes);
        let proxy = sizes.nodes.as_ref().and_then(|n| n.search_proxy.as_ref());
        let place = self.clash_place(&[&["nodes", "search-proxy", "count"], &["search", "nodes"]]);
        match (nodes, proxy.and_then(|proxy| proxy.count)) {
            (Some(0), Some(count)) if count > 0 => {
                let problem = place.problem(
                    "a search proxy without a search domain",
                    "expected both or neither",
                );
                self.report(problem.hint("also set `nodes.search-proxy.count` to 0"));
            }
            (Some(nodes), Some(0)) if nodes > 0 => {
                let problem = place.problem(
                    "a search domain without a search proxy",
                    "expected both or neither",
                );
                self.report(
                    problem.hint("the app nodes reach the domain through the search proxy"),
                );
            }
            _ => {}
        }
    }
}

/// `OpenSearch_MAJOR.MINOR` from 2.0 on; newer ones than the list knows are accepted.
fn is_opensearch(version: &str) -> bool {
    let number = version.strip_prefix("OpenSearch_");
    number
        .and_then(|number| number.split_once('.'))
        .and_then(|(major, minor)| Some((major.parse::<u8>().ok()?, minor.parse::<u8>().ok()?)))
        .is_some_and(|(major, _)| (2..=9).contains(&major))
}
