//! The subnet group of the cache.

use super::super::{Address, Kind};
use super::cache::CACHES;
use super::grants::{CREATE, DELETE, TAKING_DOWN, read, service_role};
use super::info::{Band, KindInfo};
use super::resource::Resource;

/// The cache is in private subnets alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSubnets {
    /// A private subnet in each zone.
    pub subnets: Vec<Address>,
}

impl Resource for CacheSubnets {}

pub(in crate::blueprint) const INFO: KindInfo = KindInfo {
    deleted_before: &[Kind::Subnet],
    band: Band::ManagedServices,
    grants: &[
        service_role(
            "elasticache.amazonaws.com",
            "the role of ElastiCache, where the account lacks it; the role stays",
        ),
        read(
            "elasticache:DescribeCacheSubnetGroups elasticache:ListTagsForResource",
            "finding the cache and what it uses",
        ),
        CACHES.grant(
            CREATE,
            "elasticache:AddTagsToResource elasticache:CreateCacheSubnetGroup",
            "the cache is in private subnets only",
        ),
        CACHES.grant(DELETE, "elasticache:DeleteCacheSubnetGroup", TAKING_DOWN),
    ],
    ..KindInfo::COMMON
};
