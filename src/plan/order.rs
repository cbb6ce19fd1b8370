//! In which order things may be removed, kind by kind.
//!
//! Teardown works from what the snapshot found, not from a spec that may be lost, so the
//! order is a property of the kinds.

use crate::blueprint::Kind;

/// The kinds that must be gone before one of this kind can be removed.
#[must_use]
pub fn deleted_after(kind: Kind) -> &'static [Kind] {
    use Kind::{
        Adopted, Bucket, Cache, CacheSubnets, Database, DatabaseCluster, DatabaseClusterParameters,
        DatabaseParameters, DatabaseSubnets, ElasticAddress, Endpoint, Instance, InstanceProfile,
        InternetGateway, KeyPair, Listener, LoadBalancer, NatGateway, Records, Role, RouteTable,
        Search, SecurityGroup, SecurityRules, Seed, Subnet, TargetGroup, Targets, Vpc, Zone,
    };
    match kind {
        // Routes through a NAT gateway end nowhere when it goes; nothing refuses that.
        Instance | Database | Search | Cache | NatGateway => &[],
        // Nothing of ours; it never comes to this.
        Adopted => &[],
        Listener | Targets | Records | Endpoint => &[],
        LoadBalancer => &[Listener],
        TargetGroup => &[Listener, LoadBalancer, Targets],
        Zone => &[Records],
        ElasticAddress => &[NatGateway],
        // Until the last host is gone it may still write files or use its role.
        Bucket | InstanceProfile | KeyPair => &[Instance],
        RouteTable => &[Instance, Endpoint],
        Role => &[InstanceProfile],
        DatabaseParameters => &[Database],
        // A cluster can be removed once its last instance is gone.
        DatabaseCluster => &[Database],
        DatabaseClusterParameters => &[DatabaseCluster],
        DatabaseSubnets => &[Database, DatabaseCluster],
        CacheSubnets => &[Cache],
        // Rules go before groups: groups that name each other cannot be removed.
        SecurityRules => &[
            Instance,
            Database,
            DatabaseCluster,
            Search,
            Cache,
            LoadBalancer,
        ],
        // The load balancer's group is also what tells that there are parts of one.
        SecurityGroup => &[
            SecurityRules,
            Instance,
            Database,
            DatabaseCluster,
            Search,
            Cache,
            LoadBalancer,
            Listener,
            TargetGroup,
            Targets,
        ],
        // A gateway cannot be detached while hosts hold public addresses.
        InternetGateway => &[
            Instance,
            RouteTable,
            NatGateway,
            ElasticAddress,
            LoadBalancer,
        ],
        Subnet => &[
            Instance,
            Database,
            DatabaseCluster,
            Search,
            Cache,
            NatGateway,
            LoadBalancer,
            RouteTable,
            DatabaseSubnets,
            CacheSubnets,
        ],
        Vpc => &[
            Subnet,
            RouteTable,
            InternetGateway,
            SecurityGroup,
            Endpoint,
            TargetGroup,
            Zone,
        ],
        // The seed opens hosts and database: it is the last to go.
        Seed => &[
            Instance,
            Database,
            DatabaseCluster,
            Search,
            Cache,
            Bucket,
            KeyPair,
            Role,
            InstanceProfile,
            Vpc,
            Zone,
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
