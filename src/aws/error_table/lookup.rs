//! Looks refusals up in the table.

use crate::aws::error_table::row::Row;
use crate::aws::error_table::{
    common, ec2, elasticache, elb, iam, opensearch, rds, route53, s3, service_quotas, ssm,
};
use crate::engine::{FailureClass, is_credential_code};

/// The table, by the services' IAM prefixes.
const SERVICES: [(&str, &[Row]); 10] = [
    ("ec2", ec2::ROWS),
    ("elasticache", elasticache::ROWS),
    ("elasticloadbalancing", elb::ROWS),
    ("es", opensearch::ROWS),
    ("iam", iam::ROWS),
    ("rds", rds::ROWS),
    ("route53", route53::ROWS),
    ("s3", s3::ROWS),
    ("servicequotas", service_quotas::ROWS),
    ("ssm", ssm::ROWS),
];

fn rows_of(service: &str) -> &'static [Row] {
    SERVICES
        .iter()
        .find(|(name, _)| *name == service)
        .map_or(&[], |(_, rows)| rows)
}

/// Every row with the IAM prefix of its service; `*` for those of all services.
pub fn refusals() -> impl Iterator<Item = (&'static str, &'static Row)> {
    [("*", common::ROWS)]
        .into_iter()
        .chain(SERVICES)
        .flat_map(|(service, rows)| rows.iter().map(move |row| (service, row)))
}

/// The class of a refusal, by what was called (as in `ec2:ReleaseAddress`), its code and its
/// message; `None` leaves it to the HTTP status.
pub(in crate::aws) fn class_of_refusal(
    called: &str,
    code: &str,
    message: &str,
) -> Option<FailureClass> {
    if is_credential_code(code) && !fits_operation(called, code, message) {
        return Some(FailureClass::Denied);
    }
    let (service, operation) = called.split_once(':').unwrap_or(("", called));
    best(rows_of(service), operation, code, message)
        .or_else(|| best(common::ROWS, operation, code, message))
        .map(|row| row.class)
}

/// Whether a row of its own says what the code means at this operation.
fn fits_operation(called: &str, code: &str, message: &str) -> bool {
    let (service, operation) = called.split_once(':').unwrap_or(("", called));
    rows_of(service)
        .iter()
        .any(|row| !row.operations.is_empty() && row.fits(operation, code, message))
}

fn best<'a>(rows: &'a [Row], operation: &str, code: &str, message: &str) -> Option<&'a Row> {
    rows.iter()
        .filter(|row| row.fits(operation, code, message))
        .max_by_key(|row| row.specificity())
}

/// The class of a code that one of the services in use answers with, whatever was called.
#[must_use]
pub fn class_of_code(code: &str) -> Option<FailureClass> {
    SERVICES
        .iter()
        .find_map(|(service, _)| class_of_refusal(&format!("{service}:"), code, ""))
}

/// Whether a code says that the call was throttled: AWS answers so before it does anything.
pub(in crate::aws) fn is_throttling(code: &str) -> bool {
    common::THROTTLING.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_not_taken_for_throttling() {
        for (called, code) in [
            ("es:CreateDomain", "LimitExceededException"),
            ("ec2:RunInstances", "VcpuLimitExceeded"),
            ("iam:AddRoleToInstanceProfile", "LimitExceeded"),
        ] {
            let class = class_of_refusal(called, code, "");
            assert_eq!(class, Some(FailureClass::Quota), "{code}");
        }
        assert_eq!(
            class_of_refusal("ec2:RunInstances", "RequestLimitExceeded", ""),
            Some(FailureClass::Transient)
        );
    }

    #[test]
    fn unknown_codes_are_left_to_the_status() {
        for code in ["InvalidParameterValue", "NotFoundButNotQuite"] {
            assert_eq!(class_of_refusal("ec2:CreateVpc", code, ""), None);
        }
    }

    #[test]
    fn the_most_specific_row_decides() {
        let class = |operation, code| class_of_refusal(operation, code, "");
        assert_eq!(
            class("ec2:ReleaseAddress", "AuthFailure"),
            Some(FailureClass::Converging)
        );
        assert_eq!(
            class("ec2:DescribeAddresses", "AuthFailure"),
            Some(FailureClass::Denied)
        );
    }

    #[test]
    fn messages_decide_where_aws_gives_no_code_of_its_own() {
        let class =
            |message| class_of_refusal("ec2:RunInstances", "InvalidParameterValue", message);
        let unknown = "Value (lr-demo-host) for parameter iamInstanceProfile.name is invalid. \
                       Invalid IAM Instance Profile name";
        assert_eq!(class(unknown), Some(FailureClass::Settling));
        assert_eq!(class("Invalid type"), None);
    }
}
