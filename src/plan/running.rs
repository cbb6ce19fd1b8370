//! What the resources that exist cost by the hour.

use crate::blueprint::UnreadableAttribute;
use crate::spec::catalog;

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
    let mut prices = running.map(|resource| {
        let price = resource.kind.info().price_per_hour;
        price(&resource.attributes, catalog()).map_err(|error| error.of(&resource.address))
    });
    // The sum of nothing is minus zero.
    prices.try_fold(0.0, |sum, price| Ok(sum + price?))
}

#[cfg(test)]
mod tests {
    use crate::blueprint::{Address, AttributeValue, Kind, blueprint};
    use crate::plan::{Observed, State, cost};
    use crate::spec::Library;

    use super::*;

    #[test]
    fn running_cost_equals_planned_cost() {
        for size in ["1k", "10k", "50k", "200k"] {
            let library = Library::new(Some("no-such-directory".into()));
            let spec = library.architecture(size).unwrap().example();
            let resources = blueprint(&spec, &[])
                .resources()
                .map(|(address, desired)| Observed {
                    address: address.clone(),
                    kind: desired.kind(),
                    id: "id".to_owned(),
                    state: State::Ready,
                    status: String::new(),
                    attributes: {
                        let mut all = desired.attributes();
                        if desired.kind() == Kind::Instance {
                            all.insert("public_ip", "203.0.113.1");
                        }
                        all
                    },
                })
                .collect();
            let now = running_cost(&Snapshot { resources }).unwrap();
            let planned = cost(&spec).per_hour;
            assert!((now - planned).abs() < 1e-6, "{size}: {now} {planned}");
        }
    }

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
}
