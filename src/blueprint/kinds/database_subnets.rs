//! The subnet group of the database.

use super::super::{Address, Kind};
use super::database::DATABASES;
use super::grants::{CREATE, DELETE, TAKING_DOWN, read, service_role};
use super::info::{Band, KindInfo};
use super::resource::Resource;

/// Databases are in private subnets alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseSubnets {
    /// A private subnet in each zone.
    pub subnets: Vec<Address>,
}

impl Resource for DatabaseSubnets {}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[Kind::Subnet],
    band: Band::ManagedServices,
    grants: &[
        service_role(
            "rds.amazonaws.com",
            "the role of RDS, where the account lacks it; the role stays",
        ),
        read(
            "rds:DescribeDBSubnetGroups rds:ListTagsForResource",
            "finding databases and what they use",
        ),
        DATABASES.grant(
            CREATE,
            "rds:AddTagsToResource rds:CreateDBSubnetGroup",
            "databases are in private subnets only",
        ),
        DATABASES.grant(DELETE, "rds:DeleteDBSubnetGroup", TAKING_DOWN),
    ],
    ..KindInfo::COMMON
};
