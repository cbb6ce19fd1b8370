//! What Amazon ElastiCache answers.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{
    Capacity, Converging, Denied, NotFound, Quota, Settling, Terminal,
};

const API: &str = "Amazon ElastiCache API Reference: errors of each action";

pub(super) const ROWS: &[Row] = &[
    Row::of(
        Converging,
        API,
        &[
            "InvalidReplicationGroupState",
            "InvalidCacheClusterState",
            "CacheSubnetGroupInUse",
        ],
    ),
    Row::of(
        Converging,
        "terraform-provider-aws 1a5174b, internal/service/elasticache/subnet_group.go",
        &["DependencyViolation"],
    ),
    // Any call, until the role that an account's first cache needs exists everywhere.
    Row::of(
        Converging,
        "aws-controllers-k8s/community#367",
        &["ServiceLinkedRoleNotFoundFault"],
    ),
    // Subnets and groups that were created a moment ago, or ones that do not fit.
    Row::of(
        Settling,
        API,
        &["InvalidSubnet", "InvalidVPCNetworkStateFault"],
    ),
    Row::of(
        Settling,
        "Amazon ElastiCache API Reference: CreateReplicationGroup",
        &["InvalidParameterValue"],
    )
    .at(&["CreateReplicationGroup"])
    .saying("security group"),
    Row::of(
        Terminal,
        "ministryofjustice/cloud-platform-environments#5719",
        &["InvalidParameterCombination"],
    )
    .at(&["CreateReplicationGroup"])
    .saying("there must be at least 2 cache clusters"),
    Row::of(Capacity, API, &["InsufficientCacheClusterCapacity"]),
    Row::of(
        Quota,
        API,
        &[
            "NodeQuotaForCustomerExceeded",
            "NodeQuotaForClusterExceeded",
            "NodeGroupsPerReplicationGroupQuotaExceeded",
            "ClusterQuotaForCustomerExceeded",
            "CacheSubnetGroupQuotaExceeded",
            "CacheSubnetQuotaExceededFault",
            "SnapshotQuotaExceededFault",
            "TagQuotaPerResourceExceeded",
        ],
    ),
    Row::of(Denied, API, &["InvalidKMSKeyFault"]),
    Row::of(
        NotFound,
        API,
        &[
            "ReplicationGroupNotFoundFault",
            "CacheClusterNotFound",
            "CacheSubnetGroupNotFoundFault",
            "SnapshotNotFoundFault",
        ],
    ),
    Row::of(
        Terminal,
        API,
        &[
            "InvalidARN",
            "SubnetNotAllowedFault",
            "SnapshotAlreadyExistsFault",
            "SnapshotFeatureNotSupportedFault",
            // Calls that ask for what is so already take these for success.
            "NoOperationFault",
            "ReplicationGroupAlreadyExists",
            "CacheSubnetGroupAlreadyExists",
        ],
    ),
    // Of parts that loadrig's caches do not have.
    Row::of(
        Terminal,
        API,
        &[
            "CacheParameterGroupNotFound",
            "CacheSecurityGroupNotFound",
            "InvalidCacheSecurityGroupState",
            "GlobalReplicationGroupNotFoundFault",
            "InvalidGlobalReplicationGroupState",
            "InvalidServerlessCacheSnapshotStateFault",
            "InvalidServerlessCacheStateFault",
            "InvalidUserGroupState",
            "ReservedCacheNodeNotFound",
            "ServerlessCacheNotFoundFault",
            "ServerlessCacheSnapshotNotFoundFault",
            "UserGroupNotFound",
            "UserNotFound",
        ],
    ),
];
