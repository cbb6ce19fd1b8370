//! The lines of a cost estimate, and how AWS bills the first minutes of a thing.

use serde::Serialize;

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
    /// How its first minutes are billed.
    pub billing: Billing,
}

/// How AWS bills the first minutes of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Billing {
    /// By the second. EC2 bills at least one minute (EC2 User Guide, "On-Demand Instances").
    Second,
    /// RDS: by the second, at least ten minutes.
    TenMinutes,
    /// OpenSearch Service and ElastiCache: every started hour in full.
    StartedHour,
}

impl Billing {
    /// The least that is billed, in hours.
    pub(super) fn least(self) -> f64 {
        match self {
            Billing::Second => 0.0,
            Billing::TenMinutes => 1.0 / 6.0,
            Billing::StartedHour => 1.0,
        }
    }

    /// What is billed for a life of so many hours, in hours.
    pub(super) fn billed(self, hours: f64) -> f64 {
        match self {
            Billing::Second => hours.max(1.0 / 60.0),
            Billing::TenMinutes => hours.max(self.least()),
            Billing::StartedHour => hours.ceil().max(self.least()),
        }
    }
}

/// The lines of an estimate while it is put together.
#[derive(Default)]
pub(super) struct Bill {
    pub(super) lines: Vec<CostLine>,
    pub(super) at_least: f64,
}

impl Bill {
    pub(super) fn add(&mut self, what: String, count: u32, unit_per_hour: f64, billing: Billing) {
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
            billing,
        });
    }
}
