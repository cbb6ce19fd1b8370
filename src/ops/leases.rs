//! Who works on environments: the leases of the registry.

use crate::aws::Registry;
use crate::engine::{Lease, describe_lease, environment_of_lease, read_lease};
use crate::ops::error::OpsError;

/// A lease of the registry.
#[derive(Clone, Debug)]
pub struct StoredLease {
    /// As it was written.
    pub lease: Lease,
    /// For people, at the store's time.
    pub text: String,
    /// Whether it has not expired.
    pub live: bool,
}

/// All leases of the registry.
pub(super) async fn leases(registry: &Registry) -> Result<Vec<StoredLease>, OpsError> {
    let mut found = Vec::new();
    if !registry.exists().await? {
        return Ok(found);
    }
    for name in registry.objects().await? {
        let Some(environment) = environment_of_lease(&name) else {
            continue;
        };
        found.extend(stored_lease(registry, environment).await?);
    }
    Ok(found)
}

/// The lease of one environment, if there is one.
pub(super) async fn stored_lease(
    registry: &Registry,
    environment: &str,
) -> Result<Option<StoredLease>, OpsError> {
    let found = read_lease(registry, environment).await?;
    Ok(found.map(|(lease, now)| StoredLease {
        text: describe_lease(&lease, now),
        live: now < lease.expires_at,
        lease,
    }))
}
