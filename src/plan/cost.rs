//! What an environment costs by the hour and by the month.
//!
//! An estimate from a dated table of on-demand prices: no discounts, no tax, no traffic,
//! no requests, no files.

use serde::Serialize;

use crate::spec::{Catalog, CloudTarget, Role, Spec, catalog};

/// What an environment costs. US dollars before tax.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// Per hour.
    pub per_hour: f64,
    /// Per month of 730 hours.
    pub per_month: f64,
    /// The least that a rig costs, however soon it is taken down again.
    pub at_least: f64,
    /// What it is made of.
    pub lines: Vec<CostLine>,
    /// Day of the price table, `YYYY-MM-DD`.
    pub priced_on: String,
    /// What to know when the region is not the one that the prices are of, or when nothing
    /// is billed at all.
    pub region_note: Option<String>,
    /// How AWS bills short lives, and what is not counted.
    pub notes: Vec<String>,
}

/// One kind of thing that costs money.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CostLine {
    /// What, for example `app c7i.xlarge`.
    pub what: String,
    /// How many; GiB for storage.
    pub count: u32,
    /// US dollars per piece and hour.
    pub unit_per_hour: f64,
    /// US dollars per hour.
    pub per_hour: f64,
}

/// How AWS bills the first minutes of a thing.
#[derive(Clone, Copy)]
enum Billing {
    /// By the second, with a minimum so short that it is left out.
    Second,
    /// RDS: by the second, at least ten minutes.
    TenMinutes,
    /// OpenSearch Service and ElastiCache: every started hour in full.
    StartedHour,
}

impl Billing {
    /// The least that is billed, in hours.
    fn least(self) -> f64 {
        match self {
            Billing::Second => 0.0,
            Billing::TenMinutes => 1.0 / 6.0,
            Billing::StartedHour => 1.0,
        }
    }
}

/// Prices an environment.
#[must_use]
pub fn cost(spec: &Spec) -> Cost {
    let catalog = catalog();
    let mut bill = Bill::default();
    hosts(spec, catalog, &mut bill);
    database(spec, catalog, &mut bill);
    search(spec, catalog, &mut bill);
    let cache = &spec.cache;
    let node = catalog.elasticache.get(&cache.instance_type);
    bill.add(
        format!("cache {}", cache.instance_type),
        cache.nodes,
        node.map_or(0.0, |node| node.per_hour),
        Billing::StartedHour,
    );

    let per_hour = bill.lines.iter().map(|line| line.per_hour).sum::<f64>();
    Cost {
        per_hour,
        per_month: per_hour * catalog.hours_per_month,
        at_least: bill.at_least,
        lines: bill.lines,
        priced_on: catalog.dated.clone(),
        region_note: region_note(spec, catalog),
        notes: notes(spec),
    }
}

#[derive(Default)]
struct Bill {
    lines: Vec<CostLine>,
    at_least: f64,
}

impl Bill {
    fn add(&mut self, what: String, count: u32, unit_per_hour: f64, billing: Billing) {
        if count == 0 {
            return;
        }
        let per_hour = unit_per_hour * f64::from(count);
        self.at_least += per_hour * billing.least();
        self.lines.push(CostLine {
            what,
            count,
            unit_per_hour,
            per_hour,
        });
    }
}

fn hosts(spec: &Spec, catalog: &Catalog, bill: &mut Bill) {
    let mut disks = 0;
    let mut count = 0;
    for role in Role::ALL {
        let Some(group) = spec.nodes.get(&role) else { continue };
        let kind = catalog.ec2.get(&group.instance_type);
        bill.add(
            format!("{role} {}", group.instance_type),
            group.count,
            kind.map_or(0.0, |kind| kind.per_hour),
            Billing::Second,
        );
        disks += group.count * group.disk_gib;
        count += group.count;
    }
    let gib_hour = catalog.storage.ebs_gp3_gib_month / catalog.hours_per_month;
    bill.add("GiB of root volumes (gp3)".to_owned(), disks, gib_hour, Billing::Second);
    // Hosts stand in public subnets whichever address operators use: that is their way out
    // to packages without a NAT gateway, which would cost more.
    let address = catalog.network.public_ipv4_hour;
    bill.add("public IPv4 address".to_owned(), count, address, Billing::Second);
}

fn database(spec: &Spec, catalog: &Catalog, bill: &mut Bill) {
    let database = &spec.database;
    let class = catalog.rds.get(&database.instance_type);
    let unit = class.map_or(0.0, |class| class.per_hour);
    let name = &database.instance_type;
    bill.add(format!("database writer {name}"), 1, unit, Billing::TenMinutes);
    bill.add(
        format!("database reader {name}"),
        database.readers,
        unit,
        Billing::TenMinutes,
    );
    let gib = database.storage_gib.saturating_mul(1 + database.readers);
    let gib_hour = catalog.storage.rds_gp3_gib_month / catalog.hours_per_month;
    bill.add("GiB of database storage (gp3)".to_owned(), gib, gib_hour, Billing::Second);
}

fn search(spec: &Spec, catalog: &Catalog, bill: &mut Bill) {
    let search = &spec.search;
    let node = catalog.opensearch.get(&search.instance_type);
    bill.add(
        format!("search data node {}", search.instance_type),
        search.nodes,
        node.map_or(0.0, |node| node.per_hour),
        Billing::StartedHour,
    );
    let gib = search.storage_gib.saturating_mul(search.nodes);
    let gib_hour = catalog.storage.opensearch_gp3_gib_month / catalog.hours_per_month;
    bill.add("GiB of search storage (gp3)".to_owned(), gib, gib_hour, Billing::Second);
}

fn region_note(spec: &Spec, catalog: &Catalog) -> Option<String> {
    if spec.cloud == CloudTarget::Local {
        return Some("the local cloud costs nothing; this is what the same rig costs on AWS".to_owned());
    }
    (spec.region != catalog.region).then(|| {
        format!(
            "prices are those of {}: an estimate for {}",
            catalog.region, spec.region
        )
    })
}

fn notes(spec: &Spec) -> Vec<String> {
    let mut notes = Vec::new();
    if spec.search.nodes > 0 || spec.cache.nodes > 0 {
        notes.push("OpenSearch Service and ElastiCache bill every started hour in full".to_owned());
    }
    notes.push("RDS bills at least ten minutes for each create, change or start".to_owned());
    if spec.nodes.values().any(|g| g.count > 0 && g.instance_type.starts_with("t3.")) {
        notes.push("t3 hosts bill CPU above their baseline, and slow down results".to_owned());
    }
    notes.push("not counted: traffic, S3, backups, tax and discounts".to_owned());
    notes
}
