//! Parts of desired resources that addresses name: tiers, groups, database roles.

use crate::spec::Role;

/// Public subnets have a route to the internet gateway, private ones none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubnetTier {
    /// Hosts.
    Public,
    /// Databases, search, cache.
    Private,
}

impl SubnetTier {
    /// As names and addresses spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            SubnetTier::Public => "public",
            SubnetTier::Private => "private",
        }
    }
}

/// A security group: one for each role and each managed service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Hosts of a role.
    Hosts(Role),
    /// RDS.
    Database,
    /// OpenSearch.
    Search,
    /// ElastiCache.
    Cache,
    /// The application load balancer.
    LoadBalancer,
}

impl Group {
    /// As names and addresses spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Group::Hosts(role) => role.as_str(),
            Group::Database => "database",
            Group::Search => "search",
            Group::Cache => "cache",
            Group::LoadBalancer => "load-balancer",
        }
    }
}

/// Writer or a numbered reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseRole {
    /// The instance that accepts writes.
    Writer,
    /// A read replica, from 1.
    Reader(u32),
}
