//! The permissions that every environment needs, whatever it is made of. Those of each kind of
//! resource are in its row (`blueprint/kinds`).

use crate::blueprint::kinds::Grant;
use crate::blueprint::kinds::grants::{CREATE, DELETE, NamedResources, READ, read};

/// Checks before a change; without them `plan` says what it could not check.
const fn preflight(actions: &'static str, why: &'static str) -> Grant {
    Grant {
        statement: "Preflight",
        ..read(actions, why)
    }
}

/// The account's bucket of locks.
const REGISTRY: NamedResources = NamedResources {
    statement: "Locks",
    on: "arn:{partition}:s3:::loadrig-registry-{account}-{region} \
         arn:{partition}:s3:::loadrig-registry-{account}-{region}/*",
};

/// What every environment needs, whatever it is made of.
const ACCOUNT: &[Grant] = &[
    read(
        "sts:GetCallerIdentity",
        "the account acted on is shown before anything is changed",
    ),
    read(
        "ec2:DescribeAddresses ec2:DescribeNetworkInterfaces ec2:DescribeSnapshots \
         elasticache:DescribeSnapshots rds:DescribeDBClusterAutomatedBackups \
         rds:DescribeDBClusterSnapshots rds:DescribeDBInstanceAutomatedBackups \
         rds:DescribeDBSnapshots",
        "checking after `down` that nothing is left",
    ),
    read(
        "ec2:DescribeRegions",
        "whether a region that refuses the credentials is turned on",
    ),
    read(
        "ec2:DescribeTags s3:ListAllMyBuckets ssm:DescribeParameters",
        "`loadrig list`: which environments there are",
    ),
    REGISTRY.grant(
        READ,
        "s3:GetBucketPublicAccessBlock s3:GetObject s3:ListBucket",
        "the lock of each environment",
    ),
    REGISTRY.grant(
        CREATE,
        "s3:CreateBucket s3:PutBucketPublicAccessBlock s3:PutObject s3:TagResource",
        "the lock of each environment",
    ),
    REGISTRY.grant(
        DELETE,
        "s3:DeleteBucket s3:DeleteObject s3:DeleteObjectVersion s3:ListBucketMultipartUploads \
         s3:ListBucketVersions",
        "releasing the lock, and `loadrig registry remove`",
    ),
    preflight(
        "servicequotas:GetAWSDefaultServiceQuota servicequotas:GetServiceQuota \
         elasticache:DescribeCacheClusters es:ListDomainNames iam:GetAccountSummary \
         rds:DescribeAccountAttributes s3:ListAllMyBuckets",
        "whether the account's quotas admit the plan",
    ),
    preflight(
        "ec2:DescribeInstanceTypeOfferings es:DescribeInstanceTypeLimits es:ListInstanceTypeDetails \
         rds:DescribeOrderableDBInstanceOptions",
        "whether the region's zones offer the types",
    ),
    preflight(
        "iam:GetRole iam:SimulatePrincipalPolicy",
        "whether these permissions are granted",
    ),
];

/// The bucket of a canary, in which `doctor` writes, too.
const TRIED_BUCKET: NamedResources = NamedResources {
    statement: "FilesBucket",
    on: "arn:{partition}:s3:::{bucket} arn:{partition}:s3:::{bucket}/*",
};

/// What canaries need beside what environments do.
pub(super) const CANARY: &[Grant] = &[TRIED_BUCKET.grant(
    CREATE,
    "s3:DeleteObject s3:GetObject s3:PutObject",
    "whether S3 keeps to the conditions that locks rest on",
)];

/// What every environment needs, whatever it is made of.
#[must_use]
pub fn account_grants() -> &'static [Grant] {
    ACCOUNT
}
