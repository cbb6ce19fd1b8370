//! Catches a mistyped region before anything is asked of it.

use std::net::ToSocketAddrs as _;

use crate::diagnose::ExitCode;
use crate::spec::regions::{is_known_region, nearest_region};

use super::failure::Failure;

/// Refuses a region that is neither known nor answers. AWS opens new ones: one that is not in
/// the list is looked up by name.
///
/// # Errors
/// When there is no such region.
pub(super) fn check(region: &str) -> Result<(), Failure> {
    if is_known_region(region) || answers(region) {
        return Ok(());
    }
    let place = "`region` in the environment's YAML or `--region` names it";
    let hint = match nearest_region(region) {
        Some(near) => format!("did you mean `{near}`? {place}"),
        None => place.to_owned(),
    };
    Err(Failure::new(format!("there is no AWS region `{region}`"), hint).with_code(ExitCode::Usage))
}

fn answers(region: &str) -> bool {
    let name = region
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-');
    name && format!("sts.{region}.amazonaws.com:443")
        .to_socket_addrs()
        .is_ok_and(|mut found| found.next().is_some())
}
