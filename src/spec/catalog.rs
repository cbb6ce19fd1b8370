//! The instance types that loadrig knows: their capacity and their price.
//!
//! One dated table, `prices/us-east-1.yaml`, part of the program. Knows nothing of
//! environments.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::suggest;

/// Prices and shapes of one region.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// The region whose prices these are.
    pub region: String,
    /// Day of the newest figure, `YYYY-MM-DD`.
    pub dated: String,
    /// Hours that AWS counts as a month.
    pub hours_per_month: f64,
    /// EC2 instance types.
    pub ec2: Table,
    /// RDS for PostgreSQL instance classes, single-AZ.
    pub rds: Table,
    /// Aurora PostgreSQL instance classes, standard storage.
    pub aurora: Table,
    /// OpenSearch Service data node types.
    pub opensearch: Table,
    /// ElastiCache for Redis OSS node types.
    pub elasticache: Table,
    /// What a node costs with Valkey, as a share of its price with Redis OSS.
    pub valkey: f64,
    /// US dollars by GiB and month.
    pub storage: StoragePrices,
    /// US dollars by hour, GB or month.
    pub network: NetworkPrices,
}

/// The types of one service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Day of the source, `YYYY-MM-DD`.
    pub as_of: String,
    /// By name.
    pub types: BTreeMap<String, InstanceType>,
}

impl Table {
    /// A type by name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&InstanceType> {
        self.types.get(name)
    }

    /// What to say about a name that is not in the table.
    pub(crate) fn suggest(&self, name: &str) -> String {
        let completed = [
            format!("{name}.search"),
            format!("db.{name}"),
            format!("cache.{name}"),
        ];
        if let Some(whole) = completed
            .iter()
            .find(|whole| self.types.contains_key(*whole))
        {
            return format!("did you mean `{whole}`?");
        }
        if let Some(near) = suggest::nearest(name, self.types.keys().map(String::as_str)) {
            return format!("did you mean `{near}`?");
        }
        let family = name
            .split_inclusive('.')
            .take(family_parts(name))
            .collect::<String>();
        let siblings: Vec<&str> = self
            .types
            .keys()
            .map(String::as_str)
            .filter(|known| !family.is_empty() && known.starts_with(&family))
            .collect();
        match siblings.as_slice() {
            [] => "not in loadrig's price table".to_owned(),
            siblings => format!("expected {}", suggest::one_of(siblings.iter().copied())),
        }
    }
}

/// `db.r7g.large` and `cache.m7g.large` carry the family in two parts, others in one.
fn family_parts(name: &str) -> usize {
    if name.starts_with("db.") || name.starts_with("cache.") {
        2
    } else {
        1
    }
}

/// Capacity and price of an instance type.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceType {
    /// Virtual CPUs.
    pub vcpu: u32,
    /// Memory, GiB.
    pub gib: f64,
    /// US dollars per hour, on demand.
    pub per_hour: f64,
    /// Processor architecture.
    #[serde(default)]
    pub arch: Arch,
}

/// Processor architecture; it matters for hosts alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// Intel and AMD.
    #[default]
    #[serde(rename = "x86_64")]
    X86,
    /// Graviton.
    Arm64,
}

/// US dollars per GiB (or IOPS) and month.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names say it")]
pub struct StoragePrices {
    /// Day of the source, `YYYY-MM-DD`.
    pub as_of: String,
    pub ebs_gp3_gib_month: f64,
    pub rds_gp3_gib_month: f64,
    pub rds_iops_month: f64,
    pub rds_backup_gib_month: f64,
    pub aurora_gib_month: f64,
    pub aurora_io_optimized_gib_month: f64,
    pub aurora_backup_gib_month: f64,
    pub opensearch_gp3_gib_month: f64,
    pub s3_standard_gib_month: f64,
    pub elasticache_backup_gib_month: f64,
}

/// Prices of load balancers, gateways, addresses and zones, US dollars.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkPrices {
    /// Day of the source, `YYYY-MM-DD`.
    pub as_of: String,
    /// US dollars per public IPv4 address and hour.
    pub public_ipv4_hour: f64,
    /// US dollars per NAT gateway and hour.
    pub nat_gateway_hour: f64,
    /// US dollars per GB that goes through a NAT gateway.
    pub nat_gateway_gb: f64,
    /// US dollars per application load balancer and hour.
    pub alb_hour: f64,
    /// US dollars per load balancer capacity unit and hour.
    pub alb_lcu_hour: f64,
    /// US dollars per private DNS zone and month.
    pub private_zone_month: f64,
}

/// The catalog that is part of the program.
#[must_use]
pub fn catalog() -> &'static Catalog {
    // A table that does not parse is caught by the test below, never by a user.
    static CATALOG: LazyLock<Catalog> =
        LazyLock::new(|| serde_yaml::from_str(TEXT).unwrap_or_default());
    &CATALOG
}

const TEXT: &str = include_str!("../../prices/us-east-1.yaml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_parses_and_holds_only_sensible_figures() {
        let catalog: Catalog = serde_yaml::from_str(TEXT).unwrap();
        for table in [
            &catalog.ec2,
            &catalog.rds,
            &catalog.aurora,
            &catalog.opensearch,
            &catalog.elasticache,
        ] {
            assert!(table.types.len() >= 5);
            for (name, kind) in &table.types {
                assert!((0.005..10.0).contains(&kind.per_hour), "{name}");
                assert!(kind.vcpu >= 1 && kind.gib > 0.0, "{name}");
            }
            assert!(table.as_of <= catalog.dated, "{}", table.as_of);
        }
        assert!((catalog.hours_per_month - 730.0).abs() < f64::EPSILON);
    }

    #[test]
    fn an_unknown_type_gets_a_suggestion() {
        let ec2 = &catalog().ec2;
        assert_eq!(ec2.suggest("c7i.larg"), "did you mean `c7i.large`?");
        assert!(ec2.suggest("c7i.metal-24xl").contains("`c7i.8xlarge`"));
        assert_eq!(ec2.suggest("quantum"), "not in loadrig's price table");
        let rds = &catalog().rds;
        assert!(
            rds.suggest("db.r7g.metal-48xl")
                .contains("`db.r7g.4xlarge`")
        );
    }
}
