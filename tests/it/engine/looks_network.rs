//! The in-memory cloud looks at networks and hosts, call by call as in `src/aws`.

use loadrig::blueprint::{Address, Kind};
use loadrig::engine::{CloudError, Observed};

use super::account::{RuleRow, Texts, Thing};
use super::judge::{Judge, address_of, line, observed, tell};
use super::looks::{Many, instance, nat, simple};
use super::memory::Memory;

impl Memory {
    pub(super) async fn raw(
        &self,
        operation: &'static str,
        sort: &'static str,
        environment: &str,
        address: Option<String>,
        id: Option<&str>,
    ) -> Result<Vec<Thing>, CloudError> {
        let (environment, id) = (environment.to_owned(), id.map(str::to_owned));
        self.wire
            .call(operation, sort, move |a| {
                Ok(a.describe(sort, &environment, address.as_deref(), id.as_deref()))
            })
            .await
    }

    pub(super) async fn vpcs(
        &self,
        environment: &str,
        address: Option<String>,
        id: Option<&str>,
    ) -> Many {
        let found = self
            .raw("ec2:DescribeVpcs", "vpc", environment, address, id)
            .await?;
        let mut list = Vec::new();
        for vpc in found {
            let id = vpc.id.clone();
            let names = self
                .wire
                .call("ec2:DescribeVpcAttribute", &vpc.id, move |a| {
                    let vpc = a.known("vpc", &id, "InvalidVpcID.NotFound")?;
                    Ok(vpc.attr("dns_hostnames").to_owned())
                })
                .await
                .or_gone()?;
            list.extend(
                simple(&vpc, environment, Kind::Vpc, &["cidr"]).map(|mut seen| {
                    if let Some(names) = names {
                        tell(&mut seen, "dns_hostnames", &names);
                    }
                    seen
                }),
            );
        }
        Ok(list)
    }

    pub(super) async fn gateways(
        &self,
        environment: &str,
        address: Option<String>,
        id: Option<&str>,
    ) -> Many {
        let found = self
            .raw(
                "ec2:DescribeInternetGateways",
                "igw",
                environment,
                address,
                id,
            )
            .await?;
        let list = found.iter().filter_map(|gateway| {
            let mut seen = simple(gateway, environment, Kind::InternetGateway, &["vpc"])?;
            let attached = seen.value("vpc").is_some();
            tell(&mut seen, "attached", &attached.to_string());
            Some(seen)
        });
        Ok(list.collect())
    }

    pub(super) async fn subnets(
        &self,
        environment: &str,
        address: Option<String>,
        id: Option<&str>,
    ) -> Many {
        let found = self
            .raw("ec2:DescribeSubnets", "subnet", environment, address, id)
            .await?;
        let keys = ["cidr", "zone", "public_addresses", "vpc"];
        Ok(found
            .iter()
            .filter_map(|subnet| simple(subnet, environment, Kind::Subnet, &keys))
            .collect())
    }

    pub(super) async fn route_tables(
        &self,
        environment: &str,
        address: Option<String>,
        id: Option<&str>,
    ) -> Many {
        let (name, id) = (environment.to_owned(), id.map(str::to_owned));
        let tables = self.wire.call("ec2:DescribeRouteTables", "", move |a| {
            let found = a.describe("route-table", &name, address.as_deref(), id.as_deref());
            Ok(found
                .into_iter()
                .map(|table| {
                    let with = a.associations(&table.id);
                    let route = table.attr("route").to_owned();
                    let nat = a.living("nat", &route).map(|nat| nat.tags.clone());
                    let active = match nat.and_then(|tags| address_of(&tags, &name)) {
                        Some(nat) => nat.to_string(),
                        None if a.living("igw", &route).is_some() => {
                            Address::internet_gateway().to_string()
                        }
                        None => "none".to_owned(),
                    };
                    (table, with, active)
                })
                .collect::<Vec<_>>())
        });
        let (tables, subnets, _) = futures::try_join!(
            tables,
            self.subnets(environment, None, None),
            self.nat_gateways(environment, None),
        )?;
        let list = tables.iter().filter_map(|(table, with, active)| {
            let mut seen = simple(table, environment, Kind::RouteTable, &["vpc"])?;
            let mut addresses: Vec<&str> = with
                .iter()
                .filter_map(|(_, id)| subnets.iter().find(|subnet| subnet.id == *id))
                .map(|subnet| subnet.address.as_str())
                .collect();
            addresses.sort_unstable();
            tell(&mut seen, "default_route", active);
            tell(&mut seen, "subnets", &addresses.join(" "));
            Some(seen)
        });
        Ok(list.collect())
    }

    pub(super) async fn elastic_addresses(
        &self,
        environment: &str,
        address: Option<String>,
        id: Option<&str>,
    ) -> Many {
        let found = self
            .raw("ec2:DescribeAddresses", "eip", environment, address, id)
            .await?;
        let list = found.iter();
        Ok(list
            .filter_map(|one| simple(one, environment, Kind::ElasticAddress, &[]))
            .collect())
    }

    pub(super) async fn nat_gateways(&self, environment: &str, address: Option<String>) -> Many {
        let name = environment.to_owned();
        let describe = self.wire.call("ec2:DescribeNatGateways", "", move |a| {
            Ok((a.describe("nat", &name, address.as_deref(), None), a.now))
        });
        let (found, now) = describe.await?;
        Ok(found
            .iter()
            .filter_map(|thing| nat(thing, now, environment))
            .collect())
    }

    pub(super) async fn groups(&self, environment: &str, id: Option<&str>) -> Many {
        let found = self
            .raw(
                "ec2:DescribeSecurityGroups",
                "security-group",
                environment,
                None,
                id,
            )
            .await?;
        Ok(found
            .iter()
            .filter_map(|group| simple(group, environment, Kind::SecurityGroup, &["vpc"]))
            .collect())
    }

    pub(super) async fn groups_by_id(&self, environment: &str) -> Result<Texts, CloudError> {
        let groups = self.groups(environment, None).await?;
        Ok(groups
            .into_iter()
            .map(|group| (group.id, group.address.to_string()))
            .collect())
    }

    pub(super) async fn rows(&self, groups: &[String]) -> Result<Vec<RuleRow>, CloudError> {
        if groups.is_empty() {
            return Ok(vec![]);
        }
        let groups = groups.to_vec();
        self.wire
            .call("ec2:DescribeSecurityGroupRules", "", move |a| {
                Ok(a.rules_of(&groups))
            })
            .await
    }

    pub(super) async fn rules(&self, groups: &[Observed]) -> Many {
        let ids: Vec<String> = groups.iter().map(|group| group.id.clone()).collect();
        let names: Texts = groups
            .iter()
            .map(|group| (group.id.clone(), group.address.to_string()))
            .collect();
        let rows = self.rows(&ids).await?;
        Ok(groups
            .iter()
            .filter_map(|group| {
                let name = group.address.as_str().strip_prefix("security-group/")?;
                let mut lines: Vec<String> = rows
                    .iter()
                    .filter(|row| row.group == group.id)
                    .map(|row| line(row, &names))
                    .collect();
                lines.sort();
                let address = Address::parse(&format!("security-rules/{name}"));
                let lines = lines.join("\n");
                Some(observed(
                    &address,
                    Kind::SecurityRules,
                    &group.id,
                    &[("rules", &lines)],
                ))
            })
            .collect())
    }

    pub(super) async fn instances(&self, environment: &str, address: Option<String>) -> Many {
        let (name, at) = (environment.to_owned(), address.clone());
        let instances = self.wire.call("ec2:DescribeInstances", "", move |a| {
            Ok((a.describe("instance", &name, at.as_deref(), None), a.now))
        });
        let name = environment.to_owned();
        let volumes = self.wire.call("ec2:DescribeVolumes", "", move |a| {
            Ok(a.describe("volume", &name, address.as_deref(), None))
        });
        let ((instances, now), volumes) = futures::try_join!(instances, volumes)?;
        Ok(instances
            .iter()
            .filter_map(|thing| {
                let disk = volumes.iter().find(|volume| volume.attr("of") == thing.id);
                instance(thing, now, disk.map(|disk| disk.attr("size")), environment)
            })
            .collect())
    }
}
