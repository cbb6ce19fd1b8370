//! Route tables: one of the public subnets, and one for each private subnet with a way out.

use aws_sdk_ec2::types::{ResourceType, RouteTable};

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, incomplete};
use crate::aws::idempotency::unknown_outcome::without_sdk_retries;
use crate::aws::request::{dependency, dependency_ids, require_listed};
use crate::aws::tags::{self, Select, filter, observed, pairs, specification};
use crate::blueprint::{Address, AttributeValue, Kind, kinds};
use crate::engine::{CloudError, Observed, Request, State};

const EVERYWHERE: &str = "0.0.0.0/0";

impl Aws {
    pub(in crate::aws) async fn create_route_table(
        &self,
        request: &Request<'_>,
        table: &kinds::RouteTable,
    ) -> Result<Observed, CloudError> {
        let operation = "ec2:CreateRouteTable";
        let vpc = dependency(request, operation, &Address::vpc())?;
        let select = Select::Address(request.environment, request.address);
        let find = async {
            let mut found = self.raw_route_tables(select).await?;
            Ok(found.pop().and_then(|found| found.route_table_id))
        };
        // A client token would bring back a table that was deleted by hand.
        let create = async {
            self.ec2
                .create_route_table()
                .vpc_id(&vpc.id)
                .tag_specifications(specification(request, ResourceType::RouteTable))
                .customize()
                .config_override(without_sdk_retries())
                .send()
                .await
                .context(operation, request.address)
                .retry_if_not_found()?
                .route_table
                .and_then(|table| table.route_table_id)
                .ok_or_else(|| incomplete(operation, request.address, "route table id"))
        };
        let id = self.creations.find_or_create(request, find, create).await?;
        self.complete_route_table(request, &id, table).await
    }

    pub(in crate::aws) async fn complete_route_table(
        &self,
        request: &Request<'_>,
        id: &str,
        table: &kinds::RouteTable,
    ) -> Result<Observed, CloudError> {
        let route = "ec2:CreateRoute";
        let gateway = dependency(request, route, &table.gateway)?;
        let (internet, nat) = match gateway.kind {
            Kind::NatGateway => (None, Some(gateway.id.clone())),
            _ => (Some(gateway.id.clone()), None),
        };
        let created = self
            .ec2
            .create_route()
            .route_table_id(id)
            .destination_cidr_block(EVERYWHERE)
            .set_gateway_id(internet.clone())
            .set_nat_gateway_id(nat.clone())
            .send()
            .await
            .context(route, id)
            .ok_if_code(&["RouteAlreadyExists"])
            .retry_if_not_found()?;
        if created.is_none() {
            // It may lead to a gateway that is gone.
            self.ec2
                .replace_route()
                .route_table_id(id)
                .destination_cidr_block(EVERYWHERE)
                .set_gateway_id(internet)
                .set_nat_gateway_id(nat)
                .send()
                .await
                .context("ec2:ReplaceRoute", id)
                .retry_if_not_found()?;
        }
        let select = Select::Id(request.environment, id);
        let tables = self.raw_route_tables(select).await?;
        let associated: Vec<&str> = tables.iter().flat_map(subnet_ids).collect();
        let associate = "ec2:AssociateRouteTable";
        for subnet in dependency_ids(request, associate, &table.subnets)? {
            if associated.contains(&subnet.as_str()) {
                continue;
            }
            let associated = self
                .ec2
                .associate_route_table()
                .route_table_id(id)
                .subnet_id(&subnet)
                .send()
                .await
                .context(associate, &subnet)
                .ok_if_code(&["Resource.AlreadyAssociated"])
                .retry_if_not_found()?;
            if associated.is_none() {
                self.move_association(&subnet, id).await?;
            }
        }
        require_listed(
            self.route_tables(select).await?,
            "ec2:DescribeRouteTables",
            id,
        )
    }

    /// Takes a subnet of ours from whatever table it was given to.
    async fn move_association(&self, subnet: &str, table: &str) -> Result<(), CloudError> {
        let answer = self
            .ec2
            .describe_route_tables()
            .filters(filter("association.subnet-id", [subnet]))
            .send()
            .await
            .context("ec2:DescribeRouteTables", subnet)?;
        let tables = answer.route_tables().iter();
        let elsewhere = tables
            .filter(|other| other.route_table_id() != Some(table))
            .flat_map(|one| one.associations())
            .find(|association| association.subnet_id() == Some(subnet))
            .and_then(|association| association.route_table_association_id());
        let Some(association) = elsewhere else {
            return Ok(());
        };
        self.ec2
            .replace_route_table_association()
            .association_id(association)
            .route_table_id(table)
            .send()
            .await
            .context("ec2:ReplaceRouteTableAssociation", subnet)
            .retry_if_not_found()?;
        Ok(())
    }

    pub(in crate::aws) async fn route_tables(
        &self,
        select: Select<'_>,
    ) -> Result<Vec<Observed>, CloudError> {
        let environment = select.environment();
        let all = Select::Environment(environment);
        let (tables, subnets, gateways) = futures::try_join!(
            self.raw_route_tables(select),
            self.subnets(all),
            self.nat_gateways(all),
        )?;
        Ok(observe_route_tables(
            &tables,
            environment,
            &subnets,
            &gateways,
        ))
    }

    pub(in crate::aws) async fn raw_route_tables(
        &self,
        select: Select<'_>,
    ) -> Result<Vec<RouteTable>, CloudError> {
        self.ec2
            .describe_route_tables()
            .set_filters(select.filters("route-table-id"))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("ec2:DescribeRouteTables", select)
    }

    pub(in crate::aws) async fn delete_route_table(
        &self,
        environment: &str,
        id: &str,
    ) -> Result<(), CloudError> {
        let tables = self.raw_route_tables(Select::Id(environment, id)).await?;
        for association in tables
            .iter()
            .flat_map(|one| one.associations())
            .filter(|association| association.main() != Some(true))
            .filter_map(|association| association.route_table_association_id())
        {
            let answer = self
                .ec2
                .disassociate_route_table()
                .association_id(association)
                .send()
                .await;
            answer
                .context("ec2:DisassociateRouteTable", association)
                .ok_if_not_found()?;
        }
        let answer = self
            .ec2
            .delete_route_table()
            .route_table_id(id)
            .send()
            .await;
        answer
            .context("ec2:DeleteRouteTable", id)
            .ok_if_not_found()?;
        Ok(())
    }
}

fn subnet_ids(table: &RouteTable) -> impl Iterator<Item = &str> {
    table
        .associations()
        .iter()
        .filter_map(|association| association.subnet_id())
}

/// Tables as the blueprint writes them; `subnets` and `gateways` are those of the environment.
pub(in crate::aws) fn observe_route_tables(
    tables: &[RouteTable],
    environment: &str,
    subnets: &[Observed],
    gateways: &[Observed],
) -> Vec<Observed> {
    let list = tables.iter().filter_map(|table| {
        let associated = subnet_ids(table)
            .filter_map(|id| subnets.iter().find(|subnet| subnet.id == id))
            .map(|subnet| &subnet.address);
        let route = table
            .routes()
            .iter()
            .filter(|route| route.destination_cidr_block() == Some(EVERYWHERE))
            // A route to a gateway that is gone is a `blackhole`.
            .filter(|route| route.state().is_none_or(|state| state.as_str() == "active"))
            .find_map(|route| route.gateway_id().or(route.nat_gateway_id()));
        let default = match route {
            Some(id) if id.starts_with("igw-") => Address::internet_gateway().to_string(),
            Some(id) => gateways
                .iter()
                .find(|gateway| gateway.id == id)
                .map_or(id.to_owned(), |gateway| gateway.address.to_string()),
            None => "none".to_owned(),
        };
        Some(observed(
            tags::address(pairs(table.tags()), environment)?,
            Kind::RouteTable,
            table.route_table_id()?,
            (State::Ready, "available"),
            [
                ("default_route", Some(default.into())),
                ("subnets", Some(AttributeValue::names(associated))),
            ],
        ))
    });
    list.collect()
}
