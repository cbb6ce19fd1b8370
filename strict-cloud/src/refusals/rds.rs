//! What Amazon RDS answers where its code does not say it all.

use super::KnownRefusal;
use super::Meaning::{Capacity, Denied, Gone, InProgress, Invalid, Later, Quota, Taken};

const FIRST: &[&str] = &[
    "CreateDBSubnetGroup",
    "CreateDBInstance",
    "CreateDBCluster",
    "RestoreDBInstanceFromDBSnapshot",
    "RestoreDBClusterFromSnapshot",
];
const RESTORE: &[&str] = &["RestoreDBInstanceFromDBSnapshot"];
const RESTORE_CLUSTER: &[&str] = &["RestoreDBClusterFromSnapshot"];
const ANSIBLE: &str = "amazon.aws 59c5d27, plugins/module_utils/rds.py";
const REFERENCE: &str = "Amazon RDS API Reference: errors of each action";
const INSTANCE: &str = "terraform-provider-aws 1a5174b, internal/service/rds/instance.go";
const CLUSTER: &str = "terraform-provider-aws 1a5174b, internal/service/rds/cluster.go";

/// The first database of an account: RDS creates its role, and comes too early for it.
pub(crate) const FIRST_USE: KnownRefusal = KnownRefusal::of(
    Later,
    FIRST,
    "InvalidParameterValue",
    "Unable to create the resource. Verify that you have permission to create service linked role. Otherwise wait and try again later",
    "aws-samples/eks-workshop-v2#1609; cube-js/cube#11114; convox/convox#864",
);
/// A protection that was lifted a moment ago is still seen.
pub(crate) const PROTECTED_INSTANCE: KnownRefusal = KnownRefusal::of(
    InProgress,
    &["DeleteDBInstance"],
    "InvalidParameterCombination",
    "Cannot delete protected DB Instance, please disable deletion protection and try again.",
    INSTANCE,
);
/// The same of a cluster.
pub(crate) const PROTECTED_CLUSTER: KnownRefusal = KnownRefusal::of(
    InProgress,
    &["DeleteDBCluster"],
    "InvalidParameterCombination",
    "Cannot delete protected Cluster, please disable deletion protection and try again.",
    CLUSTER,
)
.waits(120);
/// The automated backups are AWS Backup's, whose recovery point holds them.
const HELD_BY_AWS_BACKUP: KnownRefusal = KnownRefusal::of(
    Invalid,
    &["DeleteDBInstance", "DeleteDBCluster"],
    "InvalidParameterCombination",
    "RDS cluster lr-demo-db is associated with the following AwsBackupRecoveryPointArn: arn:aws:backup:us-east-1:123456789012:recovery-point:continuous:cluster-c0ffee-1a2b3c4d. NoDeleteAutomatedBackups must be specified. For more details, see the AWS Backup documentation.",
    "cloudposse/terraform-aws-rds-cluster#283; terraform-provider-aws#20839",
);
/// Storage that was changed within hours. It is no refusal to wait for: the user guide says six hours at
/// least, so that to repeat the call for 80 minutes, as Terraform's provider does, helps seldom.
pub(crate) const STORAGE_BUSY: KnownRefusal = KnownRefusal::of(
    Invalid,
    &["ModifyDBInstance"],
    "InvalidParameterCombination",
    "You can't currently modify the storage of this DB instance because the previous storage change is being optimized.",
    "Amazon RDS User Guide: increasing DB instance storage capacity; terraform-provider-aws 1a5174b, internal/service/rds/instance.go",
);
/// Storage that has IOPS of its own changes with them.
pub(crate) const STORAGE_WITHOUT_IOPS: KnownRefusal = KnownRefusal::of(
    Invalid,
    &["ModifyDBInstance"],
    "InvalidParameterCombination",
    "You must specify both the storage size and iops when modifying the storage size or iops on a DB instance that has iops.",
    "terraform-provider-aws#28589, #33512",
);
/// A failover of a cluster without a reader that could be promoted.
pub(crate) const FAILOVER_ALONE: KnownRefusal = KnownRefusal::of(
    Invalid,
    &["FailoverDBCluster"],
    "InvalidDBClusterStateFault",
    "Database cluster:lr-demo-db should have at least two database instances in valid states or a valid target instance for failover.",
    "moto 5.2.5, rds/models.py",
);
/// A failover of an instance without a standby.
pub(crate) const STANDBY_MISSING: KnownRefusal = KnownRefusal::of(
    Invalid,
    &["RebootDBInstance"],
    "InvalidParameterCombination",
    "ForceFailover cannot be specified since the instance is not configured for either MultiAZ or High Availability.",
    "database-mesh/golang-sdk 2769375, aws/client/rds/instance.go; Amazon RDS API Reference, RebootDBInstance",
);
/// A restart of a database that is being changed.
pub(crate) const NO_REBOOT_NOW: KnownRefusal = KnownRefusal::of(
    InProgress,
    &["RebootDBInstance"],
    "InvalidDBInstanceState",
    "Can only reboot db instances with state in: available, storage-optimization, incompatible-credentials, incompatible-parameters.",
    "database-mesh/golang-sdk 2769375, aws/client/rds/instance.go",
);
/// RDS chooses both zones of a database with a standby.
pub(crate) const ZONE_WITH_STANDBY: KnownRefusal = KnownRefusal::of(
    Invalid,
    &[
        "CreateDBInstance",
        "RestoreDBInstanceFromDBSnapshot",
        "CreateDBInstanceReadReplica",
    ],
    "InvalidParameterCombination",
    "Requesting a specific availability zone is not valid for Multi-AZ instances.",
    "terraform-provider-aws#485, #39225",
);
/// The data of a replica is its source's.
pub(crate) const REPLICA_FINAL_SNAPSHOT: KnownRefusal = KnownRefusal::of(
    Invalid,
    &["DeleteDBInstance"],
    "InvalidParameterCombination",
    "FinalDBSnapshotIdentifier can not be specified when deleting a replica instance",
    "terraform-provider-aws#4276, #4615",
);

pub(super) const ROWS: &[KnownRefusal] = &[
    FIRST_USE,
    KnownRefusal::of(Later, FIRST, "InvalidParameterValue", "Missing necessary credentials. Please check http://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAM.ServiceLinkedRoles.html", "crossplane-contrib/provider-aws#479"),
    KnownRefusal::of(Later, &["CreateDBSubnetGroup"], "InvalidSubnet", "Subnet IDs are required.", "go-to-k/cdkd 8ee4235: met for subnets that were just created"),
    KnownRefusal::of(Later, &["CreateDBInstance", "CreateDBCluster"], "InvalidVPCNetworkStateFault", "DB instance and EC2 security group are in different VPCs.", REFERENCE),
    PROTECTED_INSTANCE,
    PROTECTED_CLUSTER,
    HELD_BY_AWS_BACKUP,
    KnownRefusal::of(InProgress, &["ModifyDBInstance", "DeleteDBInstance", "CreateDBInstanceReadReplica"], "InvalidDBInstanceState", "Database instance is not in available state. Please try your request later.", INSTANCE),
    KnownRefusal::of(InProgress, &["ModifyDBCluster", "DeleteDBCluster", "FailoverDBCluster"], "InvalidDBClusterStateFault", "DbCluster lr-demo-db is not currently in the available state", CLUSTER).waits(300),
    KnownRefusal::of(InProgress, &["DeleteDBParameterGroup"], "InvalidDBParameterGroupState", "One or more database instances are still members of this parameter group lr-demo-db, so the group cannot be deleted", "terraform-provider-aws 1a5174b, internal/service/rds/parameter_group.go").waits(180),
    KnownRefusal::of(InProgress, &["ModifyDBParameterGroup", "ResetDBParameterGroup"], "InvalidDBParameterGroupState", "The parameter group has pending changes", "terraform-provider-aws 1a5174b, internal/service/rds/cluster_parameter_group.go").waits(180),
    KnownRefusal::of(InProgress, &["DeleteDBSubnetGroup"], "InvalidDBSubnetGroupStateFault", "Cannot delete the subnet group 'lr-demo-db' because at least one database instance: lr-demo-db-writer is still using it.", "terraform-provider-aws 1a5174b, internal/service/rds/subnet_group.go").waits(180),
    KnownRefusal::of(InProgress, &["DeleteDBSubnetGroup"], "InvalidDBSubnetStateFault", "The DB subnet isn't in the available state.", REFERENCE),
    KnownRefusal::of(InProgress, RESTORE, "InvalidDBSnapshotState", "The snapshot is not in the available state.", ANSIBLE),
    KnownRefusal::of(InProgress, RESTORE_CLUSTER, "InvalidDBClusterSnapshotStateFault", "The cluster snapshot is not in the available state.", ANSIBLE),
    KnownRefusal::of(InProgress, &["ModifyDBInstance"], "InvalidDBSecurityGroupState", "The state of the DB security group doesn't allow deletion.", ANSIBLE),
    STORAGE_BUSY,
    KnownRefusal::of(Invalid, &["CreateDBInstanceReadReplica"], "InvalidParameterCombination", "A parameter group can't be specified during Read Replica creation for the following DB engine: postgres", "terraform-provider-aws#38056, #38227"),
    KnownRefusal::of(Invalid, &["CreateDBInstance"], "InvalidParameterCombination", "You can't specify IOPS or storage throughput for engine postgres and a storage size less than 400.", "terraform-provider-aws#28160"),
    STORAGE_WITHOUT_IOPS,
    FAILOVER_ALONE,
    NO_REBOOT_NOW,
    STANDBY_MISSING,
    REPLICA_FINAL_SNAPSHOT,
    ZONE_WITH_STANDBY,
    KnownRefusal::of(Invalid, &["CreateDBSubnetGroup"], "DBSubnetGroupDoesNotCoverEnoughAZs", "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: us-east-1a. Add subnets to cover at least 2 AZs.", REFERENCE),
    KnownRefusal::of(Capacity, &["CreateDBInstance", "CreateDBInstanceReadReplica"], "InsufficientDBInstanceCapacity", "The requested DB instance class is not available in the specified Availability Zone.", REFERENCE),
    KnownRefusal::of(Capacity, &["CreateDBCluster"], "InsufficientDBClusterCapacityFault", "The DB cluster doesn't have enough capacity for the current operation.", REFERENCE),
    KnownRefusal::of(Capacity, &["CreateDBInstance"], "ProvisionedIopsNotAvailableInAZFault", "Provisioned IOPS not available in the specified Availability Zone.", REFERENCE),
    KnownRefusal::of(Quota, &["CreateDBInstance"], "InstanceQuotaExceeded", "The request would result in the user exceeding the allowed number of DB instances.", REFERENCE),
    KnownRefusal::of(Quota, &["CreateDBInstance"], "StorageQuotaExceeded", "The request would result in the user exceeding the allowed amount of storage available across all DB instances.", REFERENCE),
    KnownRefusal::of(Quota, &["DeleteDBInstance"], "SnapshotQuotaExceeded", "The request would result in the user exceeding the allowed number of DB snapshots.", REFERENCE),
    KnownRefusal::of(Quota, &["CreateDBCluster"], "DBClusterQuotaExceededFault", "The user attempted to create a new DB cluster and the user has already reached the maximum allowed DB cluster quota.", REFERENCE),
    KnownRefusal::of(Quota, &["CreateDBParameterGroup"], "DBParameterGroupQuotaExceeded", "The request would result in the user exceeding the allowed number of DB parameter groups.", REFERENCE),
    KnownRefusal::of(Quota, &["CreateDBSubnetGroup"], "DBSubnetGroupQuotaExceeded", "The request would result in the user exceeding the allowed number of DB subnet groups.", REFERENCE),
    KnownRefusal::of(Quota, &["CreateDBSubnetGroup"], "DBSubnetQuotaExceededFault", "The request would result in the user exceeding the allowed number of subnets in a DB subnet groups.", REFERENCE),
    KnownRefusal::of(Denied, &["CreateDBInstance"], "KMSKeyNotAccessibleFault", "The specified KMS key does not exist, is not enabled or you do not have permissions to access it.", REFERENCE),
    KnownRefusal::of(Invalid, &["CreateDBInstance"], "VpcEncryptionControlViolationException", "The operation violates VPC encryption controls.", REFERENCE),
    KnownRefusal::of(Taken, &["CreateDBInstance"], "DBInstanceAlreadyExists", "DB instance already exists", REFERENCE),
    KnownRefusal::of(Taken, &["CreateDBCluster"], "DBClusterAlreadyExistsFault", "DB Cluster already exists", REFERENCE),
    KnownRefusal::of(Gone, &["DeleteDBInstance"], "DBInstanceNotFound", "DBInstance lr-demo-db-writer not found.", REFERENCE).status(404),
    KnownRefusal::of(Gone, &["DeleteDBCluster"], "DBClusterNotFoundFault", "DBCluster lr-demo-db not found.", REFERENCE).status(404),
    KnownRefusal::of(Gone, &["DeleteDBSubnetGroup"], "DBSubnetGroupNotFoundFault", "DB subnet group 'lr-demo-db' does not exist.", REFERENCE).status(404),
    KnownRefusal::of(Gone, &["DeleteDBParameterGroup"], "DBParameterGroupNotFound", "DBParameterGroup not found: lr-demo-db", REFERENCE).status(404),
];
