//! What AWS charges in each region.
//!
//! A dated file for each region, `prices/REGION.yaml`, part of the program and written by
//! `cargo xtask prices`. What a file does not list has no price there: nothing is taken from another
//! region. Knows nothing of environments.

use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use serde::{Deserialize, Serialize};

use super::services::CacheEngine;

/// Hours that AWS counts as a month.
pub const HOURS_PER_MONTH: f64 = 730.0;

/// On-demand prices of one region.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The region; empty where none of its prices is known.
    pub region: String,
    /// Where the figures are from, by the ids that they name.
    pub sources: BTreeMap<String, PriceSource>,
    ec2: Figures,
    rds: Figures,
    aurora: Figures,
    opensearch: Figures,
    redis: Figures,
    valkey: Figures,
    storage: Figures,
    network: Figures,
}

type Figures = BTreeMap<String, Figure>;

/// A figure of a price file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Figure {
    usd: f64,
    from: String,
    /// AWS's number of what is sold, by which its price list can be searched.
    #[serde(rename = "sku", default)]
    _sku: Option<String>,
}

/// Where figures are from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceSource {
    /// What it is, for people.
    pub what: String,
    /// Day that it was published, `YYYY-MM-DD`.
    pub published: String,
    /// Where a copy of it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Its path, below AWS's host for price files or in its origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// What one of something costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    /// US dollars by the hour.
    pub per_hour: f64,
    /// The id of the source.
    pub source: String,
}

impl Price {
    /// What so many times of it cost.
    #[must_use]
    pub fn times(mut self, factor: f64) -> Self {
        self.per_hour *= factor;
        self
    }
}

/// Something that is billed and is no instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum PricedItem {
    EbsGp3,
    RdsGp3,
    /// Provisioned IOPS beyond those that gp3 includes, single-AZ.
    RdsIops,
    /// Snapshots and backups beyond the size of the database.
    RdsBackup,
    AuroraStorage,
    AuroraIoOptimizedStorage,
    AuroraBackup,
    OpensearchGp3,
    S3Standard,
    ElasticacheBackup,
    /// In use or idle.
    PublicIpv4,
    NatGateway,
    /// A GB that goes through a NAT gateway.
    NatGatewayGb,
    ApplicationLoadBalancer,
    /// A load balancer capacity unit.
    LoadBalancerUnit,
    PrivateZone,
}

impl PricedItem {
    const fn key(self) -> &'static str {
        match self {
            PricedItem::EbsGp3 => "ebs_gp3_gib_month",
            PricedItem::RdsGp3 => "rds_gp3_gib_month",
            PricedItem::RdsIops => "rds_iops_month",
            PricedItem::RdsBackup => "rds_backup_gib_month",
            PricedItem::AuroraStorage => "aurora_gib_month",
            PricedItem::AuroraIoOptimizedStorage => "aurora_io_optimized_gib_month",
            PricedItem::AuroraBackup => "aurora_backup_gib_month",
            PricedItem::OpensearchGp3 => "opensearch_gp3_gib_month",
            PricedItem::S3Standard => "s3_standard_gib_month",
            PricedItem::ElasticacheBackup => "elasticache_backup_gib_month",
            PricedItem::PublicIpv4 => "public_ipv4_hour",
            PricedItem::NatGateway => "nat_gateway_hour",
            PricedItem::NatGatewayGb => "nat_gateway_gb",
            PricedItem::ApplicationLoadBalancer => "alb_hour",
            PricedItem::LoadBalancerUnit => "alb_lcu_hour",
            PricedItem::PrivateZone => "private_zone_month",
        }
    }
}

impl Prices {
    /// The prices of a region; none at all where they are not known.
    #[must_use]
    pub fn of(region: &str) -> &'static Self {
        static NONE: LazyLock<Prices> = LazyLock::new(Prices::default);
        let file = FILES.iter().find(|file| file.region == region);
        file.map_or_else(|| &*NONE, PriceFile::prices)
    }

    /// The regions whose prices are known.
    pub fn regions() -> impl Iterator<Item = &'static str> {
        FILES.iter().map(|file| file.region)
    }

    /// A host of an EC2 instance type.
    #[must_use]
    pub fn host(&self, instance_type: &str) -> Option<Price> {
        hourly(self.ec2.get(instance_type))
    }

    /// A PostgreSQL instance in one zone.
    #[must_use]
    pub fn database(&self, class: &str) -> Option<Price> {
        hourly(self.rds.get(class))
    }

    /// An instance of an Aurora cluster with standard storage.
    #[must_use]
    pub fn aurora(&self, class: &str) -> Option<Price> {
        hourly(self.aurora.get(class))
    }

    /// An OpenSearch node, data or master.
    #[must_use]
    pub fn search_node(&self, instance_type: &str) -> Option<Price> {
        hourly(self.opensearch.get(instance_type))
    }

    /// A cache node.
    #[must_use]
    pub fn cache_node(&self, engine: CacheEngine, instance_type: &str) -> Option<Price> {
        let nodes = match engine {
            CacheEngine::Redis => &self.redis,
            CacheEngine::Valkey => &self.valkey,
        };
        hourly(nodes.get(instance_type))
    }

    /// Anything else, by the hour.
    #[must_use]
    pub fn item(&self, item: PricedItem) -> Option<Price> {
        let per_hour = match item.key().ends_with("_month") {
            true => 1.0 / HOURS_PER_MONTH,
            false => 1.0,
        };
        hourly(self.figure(item)).map(|price| price.times(per_hour))
    }

    /// The figure itself: US dollars by the hour, GB or month, as AWS publishes it.
    #[must_use]
    pub fn usd(&self, item: PricedItem) -> Option<f64> {
        self.figure(item).map(|figure| figure.usd)
    }

    fn figure(&self, item: PricedItem) -> Option<&Figure> {
        let key = item.key();
        self.storage.get(key).or_else(|| self.network.get(key))
    }
}

fn hourly(figure: Option<&Figure>) -> Option<Price> {
    figure.map(|figure| Price {
        per_hour: figure.usd,
        source: figure.from.clone(),
    })
}

struct PriceFile {
    region: &'static str,
    text: &'static str,
    parsed: OnceLock<Prices>,
}

impl PriceFile {
    fn prices(&self) -> &Prices {
        // A file that does not parse is caught by the test below, never by a user.
        self.parsed
            .get_or_init(|| serde_yaml::from_str(self.text).unwrap_or_default())
    }
}

macro_rules! price_files {
    ($($region:literal)*) => {
        static FILES: [PriceFile; 34] = [$(PriceFile {
            region: $region,
            text: include_str!(concat!("../../prices/", $region, ".yaml")),
            parsed: OnceLock::new(),
        }),*];
    };
}

price_files! {
    "af-south-1" "ap-east-1" "ap-east-2" "ap-northeast-1" "ap-northeast-2" "ap-northeast-3"
    "ap-south-1" "ap-south-2" "ap-southeast-1" "ap-southeast-2" "ap-southeast-3" "ap-southeast-4"
    "ap-southeast-5" "ap-southeast-6" "ap-southeast-7" "ca-central-1" "ca-west-1" "eu-central-1"
    "eu-central-2" "eu-north-1" "eu-south-1" "eu-south-2" "eu-west-1" "eu-west-2" "eu-west-3"
    "il-central-1" "me-central-1" "me-south-1" "mx-central-1" "sa-east-1" "us-east-1" "us-east-2"
    "us-west-1" "us-west-2"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::regions::is_known_region;
    use super::*;

    #[test]
    fn every_price_file_parses_and_each_figure_has_a_source() {
        for file in &FILES {
            let prices: Prices = serde_yaml::from_str(file.text).unwrap();
            assert_eq!(prices.region, file.region);
            assert!(is_known_region(file.region));
            let days = prices.sources.values().map(|source| &source.published);
            for day in days {
                assert!(day.parse::<jiff::civil::Date>().is_ok(), "{day}");
            }
            for table in [&prices.ec2, &prices.rds, &prices.aurora, &prices.opensearch]
                .into_iter()
                .chain([
                    &prices.redis,
                    &prices.valkey,
                    &prices.storage,
                    &prices.network,
                ])
            {
                for (name, figure) in table {
                    let of = format!("{name} in {}", file.region);
                    assert!(prices.sources.contains_key(&figure.from), "{of}");
                    assert!((0.001..20.0).contains(&figure.usd), "{of}: {}", figure.usd);
                }
            }
        }
    }

    #[test]
    fn every_price_file_is_part_of_the_program() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/prices");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !["types.yaml", "quoted.yaml", "hashing.yaml"].contains(&name.as_str()))
            .collect();
        let known = Prices::regions().map(|region| format!("{region}.yaml"));
        assert_eq!(files, known.collect());
    }

    #[test]
    fn prices_differ_between_regions_and_are_never_borrowed() {
        let per_hour = |region: &str| Prices::of(region).host("c7i.large").map(|p| p.per_hour);
        assert_eq!(per_hour("us-east-1"), Some(0.08925));
        assert_eq!(per_hour("eu-central-1"), Some(0.10185));
        // A region without the type, and one without any prices.
        assert_eq!(per_hour("ap-south-2"), None);
        assert_eq!(per_hour("eu-north-7"), None);
        assert!(Prices::of("eu-north-7").region.is_empty());
    }

    #[test]
    fn monthly_prices_are_divided_by_the_hours_of_a_month() {
        let prices = Prices::of("us-east-1");
        let hourly = prices.item(PricedItem::EbsGp3).unwrap().per_hour;
        assert!((hourly * HOURS_PER_MONTH - 0.08).abs() < 1e-12);
        assert_eq!(prices.usd(PricedItem::EbsGp3), Some(0.08));
        let gateway = prices.item(PricedItem::NatGateway).map(|p| p.per_hour);
        assert_eq!(gateway, Some(0.045));
    }
}
