//! Managed services that hold data: bucket, database, search, cache.

use super::{
    CHANGE, Grant, LOOK, MAKE, MAKE_AND_CHANGE, Named, REMOVE, TAKING_DOWN, look, service_role,
};

const FILES: Named = Named {
    statement: "FilesBucket",
    on: "arn:{partition}:s3:::{bucket} arn:{partition}:s3:::{bucket}/*",
};

const DATABASES: Named = Named {
    statement: "Databases",
    // Databases are made with the option group of their engine's defaults.
    on: "arn:{partition}:rds:{region}:{account}:db:lr-{environment}-db-* \
         arn:{partition}:rds:{region}:{account}:auto-backup:* \
         arn:{partition}:rds:{region}:{account}:og:default* \
         arn:{partition}:rds:{region}:{account}:pg:lr-{environment}-db-* \
         arn:{partition}:rds:{region}:{account}:snapshot:* \
         arn:{partition}:rds:{region}:{account}:subgrp:lr-{environment}-db-*",
};

const DOMAIN: Named = Named {
    statement: "Search",
    on: "arn:{partition}:es:{region}:{account}:domain/lr-{environment}-search",
};

const CACHES: Named = Named {
    statement: "Cache",
    on: "arn:{partition}:elasticache:{region}:{account}:cluster:lr-{environment}-cache* \
         arn:{partition}:elasticache:{region}:{account}:parametergroup:* \
         arn:{partition}:elasticache:{region}:{account}:replicationgroup:lr-{environment}-cache \
         arn:{partition}:elasticache:{region}:{account}:snapshot:lr-{environment}-* \
         arn:{partition}:elasticache:{region}:{account}:subnetgroup:lr-{environment}-cache*",
};

pub(super) const BUCKET: &[Grant] = &[
    FILES.grant(
        LOOK,
        "s3:GetBucketPublicAccessBlock s3:GetBucketTagging s3:GetBucketVersioning \
         s3:GetEncryptionConfiguration s3:GetLifecycleConfiguration s3:ListBucket",
        "finding the bucket of uploaded files",
    ),
    FILES.grant(
        MAKE,
        "s3:CreateBucket s3:TagResource",
        "the bucket of uploaded files",
    ),
    FILES.grant(
        MAKE_AND_CHANGE,
        "s3:PutBucketPublicAccessBlock s3:PutBucketTagging s3:PutBucketVersioning \
         s3:PutEncryptionConfiguration s3:PutLifecycleConfiguration",
        "its tags, no public access, encryption, versions, clearing up",
    ),
    FILES.grant(
        REMOVE,
        "s3:AbortMultipartUpload s3:DeleteBucket s3:DeleteObject s3:DeleteObjectVersion \
         s3:ListBucketMultipartUploads s3:ListBucketVersions",
        "a bucket has to be empty before it can go",
    ),
];

pub(super) const DATABASE_SUBNETS: &[Grant] = &[
    look(
        "rds:DescribeDBSubnetGroups rds:ListTagsForResource",
        "finding databases and what they use",
    ),
    DATABASES.grant(
        MAKE,
        "rds:AddTagsToResource rds:CreateDBSubnetGroup",
        "databases stand in private subnets alone",
    ),
    DATABASES.grant(REMOVE, "rds:DeleteDBSubnetGroup", TAKING_DOWN),
];

pub(super) const DATABASE_PARAMETERS: &[Grant] = &[
    look(
        "rds:DescribeDBParameterGroups rds:DescribeDBParameters rds:ListTagsForResource",
        "finding databases and what they use",
    ),
    DATABASES.grant(
        MAKE,
        "rds:AddTagsToResource rds:CreateDBParameterGroup",
        "the published settings of the database",
    ),
    DATABASES.grant(
        MAKE_AND_CHANGE,
        "rds:ModifyDBParameterGroup rds:ResetDBParameterGroup",
        "the published settings of the database",
    ),
    DATABASES.grant(REMOVE, "rds:DeleteDBParameterGroup", TAKING_DOWN),
];

pub(super) const DATABASE: &[Grant] = &[
    look(
        "rds:DescribeDBInstances",
        "finding databases and what they use",
    ),
    DATABASES.grant(
        MAKE,
        "rds:AddTagsToResource rds:CreateDBInstance rds:CreateDBInstanceReadReplica \
         rds:ModifyDBInstance rds:RestoreDBInstanceFromDBSnapshot",
        "a writer and its read replicas, or a writer made from a snapshot",
    ),
    service_role(
        "rds.amazonaws.com",
        "AWS makes its role with an account's first database; it stays",
    ),
    DATABASES.grant(
        CHANGE,
        "rds:ModifyDBInstance rds:RebootDBInstance",
        "another class, more storage, settings that want a restart",
    ),
    DATABASES.grant(
        REMOVE,
        "rds:AddTagsToResource rds:CreateDBSnapshot rds:ModifyDBInstance",
        "a protected database leaves a final snapshot, which loadrig cannot delete",
    ),
    DATABASES.grant(
        REMOVE,
        "rds:DeleteDBInstance rds:DeleteDBInstanceAutomatedBackup",
        TAKING_DOWN,
    ),
];

const CLUSTERS: Named = Named {
    statement: "DatabaseClusters",
    // Final snapshots are the environment's; one that a cluster is made from may be anybody's.
    on: "arn:{partition}:rds:{region}:{account}:cluster:lr-{environment}-db \
         arn:{partition}:rds:{region}:{account}:cluster-auto-backup:* \
         arn:{partition}:rds:{region}:{account}:cluster-pg:lr-{environment}-db-* \
         arn:{partition}:rds:{region}:{account}:cluster-snapshot:* \
         arn:{partition}:rds:{region}:{account}:db:lr-{environment}-db-* \
         arn:{partition}:rds:{region}:{account}:og:default* \
         arn:{partition}:rds:{region}:{account}:subgrp:lr-{environment}-db-*",
};

pub(super) const CLUSTER_PARAMETERS: &[Grant] = &[
    look(
        "rds:DescribeDBClusterParameterGroups rds:DescribeDBClusterParameters \
         rds:ListTagsForResource",
        "finding databases and what they use",
    ),
    CLUSTERS.grant(
        MAKE,
        "rds:AddTagsToResource rds:CreateDBClusterParameterGroup",
        "the published settings of the database",
    ),
    CLUSTERS.grant(
        MAKE_AND_CHANGE,
        "rds:ModifyDBClusterParameterGroup rds:ResetDBClusterParameterGroup",
        "the published settings of the database",
    ),
    CLUSTERS.grant(REMOVE, "rds:DeleteDBClusterParameterGroup", TAKING_DOWN),
];

pub(super) const CLUSTER: &[Grant] = &[
    look(
        "rds:DescribeDBClusters",
        "finding databases and what they use",
    ),
    CLUSTERS.grant(
        MAKE,
        "rds:AddTagsToResource rds:CreateDBCluster rds:CreateDBInstance rds:ModifyDBCluster \
         rds:RestoreDBClusterFromSnapshot",
        "an Aurora cluster, new or made from a snapshot",
    ),
    CLUSTERS.grant(
        CHANGE,
        "rds:ModifyDBCluster",
        "backups, protection, how storage is billed",
    ),
    CLUSTERS.grant(
        REMOVE,
        "rds:AddTagsToResource rds:CreateDBClusterSnapshot rds:ModifyDBCluster",
        "a protected database leaves a final snapshot, which loadrig cannot delete",
    ),
    CLUSTERS.grant(REMOVE, "rds:DeleteDBCluster", TAKING_DOWN),
];

pub(super) const SEARCH: &[Grant] = &[
    DOMAIN.grant(
        LOOK,
        "es:DescribeDomain es:ListTags",
        "finding the search domain",
    ),
    DOMAIN.grant(MAKE, "es:AddTags es:CreateDomain", "the search domain"),
    service_role(
        "opensearchservice.amazonaws.com",
        "the role with which a domain stands in a VPC; it stays",
    ),
    DOMAIN.grant(CHANGE, "es:UpdateDomainConfig", "other nodes, more storage"),
    DOMAIN.grant(REMOVE, "es:DeleteDomain", TAKING_DOWN),
];

pub(super) const CACHE_SUBNETS: &[Grant] = &[
    look(
        "elasticache:DescribeCacheSubnetGroups elasticache:ListTagsForResource",
        "finding the cache and what it uses",
    ),
    CACHES.grant(
        MAKE,
        "elasticache:AddTagsToResource elasticache:CreateCacheSubnetGroup",
        "the cache stands in private subnets alone",
    ),
    CACHES.grant(REMOVE, "elasticache:DeleteCacheSubnetGroup", TAKING_DOWN),
];

pub(super) const CACHE: &[Grant] = &[
    look(
        "elasticache:DescribeReplicationGroups elasticache:ListTagsForResource",
        "finding the cache and what it uses",
    ),
    CACHES.grant(
        MAKE,
        "elasticache:AddTagsToResource elasticache:CreateReplicationGroup",
        "the cache",
    ),
    service_role(
        "elasticache.amazonaws.com",
        "AWS makes its role with an account's first cache; it stays",
    ),
    CACHES.grant(
        CHANGE,
        "elasticache:DecreaseReplicaCount elasticache:IncreaseReplicaCount \
         elasticache:ModifyReplicationGroup",
        "other nodes",
    ),
    CACHES.grant(
        REMOVE,
        "elasticache:AddTagsToResource elasticache:CreateSnapshot",
        "a protected cache leaves a final snapshot, which loadrig cannot delete",
    ),
    CACHES.grant(REMOVE, "elasticache:DeleteReplicationGroup", TAKING_DOWN),
];
