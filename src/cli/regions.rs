//! The regions of AWS, to catch a mistyped one before anything is asked of it.

use std::net::ToSocketAddrs as _;

use crate::diagnose::ExitCode;

use super::failure::Failure;

/// AWS General Reference, "Regions and zones", 2026-11.
const REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// Refuses a region that is neither known nor answers. AWS opens new ones: one that is not in
/// the list is looked up by name.
///
/// # Errors
/// When there is no such region.
pub fn check(region: &str) -> Result<(), Failure> {
    if REGIONS.contains(&region) || answers(region) {
        return Ok(());
    }
    Err(Failure::new(
        format!("there is no AWS region `{region}`"),
        format!(
            "did you mean `{}`? `region` in the environment's YAML or `--region` names it",
            nearest(region)
        ),
    )
    .with_code(ExitCode::Usage))
}

fn answers(region: &str) -> bool {
    let name = region
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-');
    name && format!("sts.{region}.amazonaws.com:443")
        .to_socket_addrs()
        .is_ok_and(|mut found| found.next().is_some())
}

fn nearest(region: &str) -> &'static str {
    REGIONS
        .iter()
        .min_by_key(|known| strsim::damerau_levenshtein(region, known))
        .copied()
        .unwrap_or("us-east-1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_region_gets_a_suggestion() {
        assert_eq!(nearest("eu-cental-1"), "eu-central-1");
        assert_eq!(nearest("us-esat-1"), "us-east-1");
        assert!(REGIONS.is_sorted());
    }
}
