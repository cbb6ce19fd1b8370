//! The lines of a cost estimate.

use serde::Serialize;

use crate::blueprint::kinds::{Billing, Charge, Priced};
use crate::blueprint::{Address, Attributes, Kind, UnreadableAttribute};
use crate::spec::Prices;

/// One kind of thing that costs money.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CostLine {
    /// What, for example `app c7i.xlarge`.
    pub what: String,
    /// How many; GiB for storage.
    pub count: u32,
    /// US dollars per piece and hour; nothing where the price is not known.
    pub unit_per_hour: Option<f64>,
    /// US dollars per hour.
    pub per_hour: Option<f64>,
    /// Which of the estimate's sources the price is from.
    pub source: Option<String>,
    /// How its first minutes are billed.
    pub billing: Billing,
}

impl CostLine {
    fn of(charge: &Charge) -> Self {
        Self {
            what: charge.what.clone(),
            count: 0,
            unit_per_hour: charge.unit.as_ref().map(|price| price.per_hour),
            per_hour: None,
            source: charge.unit.as_ref().map(|price| price.source.clone()),
            billing: charge.billing,
        }
    }
}

/// What resources are billed for.
///
/// # Errors
/// When a size cannot be read.
pub(super) fn charges<'a>(
    resources: impl Iterator<Item = (&'a Address, Kind, &'a Attributes)> + Clone,
    prices: &Prices,
) -> Result<Vec<Charge>, UnreadableAttribute> {
    let cluster = resources
        .clone()
        .find(|(_, kind, _)| *kind == Kind::DatabaseCluster)
        .map(|(_, _, attributes)| attributes);
    let mut all = Vec::new();
    for (address, kind, attributes) in resources {
        let priced = Priced {
            address,
            attributes,
            cluster,
        };
        let charges = (kind.info().charges)(priced, prices);
        all.extend(charges.map_err(|error| error.of(address))?);
    }
    Ok(all)
}

/// Adds charges up, those of one name to one line, and leaves out what there is none of.
pub(super) fn lines(charges: impl IntoIterator<Item = Charge>) -> Vec<CostLine> {
    let mut lines: Vec<CostLine> = Vec::new();
    for charge in charges {
        let count = charge.count.round() as u32;
        if count == 0 {
            continue;
        }
        let known = lines.iter().position(|line| line.what == charge.what);
        let at = known.unwrap_or_else(|| {
            lines.push(CostLine::of(&charge));
            lines.len() - 1
        });
        let line = &mut lines[at];
        line.count += count;
        line.per_hour = line.unit_per_hour.map(|unit| unit * f64::from(line.count));
    }
    lines
}
