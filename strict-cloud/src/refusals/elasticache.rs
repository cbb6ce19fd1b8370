//! What Amazon ElastiCache answers where its code does not say it all.

use super::KnownRefusal;
use super::Meaning::{Capacity, Denied, Gone, InProgress, Invalid, Later, Quota};

const REFERENCE: &str = "Amazon ElastiCache API Reference: errors of each action";

/// There is nothing to fail over to.
pub(crate) const FAILOVER_ALONE: KnownRefusal = KnownRefusal::of(
    Invalid,
    &["CreateReplicationGroup"],
    "InvalidParameterCombination",
    "When using automatic failover, there must be at least 2 cache clusters in the replication group.",
    "ministryofjustice/cloud-platform-environments#5719",
);

pub(super) const ROWS: &[KnownRefusal] = &[
    KnownRefusal::of(
        Later,
        &[
            "CreateCacheSubnetGroup",
            "CreateReplicationGroup",
            "DeleteCacheSubnetGroup",
        ],
        "ServiceLinkedRoleNotFoundFault",
        "This action cannot be completed due to insufficient permissions. (Recommended action) Please create new role using IAM API CreateServiceLinkedRole.",
        "aws-controllers-k8s/community#367",
    ),
    KnownRefusal::of(
        Later,
        &["CreateCacheSubnetGroup"],
        "InvalidSubnet",
        "Some input subnets in :[subnet-1a2b3c4d] are invalid.",
        REFERENCE,
    ),
    KnownRefusal::of(
        Later,
        &["CreateReplicationGroup"],
        "InvalidVPCNetworkStateFault",
        "The VPC network is in an invalid state.",
        REFERENCE,
    ),
    KnownRefusal::of(
        Later,
        &["CreateReplicationGroup"],
        "InvalidParameterValue",
        "The security group sg-1a2b3c4d does not exist",
        "Amazon ElastiCache API Reference: CreateReplicationGroup",
    ),
    KnownRefusal::of(
        InProgress,
        &[
            "DeleteReplicationGroup",
            "ModifyReplicationGroup",
            "IncreaseReplicaCount",
            "DecreaseReplicaCount",
        ],
        "InvalidReplicationGroupState",
        "Cache cluster lr-demo-cache-003 is not in a valid state to be deleted",
        "terraform-provider-aws 1a5174b, internal/service/elasticache/replication_group.go",
    )
    .waits(600),
    KnownRefusal::of(
        InProgress,
        &["DeleteReplicationGroup"],
        "InvalidCacheClusterState",
        "The requested cluster is not in the available state.",
        REFERENCE,
    ),
    KnownRefusal::of(
        InProgress,
        &["DeleteCacheSubnetGroup"],
        "CacheSubnetGroupInUse",
        "Cache subnet group lr-demo-cache is currently in use by a cache cluster.",
        "terraform-provider-aws 1a5174b, internal/service/elasticache/subnet_group.go",
    )
    .waits(300),
    KnownRefusal::of(
        InProgress,
        &["DeleteCacheSubnetGroup"],
        "DependencyViolation",
        "Cache subnet group lr-demo-cache has dependencies.",
        "terraform-provider-aws 1a5174b, internal/service/elasticache/subnet_group.go",
    )
    .waits(300),
    KnownRefusal::of(
        Capacity,
        &["CreateReplicationGroup"],
        "InsufficientCacheClusterCapacity",
        "The requested cache node type is not available in the specified Availability Zone.",
        REFERENCE,
    ),
    KnownRefusal::of(
        Quota,
        &["CreateReplicationGroup"],
        "NodeQuotaForCustomerExceeded",
        "The request cannot be processed because it would exceed the allowed number of cache nodes per customer.",
        REFERENCE,
    ),
    KnownRefusal::of(
        Quota,
        &["CreateCacheSubnetGroup"],
        "CacheSubnetGroupQuotaExceeded",
        "The request cannot be processed because it would exceed the allowed number of cache subnet groups.",
        REFERENCE,
    ),
    KnownRefusal::of(
        Denied,
        &["CreateReplicationGroup"],
        "InvalidKMSKeyFault",
        "The KMS key supplied is not valid.",
        REFERENCE,
    ),
    FAILOVER_ALONE,
    KnownRefusal::of(
        Gone,
        &["DeleteReplicationGroup"],
        "ReplicationGroupNotFoundFault",
        "Replication Group lr-demo-cache not found.",
        REFERENCE,
    )
    .status(404),
    KnownRefusal::of(
        Gone,
        &["DeleteCacheSubnetGroup"],
        "CacheSubnetGroupNotFoundFault",
        "Cache Subnet Group lr-demo-cache does not exist.",
        REFERENCE,
    ),
];
