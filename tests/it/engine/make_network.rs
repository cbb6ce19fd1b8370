//! The in-memory cloud makes networks, call by call as in `src/aws`.

use std::collections::{BTreeMap, BTreeSet};

use loadrig::blueprint::{Address, Kind, SubnetTier};
use loadrig::engine::{CloudError, Request, State};
use loadrig::identity::names::digest;

use super::account::RuleRow;
use super::judge::{
    Judge, Seen, address_of, at, ids, line, needed, needed_ids, observed, tags, visible,
};
use super::memory::Memory;
use super::wire::foreign;

impl Memory {
    pub(super) async fn create_vpc(&self, request: &Request<'_>, cidr: String) -> Seen {
        let look = ids(self.vpcs(request.environment, at(request), None));
        let id = match self.known(request, look).await? {
            Some(id) => id,
            None => {
                let tags = tags(request);
                self.wire
                    .call("ec2:CreateVpc", "vpc", move |a| a.create_vpc(tags, &cidr))
                    .await?
            }
        };
        self.remember(request, &id);
        self.complete_vpc(request.environment, &id).await
    }

    pub(super) async fn complete_vpc(&self, environment: &str, id: &str) -> Seen {
        for attribute in ["dns_support", "dns_hostnames"] {
            let vpc = id.to_owned();
            self.wire
                .call("ec2:ModifyVpcAttribute", id, move |a| {
                    a.modify_vpc(&vpc, attribute)
                })
                .await
                .or_soon()?;
        }
        visible(self.vpcs(environment, None, Some(id)).await?, id)
    }

    pub(super) async fn create_internet_gateway(&self, request: &Request<'_>) -> Seen {
        let look = ids(self.gateways(request.environment, at(request), None));
        let id = match self.known(request, look).await? {
            Some(id) => id,
            None => {
                let tags = tags(request);
                self.wire
                    .call("ec2:CreateInternetGateway", "", |a| a.create_gateway(tags))
                    .await?
            }
        };
        self.remember(request, &id);
        self.complete_internet_gateway(request, &id).await
    }

    pub(super) async fn complete_internet_gateway(&self, request: &Request<'_>, id: &str) -> Seen {
        let vpc = needed(request, &Address::vpc())?.id.clone();
        let gateway = id.to_owned();
        self.wire
            .call("ec2:AttachInternetGateway", id, move |a| {
                a.attach_gateway(&gateway, &vpc)
            })
            .await
            .or_done(&["Resource.AlreadyAssociated"])
            .or_soon()?;
        visible(
            self.gateways(request.environment, None, Some(id)).await?,
            id,
        )
    }

    pub(super) async fn create_subnet(
        &self,
        request: &Request<'_>,
        tier: SubnetTier,
        zone: u8,
        cidr: String,
    ) -> Seen {
        let vpc = needed(request, &Address::vpc())?.id.clone();
        let look = ids(self.subnets(request.environment, at(request), None));
        let id = match self.known(request, look).await? {
            Some(id) => id,
            None => {
                let zones = self
                    .zones
                    .get_or_try_init(|| {
                        self.wire
                            .call("ec2:DescribeAvailabilityZones", "", |a| Ok(a.zones.clone()))
                    })
                    .await?;
                let zone = zones[usize::from(zone)].clone();
                let tags = tags(request);
                self.wire
                    .call("ec2:CreateSubnet", request.address.as_str(), move |a| {
                        a.create_subnet(tags, &vpc, &zone, &cidr)
                    })
                    .await
                    .or_soon()?
            }
        };
        self.remember(request, &id);
        self.complete_subnet(request.environment, &id, tier).await
    }

    pub(super) async fn complete_subnet(
        &self,
        environment: &str,
        id: &str,
        tier: SubnetTier,
    ) -> Seen {
        let subnet = id.to_owned();
        self.wire
            .call("ec2:ModifySubnetAttribute", id, move |a| {
                a.modify_subnet(&subnet, tier == SubnetTier::Public)
            })
            .await
            .or_soon()?;
        visible(self.subnets(environment, None, Some(id)).await?, id)
    }

    pub(super) async fn create_elastic_address(&self, request: &Request<'_>) -> Seen {
        let look = ids(self.elastic_addresses(request.environment, at(request), None));
        let id = match self.known(request, look).await? {
            Some(id) => id,
            None => {
                let tags = tags(request);
                self.wire
                    .call("ec2:AllocateAddress", "", |a| a.allocate_address(tags))
                    .await?
            }
        };
        self.remember(request, &id);
        let found = self
            .elastic_addresses(request.environment, None, Some(&id))
            .await?;
        visible(found, &id)
    }

    pub(super) async fn create_nat_gateway(
        &self,
        request: &Request<'_>,
        subnet: &Address,
        address: &Address,
    ) -> Seen {
        let living = self.nat_gateways(request.environment, at(request)).await?;
        if let Some(found) = living
            .into_iter()
            .find(|found| matches!(found.state, State::Pending | State::Ready))
        {
            return Ok(found);
        }
        let subnet = needed(request, subnet)?.id.clone();
        let allocation = needed(request, address)?.id.clone();
        for attempt in 0..8_u32 {
            let attempt = attempt.to_string();
            let token = digest(&[
                request.environment,
                request.address.as_str(),
                &subnet,
                &allocation,
                &attempt,
            ]);
            let (tags, subnet, allocation) = (tags(request), subnet.clone(), allocation.clone());
            let (thing, now) = self
                .wire
                .call("ec2:CreateNatGateway", request.address.as_str(), move |a| {
                    let thing = a.create_nat(tags, &token, &subnet, &allocation)?;
                    Ok((thing, a.now))
                })
                .await
                .or_soon()?;
            let found = super::looks::nat(&thing, now, request.environment);
            let found = found.expect("a tagged gateway");
            if !found.state.is_leaving() {
                return Ok(found);
            }
        }
        panic!("eight tokens are used up");
    }

    pub(super) async fn create_route_table(
        &self,
        request: &Request<'_>,
        subnets: &[Address],
        gateway: &Address,
    ) -> Seen {
        let vpc = needed(request, &Address::vpc())?.id.clone();
        let look = async {
            let operation = "ec2:DescribeRouteTables";
            let found = self
                .raw(
                    operation,
                    "route-table",
                    request.environment,
                    at(request),
                    None,
                )
                .await?;
            Ok(found.into_iter().map(|table| table.id).collect())
        };
        let id = match self.known(request, look).await? {
            Some(id) => id,
            None => {
                let tags = tags(request);
                self.wire
                    .call("ec2:CreateRouteTable", "", move |a| {
                        a.create_route_table(tags, &vpc)
                    })
                    .await
                    .or_soon()?
            }
        };
        self.remember(request, &id);
        self.complete_route_table(request, &id, subnets, gateway)
            .await
    }

    pub(super) async fn complete_route_table(
        &self,
        request: &Request<'_>,
        id: &str,
        subnets: &[Address],
        gateway: &Address,
    ) -> Seen {
        let gateway = needed(request, gateway)?.id.clone();
        let (table, to) = (id.to_owned(), gateway.clone());
        let created = self
            .wire
            .call("ec2:CreateRoute", id, move |a| {
                a.create_route(&table, &to, false)
            })
            .await
            .or_done(&["RouteAlreadyExists"])
            .or_soon()?;
        if created.is_none() {
            let table = id.to_owned();
            self.wire
                .call("ec2:ReplaceRoute", id, move |a| {
                    a.create_route(&table, &gateway, true)
                })
                .await
                .or_soon()?;
        }
        let table = id.to_owned();
        let associated = self
            .wire
            .call("ec2:DescribeRouteTables", id, move |a| {
                Ok(a.associations(&table))
            })
            .await?;
        for subnet in needed_ids(request, subnets)? {
            if associated.iter().any(|(_, with)| *with == subnet) {
                continue;
            }
            let (table, subnet) = (id.to_owned(), subnet);
            self.wire
                .call("ec2:AssociateRouteTable", id, move |a| {
                    a.associate(&table, &subnet)
                })
                .await
                .or_done(&["Resource.AlreadyAssociated"])
                .or_soon()?;
        }
        visible(
            self.route_tables(request.environment, None, Some(id))
                .await?,
            id,
        )
    }

    pub(super) async fn create_security_group(&self, request: &Request<'_>, name: String) -> Seen {
        let vpc = needed(request, &Address::vpc())?.id.clone();
        let (tags, at, named) = (tags(request), vpc.clone(), name.clone());
        let created = self
            .wire
            .call(
                "ec2:CreateSecurityGroup",
                request.address.as_str(),
                move |a| a.create_group(tags, &at, &named),
            )
            .await
            .or_done(&["InvalidGroup.Duplicate"])
            .or_soon()?;
        if let Some(id) = created {
            return Ok(observed(request.address, Kind::SecurityGroup, &id, &[]));
        }
        let named = name.clone();
        let found = self
            .wire
            .call("ec2:DescribeSecurityGroups", &name, move |a| {
                Ok(a.listed("security-group")
                    .find(|t| t.attr("vpc") == vpc && t.attr("name") == named)
                    .cloned())
            })
            .await?;
        match found {
            None => visible(vec![], &name),
            Some(group) => match address_of(&group.tags, request.environment) {
                Some(address) => Ok(observed(&address, Kind::SecurityGroup, &group.id, &[])),
                None => Err(foreign("ec2:CreateSecurityGroup", &name)),
            },
        }
    }

    pub(super) async fn set_security_rules(
        &self,
        request: &Request<'_>,
        group: &Address,
        rules: &[loadrig::blueprint::Rule],
    ) -> Seen {
        let id = needed(request, group)?.id.clone();
        let groups = self.groups_by_id(request.environment).await?;
        let existing = self.rows(std::slice::from_ref(&id)).await?;
        let wanted: BTreeSet<String> = rules.iter().map(ToString::to_string).collect();
        let mut kept = BTreeSet::new();
        let mut surplus = Vec::new();
        for row in existing {
            let line = line(&row, &groups);
            if !wanted.contains(&line) || !kept.insert(line) {
                surplus.push(row);
            }
        }
        let mut missing = Vec::new();
        for rule in rules {
            if !kept.contains(&rule.to_string()) {
                missing.push(RuleRow {
                    group: id.clone(),
                    port: format!("{}/{}", rule.protocol.as_str(), rule.port),
                    from: match rule.from {
                        loadrig::blueprint::Peer::Range(range) => range.to_string(),
                        loadrig::blueprint::Peer::Group(peer) => {
                            needed(request, &Address::security_group(peer))?.id.clone()
                        }
                        other => panic!("{other:?} is not known in memory"),
                    },
                });
            }
        }
        if !missing.is_empty() {
            let group = id.clone();
            self.wire
                .call("ec2:AuthorizeSecurityGroupIngress", &id, move |a| {
                    a.authorize(&group, &missing)
                })
                .await
                .or_soon()?;
        }
        self.revoke(surplus).await?;
        let lines: Vec<String> = wanted.into_iter().collect();
        Ok(observed(
            request.address,
            Kind::SecurityRules,
            &id,
            &[("rules", &lines.join("\n"))],
        ))
    }

    pub(super) async fn revoke(&self, rows: Vec<RuleRow>) -> Result<(), CloudError> {
        let mut by_group: BTreeMap<String, Vec<RuleRow>> = BTreeMap::new();
        for row in rows {
            by_group.entry(row.group.clone()).or_default().push(row);
        }
        for (group, rows) in by_group {
            let id = group.clone();
            self.wire
                .call("ec2:RevokeSecurityGroupIngress", &id, move |a| {
                    a.revoke(&group, &rows)
                })
                .await
                .or_gone()?;
        }
        Ok(())
    }
}
