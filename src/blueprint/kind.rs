//! The list of kinds.

use serde::{Deserialize, Serialize};

/// Hands the list of kinds to a macro, so that a kind is named once.
///
/// A line is a kind, the file of its row, and the variants of `Desired` that are of it, each
/// with its struct.
macro_rules! for_each_kind {
    ($write:ident) => {
        $write! {
            Vpc in vpc: Vpc(Vpc);
            InternetGateway in internet_gateway: InternetGateway(InternetGateway);
            Subnet in subnet: Subnet(Subnet);
            RouteTable in route_table: RouteTable(RouteTable);
            ElasticAddress in elastic_address: ElasticAddress(ElasticAddress);
            NatGateway in nat_gateway: NatGateway(NatGateway);
            Adopted in adopted: Adopted(Adopted);
            Endpoint in endpoint: Endpoint(S3Endpoint);
            LoadBalancer in load_balancer: LoadBalancer(ApplicationLoadBalancer);
            Listener in listener: Listener(BalancerListener);
            TargetGroup in target_group: TargetGroup(TargetGroup);
            Targets in targets: Targets(RegisteredTargets);
            Zone in zone: Zone(PrivateZone);
            Records in records: Records(ZoneRecords);
            SecurityGroup in security_group: SecurityGroup(SecurityGroup);
            SecurityRules in security_rules: SecurityRules(SecurityRules);
            Seed in seed: Seed(Seed);
            KeyPair in key_pair: KeyPair(KeyPair);
            Role in role: Role(HostRole);
            InstanceProfile in instance_profile: InstanceProfile(InstanceProfile);
            Bucket in bucket: Bucket(FilesBucket);
            DatabaseSubnets in database_subnets: DatabaseSubnets(DatabaseSubnets);
            DatabaseParameters in database_parameters: DatabaseParameters(DatabaseParameters);
            // Instances of a cluster are instances: they are listed, priced and deleted like others.
            Database in database: Database(DatabaseInstance), ClusterInstance(ClusterInstance);
            DatabaseCluster in database_cluster: DatabaseCluster(DatabaseCluster);
            DatabaseClusterParameters in cluster_parameters: DatabaseClusterParameters(ClusterParameters);
            Search in search: Search(SearchDomain);
            CacheSubnets in cache_subnets: CacheSubnets(CacheSubnets);
            Cache in cache: Cache(CacheGroup);
            Instance in instance: Instance(Instance);
        }
    };
}

pub(super) use for_each_kind;

/// Writes the enum that has a variant for each kind.
macro_rules! write_kinds {
    ($($kind:ident in $file:ident: $($variant:ident($desired:ident)),+;)+) => {
        /// Kinds of resource.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[expect(missing_docs, reason = "each has a file of its own in `kinds`")]
        pub enum Kind {
            $($kind,)+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: [Kind; [$(Kind::$kind),+].len()] = [$(Kind::$kind),+];
        }
    };
}

for_each_kind!(write_kinds);
