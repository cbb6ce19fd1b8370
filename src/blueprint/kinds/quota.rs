//! The quotas of an account that resources count against.
//!
//! Codes are those of the Service Quotas console (docs.aws.amazon.com/servicequotas).

/// A quota that a plan can run into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "`what` names them")]
pub enum Quota {
    StandardVcpus,
    Gp3StorageTib,
    Vpcs,
    InternetGateways,
    ElasticAddresses,
    SecurityGroups,
    DatabaseInstances,
    DatabaseStorageGib,
    SearchDomains,
    SearchNodesPerDomain,
    CacheNodes,
    Buckets,
    Roles,
    InstanceProfiles,
}

impl Quota {
    /// Service code and quota code.
    #[must_use]
    pub fn code(self) -> (&'static str, &'static str) {
        match self {
            Quota::StandardVcpus => ("ec2", "L-1216C47A"),
            Quota::Gp3StorageTib => ("ebs", "L-7A658B76"),
            Quota::Vpcs => ("vpc", "L-F678F1CE"),
            Quota::InternetGateways => ("vpc", "L-A4707A72"),
            Quota::ElasticAddresses => ("ec2", "L-0263D0A3"),
            Quota::SecurityGroups => ("vpc", "L-E79EC296"),
            Quota::DatabaseInstances => ("rds", "L-7B6409FD"),
            Quota::DatabaseStorageGib => ("rds", "L-7ADDB58A"),
            Quota::SearchDomains => ("es", "L-076D529E"),
            Quota::SearchNodesPerDomain => ("es", "L-6408ABDE"),
            Quota::CacheNodes => ("elasticache", "L-DFE45DF3"),
            Quota::Buckets => ("s3", "L-DC2B2D3D"),
            Quota::Roles => ("iam", "L-FE177D64"),
            Quota::InstanceProfiles => ("iam", "L-6E65F664"),
        }
    }

    /// As people know it.
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Quota::StandardVcpus => "vCPUs of running On-Demand Standard instances",
            Quota::Gp3StorageTib => "TiB of gp3 volumes",
            Quota::Vpcs => "VPCs",
            Quota::InternetGateways => "internet gateways",
            Quota::ElasticAddresses => "elastic addresses",
            Quota::SecurityGroups => "security groups",
            Quota::DatabaseInstances => "RDS instances",
            Quota::DatabaseStorageGib => "GiB of RDS storage",
            Quota::SearchDomains => "OpenSearch domains",
            Quota::SearchNodesPerDomain => "nodes of one OpenSearch domain",
            Quota::CacheNodes => "ElastiCache nodes",
            Quota::Buckets => "S3 buckets",
            Quota::Roles => "IAM roles",
            Quota::InstanceProfiles => "IAM instance profiles",
        }
    }

    /// IAM and S3 count for the whole account; their quotas are kept in one region.
    #[must_use]
    pub fn region(self, region: &str) -> &str {
        match self {
            Quota::Buckets | Quota::Roles | Quota::InstanceProfiles => "us-east-1",
            _ => region,
        }
    }
}
