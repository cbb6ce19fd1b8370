//! A reference architecture by itself: what a size consists of and where it comes from.

use std::collections::BTreeMap;

use serde::Serialize;

use super::check::DEFAULT_ZONES;
use super::values;
use super::{
    Access, AddressKind, Cache, CloudTarget, Database, GateSetting, LicenseSource, LoadBalancer,
    Mattermost, Network, NodeGroup, Protection, Purpose, Release, Role, Search, ServerConfig,
    ServerConnections, ServiceEnvironment, Services, Source, Spec, SshKey,
};

/// A reference architecture by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Architecture {
    /// Its name, for example `10k`.
    pub name: String,
    /// The file, as people know it.
    pub file: String,
    /// Where the size comes from.
    pub source: Source,
    /// Concurrent users that its source states.
    pub concurrent_users: u32,
    /// The most users that a ceiling test of this shape has carried, where published.
    pub measured_ceiling_users: Option<u32>,
    /// Hosts by role.
    pub nodes: BTreeMap<Role, NodeGroup>,
    /// Version, class, readers and storage.
    pub database: Database,
    /// Search domain.
    pub search: Search,
    /// Node type and number; no cache with 0 nodes.
    pub cache: Cache,
}

/// How the name of an environment begins that is made from a size alone.
pub(super) const SIZE_PREFIX: &str = "size-";

impl Architecture {
    /// The share of the measured ceiling that is left at the stated number of users, 0 to 1;
    /// nothing where no ceiling is published.
    #[must_use]
    pub fn headroom(&self) -> Option<f64> {
        let ceiling = f64::from(self.measured_ceiling_users?);
        Some(1.0 - f64::from(self.concurrent_users) / ceiling)
    }

    /// An environment on AWS made from this architecture alone, to plan and to price it.
    #[must_use]
    pub fn example(&self) -> Spec {
        let name = format!("{SIZE_PREFIX}{}", self.name);
        Spec {
            cloud: CloudTarget::Aws,
            region: "us-east-1".to_owned(),
            architecture: self.name.clone(),
            concurrent_users: self.concurrent_users,
            source: self.source.clone(),
            app_nodes_of_size: self.nodes.get(&Role::App).map_or(0, |group| group.count),
            nodes: self.nodes.clone(),
            database: self.database.clone(),
            search: self.search.clone(),
            cache: self.cache.clone(),
            purpose: Purpose::default(),
            protection: Protection::default(),
            services: Services::default(),
            mattermost: Mattermost {
                release: Release::Standin,
                sha256: None,
                hash_time: None,
                license: LicenseSource::Standin,
                service_environment: ServiceEnvironment::default(),
                without: Vec::new(),
                config: ServerConfig::new(),
                connections: ServerConnections::default(),
                plugins: Vec::new(),
            },
            network: Network::public(values::default_cidr(&name), DEFAULT_ZONES),
            load_balancer: LoadBalancer::default(),
            tls: None,
            login_gate: GateSetting::default(),
            access: Access {
                address: AddressKind::Public,
                operators: Vec::new(),
                key: SshKey::Generated,
                seed_key: None,
            },
            extras: BTreeMap::new(),
            authorities: Vec::new(),
            time_to_live: None,
            tags: BTreeMap::new(),
            name,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::Library;

    #[test]
    fn headroom_is_what_is_left_of_the_ceiling() {
        let architecture = Library::default().architecture("10k").unwrap();
        let headroom = architecture.headroom().unwrap();
        assert!((headroom - (1.0 - 10_000.0 / 17_128.0)).abs() < 1e-9);
    }
}
