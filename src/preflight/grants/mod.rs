//! Which actions each kind of resource needs, on what, under which condition, and why.
//!
//! The match over [`Kind`] is exhaustive, so that a new kind cannot be forgotten. Actions,
//! resource types and condition keys are those of the AWS Service Authorization Reference
//! (docs.aws.amazon.com/service-authorization/latest/reference/), service by service.

mod data;
mod front;
mod identity;
mod network;

use crate::blueprint::Kind;

/// What an action is used for; a plan that only creates needs no removals checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// Finding out what exists.
    Look,
    /// Creating.
    Make,
    /// Changing in place.
    Change,
    /// Removing.
    Remove,
}

/// The condition under which a grant holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// None.
    Always,
    /// The request stamps the environment's tag on what it creates.
    Tagged,
    /// What is acted on bears the environment's tag.
    Owned,
    /// So it does, and no other tag than this one is touched.
    OwnedTag(&'static str),
    /// A role is handed to this service alone.
    PassedTo(&'static str),
    /// AWS makes the role of this service.
    ServiceRole(&'static str),
}

/// Actions that stand or fall together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The statement of a policy that it goes into.
    pub statement: &'static str,
    /// What for.
    pub uses: &'static [Use],
    actions: &'static str,
    on: &'static str,
    /// Condition.
    pub when: When,
    /// Why, as a phrase.
    pub why: &'static str,
}

impl Grant {
    /// IAM actions, for example `ec2:RunInstances`.
    pub fn actions(&self) -> impl Iterator<Item = &'static str> {
        self.actions.split_whitespace()
    }

    /// ARNs with `{partition}`, `{region}`, `{account}`, `{environment}` and `{bucket}` to be
    /// filled in; `*` where AWS knows no narrower resource.
    pub fn resources(&self) -> impl Iterator<Item = &'static str> {
        self.on.split_whitespace()
    }

    /// Whether it is used for this.
    #[must_use]
    pub fn is_for(&self, purpose: Use) -> bool {
        self.uses.contains(&purpose)
    }
}

const LOOK: &[Use] = &[Use::Look];
const MAKE: &[Use] = &[Use::Make];
const CHANGE: &[Use] = &[Use::Change];
const MAKE_AND_CHANGE: &[Use] = &[Use::Make, Use::Change];
const CHANGE_AND_REMOVE: &[Use] = &[Use::Change, Use::Remove];
const REMOVE: &[Use] = &[Use::Remove];

/// Reading; AWS narrows most `Describe` calls by nothing but the region.
const fn look(actions: &'static str, why: &'static str) -> Grant {
    Grant {
        statement: "Look",
        uses: LOOK,
        actions,
        on: "*",
        when: When::Always,
        why,
    }
}

/// Reading what is in the way of a removal; without it nobody is named.
const fn look_around(actions: &'static str, why: &'static str) -> Grant {
    Grant {
        uses: REMOVE,
        ..look(actions, why)
    }
}

/// Checks before a change; without them `plan` says what it could not check.
const fn preflight(actions: &'static str, why: &'static str) -> Grant {
    Grant {
        statement: "Preflight",
        uses: LOOK,
        actions,
        on: "*",
        when: When::Always,
        why,
    }
}

/// Creating in EC2 with the environment's tag in the same call.
const fn make(actions: &'static str, on: &'static str, why: &'static str) -> Grant {
    Grant {
        statement: "MakeTagged",
        uses: MAKE,
        actions,
        on,
        when: When::Tagged,
        why,
    }
}

/// Acting on what bears the environment's tag in EC2.
const fn own(uses: &'static [Use], actions: &'static str, why: &'static str) -> Grant {
    Grant {
        statement: "UseOwn",
        uses,
        actions,
        on: "arn:{partition}:ec2:{region}:{account}:*/*",
        when: When::Owned,
        why,
    }
}

/// The grants of one service whose resources are told by their names.
#[derive(Clone, Copy)]
struct Named {
    statement: &'static str,
    on: &'static str,
}

impl Named {
    const fn grant(self, uses: &'static [Use], actions: &'static str, why: &'static str) -> Grant {
        Grant {
            statement: self.statement,
            uses,
            actions,
            on: self.on,
            when: When::Always,
            why,
        }
    }
}

/// AWS makes a role of its own with the first resource of a service; it belongs to the
/// account and outlives the environment.
const fn service_role(service: &'static str, why: &'static str) -> Grant {
    Grant {
        statement: "FirstUseOfManagedServices",
        uses: MAKE,
        actions: "iam:CreateServiceLinkedRole",
        on: "arn:{partition}:iam::{account}:role/aws-service-role/*",
        when: When::ServiceRole(service),
        why,
    }
}

const TAKING_DOWN: &str = "taking it down";

/// The account's bucket of locks.
const REGISTRY: Named = Named {
    statement: "Lock",
    on: "arn:{partition}:s3:::loadrig-registry-{account}-{region} \
         arn:{partition}:s3:::loadrig-registry-{account}-{region}/*",
};

/// What every environment needs, whatever it is made of.
const ACCOUNT: &[Grant] = &[
    look(
        "sts:GetCallerIdentity",
        "the account acted on is shown before anything is changed",
    ),
    look(
        "ec2:DescribeAddresses ec2:DescribeNetworkInterfaces ec2:DescribeSnapshots \
         elasticache:DescribeSnapshots rds:DescribeDBInstanceAutomatedBackups \
         rds:DescribeDBClusterSnapshots rds:DescribeDBSnapshots",
        "the proof after `down` that nothing is left",
    ),
    look(
        "ec2:DescribeTags s3:ListAllMyBuckets ssm:DescribeParameters",
        "`loadrig list`: which environments there are",
    ),
    REGISTRY.grant(
        LOOK,
        "s3:GetBucketPublicAccessBlock s3:GetObject s3:ListBucket",
        "the lock of each environment",
    ),
    REGISTRY.grant(
        MAKE,
        "s3:CreateBucket s3:PutBucketPublicAccessBlock s3:PutObject s3:TagResource",
        "the lock of each environment",
    ),
    REGISTRY.grant(
        REMOVE,
        "s3:DeleteBucket s3:DeleteObject s3:DeleteObjectVersion s3:ListBucketMultipartUploads \
         s3:ListBucketVersions",
        "letting the lock go, and `loadrig registry remove`",
    ),
    preflight(
        "servicequotas:GetAWSDefaultServiceQuota servicequotas:GetServiceQuota \
         elasticache:DescribeCacheClusters es:ListDomainNames iam:GetAccountSummary \
         rds:DescribeAccountAttributes s3:ListAllMyBuckets",
        "whether the account's quotas admit the plan",
    ),
    preflight(
        "ec2:DescribeInstanceTypeOfferings es:DescribeInstanceTypeLimits \
         rds:DescribeOrderableDBInstanceOptions",
        "whether the region's zones offer the types",
    ),
    preflight(
        "iam:GetRole iam:SimulatePrincipalPolicy",
        "whether these permissions are there",
    ),
];

/// What every environment needs, whatever it is made of.
#[must_use]
pub fn account_grants() -> &'static [Grant] {
    ACCOUNT
}

/// What a kind of resource needs.
#[must_use]
pub fn grants(kind: Kind) -> &'static [Grant] {
    match kind {
        Kind::Vpc => network::VPC,
        Kind::InternetGateway => network::INTERNET_GATEWAY,
        Kind::Subnet => network::SUBNET,
        Kind::RouteTable => network::ROUTE_TABLE,
        Kind::ElasticAddress => network::ELASTIC_ADDRESS,
        Kind::NatGateway => network::NAT_GATEWAY,
        Kind::Adopted => network::ADOPTED,
        Kind::Endpoint => network::ENDPOINT,
        Kind::LoadBalancer => front::LOAD_BALANCER,
        Kind::Listener => front::LISTENER,
        Kind::TargetGroup => front::TARGET_GROUP,
        Kind::Targets => front::TARGETS,
        Kind::Zone => front::ZONE,
        Kind::Records => front::RECORDS,
        Kind::SecurityGroup => network::SECURITY_GROUP,
        Kind::SecurityRules => network::SECURITY_RULES,
        Kind::Instance => network::INSTANCE,
        Kind::KeyPair => identity::KEY_PAIR,
        Kind::Seed => identity::SEED,
        Kind::Role => identity::ROLE,
        Kind::InstanceProfile => identity::INSTANCE_PROFILE,
        Kind::Bucket => data::BUCKET,
        Kind::DatabaseSubnets => data::DATABASE_SUBNETS,
        Kind::DatabaseParameters => data::DATABASE_PARAMETERS,
        Kind::Database => data::DATABASE,
        Kind::DatabaseCluster => data::CLUSTER,
        Kind::DatabaseClusterParameters => data::CLUSTER_PARAMETERS,
        Kind::Search => data::SEARCH,
        Kind::CacheSubnets => data::CACHE_SUBNETS,
        Kind::Cache => data::CACHE,
    }
}
