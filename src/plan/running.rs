//! What the resources that exist cost by the hour.

use crate::blueprint::Kind;
use crate::spec::catalog;

use super::snapshot::{Observed, Snapshot};

/// What a snapshot's resources cost, US dollars per hour at list prices.
///
/// Priced by what each resource says of itself; one that does not tell its size counts for
/// nothing, so this is the least.
#[must_use]
pub fn running_cost(snapshot: &Snapshot) -> f64 {
    snapshot
        .resources
        .iter()
        .filter(|resource| !resource.state.is_leaving())
        .map(price)
        // The sum of nothing is minus zero.
        .fold(0.0, |sum, price| sum + price)
}

fn price(resource: &Observed) -> f64 {
    let catalog = catalog();
    let number = |key: &str| {
        let text = resource.get(key).unwrap_or_default();
        text.parse::<f64>().unwrap_or(0.0)
    };
    let named = |key: &str| resource.get(key).unwrap_or_default();
    let by_month = |price: f64| price / catalog.hours_per_month;
    let storage = &catalog.storage;
    match resource.kind {
        Kind::Instance => {
            let host = catalog.ec2.get(named("instance_type"));
            let address = match resource.get("public_ip") {
                Some(_) => catalog.network.public_ipv4_hour,
                None => 0.0,
            };
            host.map_or(0.0, |kind| kind.per_hour)
                + number("disk_gib") * by_month(storage.ebs_gp3_gib_month)
                + address
        }
        Kind::Database => {
            if !named("cluster").is_empty() {
                // Its storage is the cluster's, which does not tell how much is in it.
                let class = catalog.aurora.get(named("class"));
                return class.map_or(0.0, |kind| kind.per_hour);
            }
            let class = catalog.rds.get(named("class"));
            // A standby costs what the writer costs.
            let copies = if named("multi_az") == "true" {
                2.0
            } else {
                1.0
            };
            let gib = number("storage_gib") * by_month(storage.rds_gp3_gib_month);
            copies * (class.map_or(0.0, |kind| kind.per_hour) + gib)
        }
        Kind::Search => {
            let node = catalog.opensearch.get(named("instance_type"));
            let gib = number("storage_gib") * by_month(storage.opensearch_gp3_gib_month);
            let masters = named("masters").split_once(' ').map_or(0.0, |(count, kind)| {
                let node = catalog.opensearch.get(kind);
                count.parse().unwrap_or(0.0) * node.map_or(0.0, |kind| kind.per_hour)
            });
            number("nodes") * (node.map_or(0.0, |kind| kind.per_hour) + gib) + masters
        }
        Kind::Cache => {
            let node = catalog.elasticache.get(named("instance_type"));
            let share = match named("engine") {
                "valkey" => catalog.valkey,
                _ => 1.0,
            };
            number("nodes") * node.map_or(0.0, |kind| kind.per_hour) * share
        }
        Kind::NatGateway => catalog.network.nat_gateway_hour,
        Kind::ElasticAddress => catalog.network.public_ipv4_hour,
        Kind::LoadBalancer => {
            let zones = named("subnets").split_whitespace().count();
            let public = if named("scheme") == "public" {
                f64::from(u32::try_from(zones).unwrap_or(0)) * catalog.network.public_ipv4_hour
            } else {
                0.0
            };
            catalog.network.alb_hour + public
        }
        Kind::Zone => by_month(catalog.network.private_zone_month),
        // What costs nothing by the hour.
        Kind::Vpc
        | Kind::Adopted
        | Kind::Endpoint
        | Kind::Listener
        | Kind::TargetGroup
        | Kind::Targets
        | Kind::Records
        | Kind::InternetGateway
        | Kind::Subnet
        | Kind::RouteTable
        | Kind::SecurityGroup
        | Kind::SecurityRules
        | Kind::Seed
        | Kind::KeyPair
        | Kind::Role
        | Kind::InstanceProfile
        | Kind::Bucket
        | Kind::DatabaseSubnets
        | Kind::DatabaseParameters
        // Its instances are billed; its storage by what is in it, which it does not tell.
        | Kind::DatabaseCluster
        | Kind::DatabaseClusterParameters
        | Kind::CacheSubnets => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use crate::blueprint::blueprint;
    use crate::plan::{State, cost};
    use crate::spec::Library;

    use super::*;

    #[test]
    fn a_rig_as_planned_costs_what_its_plan_says() {
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
                            all.insert("public_ip".to_owned(), "203.0.113.1".to_owned());
                        }
                        all
                    },
                })
                .collect();
            let now = running_cost(&Snapshot { resources });
            let planned = cost(&spec).per_hour;
            assert!((now - planned).abs() < 1e-6, "{size}: {now} {planned}");
        }
    }
}
