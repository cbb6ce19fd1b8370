//! A VPC and subnets that belong to somebody else: looked up by their ids and used, never
//! tagged, changed or removed.

use aws_sdk_ec2::types::{Subnet, Vpc, VpcAttributeName};

use crate::aws::Aws;
use crate::aws::error::{CallContext, ErrorPolicy};
use crate::aws::tags::{filter, observed};
use crate::blueprint::kinds::{Adopted, Adoptee};
use crate::blueprint::{Address, Desired, Kind};
use crate::engine::{CloudError, Observed, State};

impl Aws {
    /// What is there of the wanted: three calls, or none when nothing is wanted.
    ///
    /// Ids go into filters: an id that is not there is then an empty answer, not an error.
    pub(in crate::aws) async fn find_adopted(
        &self,
        wanted: &[(&Address, &Desired)],
    ) -> Result<Vec<Observed>, CloudError> {
        let (mut vpcs, mut subnets) = (Vec::new(), Vec::new());
        for (address, desired) in wanted {
            match desired {
                Desired::Adopted(Adopted { id, what, .. }) if *what == Adoptee::Vpc => {
                    vpcs.push((*address, id));
                }
                Desired::Adopted(Adopted { id, what, .. }) => {
                    subnets.push((*address, id, *what));
                }
                _ => {}
            }
        }
        if vpcs.is_empty() && subnets.is_empty() {
            return Ok(vec![]);
        }
        let (found_vpcs, found_subnets) = futures::try_join!(
            self.vpcs_by_id(vpcs.iter().map(|(_, id)| id.as_str())),
            self.subnets_by_id(subnets.iter().map(|(_, id, _)| id.as_str())),
        )?;
        let mut found = Vec::new();
        for (address, id) in vpcs {
            let vpc = found_vpcs.iter().find(|vpc| vpc.vpc_id() == Some(id));
            if let Some(vpc) = vpc {
                found.push(self.observe_adopted_vpc(address, id, vpc).await?);
            }
        }
        for (address, id, what) in subnets {
            let subnet = found_subnets.iter().find(|one| one.subnet_id() == Some(id));
            let others = wanted_beside(&found_subnets, wanted, what, id);
            found.extend(
                subnet.map(|subnet| observe_adopted_subnet(address, id, what, subnet, &others)),
            );
        }
        Ok(found)
    }

    async fn vpcs_by_id(&self, ids: impl Iterator<Item = &str>) -> Result<Vec<Vpc>, CloudError> {
        self.ec2
            .describe_vpcs()
            .filters(filter("vpc-id", ids))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("ec2:DescribeVpcs", "the existing VPC")
    }

    async fn subnets_by_id(
        &self,
        ids: impl Iterator<Item = &str>,
    ) -> Result<Vec<Subnet>, CloudError> {
        self.ec2
            .describe_subnets()
            .filters(filter("subnet-id", ids))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("ec2:DescribeSubnets", "the existing subnets")
    }

    async fn observe_adopted_vpc(
        &self,
        address: &Address,
        id: &str,
        vpc: &Vpc,
    ) -> Result<Observed, CloudError> {
        let dns = self
            .ec2
            .describe_vpc_attribute()
            .vpc_id(id)
            .attribute(VpcAttributeName::EnableDnsSupport)
            .send()
            .await
            .context("ec2:DescribeVpcAttribute", id)
            .ok_if_not_found()?
            .and_then(|answer| answer.enable_dns_support)
            .and_then(|attribute| attribute.value);
        Ok(observed(
            address.clone(),
            Kind::Adopted,
            id,
            (State::Ready, "yours"),
            [
                ("id", Some(id.into())),
                ("cidr", vpc.cidr_block().map(Into::into)),
                ("dns_support", dns.map(Into::into)),
            ],
        ))
    }
}

/// The other subnets that are wanted for the same purpose.
fn wanted_beside<'a>(
    found: &'a [Subnet],
    wanted: &[(&Address, &Desired)],
    purpose: Adoptee,
    besides: &str,
) -> Vec<&'a Subnet> {
    let is_other = |subnet: &&Subnet| {
        wanted.iter().any(|(_, desired)| match desired {
            Desired::Adopted(Adopted { id, what, .. }) => {
                *what == purpose && id != besides && subnet.subnet_id() == Some(id)
            }
            _ => false,
        })
    };
    found.iter().filter(is_other).collect()
}

fn observe_adopted_subnet(
    address: &Address,
    id: &str,
    what: Adoptee,
    subnet: &Subnet,
    others: &[&Subnet],
) -> Observed {
    let zone = subnet.availability_zone();
    let shared = others.iter().any(|other| other.availability_zone() == zone);
    observed(
        address.clone(),
        Kind::Adopted,
        id,
        (State::Ready, "yours"),
        [
            ("id", Some(id.into())),
            ("vpc", subnet.vpc_id().map(Into::into)),
            ("cidr", subnet.cidr_block().map(Into::into)),
            ("zone", zone.map(Into::into)),
            ("own_zone", Some((!shared).into())),
            // Whether hosts here get one: the YAML says so, whatever the subnet's own default.
            (
                "public_addresses",
                Some((what == Adoptee::PublicSubnet).into()),
            ),
        ],
    )
}
