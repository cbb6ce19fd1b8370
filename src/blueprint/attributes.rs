//! What is compared between a resource as it should be and as it is.

use std::collections::BTreeMap;

use super::{Address, Adoptee, Desired, Rule, SubnetTier, parameter_lines};

impl Desired {
    /// The attributes that are compared with what exists, as text.
    ///
    /// `aws` reports the same keys with the same spelling; keys that it does not report
    /// are not compared. What takes more than one call to make has an attribute for the
    /// rest of its calls, so that a resource that was left half-made shows as changed.
    #[must_use]
    pub fn attributes(&self) -> BTreeMap<String, String> {
        let pairs: Vec<(&str, String)> = match self {
            Desired::Vpc { cidr } => vec![
                ("cidr", cidr.to_string()),
                ("dns_hostnames", true.to_string()),
            ],
            Desired::InternetGateway => vec![("attached", true.to_string())],
            Desired::Subnet { tier, cidr, .. } => vec![
                ("cidr", cidr.to_string()),
                (
                    "public_addresses",
                    (*tier == SubnetTier::Public).to_string(),
                ),
            ],
            Desired::RouteTable { subnets, gateway } => vec![
                ("default_route", gateway.to_string()),
                ("subnets", sorted(subnets)),
            ],
            Desired::Adopted { what, id, vpc } => match what {
                Adoptee::Vpc => vec![("id", id.clone()), ("dns_support", true.to_string())],
                Adoptee::PublicSubnet | Adoptee::PrivateSubnet => vec![
                    ("id", id.clone()),
                    ("vpc", vpc.clone()),
                    ("own_zone", true.to_string()),
                ],
            },
            Desired::Endpoint { tables } => vec![("tables", sorted(tables))],
            Desired::LoadBalancer {
                scheme,
                subnets,
                group,
                idle_timeout,
            } => vec![
                ("scheme", scheme.as_str().to_owned()),
                ("subnets", sorted(subnets)),
                ("group", group.to_string()),
                ("idle_timeout", idle_timeout.to_string()),
            ],
            Desired::Listener {
                target_group,
                port,
                certificate,
                ..
            } => vec![
                ("port", port.to_string()),
                (
                    "certificate",
                    certificate.clone().unwrap_or("none".to_owned()),
                ),
                ("target_group", target_group.to_string()),
            ],
            Desired::TargetGroup {
                health_path,
                drain_seconds,
                ..
            } => vec![
                ("health_path", health_path.clone()),
                ("sticky", false.to_string()),
                ("drain_seconds", drain_seconds.to_string()),
            ],
            Desired::Targets { instances, .. } => vec![("targets", sorted(instances))],
            Desired::Zone => vec![("tagged", true.to_string())],
            Desired::Records { names, .. } => {
                let mut lines: Vec<String> = names
                    .iter()
                    .map(|(name, target)| format!("{name} {target}"))
                    .collect();
                lines.sort();
                vec![("names", lines.join("\n"))]
            }
            Desired::SecurityRules { rules, .. } => {
                let mut lines: Vec<String> = rules.iter().map(Rule::to_string).collect();
                lines.sort();
                vec![("rules", lines.join("\n"))]
            }
            Desired::DatabaseParameters {
                family, parameters, ..
            }
            | Desired::DatabaseClusterParameters { family, parameters } => vec![
                ("family", family.clone()),
                ("parameters", parameter_lines(parameters)),
            ],
            Desired::Role { bucket } => vec![
                ("policy", bucket.to_string()),
                ("other_policies", "none".to_owned()),
                ("trust", "ec2".to_owned()),
            ],
            Desired::InstanceProfile { role } => vec![("role", role.to_string())],
            Desired::Bucket {
                versioning,
                protection,
            } => vec![
                ("public_access", "blocked".to_owned()),
                ("encryption", "AES256".to_owned()),
                ("versioning", versioning.to_string()),
                ("unfinished_uploads", "removed".to_owned()),
                ("deletion_protection", protection.deletion.to_string()),
                ("keeps_files", protection.final_snapshot.to_string()),
            ],
            Desired::Database { .. } => self.database_attributes(),
            Desired::DatabaseCluster { .. } => self.cluster_attributes(),
            Desired::ClusterInstance { class, .. } => vec![
                ("engine", "aurora-postgresql".to_owned()),
                ("class", class.clone()),
                ("parameters", "in-sync".to_owned()),
                ("public_access", false.to_string()),
            ],
            Desired::Search {
                version,
                nodes,
                instance_type,
                storage_gib,
                masters,
                ..
            } => vec![
                ("version", version.clone()),
                ("nodes", nodes.to_string()),
                ("instance_type", instance_type.clone()),
                ("storage_gib", storage_gib.to_string()),
                (
                    "masters",
                    masters.as_ref().map_or("none".to_owned(), |masters| {
                        format!("{} {}", masters.count, masters.instance_type)
                    }),
                ),
            ],
            Desired::Cache {
                nodes,
                instance_type,
                engine,
                final_snapshot,
                ..
            } => vec![
                ("nodes", nodes.to_string()),
                ("instance_type", instance_type.clone()),
                ("engine", engine.as_str().to_owned()),
                ("final_snapshot", final_snapshot.to_string()),
            ],
            Desired::Instance {
                instance_type,
                disk_gib,
                subnet,
                group,
                protected,
                ..
            } => vec![
                ("instance_type", instance_type.clone()),
                ("disk_gib", disk_gib.to_string()),
                ("public_address", subnet.is_public_subnet().to_string()),
                ("deletion_protection", protected.to_string()),
                ("groups", group.to_string()),
                ("metadata_tokens", "required".to_owned()),
            ],
            Desired::ElasticAddress
            | Desired::NatGateway { .. }
            | Desired::SecurityGroup { .. }
            | Desired::Seed
            | Desired::KeyPair
            | Desired::DatabaseSubnets { .. }
            | Desired::CacheSubnets { .. } => vec![],
        };
        pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }
}

/// Addresses as one attribute, in order.
fn sorted(addresses: &[Address]) -> String {
    let mut list: Vec<&str> = addresses.iter().map(Address::as_str).collect();
    list.sort_unstable();
    list.join(" ")
}
