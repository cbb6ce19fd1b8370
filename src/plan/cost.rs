//! What an environment costs by the hour and by the month.
//!
//! An estimate from dated files of on-demand prices: no discounts, no tax, no traffic, no requests, no
//! files.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::blueprint::kinds::{Billing, Charge};
use crate::blueprint::{UnreadableAttribute, blueprint};
use crate::spec::{
    CloudTarget, DatabaseEngine, HOURS_PER_MONTH, PriceSource, PricedItem, Prices, Spec,
};

use super::bill::{CostLine, charges, lines};

/// What an environment costs. US dollars before tax.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// The region whose prices these are.
    pub region: String,
    /// While everything runs, of all that has a known price.
    pub per_hour: f64,
    /// Per month of 730 hours.
    pub per_month: f64,
    /// The least that a rig costs, however soon it is taken down again.
    pub at_least: f64,
    /// What it consists of.
    pub lines: Vec<CostLine>,
    /// What has no known price in the region: it is missing from the sums.
    pub unpriced: Vec<String>,
    /// Where the prices are from, by the ids that the lines name.
    pub sources: BTreeMap<String, PriceSource>,
    /// Day of the newest of them, `YYYY-MM-DD`; empty where there are none.
    pub priced_on: String,
    /// Day of the oldest.
    pub priced_from: String,
    /// What to know about prices of the region, or when nothing is billed at all.
    pub region_note: Option<String>,
    /// How AWS bills short lives, and what is not counted.
    pub notes: Vec<String>,
}

impl Cost {
    /// What a rig costs that is taken down after so many hours, in US dollars: each thing by
    /// its own minimum and rounding.
    #[must_use]
    pub fn of_run(&self, hours: f64) -> f64 {
        self.lines
            .iter()
            .map(|line| line.per_hour.unwrap_or(0.0) * line.billing.billed(hours))
            .sum()
    }

    /// The days that the prices are of, as text.
    #[must_use]
    pub fn days(&self) -> String {
        match self.priced_from == self.priced_on {
            true => self.priced_on.clone(),
            false => format!("{} to {}", self.priced_from, self.priced_on),
        }
    }
}

/// Prices an environment: what each resource of its blueprint is billed for, and what no resource
/// tells.
///
/// # Errors
/// When a planned size cannot be read.
pub fn cost(spec: &Spec) -> Result<Cost, UnreadableAttribute> {
    let prices = Prices::of(&spec.region);
    let planned: Vec<_> = blueprint(spec, &[])
        .resources()
        .map(|(address, desired)| (address.clone(), desired.kind(), desired.attributes()))
        .collect();
    let planned = planned
        .iter()
        .map(|(address, kind, of)| (address, *kind, of));
    let charges = charges(planned, prices)?;
    let mut lines = lines(charges.into_iter().chain(aurora_storage(spec, prices)));
    // What has no price is first.
    let key = |line: &CostLine| line.per_hour.unwrap_or(f64::INFINITY);
    lines.sort_by(|one, other| key(other).total_cmp(&key(one)));
    let per_hour = lines.iter().filter_map(|line| line.per_hour).sum::<f64>();
    let least = |line: &CostLine| Some(line.per_hour? * line.billing.least());
    let unpriced = lines.iter().filter(|line| line.per_hour.is_none());
    let unpriced: Vec<String> = unpriced.map(|line| line.what.clone()).collect();
    let used = lines.iter().filter_map(|line| line.source.as_ref());
    let sources: BTreeMap<String, PriceSource> = used
        .filter_map(|id| Some((id.clone(), prices.sources.get(id)?.clone())))
        .collect();
    let days = || sources.values().map(|source| source.published.clone());
    Ok(Cost {
        region: spec.region.clone(),
        per_hour,
        per_month: per_hour * HOURS_PER_MONTH,
        at_least: lines.iter().filter_map(least).sum(),
        priced_on: days().max().unwrap_or_default(),
        priced_from: days().min().unwrap_or_default(),
        region_note: region_note(spec, prices, &unpriced),
        notes: notes(spec, prices),
        lines,
        unpriced,
        sources,
    })
}

/// One storage for all instances of a cluster. It grows with what is in it, so a cluster does not
/// tell its size; the environment's YAML estimates it.
fn aurora_storage(spec: &Spec, prices: &Prices) -> Option<Charge> {
    let service = &spec.services.database;
    let is_ours = service.existing.is_none() && service.engine == DatabaseEngine::AuroraPostgresql;
    let item = match service.io_optimized {
        true => PricedItem::AuroraIoOptimizedStorage,
        false => PricedItem::AuroraStorage,
    };
    is_ours.then(|| Charge {
        what: "GiB of Aurora storage".to_owned(),
        count: f64::from(spec.database.storage_gib),
        unit: prices.item(item),
        billing: Billing::Second,
    })
}

fn region_note(spec: &Spec, prices: &Prices, unpriced: &[String]) -> Option<String> {
    if spec.cloud == CloudTarget::Local {
        return Some(
            "the local cloud costs nothing; this is what the same rig costs on AWS".to_owned(),
        );
    }
    let region = &spec.region;
    if prices.region.is_empty() {
        return Some(format!(
            "no prices of {region} are known: the cost is not estimated"
        ));
    }
    let names: Vec<String> = unpriced.iter().map(|what| format!("`{what}`")).collect();
    (!names.is_empty()).then(|| {
        format!(
            "no price is known in {region} for {}: the sums leave it out",
            names.join(", ")
        )
    })
}

fn notes(spec: &Spec, prices: &Prices) -> Vec<String> {
    let mut notes = Vec::new();
    if spec.search.nodes > 0 || spec.cache.nodes > 0 {
        notes.push("OpenSearch Service and ElastiCache bill every started hour in full".to_owned());
    }
    if spec.services.database.existing.is_some() {
        notes.push("your own database is not counted".to_owned());
    }
    notes.push("RDS bills at least ten minutes for each create, change or start".to_owned());
    if spec
        .nodes
        .values()
        .any(|g| g.count > 0 && g.instance_type.starts_with("t3."))
    {
        notes.push("t3 hosts bill CPU above their baseline, and slow down results".to_owned());
    }
    if !spec.network.nat_zones().is_empty() {
        notes.push(format!(
            "a NAT gateway bills {} for each GB on top of its hours",
            amount(prices, PricedItem::NatGatewayGb)
        ));
    }
    if spec.services.database.engine == DatabaseEngine::AuroraPostgresql {
        let io = if spec.services.database.io_optimized {
            ""
        } else {
            ", and input and output are not counted"
        };
        notes.push(format!(
            "Aurora's storage grows with what is in it: reckoned as {} GiB{io}",
            spec.database.storage_gib
        ));
    }
    if spec.services.database.throughput_mibps.is_some() {
        notes.push("not counted: provisioned throughput of database storage".to_owned());
    }
    if spec.load_balancer.alb().is_some() {
        notes.push(format!(
            "a load balancer bills {} for each LCU-hour on top of its hours: about 1 GB, 25 new \
             or 3,000 open connections",
            amount(prices, PricedItem::LoadBalancerUnit)
        ));
    }
    notes.push("not counted: traffic, S3, backups, tax and discounts".to_owned());
    notes
}

fn amount(prices: &Prices, item: PricedItem) -> String {
    let usd = prices.usd(item);
    usd.map_or_else(|| "an unknown price".to_owned(), |usd| format!("${usd}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{CacheEngine, Library};

    fn cost(spec: &Spec) -> Cost {
        super::cost(spec).unwrap()
    }

    fn example(size: &str) -> Spec {
        let library = Library::new(Some("no-such-directory".into()));
        library.architecture(size).unwrap().example()
    }

    #[test]
    fn the_lines_add_up() {
        for size in ["1k", "10k", "200k"] {
            let cost = cost(&example(size));
            let sum: f64 = cost
                .lines
                .iter()
                .map(|l| l.unit_per_hour.unwrap() * f64::from(l.count))
                .sum();
            assert!((sum - cost.per_hour).abs() < 1e-9, "{size}");
            assert!((cost.per_month - 730.0 * sum).abs() < 1e-6, "{size}");
        }
    }

    #[test]
    fn the_published_2k_size_costs_what_its_parts_cost() {
        // 2 c7i.large, m7i.4xlarge, c7i.large, m7i.large, c7i.xlarge; 2 db.r7g.large;
        // 2 r6g.xlarge.search; 6 addresses; disks, database and search storage by the month.
        let hosts = 2.0 * 0.08925 + 0.8064 + 0.08925 + 0.1008 + 0.1785 + 6.0 * 0.005;
        let services = 2.0 * 0.239 + 2.0 * 0.335;
        let disks = f64::from(2 * 50 + 50 + 20 + 100 + 50) * 0.08;
        let storage = disks + f64::from(2 * 100) * 0.115 + f64::from(2 * 100) * 0.122;
        let expected = hosts + services + storage / 730.0;
        assert!((cost(&example("2k")).per_hour - expected).abs() < 1e-9);
    }

    #[test]
    fn hosts_in_private_subnets_share_the_address_of_their_way_out() {
        let count = |network: &str, what: &str| {
            let text = format!("architecture: 1k\nnetwork: {network}");
            let spec = Library::new(None).load_text("test", &text).unwrap();
            let cost = cost(&spec);
            let line = cost.lines.iter().find(|line| line.what == what);
            line.map_or(0, |line| line.count)
        };
        let everyone = count("{}", "public IPv4 address");
        assert!(everyone > 3);
        // The proxy, and the gateway or two.
        assert_eq!(count("{layout: private}", "public IPv4 address"), 2);
        let each = "{layout: private, nat: per-zone}";
        assert_eq!(count(each, "public IPv4 address"), 3);
        assert_eq!(count(each, "NAT gateway"), 2);
        assert_eq!(count("{layout: bastion}", "public IPv4 address"), 3);
        assert_eq!(count("{layout: bastion}", "bastion t3.small"), 1);
        assert_eq!(count("{}", "NAT gateway"), 0);
    }

    #[test]
    fn a_short_run_pays_the_minimum_of_each_service() {
        let cost = cost(&example("2k"));
        let of = |billing: Billing| -> f64 {
            let lines = cost.lines.iter().filter(|line| line.billing == billing);
            lines.map(|line| line.per_hour.unwrap()).sum()
        };
        let (second, ten, hour) = (
            of(Billing::Second),
            of(Billing::TenMinutes),
            of(Billing::StartedHour),
        );
        assert!((second + ten + hour - cost.per_hour).abs() < 1e-9);
        let five_minutes = second / 12.0 + ten / 6.0 + hour;
        assert!((cost.of_run(1.0 / 12.0) - five_minutes).abs() < 1e-9);
        let half = cost.of_run(2.5) - (second + ten) * 2.5 - hour * 3.0;
        assert!(half.abs() < 1e-9);
        assert!(cost.of_run(0.0) >= cost.at_least);
    }

    #[test]
    fn absent_services_cost_nothing() {
        let mut spec = example("1k");
        let with = cost(&spec);
        spec.search.nodes = 0;
        let without = cost(&spec);
        assert!(without.per_hour < with.per_hour);
        assert!(
            without
                .lines
                .iter()
                .all(|line| line.count > 0 && !line.what.contains("search data"))
        );
        assert!(without.at_least < with.at_least);
    }

    #[test]
    fn aurora_costs_its_instances_and_one_storage() {
        let mut spec = example("10k");
        let without = {
            spec.services.database.engine = DatabaseEngine::AuroraPostgresql;
            cost(&spec)
        };
        let lines: Vec<(&str, u32, f64)> = without
            .lines
            .iter()
            .filter(|line| line.what.contains("Aurora"))
            .map(|line| (line.what.as_str(), line.count, line.unit_per_hour.unwrap()))
            .collect();
        let storage = 0.10 / 730.0;
        assert_eq!(
            lines,
            [
                ("Aurora writer db.r7g.xlarge", 1, 0.553),
                ("Aurora reader db.r7g.xlarge", 1, 0.553),
                ("GiB of Aurora storage", 200, storage),
            ]
        );
        spec.services.database.io_optimized = true;
        assert!(cost(&spec).per_hour > without.per_hour + 2.0 * 0.29 * 0.553);
    }

    #[test]
    fn masters_are_paid_and_valkey_is_cheaper() {
        let mut spec = example("200k");
        let before = cost(&spec).per_hour;
        spec.services.search.masters = Some(crate::spec::Masters {
            count: 3,
            instance_type: "m7g.large.search".to_owned(),
        });
        let with_masters = cost(&spec).per_hour;
        assert!((with_masters - before - 3.0 * 0.135).abs() < 1e-9);
        spec.services.cache.engine = CacheEngine::Valkey;
        assert!((with_masters - cost(&spec).per_hour - 0.2 * 0.629).abs() < 1e-9);
    }

    #[test]
    fn a_standby_costs_as_much_as_its_writer() {
        let mut spec = example("1k");
        let single = cost(&spec).per_hour;
        spec.services.database.multi_az = true;
        let prices = Prices::of(&spec.region);
        let writer = prices.database(&spec.database.instance_type).unwrap();
        let storage = f64::from(spec.database.storage_gib) * 0.115 / 730.0;
        let expected = single + writer.per_hour + storage;
        assert!((cost(&spec).per_hour - expected).abs() < 1e-9);
    }

    #[test]
    fn each_region_has_its_own_prices_and_says_what_it_lacks() {
        let mut spec = example("2k");
        let home = cost(&spec);
        assert_eq!((home.region_note, home.unpriced), (None, vec![]));
        spec.region = "eu-central-1".to_owned();
        let there = cost(&spec);
        assert_eq!((&there.region_note, &there.unpriced), (&None, &vec![]));
        // 2 c7i.large, m7i.4xlarge, c7i.large, m7i.large, c7i.xlarge; 2 db.r7g.large;
        // 2 r6g.xlarge.search; 6 addresses; disks, database and search storage by the month.
        let hosts = 2.0 * 0.10185 + 0.966 + 0.10185 + 0.12075 + 0.2037 + 6.0 * 0.005;
        let services = 2.0 * 0.291 + 2.0 * 0.404;
        let disks = f64::from(2 * 50 + 50 + 20 + 100 + 50) * 0.0952;
        let storage = disks + f64::from(2 * 100) * 0.137 + f64::from(2 * 100) * 0.1452;
        let expected = hosts + services + storage / 730.0;
        assert!(
            (there.per_hour - expected).abs() < 1e-9,
            "{}",
            there.per_hour
        );
        assert_eq!(there.days(), "2024-07-18 to 2025-11-04");
    }

    #[test]
    fn what_has_no_price_is_named_and_not_summed() {
        let mut spec = example("1k");
        // No seventh generation there.
        spec.region = "eu-south-1".to_owned();
        let cost = cost(&spec);
        assert!(
            cost.unpriced
                .contains(&"database writer db.r7g.large".to_owned())
        );
        let note = cost.region_note.unwrap();
        assert!(note.contains("`database writer db.r7g.large`"), "{note}");
        let without = cost.lines.iter().filter(|line| line.per_hour.is_none());
        assert_eq!(without.count(), cost.unpriced.len());
        assert!(cost.per_hour > 0.2);
    }

    #[test]
    fn a_region_without_prices_and_the_local_cloud_say_so() {
        let mut spec = example("1k");
        spec.region = "eu-north-7".to_owned();
        let nowhere = cost(&spec);
        assert_eq!(nowhere.lines.len(), nowhere.unpriced.len());
        assert_eq!(
            nowhere.region_note.as_deref(),
            Some("no prices of eu-north-7 are known: the cost is not estimated")
        );
        spec.cloud = CloudTarget::Local;
        let note = cost(&spec).region_note.unwrap();
        assert!(note.contains("costs nothing"), "{note}");
    }
}
