//! What a request refers to, and what is said when it cannot be carried out.

use crate::aws::error::refused;
use crate::blueprint::Address;
use crate::engine::{CloudError, FailureClass, Observed, Request};

/// What a request refers to, which has to exist already.
pub(in crate::aws) fn dependency<'a>(
    request: &'a Request<'_>,
    operation: &str,
    address: &Address,
) -> Result<&'a Observed, CloudError> {
    request.inventory.get(address).ok_or_else(|| CloudError {
        class: FailureClass::Converging,
        ..refused(
            operation,
            request.address,
            "DependencyMissing",
            format!("`{address}`, which it refers to, does not exist yet"),
        )
    })
}

/// The availability zone of the subnet that something new is to be near; none leaves it to AWS.
pub(in crate::aws) fn zone_of_subnet(
    request: &Request<'_>,
    operation: &str,
    subnet: Option<&Address>,
) -> Result<Option<String>, CloudError> {
    let Some(subnet) = subnet else {
        return Ok(None);
    };
    let zone = dependency(request, operation, subnet)?.text("zone");
    Ok(zone.map(str::to_owned))
}

/// Whether an attribute of what exists was told, and is neither what is wanted nor as good.
pub(in crate::aws) fn differs(request: &Request<'_>, existing: &Observed, name: &str) -> bool {
    let wanted = request.desired.attributes();
    match (existing.value(name), wanted.get(name)) {
        (Some(found), Some(wanted)) => found != wanted && !request.desired.accepts(name, found),
        _ => false,
    }
}

/// The ids of several resources that a request refers to.
pub(in crate::aws) fn dependency_ids(
    request: &Request<'_>,
    operation: &str,
    addresses: &[Address],
) -> Result<Vec<String>, CloudError> {
    addresses
        .iter()
        .map(|address| dependency(request, operation, address).map(|found| found.id.clone()))
        .collect()
}

pub(in crate::aws) fn not_ours(operation: &str, request: &Request<'_>) -> CloudError {
    refused(
        operation,
        request.address,
        "NotOurs",
        "it is not part of the environment and is only read",
    )
}

/// What was just created or changed; when it is not listed yet, the call is worth repeating.
pub(in crate::aws) fn require_listed(
    mut found: Vec<Observed>,
    operation: &str,
    id: &str,
) -> Result<Observed, CloudError> {
    found.pop().ok_or_else(|| CloudError {
        class: FailureClass::Converging,
        ..refused(
            operation,
            id,
            "NotVisibleYet",
            "it was created but is not listed yet",
        )
    })
}
