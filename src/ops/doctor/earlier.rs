//! What an earlier canary left because it was killed: removed before another one begins.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::aws::{Aws, Registry};
use crate::engine::{Cloud as _, LockError};
use crate::plan::{Removal, plan_down};
use crate::spec::is_canary;

use super::result::{CanaryArea, CanaryCheck, CanaryVerdict};
use crate::ops::down::{gaps, leftovers, prove, remove_locked};
use crate::ops::error::OpsError;
use crate::ops::leases::leases;
use crate::ops::lock::{Lock, LockOptions, LockPurpose};
use crate::ops::session::Session;

/// Removes what is left of canaries that nobody works on.
///
/// # Errors
/// When the account cannot be read, or a removal fails.
pub(super) async fn remove_earlier(
    cloud: &Arc<Aws>,
    options: &LockOptions,
    session: &Session<'_>,
) -> Result<Vec<CanaryCheck>, OpsError> {
    let leases = leases(&Registry::of(cloud).await?).await?;
    let leased: BTreeSet<String> = leases
        .iter()
        .map(|found| found.lease.environment.clone())
        .collect();
    let mut names = cloud.environments().await?;
    names.extend(leased.iter().cloned());
    let mut checks = Vec::new();
    for name in names.iter().filter(|name| is_canary(name)) {
        let nothing = plan_down(&cloud.snapshot(name).await?).is_empty();
        // A lease that was never returned is of a run that may have created what no list showed.
        if nothing && !leased.contains(name) {
            continue;
        }
        checks.push(remove_one(cloud, name, options, session).await?);
    }
    Ok(checks)
}

async fn remove_one(
    cloud: &Arc<Aws>,
    name: &str,
    options: &LockOptions,
    session: &Session<'_>,
) -> Result<CanaryCheck, OpsError> {
    let purpose = LockPurpose {
        environment: name,
        operation: "doctor",
        run: "doctor",
    };
    let lock = match Lock::take(cloud, purpose, options, session).await {
        Ok(lock) => lock,
        Err(OpsError::Lock(LockError::Held { lease, .. })) => {
            let detail = format!("`{}` works on it; it is left alone", lease.holder.owner);
            return Ok(CanaryCheck::unknown(CanaryArea::Earlier, name, detail));
        }
        Err(error) => return Err(error),
    };
    let done = remove_locked(cloud, name, Removal::default(), session, &lock).await;
    let removed = lock.finish(done).await?.removed;
    let proof = prove(cloud, name, session.events).await?;
    let (left, gaps) = (leftovers(&proof), gaps(&proof).count());
    let (verdict, found) = match (left, gaps) {
        (0, 0) => (CanaryVerdict::Proved, "nothing is left".to_owned()),
        (0, gaps) => (
            CanaryVerdict::Unknown,
            format!("{gaps} places not looked at"),
        ),
        (left, _) => (CanaryVerdict::Failed, format!("{left} are left")),
    };
    let detail = format!("resources removed: {removed}; {found}");
    let check = CanaryCheck::new(CanaryArea::Earlier, name, verdict, detail);
    Ok(match verdict {
        CanaryVerdict::Proved => check,
        _ => check.with_remedy(format!("`loadrig down {name}` removes it and looks again")),
    })
}
