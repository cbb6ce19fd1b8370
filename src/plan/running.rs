//! What the resources that exist cost by the hour.

use crate::blueprint::UnreadableAttribute;
use crate::blueprint::kinds::Charge;

use super::bill::charges;
use super::snapshot::Snapshot;

/// What a snapshot's resources cost, US dollars per hour at list prices.
///
/// Priced by the attributes of each resource; one whose size is not reported counts for nothing,
/// so this is a lower bound.
///
/// # Errors
/// When a reported size cannot be read.
pub fn running_cost(snapshot: &Snapshot) -> Result<f64, UnreadableAttribute> {
    let running = snapshot.resources.iter().filter(|r| !r.state.is_leaving());
    let charges = charges(running.map(|one| (&one.address, one.kind, &one.attributes)))?;
    // The sum of nothing is minus zero.
    let add = |sum, one: &Charge| sum + one.count * one.unit_per_hour;
    Ok(charges.iter().fold(0.0, add))
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
        let error = running_cost(&Snapshot { resources }).unwrap_err();
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
            running_cost(&Snapshot { resources }).unwrap()
        };
        assert!((cost(false) - 0.553).abs() < 1e-9);
        assert!((cost(true) - 1.3 * 0.553).abs() < 1e-9);
    }
}
