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

/// Stands for the service of rows that belong to all.
const EVERY_SERVICE: &str = "*";

/// Every row with the IAM prefix of its service; `*` for those of all services.
pub fn refusals() -> impl Iterator<Item = (&'static str, &'static Row)> {
    [(EVERY_SERVICE, common::ROWS)]
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
    class_by(refusals(), called, code, message)
}

/// The same by other rows than all of the table: what is known without one of them.
pub fn class_by<'a>(
    rows: impl Iterator<Item = (&'a str, &'a Row)>,
    called: &str,
    code: &str,
    message: &str,
) -> Option<FailureClass> {
    let (service, operation) = called.split_once(':').unwrap_or(("", called));
    let row = rows
        .filter(|(of, row)| {
            (*of == service || *of == EVERY_SERVICE) && row.fits(operation, code, message)
        })
        .max_by_key(|(of, row)| (*of != EVERY_SERVICE, row.specificity()))
        .map(|(_, row)| row);
    match row {
        // What is about credentials is, unless a row says what it means at this operation.
        Some(row) if row.operations.is_empty() && is_credential_code(code) => {
            Some(FailureClass::Denied)
        }
        Some(row) => Some(row.class),
        None => is_credential_code(code).then_some(FailureClass::Denied),
    }
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
        let class = class_of_refusal("ec2:CreateVpc", "NotFoundButNotQuite", "");
        assert_eq!(class, None);
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
        assert_eq!(class("Invalid type"), Some(FailureClass::Unknown));
    }
}
