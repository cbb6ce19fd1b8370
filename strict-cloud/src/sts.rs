//! The rules of STS: the role that is to be assumed is named by an ARN.
//!
//! AssumeRole, `RoleArn`: what is no ARN is refused with `ValidationError`, "nothing-valid-in-here is
//! invalid" (recorded on AWS by LocalStack's tests, test_sts.py, 2025;
//! <https://github.com/localstack/localstack>).

use crate::call::Call;
use crate::errors::AwsError;

pub(crate) fn check(call: &Call) -> Result<(), AwsError> {
    let Some(arn) = call.get("RoleArn").filter(|_| call.action == "AssumeRole") else {
        return Ok(());
    };
    if is_arn(arn) {
        return Ok(());
    }
    Err(AwsError::new(
        "ValidationError",
        format!("{arn} is invalid"),
    ))
}

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`, where region and account may be empty.
fn is_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, service, _, _, resource] => [partition, service, resource]
            .iter()
            .all(|part| !part.is_empty()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_has_a_partition_a_service_and_a_resource() {
        for (text, is) in [
            ("arn:aws:iam::123456789012:role/a:b", true),
            ("nothing-valid-in-here", false),
            ("arn::b:::something/test-role", false),
            ("arn:a::::something/test-role", false),
            ("arn:a:::something/test-role", false),
            ("arn:a:a::aaaaaaaaaa:", false),
        ] {
            assert_eq!(is_arn(text), is, "{text}");
        }
    }
}
