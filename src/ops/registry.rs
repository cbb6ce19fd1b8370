//! The bucket that holds the locks of an account and region.

use crate::aws::Registry;
use crate::engine::delete_expired_lease;

use super::adapters::Adapters;
use super::confirm::{Confirm, Question};
use super::leases::{StoredLease, leases};
use super::list::{ListedEnvironment, environments};
use crate::ops::error::{OpsError, RegistryError};

/// What the registry holds.
#[derive(Clone, Debug)]
pub struct RegistryReport {
    /// The bucket's name.
    pub bucket: String,
    /// Whether it exists.
    pub exists: bool,
    /// The locks in it.
    pub leases: Vec<StoredLease>,
}

/// What `registry remove` came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryRemoval {
    /// The bucket's name.
    pub bucket: String,
    /// Whether there was anything to remove.
    pub existed: bool,
}

/// Shows the registry.
///
/// # Errors
/// When it cannot be read.
pub async fn show(adapters: &dyn Adapters) -> Result<RegistryReport, OpsError> {
    let cloud = adapters.cloud().await?;
    let registry = Registry::of(&cloud).await?;
    Ok(RegistryReport {
        bucket: registry.bucket().to_owned(),
        exists: registry.exists().await?,
        leases: leases(&registry).await?,
    })
}

/// Removes the registry.
///
/// # Errors
/// When an environment exists, a lock is held, or the answer is no.
pub async fn remove(
    adapters: &dyn Adapters,
    confirm: &dyn Confirm,
) -> Result<RegistryRemoval, OpsError> {
    let cloud = adapters.cloud().await?;
    let registry = Registry::of(&cloud).await?;
    let bucket = registry.bucket().to_owned();
    if !registry.exists().await? {
        return Ok(RegistryRemoval {
            bucket,
            existed: false,
        });
    }
    let leases = leases(&registry).await?;
    check_unused(&environments(&cloud, &leases).await?, &leases)?;
    confirm.confirm(&Question::RemoveRegistry { bucket: &bucket })?;
    // Somebody may have started a run before the answer came.
    for found in &leases {
        delete_expired_lease(&registry, &found.lease.environment).await?;
    }
    registry.remove().await?;
    Ok(RegistryRemoval {
        bucket,
        existed: true,
    })
}

fn check_unused(
    environments: &[ListedEnvironment],
    leases: &[StoredLease],
) -> Result<(), RegistryError> {
    let existing: Vec<String> = environments
        .iter()
        .filter(|one| one.resources > 0)
        .map(|one| one.environment.clone())
        .collect();
    if !existing.is_empty() {
        return Err(RegistryError::Environments(existing));
    }
    match leases.iter().find(|found| found.live) {
        Some(found) => Err(RegistryError::Locked {
            environment: found.lease.environment.clone(),
            holder: found.text.clone(),
        }),
        None => Ok(()),
    }
}
