//! VPC, internet gateway and subnets.
//!
//! None of their create calls takes a client token, so each first looks by tag for what an
//! earlier call created whose answer was lost. Each then completes the resource by calls that
//! may be repeated, and what it is like is reported as attributes: an
//! interruption between the two shows as drift and is repaired.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, Subnet, Vpc, VpcAttributeName};
use futures::future::try_join_all;

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy, incomplete, refused};
use crate::aws::idempotency::unknown_outcome::without_sdk_retries;
use crate::aws::request::{dependency, require_listed};
use crate::aws::tags::{self, Select, filter, observed, pairs, specification};
use crate::blueprint::{Address, Kind, SubnetTier, kinds};
use crate::engine::{CloudError, FailureClass, Observed, Request, State};

impl Aws {
    pub(in crate::aws) async fn create_vpc(
        &self,
        request: &Request<'_>,
        vpc: &kinds::Vpc,
    ) -> Result<Observed, CloudError> {
        let operation = "ec2:CreateVpc";
        let select = Select::Address(request.environment, request.address);
        let find = async { Ok(self.vpcs(select).await?.pop().map(|found| found.id)) };
        let create = async {
            self.ec2
                .create_vpc()
                .cidr_block(vpc.cidr.to_string())
                .tag_specifications(specification(request, ResourceType::Vpc))
                .customize()
                .config_override(without_sdk_retries())
                .send()
                .await
                .context(operation, request.address)?
                .vpc
                .and_then(|vpc| vpc.vpc_id)
                .ok_or_else(|| incomplete(operation, request.address, "VPC id"))
        };
        let id = self.creations.find_or_create(request, find, create).await?;
        self.complete_vpc(request.environment, &id).await
    }

    /// Instances get DNS names only where both attributes are on.
    pub(in crate::aws) async fn complete_vpc(
        &self,
        environment: &str,
        id: &str,
    ) -> Result<Observed, CloudError> {
        let operation = "ec2:ModifyVpcAttribute";
        let on = || AttributeBooleanValue::builder().value(true).build();
        // One attribute for each call; host names can only be on where DNS itself is.
        let modify = || self.ec2.modify_vpc_attribute().vpc_id(id);
        let dns = modify().enable_dns_support(on()).send().await;
        dns.context(operation, id).retry_if_not_found()?;
        let names = modify().enable_dns_hostnames(on()).send().await;
        names.context(operation, id).retry_if_not_found()?;
        let found = self.vpcs(Select::Id(environment, id)).await?;
        let found = require_listed(found, "ec2:DescribeVpcs", id)?;
        shown(found, "dns_hostnames", true, operation)
    }

    pub(in crate::aws) async fn vpcs(
        &self,
        select: Select<'_>,
    ) -> Result<Vec<Observed>, CloudError> {
        let found = self.raw_vpcs(select).await?;
        let whole = found
            .iter()
            .map(|vpc| self.vpc_with_dns_names(vpc, select.environment()));
        let whole = try_join_all(whole).await?;
        Ok(whole.into_iter().flatten().collect())
    }

    pub(in crate::aws) async fn raw_vpcs(
        &self,
        select: Select<'_>,
    ) -> Result<Vec<Vpc>, CloudError> {
        self.ec2
            .describe_vpcs()
            .set_filters(select.filters("vpc-id"))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("ec2:DescribeVpcs", select)
    }

    async fn vpc_with_dns_names(
        &self,
        vpc: &Vpc,
        environment: &str,
    ) -> Result<Option<Observed>, CloudError> {
        let Some(id) = vpc.vpc_id() else {
            return Ok(None);
        };
        let names = self
            .ec2
            .describe_vpc_attribute()
            .vpc_id(id)
            .attribute(VpcAttributeName::EnableDnsHostnames)
            .send()
            .await
            .context("ec2:DescribeVpcAttribute", id)
            .ok_if_not_found()?
            .and_then(|answer| answer.enable_dns_hostnames)
            .and_then(|attribute| attribute.value);
        Ok(observe_vpc(vpc, environment, names))
    }

    pub(in crate::aws) async fn delete_vpc(&self, id: &str) -> Result<(), CloudError> {
        let answer = self.ec2.delete_vpc().vpc_id(id).send().await;
        answer.context("ec2:DeleteVpc", id).ok_if_not_found()?;
        Ok(())
    }

    pub(in crate::aws) async fn create_internet_gateway(
        &self,
        request: &Request<'_>,
    ) -> Result<Observed, CloudError> {
        let operation = "ec2:CreateInternetGateway";
        let select = Select::Address(request.environment, request.address);
        let find = async {
            let mut found = self.internet_gateways(select).await?;
            Ok(found.pop().map(|found| found.id))
        };
        let create = async {
            self.ec2
                .create_internet_gateway()
                .tag_specifications(specification(request, ResourceType::InternetGateway))
                .customize()
                .config_override(without_sdk_retries())
                .send()
                .await
                .context(operation, request.address)?
                .internet_gateway
                .and_then(|gateway| gateway.internet_gateway_id)
                .ok_or_else(|| incomplete(operation, request.address, "gateway id"))
        };
        let id = self.creations.find_or_create(request, find, create).await?;
        self.complete_internet_gateway(request, &id).await
    }

    pub(in crate::aws) async fn complete_internet_gateway(
        &self,
        request: &Request<'_>,
        id: &str,
    ) -> Result<Observed, CloudError> {
        let operation = "ec2:AttachInternetGateway";
        let vpc = dependency(request, operation, &Address::vpc())?;
        self.ec2
            .attach_internet_gateway()
            .internet_gateway_id(id)
            .vpc_id(&vpc.id)
            .send()
            .await
            .context(operation, id)
            .ok_if_code(&["Resource.AlreadyAssociated"])
            .retry_if_not_found()?;
        let select = Select::Id(request.environment, id);
        require_listed(
            self.internet_gateways(select).await?,
            "ec2:DescribeInternetGateways",
            id,
        )
    }

    pub(in crate::aws) async fn internet_gateways(
        &self,
        select: Select<'_>,
    ) -> Result<Vec<Observed>, CloudError> {
        let found: Vec<_> = self
            .ec2
            .describe_internet_gateways()
            .set_filters(select.filters("internet-gateway-id"))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("ec2:DescribeInternetGateways", select)?;
        Ok(found
            .iter()
            .filter_map(|gateway| {
                let vpc = gateway.attachments().iter().find_map(|a| a.vpc_id());
                let attached = vpc.is_some();
                Some(observed(
                    tags::address(pairs(gateway.tags()), select.environment())?,
                    Kind::InternetGateway,
                    gateway.internet_gateway_id()?,
                    (State::Ready, if attached { "attached" } else { "detached" }),
                    [
                        ("attached", Some(attached.into())),
                        ("vpc", vpc.map(Into::into)),
                    ],
                ))
            })
            .collect())
    }

    pub(in crate::aws) async fn delete_internet_gateway(
        &self,
        environment: &str,
        id: &str,
    ) -> Result<(), CloudError> {
        let attachments = self
            .ec2
            .describe_internet_gateways()
            .set_filters(Select::Id(environment, id).filters("internet-gateway-id"))
            .send()
            .await
            .context("ec2:DescribeInternetGateways", id)?
            .internet_gateways
            .unwrap_or_default();
        for vpc in attachments
            .iter()
            .flat_map(|one| one.attachments())
            .filter_map(|attachment| attachment.vpc_id())
        {
            self.ec2
                .detach_internet_gateway()
                .internet_gateway_id(id)
                .vpc_id(vpc)
                .send()
                .await
                .context("ec2:DetachInternetGateway", id)
                .ok_if_code(&["Gateway.NotAttached"])
                .ok_if_not_found()?;
        }
        let answer = self
            .ec2
            .delete_internet_gateway()
            .internet_gateway_id(id)
            .send()
            .await;
        answer
            .context("ec2:DeleteInternetGateway", id)
            .ok_if_not_found()?;
        Ok(())
    }

    pub(in crate::aws) async fn create_subnet(
        &self,
        request: &Request<'_>,
        subnet: &kinds::Subnet,
    ) -> Result<Observed, CloudError> {
        let operation = "ec2:CreateSubnet";
        let vpc = dependency(request, operation, &Address::vpc())?;
        let select = Select::Address(request.environment, request.address);
        let find = async { Ok(self.subnets(select).await?.pop().map(|found| found.id)) };
        let create = async {
            self.ec2
                .create_subnet()
                .vpc_id(&vpc.id)
                .cidr_block(subnet.cidr.to_string())
                .availability_zone(self.zone_of(subnet).await?)
                .tag_specifications(specification(request, ResourceType::Subnet))
                .customize()
                .config_override(without_sdk_retries())
                .send()
                .await
                .context(operation, request.address)
                .retry_if_not_found()?
                .subnet
                .and_then(|subnet| subnet.subnet_id)
                .ok_or_else(|| incomplete(operation, request.address, "subnet id"))
        };
        let id = self.creations.find_or_create(request, find, create).await?;
        self.complete_subnet(request.environment, &id, subnet.tier)
            .await
    }

    pub(in crate::aws) async fn complete_subnet(
        &self,
        environment: &str,
        id: &str,
        tier: SubnetTier,
    ) -> Result<Observed, CloudError> {
        let (operation, public) = ("ec2:ModifySubnetAttribute", tier == SubnetTier::Public);
        self.ec2
            .modify_subnet_attribute()
            .subnet_id(id)
            .map_public_ip_on_launch(AttributeBooleanValue::builder().value(public).build())
            .send()
            .await
            .context(operation, id)
            .retry_if_not_found()?;
        let found = self.subnets(Select::Id(environment, id)).await?;
        let found = require_listed(found, "ec2:DescribeSubnets", id)?;
        // Hosts are launched by what it says.
        shown(found, "public_addresses", public, operation)
    }

    pub(in crate::aws) async fn subnets(
        &self,
        select: Select<'_>,
    ) -> Result<Vec<Observed>, CloudError> {
        let found: Vec<Subnet> = self
            .ec2
            .describe_subnets()
            .set_filters(select.filters("subnet-id"))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("ec2:DescribeSubnets", select)?;
        Ok(found
            .iter()
            .filter_map(|subnet| {
                let status = subnet.state().map_or("available", |state| state.as_str());
                let state = match status {
                    "pending" => State::Pending,
                    "available" => State::Ready,
                    _ => State::Failed,
                };
                Some(observed(
                    tags::address(pairs(subnet.tags()), select.environment())?,
                    Kind::Subnet,
                    subnet.subnet_id()?,
                    (state, status),
                    [
                        ("cidr", subnet.cidr_block().map(Into::into)),
                        ("zone", subnet.availability_zone().map(Into::into)),
                        ("vpc", subnet.vpc_id().map(Into::into)),
                        (
                            "public_addresses",
                            subnet.map_public_ip_on_launch().map(Into::into),
                        ),
                    ],
                ))
            })
            .collect())
    }

    pub(in crate::aws) async fn delete_subnet(&self, id: &str) -> Result<(), CloudError> {
        let answer = self.ec2.delete_subnet().subnet_id(id).send().await;
        answer.context("ec2:DeleteSubnet", id).ok_if_not_found()?;
        Ok(())
    }

    /// Has new subnets created in these zones, by their index.
    pub fn use_zones(&self, zones: BTreeMap<u8, String>) {
        *self
            .chosen_zones
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = zones;
    }

    /// The zone of a new subnet: the one that is named, else the one that was chosen, else, where
    /// nobody chose, the region's usable zone of that index.
    async fn zone_of(&self, subnet: &kinds::Subnet) -> Result<String, CloudError> {
        let chosen = || {
            let chosen = self.chosen_zones.lock();
            let chosen = chosen.unwrap_or_else(PoisonError::into_inner);
            chosen.get(&subnet.zone).cloned()
        };
        if let Some(name) = subnet.zone_name.clone().or_else(chosen) {
            return Ok(name);
        }
        let zones = self.usable_zones().await?;
        zones.get(usize::from(subnet.zone)).cloned().ok_or_else(|| {
            refused(
                "ec2:DescribeAvailabilityZones",
                &self.region,
                "TooFewZones",
                format!(
                    "the region has {} usable zones: lower `network.zones`",
                    zones.len()
                ),
            )
        })
    }

    /// The names of the zones that subnets are spread over, in order.
    pub(in crate::aws) async fn usable_zones(&self) -> Result<&[String], CloudError> {
        let zones = self
            .zones
            .get_or_try_init(|| async {
                let answer = self
                    .ec2
                    .describe_availability_zones()
                    // Local and wavelength zones lack most services.
                    .filters(filter("zone-type", ["availability-zone"]))
                    .filters(filter("state", ["available"]))
                    .send()
                    .await
                    .context("ec2:DescribeAvailabilityZones", &self.region)?;
                let mut names: Vec<String> = answer
                    .availability_zones()
                    .iter()
                    .filter_map(|zone| zone.zone_name().map(Into::into))
                    .collect();
                names.sort();
                Ok::<_, CloudError>(names)
            })
            .await?;
        Ok(zones.as_slice())
    }
}

/// What was changed, once reads show the change: for some seconds they may show what was before.
fn shown(
    found: Observed,
    attribute: &str,
    value: bool,
    operation: &str,
) -> Result<Observed, CloudError> {
    if found.says(attribute, value) {
        return Ok(found);
    }
    Err(CloudError {
        class: FailureClass::Converging,
        ..refused(
            operation,
            &found.id,
            "NotVisibleYet",
            format!("`{attribute}` was set and is not shown yet"),
        )
    })
}

/// A VPC of the environment; its DNS names are on or off, or were not asked for.
pub(in crate::aws) fn observe_vpc(
    vpc: &Vpc,
    environment: &str,
    names: Option<bool>,
) -> Option<Observed> {
    let status = vpc.state().map_or("available", |state| state.as_str());
    let state = if status == "pending" {
        State::Pending
    } else {
        State::Ready
    };
    Some(observed(
        tags::address(pairs(vpc.tags()), environment)?,
        Kind::Vpc,
        vpc.vpc_id()?,
        (state, status),
        [
            ("cidr", vpc.cidr_block().map(Into::into)),
            ("dns_hostnames", names.map(Into::into)),
        ],
    ))
}
