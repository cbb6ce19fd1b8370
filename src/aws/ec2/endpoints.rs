//! The gateway endpoint for S3: the files bucket is reached without NAT gateway or internet.
//!
//! It costs nothing, and traffic through it does not pay the NAT gateway's price for each GB.

use std::collections::BTreeSet;

use aws_sdk_ec2::operation::RequestId;
use aws_sdk_ec2::types::{ResourceType, VpcEndpoint, VpcEndpointType};

use crate::aws::Aws;
use crate::aws::ec2::route_tables::observe_route_tables;
use crate::aws::error::{CallContext, ErrorPolicy, failed_item, incomplete, refused};
use crate::aws::request::{dependency, dependency_ids, require_listed};
use crate::aws::tags::{self, Select, observed, pairs, specification};
use crate::blueprint::kinds::S3Endpoint;
use crate::blueprint::{Address, AttributeValue, Kind};
use crate::engine::{CloudError, FailureClass, Observed, Request, State};
use crate::identity::names::digest;

/// How often a client token is varied when it stands for an endpoint that is gone.
const TOKENS: u32 = 8;

impl Aws {
    pub(in crate::aws) async fn create_endpoint(
        &self,
        request: &Request<'_>,
        endpoint: &S3Endpoint,
    ) -> Result<Observed, CloudError> {
        let operation = "ec2:CreateVpcEndpoint";
        let select = Select::Address(request.environment, request.address);
        let live = self.raw_endpoints(select).await?;
        let live = live
            .iter()
            .find(|one| matches!(state_of(one).0, State::Pending | State::Ready));
        if let Some(id) = live.and_then(|one| one.vpc_endpoint_id()) {
            return self.complete_endpoint(request, id, endpoint).await;
        }
        let vpc = &dependency(request, operation, &Address::vpc())?.id;
        let tables = dependency_ids(request, operation, &endpoint.tables)?;
        for attempt in 0..TOKENS {
            let attempt = attempt.to_string();
            let mut parts = vec![request.environment, request.address.as_str(), vpc, &attempt];
            parts.extend(tables.iter().map(String::as_str));
            let answer = self
                .ec2
                .create_vpc_endpoint()
                .client_token(digest(&parts))
                .vpc_id(vpc)
                .vpc_endpoint_type(VpcEndpointType::Gateway)
                .service_name(format!("com.amazonaws.{}.s3", self.region))
                .set_route_table_ids(Some(tables.clone()))
                .tag_specifications(specification(request, ResourceType::VpcEndpoint))
                .send()
                .await
                .context(operation, request.address)
                .map_err(lost_answer)
                .retry_if_not_found()?;
            let endpoint = answer
                .vpc_endpoint
                .ok_or_else(|| incomplete(operation, request.address, "endpoint"))?;
            if matches!(state_of(&endpoint).0, State::Pending | State::Ready) {
                let id = endpoint
                    .vpc_endpoint_id
                    .ok_or_else(|| incomplete(operation, request.address, "endpoint id"))?;
                let one = Select::Id(request.environment, &id);
                return require_listed(self.endpoints(one).await?, "ec2:DescribeVpcEndpoints", &id);
            }
            // The token is that of an earlier endpoint.
        }
        Err(refused(
            operation,
            request.address,
            "TokensUsedUp",
            format!("{TOKENS} client tokens all stand for endpoints that are gone"),
        ))
    }

    /// Puts its route into the desired tables, and into no others.
    pub(in crate::aws) async fn complete_endpoint(
        &self,
        request: &Request<'_>,
        id: &str,
        endpoint: &S3Endpoint,
    ) -> Result<Observed, CloudError> {
        let operation = "ec2:ModifyVpcEndpoint";
        let one = Select::Id(request.environment, id);
        let wanted: BTreeSet<String> = dependency_ids(request, operation, &endpoint.tables)?
            .into_iter()
            .collect();
        let there: BTreeSet<String> = self
            .raw_endpoints(one)
            .await?
            .into_iter()
            .flat_map(|endpoint| endpoint.route_table_ids.unwrap_or_default())
            .collect();
        if wanted != there {
            let list = |ids: Vec<&String>| {
                let ids: Vec<String> = ids.into_iter().cloned().collect();
                (!ids.is_empty()).then_some(ids)
            };
            self.ec2
                .modify_vpc_endpoint()
                .vpc_endpoint_id(id)
                .set_add_route_table_ids(list(wanted.difference(&there).collect()))
                .set_remove_route_table_ids(list(there.difference(&wanted).collect()))
                .send()
                .await
                .context(operation, id)
                .retry_if_not_found()?;
        }
        require_listed(self.endpoints(one).await?, "ec2:DescribeVpcEndpoints", id)
    }

    pub(in crate::aws) async fn endpoints(
        &self,
        select: Select<'_>,
    ) -> Result<Vec<Observed>, CloudError> {
        let environment = select.environment();
        let (endpoints, tables) = futures::try_join!(
            self.raw_endpoints(select),
            self.raw_route_tables(Select::Environment(environment)),
        )?;
        let tables = observe_route_tables(&tables, environment, &[], &[]);
        Ok(observe_endpoints(&endpoints, environment, &tables))
    }

    pub(in crate::aws) async fn raw_endpoints(
        &self,
        select: Select<'_>,
    ) -> Result<Vec<VpcEndpoint>, CloudError> {
        // An environment has one; picking it out here spares a filter by id.
        let (filters, id) = match select {
            Select::Id(environment, id) => (Select::Environment(environment), Some(id)),
            other => (other, None),
        };
        let mut found: Vec<VpcEndpoint> = self
            .ec2
            .describe_vpc_endpoints()
            .set_filters(filters.filters("vpc-endpoint-id"))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("ec2:DescribeVpcEndpoints", select)?;
        found.retain(|one| id.is_none_or(|id| one.vpc_endpoint_id() == Some(id)));
        Ok(found)
    }

    pub(in crate::aws) async fn delete_endpoint(&self, id: &str) -> Result<(), CloudError> {
        let operation = "ec2:DeleteVpcEndpoints";
        let answer = self
            .ec2
            .delete_vpc_endpoints()
            .vpc_endpoint_ids(id)
            .send()
            .await
            .context(operation, id)
            .ok_if_not_found()?;
        let Some(answer) = answer else {
            return Ok(());
        };
        // A call that failed for single endpoints still answers with success and lists them.
        let failed = answer.unsuccessful().iter().find_map(|item| item.error());
        let failed = failed.map(|error| {
            let why = (error.code(), error.message());
            failed_item(operation, id, why, answer.request_id())
        });
        failed.map_or(Ok(()), Err).ok_if_not_found()?;
        Ok(())
    }
}

/// Endpoints as the blueprint writes them; `known` are the environment's route tables.
pub(in crate::aws) fn observe_endpoints(
    endpoints: &[VpcEndpoint],
    environment: &str,
    known: &[Observed],
) -> Vec<Observed> {
    let table = |id: &String| known.iter().find(|table| table.id == *id);
    let list = endpoints.iter().filter_map(|endpoint| {
        let tables = endpoint.route_table_ids().iter();
        let tables = tables.map(|id| table(id).map_or(id.as_str(), |one| one.address.as_str()));
        Some(observed(
            tags::address(pairs(endpoint.tags()), environment)?,
            Kind::Endpoint,
            endpoint.vpc_endpoint_id()?,
            state_of(endpoint),
            [("tables", Some(AttributeValue::names(tables)))],
        ))
    });
    list.collect()
}

/// EC2 spells these states in lower case; the SDK's own names begin with a capital letter.
fn state_of(endpoint: &VpcEndpoint) -> (State, &str) {
    let status = endpoint.state().map_or("pending", |state| state.as_str());
    let state = match status.to_ascii_lowercase().as_str() {
        "available" => State::Ready,
        "deleting" => State::Deleting,
        "deleted" => State::Gone,
        "failed" | "rejected" | "expired" => State::Failed,
        _ => State::Pending,
    };
    (state, status)
}

/// The user's tags changed since a call whose answer was lost: what it created is listed soon,
/// and found by its tag.
fn lost_answer(mut error: CloudError) -> CloudError {
    if error.code == "IdempotentParameterMismatch" {
        error.class = FailureClass::Converging;
    }
    error
}
