//! NAT gateways and the elastic addresses that they speak from.
//!
//! Addresses cost money from the moment that they are allocated, and the call has no client
//! token: they are tagged in it and looked up by tag first. A gateway's call has one, and
//! gateways that are gone are still listed for about an hour.

use aws_sdk_ec2::types::{
    Address as ElasticAddress, ConnectivityType, DomainType, NatGateway, ResourceType,
};

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, incomplete, refused};
use crate::aws::idempotency::unknown_outcome::without_sdk_retries;
use crate::aws::request::{dependency, require_listed};
use crate::aws::tags::{self, Select, observed, pairs, specification};
use crate::blueprint::{Kind, kinds};
use crate::engine::{CloudError, FailureClass, Observed, Request, State};
use crate::identity::names::digest;

/// How often a client token is varied when it stands for a gateway that is gone.
const TOKENS: u32 = 8;

impl Aws {
    pub(in crate::aws) async fn create_elastic_address(
        &self,
        request: &Request<'_>,
    ) -> Result<Observed, CloudError> {
        let operation = "ec2:AllocateAddress";
        let select = Select::Address(request.environment, request.address);
        let find = async {
            let mut found = self.elastic_addresses(select).await?;
            Ok(found.pop().map(|found| found.id))
        };
        let create = async {
            self.ec2
                .allocate_address()
                .domain(DomainType::Vpc)
                .tag_specifications(specification(request, ResourceType::ElasticIp))
                .customize()
                .config_override(without_sdk_retries())
                .send()
                .await
                .context(operation, request.address)?
                .allocation_id
                .ok_or_else(|| incomplete(operation, request.address, "allocation id"))
        };
        let id = self.creations.find_or_create(request, find, create).await?;
        require_listed(
            self.elastic_addresses(Select::Id(request.environment, &id))
                .await?,
            "ec2:DescribeAddresses",
            &id,
        )
    }

    /// The one call that has no pages: AWS answers with all at once.
    pub(in crate::aws) async fn elastic_addresses(
        &self,
        select: Select<'_>,
    ) -> Result<Vec<Observed>, CloudError> {
        let found: Vec<ElasticAddress> = self
            .ec2
            .describe_addresses()
            .set_filters(select.filters("allocation-id"))
            .send()
            .await
            .context("ec2:DescribeAddresses", select)?
            .addresses
            .unwrap_or_default();
        let list = found.iter().filter_map(|address| {
            Some(observed(
                tags::address(pairs(address.tags()), select.environment())?,
                Kind::ElasticAddress,
                address.allocation_id()?,
                (State::Ready, "allocated"),
                [
                    ("public_ip", address.public_ip().map(Into::into)),
                    ("used", address.association_id().map(Into::into)),
                ],
            ))
        });
        Ok(list.collect())
    }

    pub(in crate::aws) async fn delete_elastic_address(&self, id: &str) -> Result<(), CloudError> {
        let answer = self.ec2.release_address().allocation_id(id).send().await;
        answer.context("ec2:ReleaseAddress", id).ok_if_not_found()?;
        Ok(())
    }

    pub(in crate::aws) async fn create_nat_gateway(
        &self,
        request: &Request<'_>,
        nat: &kinds::NatGateway,
    ) -> Result<Observed, CloudError> {
        let operation = "ec2:CreateNatGateway";
        let select = Select::Address(request.environment, request.address);
        let live = self.nat_gateways(select).await?;
        if let Some(found) = live
            .into_iter()
            .filter(|found| found.address == *request.address)
            .find(|found| matches!(found.state, State::Pending | State::Ready))
        {
            return Ok(found);
        }
        let subnet = &dependency(request, operation, &nat.subnet)?.id;
        let allocation = &dependency(request, operation, &nat.address)?.id;
        for attempt in 0..TOKENS {
            let attempt = attempt.to_string();
            let parts = [
                request.environment,
                request.address.as_str(),
                subnet,
                allocation,
                &attempt,
            ];
            let answer = self
                .ec2
                .create_nat_gateway()
                .client_token(digest(&parts))
                .subnet_id(subnet)
                .allocation_id(allocation)
                .connectivity_type(ConnectivityType::Public)
                .tag_specifications(specification(request, ResourceType::Natgateway))
                .send()
                .await
                .context(operation, request.address)
                .map_err(lost_answer)
                .retry_if_not_found()?;
            let gateway = answer
                .nat_gateway
                .ok_or_else(|| incomplete(operation, request.address, "gateway"))?;
            let (state, _) = state_of(&gateway);
            if state.is_leaving() || state == State::Failed {
                // The token is that of an earlier gateway.
                continue;
            }
            return observe(&gateway, request.environment)
                .filter(|found| found.address == *request.address)
                .ok_or_else(|| incomplete(operation, request.address, "gateway of its own"));
        }
        Err(refused(
            operation,
            request.address,
            "TokensUsedUp",
            format!("{TOKENS} client tokens all stand for gateways that are gone"),
        ))
    }

    /// Gateways, including those deleted within the last hour.
    pub(in crate::aws) async fn nat_gateways(
        &self,
        select: Select<'_>,
    ) -> Result<Vec<Observed>, CloudError> {
        let found: Vec<NatGateway> = self
            .ec2
            .describe_nat_gateways()
            .set_filter(select.filters("nat-gateway-id"))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("ec2:DescribeNatGateways", select)?;
        Ok(found
            .iter()
            .filter_map(|gateway| observe(gateway, select.environment()))
            .collect())
    }

    pub(in crate::aws) async fn delete_nat_gateway(&self, id: &str) -> Result<(), CloudError> {
        let answer = self
            .ec2
            .delete_nat_gateway()
            .nat_gateway_id(id)
            .send()
            .await;
        answer
            .context("ec2:DeleteNatGateway", id)
            .ok_if_not_found()?;
        Ok(())
    }
}

/// The user's tags changed since a call whose answer was lost: what it created is listed soon,
/// and found by its tag.
fn lost_answer(mut error: CloudError) -> CloudError {
    if error.code == "IdempotentParameterMismatch" {
        error.class = FailureClass::Converging;
    }
    error
}

fn state_of(gateway: &NatGateway) -> (State, &str) {
    let status = gateway.state().map_or("pending", |state| state.as_str());
    let state = match status {
        "pending" => State::Pending,
        "available" => State::Ready,
        "deleting" => State::Deleting,
        "deleted" => State::Gone,
        _ => State::Failed,
    };
    (state, status)
}

fn observe(gateway: &NatGateway, environment: &str) -> Option<Observed> {
    let address = gateway.nat_gateway_addresses().first();
    let (state, status) = state_of(gateway);
    Some(observed(
        tags::address(pairs(gateway.tags()), environment)?,
        Kind::NatGateway,
        gateway.nat_gateway_id()?,
        (state, status),
        [
            (
                "public_ip",
                address.and_then(|a| a.public_ip()).map(Into::into),
            ),
            ("reason", gateway.failure_message().map(Into::into)),
            ("reason_code", gateway.failure_code().map(Into::into)),
            (
                "created",
                gateway.create_time().map(|time| time.to_string().into()),
            ),
        ],
    ))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{NatGatewayState, Tag};

    use super::*;

    #[test]
    fn states_are_those_of_the_engine() {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        for (name, state) in [
            (NatGatewayState::Pending, State::Pending),
            (NatGatewayState::Available, State::Ready),
            (NatGatewayState::Failed, State::Failed),
            (NatGatewayState::Deleting, State::Deleting),
            (NatGatewayState::Deleted, State::Gone),
        ] {
            let gateway = NatGateway::builder()
                .nat_gateway_id("nat-1")
                .state(name)
                .failure_message("no address")
                .tags(tag(tags::ENVIRONMENT, "demo"))
                .tags(tag(tags::ADDRESS, "nat-gateway/a"))
                .build();
            let found = observe(&gateway, "demo").unwrap();
            assert_eq!(found.state, state);
            assert_eq!(found.text("reason"), Some("no address"));
        }
    }
}
