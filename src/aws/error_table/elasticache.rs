//! What Amazon ElastiCache answers.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{Capacity, Converging, NotFound, Quota};

pub(super) const ROWS: &[Row] = &[
    Row::of(
        Converging,
        "Amazon ElastiCache API Reference: errors of each action",
        &[
            "InvalidReplicationGroupState",
            "InvalidReplicationGroupStateFault",
            "InvalidCacheClusterState",
            "CacheSubnetGroupInUse",
        ],
    ),
    Row::of(
        Converging,
        "terraform-provider-aws 1a5174b, internal/service/elasticache/subnet_group.go",
        &["DependencyViolation"],
    ),
    Row::of(
        Capacity,
        "Amazon ElastiCache API Reference: errors of each action",
        &["InsufficientCacheClusterCapacity"],
    ),
    Row::of(
        Quota,
        "Amazon ElastiCache API Reference: errors of each action",
        &[
            "NodeQuotaForCustomerExceeded",
            "ClusterQuotaForCustomerExceeded",
            "CacheSubnetGroupQuotaExceeded",
        ],
    ),
    Row::of(
        NotFound,
        "Amazon ElastiCache API Reference: errors of each action",
        &[
            "ReplicationGroupNotFoundFault",
            "CacheClusterNotFound",
            "CacheSubnetGroupNotFoundFault",
        ],
    ),
];
