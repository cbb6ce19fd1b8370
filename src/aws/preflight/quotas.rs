//! What an account may have and what it has, for the preflight.
//!
//! Nothing here fails a plan: what cannot be read is reported as unknown.

use aws_config::retry::RetryConfig;
use aws_sdk_ec2::types::{Filter, Instance, InstanceLifecycleType};
use aws_sdk_iam::types::SummaryKeyType;
use aws_sdk_rds::types::AccountQuota;
use futures::future::join_all;

use crate::aws::Aws;
use crate::aws::error::{CallContext, incomplete};
use crate::aws::tags::filter;
use crate::blueprint::kinds::Quota;
use crate::engine::{CloudError, FailureClass};
use crate::preflight::QuotaFact;

/// The families that count as Standard (EC2 User Guide, "On-Demand Instance quotas"): A, C, D,
/// H, I, M, R, T and Z. Im and Is are of I; `inf`, `trn`, `hpc`, `dl` and others have quotas of
/// their own.
const STANDARD: [&str; 11] = ["a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"];

impl Aws {
    /// Limit and usage of each quota, side by side.
    pub async fn quota_facts(&self, quotas: &[Quota]) -> Vec<QuotaFact> {
        join_all(quotas.iter().map(|quota| Box::pin(self.quota_fact(*quota)))).await
    }

    async fn quota_fact(&self, quota: Quota) -> QuotaFact {
        let (limit, used) = match quota {
            // These services answer both in one call.
            Quota::DatabaseInstances => self.database_quota("DBInstances").await,
            Quota::DatabaseStorageGib => self.database_quota("AllocatedStorage").await,
            Quota::Roles => {
                self.account_quota(SummaryKeyType::RolesQuota, SummaryKeyType::Roles)
                    .await
            }
            Quota::InstanceProfiles => {
                self.account_quota(
                    SummaryKeyType::InstanceProfilesQuota,
                    SummaryKeyType::InstanceProfiles,
                )
                .await
            }
            quota => futures::join!(
                Box::pin(self.applied_quota(quota)),
                Box::pin(self.usage(quota))
            ),
        };
        QuotaFact {
            quota,
            limit: limit.map_err(|error| why(&error)),
            used: used.map_err(|error| why(&error)),
        }
    }

    /// The quota that applies to the account, or else AWS's default.
    async fn applied_quota(&self, quota: Quota) -> Result<f64, CloudError> {
        let (service, code) = quota.code();
        let applied = self
            .servicequotas
            .get_service_quota()
            .service_code(service)
            .quota_code(code)
            .customize()
            .config_override(self.quota_region(quota))
            .send()
            .await
            .context("servicequotas:GetServiceQuota", code);
        let value = match applied {
            Ok(answer) => answer.quota.and_then(|quota| quota.value),
            // Nobody ever raised it.
            Err(error) if error.code == "NoSuchResourceException" => {
                let default = self
                    .servicequotas
                    .get_aws_default_service_quota()
                    .service_code(service)
                    .quota_code(code)
                    .customize()
                    .config_override(self.quota_region(quota))
                    .send()
                    .await
                    .context("servicequotas:GetAWSDefaultServiceQuota", code)?;
                default.quota.and_then(|quota| quota.value)
            }
            Err(error) => return Err(error),
        };
        value.ok_or_else(|| incomplete("servicequotas:GetServiceQuota", code, "value"))
    }

    fn quota_region(&self, quota: Quota) -> aws_sdk_servicequotas::config::Builder {
        let region = quota.region(&self.region).to_owned();
        aws_sdk_servicequotas::Config::builder()
            .region(aws_sdk_servicequotas::config::Region::new(region))
            .retry_config(patience())
    }

    async fn usage(&self, quota: Quota) -> Result<f64, CloudError> {
        match quota {
            Quota::StandardVcpus => self.running_vcpus().await,
            Quota::Gp3StorageTib => self.gp3_tib().await,
            Quota::Vpcs => {
                let pages = self.ec2.describe_vpcs().into_paginator().items().send();
                counted(
                    pages
                        .try_collect()
                        .await
                        .context("ec2:DescribeVpcs", "account")?,
                )
            }
            Quota::InternetGateways => {
                let pages = self
                    .ec2
                    .describe_internet_gateways()
                    .into_paginator()
                    .items()
                    .send();
                let operation = "ec2:DescribeInternetGateways";
                counted(pages.try_collect().await.context(operation, "account")?)
            }
            Quota::ElasticAddresses => {
                let answer = self.ec2.describe_addresses().send().await;
                let answer = answer.context("ec2:DescribeAddresses", "account")?;
                counted(answer.addresses.unwrap_or_default())
            }
            Quota::SecurityGroups => {
                let pages = self
                    .ec2
                    .describe_security_groups()
                    .into_paginator()
                    .items()
                    .send();
                let operation = "ec2:DescribeSecurityGroups";
                counted(pages.try_collect().await.context(operation, "account")?)
            }
            Quota::SearchDomains => {
                let answer = self
                    .opensearch
                    .list_domain_names()
                    .customize()
                    .config_override(aws_sdk_opensearch::Config::builder().retry_config(patience()))
                    .send()
                    .await;
                let answer = answer.context("es:ListDomainNames", "account")?;
                counted(answer.domain_names.unwrap_or_default())
            }
            Quota::CacheNodes => {
                let pages = self
                    .elasticache
                    .describe_cache_clusters()
                    .into_paginator()
                    .items()
                    .send();
                let operation = "elasticache:DescribeCacheClusters";
                let clusters: Vec<_> = pages.try_collect().await.context(operation, "account")?;
                let nodes: i32 = clusters
                    .iter()
                    .filter_map(|one| one.num_cache_nodes())
                    .sum();
                Ok(f64::from(nodes))
            }
            Quota::Buckets => {
                let pages = self.s3.list_buckets().into_paginator().send();
                let operation = "s3:ListAllMyBuckets";
                let pages: Vec<_> = pages.try_collect().await.context(operation, "account")?;
                counted(
                    pages
                        .into_iter()
                        .flat_map(|page| page.buckets.unwrap_or_default())
                        .collect::<Vec<_>>(),
                )
            }
            // A limit of one resource, of which nothing is used before it exists; the rest
            // comes together with its limit.
            Quota::SearchNodesPerDomain
            | Quota::DatabaseInstances
            | Quota::DatabaseStorageGib
            | Quota::Roles
            | Quota::InstanceProfiles => Ok(0.0),
        }
    }

    /// vCPUs of running Standard instances; stopped ones do not count, and Spot instances have a
    /// quota of their own.
    async fn running_vcpus(&self) -> Result<f64, CloudError> {
        let states: Filter = filter("instance-state-name", ["pending", "running"]);
        let reservations: Vec<_> = self
            .ec2
            .describe_instances()
            .filters(states)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("ec2:DescribeInstances", "account")?;
        let vcpus: i32 = reservations
            .iter()
            .flat_map(|one| one.instances())
            .filter(|instance| counts_as_standard(instance))
            .filter_map(|instance| instance.cpu_options())
            .map(|cpu| cpu.core_count().unwrap_or(0) * cpu.threads_per_core().unwrap_or(1))
            .sum();
        Ok(f64::from(vcpus))
    }

    async fn gp3_tib(&self) -> Result<f64, CloudError> {
        let volumes: Vec<_> = self
            .ec2
            .describe_volumes()
            .filters(filter("volume-type", ["gp3"]))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .context("ec2:DescribeVolumes", "account")?;
        let gib: f64 = volumes
            .iter()
            .filter_map(|one| one.size())
            .map(f64::from)
            .sum();
        Ok(gib / 1024.0)
    }

    /// RDS reports limits and usage itself.
    async fn database_quota(
        &self,
        name: &str,
    ) -> (Result<f64, CloudError>, Result<f64, CloudError>) {
        let operation = "rds:DescribeAccountAttributes";
        let answer = self
            .rds
            .describe_account_attributes()
            .customize()
            .config_override(aws_sdk_rds::Config::builder().retry_config(patience()))
            .send()
            .await;
        let quota = answer.context(operation, name).map(|answer| {
            let mut quotas = answer.account_quotas.unwrap_or_default().into_iter();
            quotas.find(|quota| quota.account_quota_name() == Some(name))
        });
        let number = |read: fn(&AccountQuota) -> Option<i64>| {
            let quota = quota.as_ref().map_err(CloudError::clone)?;
            quota
                .as_ref()
                .and_then(read)
                .and_then(|value| i32::try_from(value).ok())
                .map(f64::from)
                .ok_or_else(|| incomplete(operation, name, "quota"))
        };
        (number(AccountQuota::max), number(AccountQuota::used))
    }

    /// IAM reports limits and usage itself.
    async fn account_quota(
        &self,
        limit: SummaryKeyType,
        used: SummaryKeyType,
    ) -> (Result<f64, CloudError>, Result<f64, CloudError>) {
        let operation = "iam:GetAccountSummary";
        let answer = self
            .iam
            .get_account_summary()
            .customize()
            .config_override(aws_sdk_iam::Config::builder().retry_config(patience()))
            .send()
            .await;
        let summary = answer.context(operation, "account");
        let summary = summary.map(|answer| answer.summary_map.unwrap_or_default());
        let number = |key: &SummaryKeyType| {
            let summary = summary.as_ref().map_err(CloudError::clone)?;
            summary
                .get(key)
                .map(|value| f64::from(*value))
                .ok_or_else(|| incomplete(operation, "account", key.as_str()))
        };
        (number(&limit), number(&used))
    }
}

/// A check that gets no answer is reported as unknown: it is not worth waiting long for.
pub(in crate::aws) fn patience() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(2)
}

fn counts_as_standard(instance: &Instance) -> bool {
    let family = instance.instance_type().and_then(|kind| {
        kind.as_str()
            .split(|c: char| !c.is_ascii_lowercase())
            .next()
    });
    instance.instance_lifecycle() != Some(&InstanceLifecycleType::Spot)
        && family.is_some_and(|family| STANDARD.contains(&family))
}

fn counted<T>(list: Vec<T>) -> Result<f64, CloudError> {
    Ok(f64::from(u32::try_from(list.len()).unwrap_or(u32::MAX)))
}

/// Why something is not known, short enough for a line.
pub(in crate::aws) fn why(error: &CloudError) -> String {
    match error.class {
        FailureClass::Denied => format!("{} is not allowed", error.operation),
        _ => format!("{} failed: {}", error.operation, error.code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_demand_instances_of_standard_families_count() {
        let instance = |kind: &str| Instance::builder().instance_type(kind.into());
        for kind in [
            "m7i.large",
            "c7gn.xlarge",
            "t3.small",
            "i4i.large",
            "im4gn.large",
            "z1d.large",
        ] {
            assert!(counts_as_standard(&instance(kind).build()), "{kind}");
        }
        for kind in [
            "inf2.xlarge",
            "trn1.2xlarge",
            "hpc7a.12xlarge",
            "dl1.24xlarge",
            "g5.xlarge",
            "p4d.24xlarge",
            "x2idn.16xlarge",
            "mac2.metal",
            "u-6tb1.metal",
        ] {
            assert!(!counts_as_standard(&instance(kind).build()), "{kind}");
        }
        let spot = instance("m7i.large").instance_lifecycle(InstanceLifecycleType::Spot);
        assert!(!counts_as_standard(&spot.build()));
    }
}
