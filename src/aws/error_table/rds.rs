//! What Amazon RDS and Aurora answer.

use crate::aws::error_table::row::Row;
use crate::engine::FailureClass::{
    Blocked, Capacity, Converging, Denied, NotFound, Quota, Settling, Terminal,
};

/// The errors of each action, as its page lists them.
const REFERENCE: &str = "Amazon RDS API Reference: errors of each action";

/// The actions that create what needs RDS's service-linked role.
const NEEDING_ROLE: &[&str] = &[
    "CreateDBSubnetGroup",
    "CreateDBInstance",
    "CreateDBCluster",
    "RestoreDBInstanceFromDBSnapshot",
    "RestoreDBClusterFromSnapshot",
];

/// The code of what RDS does not take together, and of some things that it takes later.
const COMBINATION: &[&str] = &["InvalidParameterCombination"];

pub(super) const ROWS: &[Row] = &[
    // States that pass.
    Row::of(
        Converging,
        REFERENCE,
        &[
            "InvalidDBInstanceState",
            "InvalidDBClusterStateFault",
            "InvalidDBParameterGroupState",
            "InvalidDBSubnetGroupStateFault",
            "InvalidDBSubnetStateFault",
        ],
    ),
    Row::of(
        Converging,
        "amazon.aws 59c5d27, plugins/module_utils/rds.py: retried",
        &[
            "InvalidDBSnapshotState",
            "InvalidDBClusterSnapshotStateFault",
            "InvalidDBSecurityGroupState",
        ],
    ),
    Row::of(
        Converging,
        "terraform-provider-aws 1a5174b, internal/service/rds/instance.go and cluster.go: the \
         protection was lifted a moment ago",
        COMBINATION,
    )
    .at(&["DeleteDBInstance", "DeleteDBCluster"])
    .saying("disable deletion pro"),
    // Deletions ask for the removal of the automated backups, and these are AWS Backup's.
    Row::of(
        Blocked,
        "cloudposse/terraform-aws-rds-cluster#283; terraform-provider-aws#20839",
        COMBINATION,
    )
    .at(&["DeleteDBInstance", "DeleteDBCluster"])
    .saying("NoDeleteAutomatedBackups must be specified"),
    // Another service does not know yet what was created, or it is a fault that stays.
    Row::of(
        Settling,
        "go-to-k/cdkd 8ee4235: met for subnets that were just created",
        &["InvalidSubnet"],
    ),
    Row::of(
        Settling,
        "Amazon RDS API Reference, InvalidVPCNetworkStateFault: the subnet group does not cover \
         its zones, or is of another VPC than the group",
        &["InvalidVPCNetworkStateFault"],
    ),
    // The first database of an account: RDS creates its role, which takes a moment.
    Row::of(
        Converging,
        "aws-samples/eks-workshop-v2#1609, convox/convox#864: a later call works",
        &["InvalidParameterValue"],
    )
    .at(NEEDING_ROLE)
    .saying("permission to create service linked role"),
    Row::of(
        Converging,
        "crossplane-contrib/provider-aws#479: RDS's service-linked role is missing",
        &["InvalidParameterValue"],
    )
    .at(NEEDING_ROLE)
    .saying("UsingWithRDS.IAM.ServiceLinkedRoles"),
    // Combinations that RDS does not take.
    Row::of(
        Terminal,
        "terraform-provider-aws#38056, #38227",
        COMBINATION,
    )
    .at(&["CreateDBInstanceReadReplica"])
    .saying("can't be specified during Read Replica creation"),
    Row::of(Terminal, "terraform-provider-aws#28160", COMBINATION)
        .at(&["CreateDBInstance"])
        .saying("can't specify IOPS or storage throughput"),
    Row::of(
        Terminal,
        "terraform-provider-aws#28589, #33512",
        COMBINATION,
    )
    .at(&["ModifyDBInstance"])
    .saying("specify both the storage size and iops"),
    Row::of(Terminal, "terraform-provider-aws#485, #39225", COMBINATION)
        .at(&[
            "CreateDBInstance",
            "RestoreDBInstanceFromDBSnapshot",
            "CreateDBInstanceReadReplica",
        ])
        .saying("a specific availability zone is not valid"),
    Row::of(Terminal, "terraform-provider-aws#4276, #4615", COMBINATION)
        .at(&["DeleteDBInstance"])
        .saying("FinalDBSnapshotIdentifier can not be specified"),
    Row::of(
        Terminal,
        "database-mesh/golang-sdk 2769375, aws/client/rds/instance.go",
        COMBINATION,
    )
    .at(&["RebootDBInstance"])
    .saying("ForceFailover cannot be specified"),
    // Unlike a cluster that is being changed, one without a reader stays so.
    Row::of(
        Terminal,
        "moto 5.2.5, rds/models.py",
        &["InvalidDBClusterStateFault"],
    )
    .at(&["FailoverDBCluster"])
    .saying("should have at least two database instances"),
    // Storage that was changed does not change again for six hours at least: longer than anybody
    // would wait for `up`.
    Row::of(
        Terminal,
        "Amazon RDS User Guide: increasing DB instance storage capacity",
        COMBINATION,
    )
    .at(&["ModifyDBInstance"])
    .saying("previous storage change is being optimized"),
    Row::of(
        Capacity,
        REFERENCE,
        &[
            "InsufficientDBInstanceCapacity",
            "InsufficientDBClusterCapacityFault",
            "ProvisionedIopsNotAvailableInAZFault",
        ],
    ),
    Row::of(
        Quota,
        REFERENCE,
        &[
            "InstanceQuotaExceeded",
            "StorageQuotaExceeded",
            "SnapshotQuotaExceeded",
            "DBClusterQuotaExceededFault",
            "DBClusterRoleQuotaExceeded",
            "DBClusterAutomatedBackupQuotaExceededFault",
            "DBInstanceAutomatedBackupQuotaExceeded",
            "DBSubnetGroupQuotaExceeded",
            "DBSubnetQuotaExceededFault",
            "DBParameterGroupQuotaExceeded",
            "InsufficientStorageClusterCapacity",
            "TenantDatabaseQuotaExceeded",
        ],
    ),
    Row::of(Denied, REFERENCE, &["KMSKeyNotAccessibleFault"]),
    Row::of(
        Blocked,
        REFERENCE,
        &["VpcEncryptionControlViolationException"],
    ),
    Row::of(
        NotFound,
        REFERENCE,
        &[
            "DBInstanceNotFound",
            "DBClusterNotFoundFault",
            "DBClusterParameterGroupNotFound",
            "DBClusterSnapshotNotFoundFault",
            "DBSubnetGroupNotFoundFault",
            "DBParameterGroupNotFound",
            "DBSnapshotNotFound",
            "DBInstanceAutomatedBackupNotFound",
            "DBClusterAutomatedBackupNotFoundFault",
        ],
    ),
    // Something of the name is there: whoever creates looks whose it is.
    Row::of(
        Terminal,
        REFERENCE,
        &[
            "DBInstanceAlreadyExists",
            "DBClusterAlreadyExistsFault",
            "DBParameterGroupAlreadyExists",
            "DBSubnetGroupAlreadyExists",
            "DBSnapshotAlreadyExists",
            "DBClusterSnapshotAlreadyExistsFault",
        ],
    ),
    // A zone more is needed, which no repetition brings.
    Row::of(Terminal, REFERENCE, &["DBSubnetGroupDoesNotCoverEnoughAZs"]),
    // What the request names is not offered, or not there.
    Row::of(
        Terminal,
        REFERENCE,
        &[
            "DBSubnetGroupNotAllowedFault",
            "DBUpgradeDependencyFailure",
            "InvalidDBSubnetGroupFault",
            "InvalidRestoreFault",
            "NetworkTypeNotSupported",
            "StorageTypeNotAvailableFault",
            "StorageTypeNotSupported",
        ],
    ),
    // Of what loadrig never asks for: a key, a certificate, a domain, a global cluster.
    Row::of(
        Terminal,
        REFERENCE,
        &[
            "AuthorizationNotFound",
            "BackupPolicyNotFoundFault",
            "BlueGreenDeploymentNotFoundFault",
            "CertificateNotFound",
            "DBCapacityReservationNotFound",
            "DBProxyEndpointNotFoundFault",
            "DBProxyNotFoundFault",
            "DBProxyTargetGroupNotFoundFault",
            "DBSecurityGroupNotFound",
            "DBShardGroupNotFound",
            "DBSnapshotTenantDatabaseNotFoundFault",
            "DomainNotFoundFault",
            "GlobalClusterNotFoundFault",
            "IntegrationNotFoundFault",
            "InvalidDBCapacityReservationState",
            "InvalidDBClusterEndpointStateFault",
            "InvalidGlobalClusterStateFault",
            "OptionGroupNotFoundFault",
            "TenantDatabaseNotFound",
        ],
    ),
];
