//! What a resource is billed for.

use serde::Serialize;

use super::super::{Address, Attributes, UnreadableAttribute};
use crate::spec::{Price, PricedItem, Prices};

/// One thing that a resource is billed for, at list prices.
#[derive(Clone, Debug, PartialEq)]
pub struct Charge {
    /// What, for example `app c7i.xlarge`. Charges of one name are one line of an estimate.
    pub what: String,
    /// How many; GiB for storage.
    pub count: f64,
    /// What each costs; nothing where its price is not known.
    pub unit: Option<Price>,
    /// How its first minutes are billed.
    pub billing: Billing,
}

impl Charge {
    /// A charge for `count` of something, billed by the second.
    pub(super) fn new(what: impl Into<String>, count: f64, unit: Option<Price>) -> Self {
        Self {
            what: what.into(),
            count,
            unit,
            billing: Billing::Second,
        }
    }

    /// The same, billed in another way.
    pub(super) fn billed(mut self, billing: Billing) -> Self {
        self.billing = billing;
        self
    }

    /// One public IPv4 address (Amazon VPC pricing: in use or idle).
    pub(super) fn public_address(count: f64, prices: &Prices) -> Self {
        Self::new(
            "public IPv4 address",
            count,
            prices.item(PricedItem::PublicIpv4),
        )
    }
}

/// A resource that is to be priced.
#[derive(Clone, Copy, Debug)]
pub struct Priced<'a> {
    /// Its address: which role a host or a database has.
    pub address: &'a Address,
    /// What it is like. A size that is not reported counts for nothing.
    pub attributes: &'a Attributes,
    /// The attributes of the database cluster, on which the price of its instances depends.
    pub cluster: Option<&'a Attributes>,
}

/// What a resource is billed for.
pub type Charges = fn(Priced<'_>, &Prices) -> Result<Vec<Charge>, UnreadableAttribute>;

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
    pub(crate) fn least(self) -> f64 {
        match self {
            Billing::Second => 0.0,
            Billing::TenMinutes => 1.0 / 6.0,
            Billing::StartedHour => 1.0,
        }
    }

    /// What is billed for a life of so many hours, in hours.
    pub(crate) fn billed(self, hours: f64) -> f64 {
        match self {
            Billing::Second => hours.max(1.0 / 60.0),
            Billing::TenMinutes => hours.max(self.least()),
            Billing::StartedHour => hours.ceil().max(self.least()),
        }
    }
}
