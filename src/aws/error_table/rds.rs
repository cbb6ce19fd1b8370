//! What Amazon RDS and Aurora answer.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{Capacity, Converging, NotFound, Quota};

pub(super) const ROWS: &[Row] = &[
    Row::of(
        Converging,
        "Amazon RDS API Reference: errors of each action",
        &[
            "InvalidDBInstanceState",
            "InvalidDBInstanceStateFault",
            "InvalidDBClusterStateFault",
            "InvalidDBParameterGroupState",
            "InvalidDBSubnetGroupStateFault",
            "InvalidDBSubnetStateFault",
            "InvalidVPCNetworkStateFault",
        ],
    ),
    Row::of(
        Capacity,
        "Amazon RDS API Reference: errors of each action",
        &["InsufficientDBInstanceCapacity"],
    ),
    Row::of(
        Quota,
        "Amazon RDS API Reference: errors of each action",
        &[
            "InstanceQuotaExceeded",
            "StorageQuotaExceeded",
            "DBClusterQuotaExceededFault",
            "InsufficientStorageClusterCapacity",
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "DBSubnetGroupQuotaExceeded",
            "DBParameterGroupQuotaExceeded",
        ],
    ),
    Row::of(
        NotFound,
        "Amazon RDS API Reference: errors of each action",
        &[
            "DBInstanceNotFound",
            "DBInstanceNotFoundFault",
            "DBClusterNotFoundFault",
            "DBClusterParameterGroupNotFound",
            "DBClusterSnapshotNotFoundFault",
            "DBSubnetGroupNotFoundFault",
            "DBParameterGroupNotFound",
            "DBSnapshotNotFound",
        ],
    ),
];
