//! What the resources that exist cost by the hour.

use serde::Serialize;

use crate::blueprint::UnreadableAttribute;
use crate::blueprint::kinds::Charge;
use crate::spec::Prices;

use super::bill::{charges, lines};
use super::snapshot::Snapshot;

/// What resources cost at list prices.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RunningCost {
    /// US dollars per hour, of all that has a known price.
    pub per_hour: f64,
    /// What has none.
    pub unpriced: Vec<String>,
}

impl RunningCost {
    /// The sum as text, such as `$3.45`, or `at least $3.45` where something has no price.
    #[must_use]
    pub fn text(&self) -> String {
        let bound = at_least(&self.unpriced);
        format!("{bound}${:.2}", self.per_hour)
    }

    /// What is missing from the sum, if anything is.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        missing_prices(&self.unpriced)
    }
}

/// What stands before a sum that some things are missing from.
#[must_use]
pub fn at_least(unpriced: &[String]) -> &'static str {
    if unpriced.is_empty() { "" } else { "at least " }
}

/// Which prices a sum is without, if it is without any.
#[must_use]
pub fn missing_prices(unpriced: &[String]) -> Option<String> {
    let names: Vec<String> = unpriced.iter().map(|what| format!("`{what}`")).collect();
    (!names.is_empty()).then(|| format!("no price is known for {}", names.join(", ")))
}

/// What a snapshot's resources cost in a region, at list prices.
///
/// Priced by the attributes of each resource; one whose size is not reported counts for nothing,
/// so this is a lower bound.
///
/// # Errors
/// When a reported size cannot be read.
pub fn running_cost(snapshot: &Snapshot, region: &str) -> Result<RunningCost, UnreadableAttribute> {
    let running = snapshot.resources.iter().filter(|r| !r.state.is_leaving());
    let running = running.map(|one| (&one.address, one.kind, &one.attributes));
    let charges = charges(running, Prices::of(region))?;
    let unpriced = charges.iter().filter(|charge| charge.unit.is_none());
    let unpriced = lines(unpriced.cloned()).into_iter().map(|line| line.what);
    let add =
        |sum, one: &Charge| sum + one.count * one.unit.as_ref().map_or(0.0, |price| price.per_hour);
    Ok(RunningCost {
        unpriced: unpriced.collect(),
        // The sum of nothing is minus zero.
        per_hour: charges.iter().fold(0.0, add),
    })
}

#[cfg(test)]
mod tests {
    use crate::blueprint::{Address, AttributeValue, DatabaseRole, Kind};
    use crate::plan::{Observed, State};

    use super::*;

    #[test]
    fn a_size_that_cannot_be_read_is_an_error_and_not_free() {
        let disk = AttributeValue::from("much");
        let resources = vec![Observed {
            address: Address::parse("instance/app-1"),
            kind: Kind::Instance,
            id: "i-1".to_owned(),
            state: State::Ready,
            status: String::new(),
            attributes: [("disk_gib", disk)].into_iter().collect(),
        }];
        let error = running_cost(&Snapshot { resources }, "us-east-1").unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read `disk_gib` of `instance/app-1`: `much` is not a number"
        );
    }

    #[test]
    fn instances_of_a_cluster_cost_more_where_input_and_output_is_not_billed() {
        let observed = |address: Address, kind, attributes| Observed {
            address,
            kind,
            id: "id".to_owned(),
            state: State::Ready,
            status: String::new(),
            attributes,
        };
        let cost = |optimized: bool| {
            let cluster = [("io_optimized", AttributeValue::from(optimized))];
            let instance = [
                ("engine", AttributeValue::from("aurora-postgresql")),
                ("class", AttributeValue::from("db.r7g.xlarge")),
            ];
            let resources = vec![
                observed(
                    Address::database_cluster(),
                    Kind::DatabaseCluster,
                    cluster.into_iter().collect(),
                ),
                observed(
                    Address::database(DatabaseRole::Writer),
                    Kind::Database,
                    instance.into_iter().collect(),
                ),
            ];
            running_cost(&Snapshot { resources }, "us-east-1")
                .unwrap()
                .per_hour
        };
        assert!((cost(false) - 0.553).abs() < 1e-9);
        assert!((cost(true) - 1.3 * 0.553).abs() < 1e-9);
    }

    #[test]
    fn what_has_no_price_in_a_region_is_named_and_not_free() {
        let balancer = Observed {
            address: Address::load_balancer(),
            kind: Kind::LoadBalancer,
            id: "arn".to_owned(),
            state: State::Ready,
            status: String::new(),
            attributes: [("scheme", AttributeValue::from("internal"))]
                .into_iter()
                .collect(),
        };
        let snapshot = Snapshot {
            resources: vec![balancer],
        };
        let known = running_cost(&snapshot, "us-east-1").unwrap();
        assert_eq!(known.text(), "$0.02");
        let unknown = running_cost(&snapshot, "eu-central-1").unwrap();
        assert_eq!(unknown.unpriced, ["application load balancer"]);
        assert_eq!(unknown.text(), "at least $0.00");
        assert_eq!(
            unknown.missing().unwrap(),
            "no price is known for `application load balancer`"
        );
        assert_eq!(known.missing(), None);
    }
}
