//! Removes everything of an environment, then proves that nothing is left.

use std::sync::Arc;

use crate::aws::{Aws, Registry};
use crate::engine::{Account, Cloud as _, LeftoverCheck};
use crate::events::{EventKind, Events};
use crate::plan::{Action, Change, Plan, Removal, plan_down_as};

use super::confirm::Question;
use super::lock::{Lock, LockOptions, LockPurpose};
use super::rig::{note_calls, remover};
use super::session::Session;
use crate::ops::error::{DownError, OpsError, WalkError};

/// How to take an environment down.
#[derive(Clone, Debug, Default)]
pub struct DownOptions {
    /// What may be removed, and what is kept.
    pub removal: Removal,
    /// How to get the environment's lock.
    pub lock: LockOptions,
}

/// What `down` came to.
#[derive(Clone, Debug)]
pub struct DownReport {
    /// How many resources were removed.
    pub removed: usize,
    /// Account, region and principal that were acted with.
    pub account: Account,
    /// What was looked for afterwards, and what of it is left or kept.
    pub proof: Vec<LeftoverCheck>,
    /// The registry's bucket, which stays on purpose; `None` when there is none.
    pub registry: Option<String>,
}

impl DownReport {
    /// Whether nothing is left but what is kept on purpose.
    ///
    /// # Errors
    /// When something is.
    pub fn check(&self, environment: &str) -> Result<(), DownError> {
        let gaps: Vec<String> = gaps(&self.proof).map(|one| one.at.clone()).collect();
        match leftovers(&self.proof) {
            0 if !gaps.is_empty() => Err(DownError::Unproven {
                environment: environment.to_owned(),
                gaps,
            }),
            0 => Ok(()),
            count => Err(DownError::Leftovers {
                environment: environment.to_owned(),
                count,
            }),
        }
    }
}

/// How many resources a proof found.
#[must_use]
pub fn leftovers(proof: &[LeftoverCheck]) -> usize {
    proof.iter().map(|look| look.left.len()).sum()
}

/// The checks of a proof that could not be made.
pub fn gaps(proof: &[LeftoverCheck]) -> impl Iterator<Item = &LeftoverCheck> {
    proof.iter().filter(|look| look.gap.is_some())
}

/// Removes everything of an environment that is not kept, and looks for leftovers.
///
/// # Errors
/// When it is protected, locked, or a removal fails.
pub async fn down(
    cloud: &Arc<Aws>,
    environment: &str,
    options: &DownOptions,
    session: &Session<'_>,
) -> Result<DownReport, OpsError> {
    let removed = remove(cloud, environment, options, session).await?;
    let proof = prove(cloud, environment, session.events).await?;
    session.events.emit(EventKind::RunFinished {
        ok: leftovers(&proof) == 0 && gaps(&proof).next().is_none(),
    });
    let registry = Registry::of(cloud).await?;
    Ok(DownReport {
        removed,
        account: cloud.account().await?,
        proof,
        registry: registry
            .exists()
            .await?
            .then(|| registry.bucket().to_owned()),
    })
}

async fn remove(
    cloud: &Arc<Aws>,
    environment: &str,
    options: &DownOptions,
    session: &Session<'_>,
) -> Result<usize, OpsError> {
    // No registry is created only to remove what does not exist.
    let registry = Registry::of(cloud).await?;
    if !registry.exists().await?
        && plan_down_as(&cloud.snapshot(environment).await?, options.removal).is_empty()
    {
        return Ok(0);
    }
    let purpose = LockPurpose {
        environment,
        operation: "down",
        run: "down",
    };
    let lock = Lock::take(cloud, purpose, &options.lock, session).await?;
    let done = remove_locked(cloud, environment, options.removal, session, &lock).await;
    lock.finish(done).await
}

/// Plans, asks and removes, under the lock; answers with how many resources it removed.
pub(super) async fn remove_locked(
    cloud: &Arc<Aws>,
    environment: &str,
    removal: Removal,
    session: &Session<'_>,
    lock: &Lock,
) -> Result<usize, OpsError> {
    let account = cloud.account().await?;
    let plan = plan_down_as(&cloud.snapshot(environment).await?, removal);
    if plan.is_empty() {
        return Ok(0);
    }
    check_protection(environment, &plan)?;
    session.confirm.confirm(&Question::Remove {
        environment,
        account: &account,
        changes: &plan.changes,
        keeps_data: keeps_data(&plan.changes),
    })?;
    let events = session.events;
    events.emit(EventKind::PhaseStarted {
        phase: "down".to_owned(),
    });
    let engine = remover(cloud, environment, events.clone(), lock.permit());
    let report = engine.down(&plan, lock.stop(&session.stop)).await;
    events.emit(EventKind::PhaseFinished {
        phase: "down".to_owned(),
    });
    note_calls(cloud, events);
    let read = cloud.snapshot(environment);
    let report = WalkError::check(report, environment, &account.region, "down", read).await?;
    Ok(report.finished.len())
}

fn check_protection(environment: &str, plan: &Plan) -> Result<(), DownError> {
    let protected: Vec<String> = plan
        .work()
        .filter(|change| change.action == Action::Refuse)
        .map(|change| change.address.to_string())
        .collect();
    if protected.is_empty() {
        return Ok(());
    }
    Err(DownError::Protected {
        environment: environment.to_owned(),
        protected,
    })
}

/// Whether any data outlives a removal.
fn keeps_data(changes: &[Change]) -> bool {
    changes.iter().any(|change| {
        let existing = change.existing.as_ref();
        change.action == Action::Keep || existing.is_some_and(|e| e.says("final_snapshot", true))
    })
}

/// Looks in every service for what has the environment's tag or name.
pub(super) async fn prove(
    cloud: &Arc<Aws>,
    environment: &str,
    events: &Events,
) -> Result<Vec<LeftoverCheck>, OpsError> {
    events.emit(EventKind::PhaseStarted {
        phase: "proof".to_owned(),
    });
    let looked = cloud.find_leftovers(environment).await?;
    for look in looked.iter().filter(|look| !look.left.is_empty()) {
        events.emit(EventKind::Check {
            name: look.at.clone(),
            pass: false,
            detail: format!("still there: {}", look.left.join(", ")),
        });
    }
    for look in gaps(&looked) {
        events.emit(EventKind::Check {
            name: look.at.clone(),
            pass: false,
            detail: format!("not looked at: {}", look.gap.as_deref().unwrap_or_default()),
        });
    }
    events.emit(EventKind::PhaseFinished {
        phase: "proof".to_owned(),
    });
    Ok(looked)
}
