//! Whether the account has turned its region on.
//!
//! Newer regions are off until an account opts in ("Enable or disable AWS Regions in your
//! account", AWS Account Management). Services in a region that is off refuse every credential
//! as unknown, as if it were wrong or had expired.

use aws_config::Region;
use aws_sdk_ec2::config::retry::RetryConfig;

use crate::aws::Aws;
use crate::aws::error::{CallContext, refused};
use crate::engine::{CloudError, FailureClass};

/// A region that no account can turn off, in the partition where regions can be.
const ALWAYS_ON: &str = "us-east-1";
/// `OptInStatus` of a region that is off.
const OFF: &str = "not-opted-in";

impl Aws {
    /// A refusal of credentials, or what really is the matter: that the region is off. Asked in a
    /// region that is on; where nothing can be found out there, the refusal stands.
    pub(in crate::aws) async fn with_region(&self, error: CloudError) -> CloudError {
        if !error.is_about_credentials()
            || error.code == "NoCredentials"
            || self.region == ALWAYS_ON
        {
            return error;
        }
        match self.is_region_off().await {
            Ok(true) => CloudError {
                class: FailureClass::Denied,
                request_id: error.request_id,
                status: error.status,
                ..refused(
                    &error.operation,
                    &self.region,
                    "RegionNotEnabled",
                    format!(
                        "the region `{region}` is off in this account, so its services know \
                         nobody ({code}): turn it on with `aws account enable-region \
                         --region-name {region}` (it takes minutes to hours), or use another region",
                        region = self.region,
                        code = error.code,
                    ),
                )
            },
            Ok(false) | Err(_) => error,
        }
    }

    async fn is_region_off(&self) -> Result<bool, CloudError> {
        let elsewhere = aws_sdk_ec2::config::Builder::new()
            .region(Region::new(ALWAYS_ON))
            .retry_config(RetryConfig::standard().with_max_attempts(2));
        let answer = self
            .ec2
            .describe_regions()
            .all_regions(true)
            .region_names(&self.region)
            .customize()
            .config_override(elsewhere)
            .send()
            .await
            .context("ec2:DescribeRegions", &self.region)?;
        let mut regions = answer.regions().iter();
        Ok(regions.any(|region| region.opt_in_status() == Some(OFF)))
    }
}
