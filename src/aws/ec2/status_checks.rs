//! Whether EC2's own checks of an instance fail.
//!
//! EC2 checks the machine that an instance runs on and whether the instance can be reached, and tells of
//! both in `DescribeInstanceStatus` alone: in `DescribeInstances` an impaired instance is `running`
//! ("Status checks for Amazon EC2 instances", Amazon EC2 User Guide).

use aws_sdk_ec2::types::{InstanceStatusDetails, InstanceStatusSummary, SummaryStatus};

use crate::aws::Aws;
use crate::aws::error::CallContext;
use crate::engine::CloudError;

impl Aws {
    /// The checks of an instance that fail, for people.
    pub(in crate::aws) async fn failed_status_checks(
        &self,
        id: &str,
    ) -> Result<Vec<String>, CloudError> {
        let answer = self
            .ec2
            .describe_instance_status()
            .instance_ids(id)
            .include_all_instances(true)
            .send()
            .await
            .context("ec2:DescribeInstanceStatus", id)?;
        let checks = answer.instance_statuses().iter().flat_map(|one| {
            [
                ("system", one.system_status()),
                ("instance", one.instance_status()),
            ]
        });
        let failed = checks.filter_map(|(check, seen)| failure(check, id, seen?));
        Ok(failed.collect())
    }
}

/// What a check that fails says; those that pass, or have not begun, say nothing.
fn failure(check: &str, id: &str, seen: &InstanceStatusSummary) -> Option<String> {
    if seen.status() != Some(&SummaryStatus::Impaired) {
        return None;
    }
    let since = |one: &InstanceStatusDetails| one.impaired_since().map(ToString::to_string);
    let since = seen.details().iter().find_map(since);
    let since = since.map_or(String::new(), |time| format!(" since {time}"));
    Some(format!(
        "EC2 says: the {check} status check of `{id}` fails{since}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_check_that_fails_is_told() {
        let told = |status| {
            let seen = InstanceStatusSummary::builder().status(status).build();
            failure("system", "i-1", &seen)
        };
        for fine in [
            SummaryStatus::Ok,
            SummaryStatus::Initializing,
            SummaryStatus::InsufficientData,
            SummaryStatus::NotApplicable,
        ] {
            assert_eq!(told(fine), None);
        }
        let text = told(SummaryStatus::Impaired).expect("a failure");
        assert_eq!(text, "EC2 says: the system status check of `i-1` fails");
    }
}
