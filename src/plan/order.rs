//! In which order things may be removed, kind by kind.
//!
//! Teardown works from what the snapshot found, not from a spec that may be lost, so the
//! order is a property of the kinds.

use crate::blueprint::Kind;

/// The kinds that must be gone before one of this kind can be removed.
#[must_use]
pub fn deleted_after(kind: Kind) -> &'static [Kind] {
    use Kind::{
        Bucket, Cache, CacheSubnets, Database, DatabaseParameters, DatabaseSubnets, ElasticAddress,
        Instance, InstanceProfile, InternetGateway, KeyPair, NatGateway, Role, RouteTable, Search,
        SecurityGroup, SecurityRules, Seed, Subnet, Vpc,
    };
    match kind {
        // Routes through a NAT gateway end nowhere when it goes; nothing refuses that.
        Instance | Database | Search | Cache | NatGateway => &[],
        ElasticAddress => &[NatGateway],
        // Until the last host is gone it may still write files or use its role.
        Bucket | InstanceProfile | KeyPair | RouteTable => &[Instance],
        Role => &[InstanceProfile],
        DatabaseSubnets | DatabaseParameters => &[Database],
        CacheSubnets => &[Cache],
        // Rules go before groups: groups that name each other cannot be removed.
        SecurityRules => &[Instance, Database, Search, Cache],
        SecurityGroup => &[SecurityRules, Instance, Database, Search, Cache],
        // A gateway cannot be detached while hosts hold public addresses.
        InternetGateway => &[Instance, RouteTable, NatGateway, ElasticAddress],
        Subnet => &[
            Instance,
            Database,
            Search,
            Cache,
            NatGateway,
            RouteTable,
            DatabaseSubnets,
            CacheSubnets,
        ],
        Vpc => &[Subnet, RouteTable, InternetGateway, SecurityGroup],
        // The seed opens hosts and database: it is the last to go.
        Seed => &[
            Instance,
            Database,
            Search,
            Cache,
            Bucket,
            KeyPair,
            Role,
            InstanceProfile,
            Vpc,
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_has_no_cycle() {
        let mut gone: Vec<Kind> = Vec::new();
        while gone.len() < Kind::ALL.len() {
            let before = gone.len();
            for kind in Kind::ALL {
                if !gone.contains(&kind) && deleted_after(kind).iter().all(|k| gone.contains(k)) {
                    gone.push(kind);
                }
            }
            assert!(gone.len() > before, "stuck after {gone:?}");
        }
    }
}
