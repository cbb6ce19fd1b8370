//! Removes everything of an environment, then proves that nothing is left.

use std::sync::Arc;

use crate::aws::{Aws, Registry};
use crate::engine::{Account, Cloud as _, LeftoverCheck};
use crate::events::{EventKind, Events};
use crate::identity::names::Names;
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
#[must_use = "something may be left: `check` tells"]
pub struct DownReport {
    /// How many resources were removed.
    pub removed: usize,
    /// Account, region and principal that were acted with.
    pub account: Account,
    /// What was looked for afterwards, and what of it is left or kept.
    pub proof: Vec<LeftoverCheck>,
    /// Final snapshots that were asked for and are not there.
    pub missing_snapshots: Vec<String>,
    /// The registry's bucket, which stays on purpose; `None` when there is none.
    pub registry: Option<String>,
}

impl DownReport {
    /// Whether nothing is left but what is kept on purpose, and all of that is there.
    ///
    /// # Errors
    /// When something is left, or a final snapshot is missing.
    pub fn check(&self, environment: &str) -> Result<(), DownError> {
        let gaps: Vec<String> = gaps(&self.proof).map(|one| one.at.clone()).collect();
        match leftovers(&self.proof) {
            0 if !gaps.is_empty() => Err(DownError::Unproven {
                environment: environment.to_owned(),
                gaps,
            }),
            0 if !self.missing_snapshots.is_empty() => Err(DownError::NoFinalSnapshot {
                environment: environment.to_owned(),
                missing: self.missing_snapshots.clone(),
            }),
            0 => Ok(()),
            count => Err(DownError::Leftovers {
                environment: environment.to_owned(),
                count,
            }),
        }
    }
}

/// What a removal came to.
#[derive(Clone, Debug, Default)]
pub(super) struct RemovalOutcome {
    /// How many resources were removed.
    pub(super) removed: usize,
    /// The names of the final snapshots that were asked for.
    promised: Vec<String>,
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
    let RemovalOutcome { removed, promised } = remove(cloud, environment, options, session).await?;
    let proof = prove(cloud, environment, session.events).await?;
    let registry = Registry::of(cloud).await?;
    let report = DownReport {
        removed,
        account: cloud.account().await?,
        missing_snapshots: missing(promised, &proof),
        proof,
        registry: registry
            .exists()
            .await?
            .then(|| registry.bucket().to_owned()),
    };
    for name in &report.missing_snapshots {
        session.events.emit(EventKind::Check {
            name: "final snapshots".to_owned(),
            pass: false,
            detail: format!("`{name}` was asked for and does not exist"),
        });
    }
    session.events.emit(EventKind::RunFinished {
        ok: report.check(environment).is_ok(),
    });
    Ok(report)
}

async fn remove(
    cloud: &Arc<Aws>,
    environment: &str,
    options: &DownOptions,
    session: &Session<'_>,
) -> Result<RemovalOutcome, OpsError> {
    // No registry is created only to remove what does not exist.
    let registry = Registry::of(cloud).await?;
    if !registry.exists().await?
        && plan_down_as(&cloud.snapshot(environment).await?, options.removal).is_empty()
    {
        return Ok(RemovalOutcome::default());
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

/// Plans, asks and removes, under the lock.
pub(super) async fn remove_locked(
    cloud: &Arc<Aws>,
    environment: &str,
    removal: Removal,
    session: &Session<'_>,
    lock: &Lock,
) -> Result<RemovalOutcome, OpsError> {
    let account = cloud.account().await?;
    let plan = plan_down_as(&cloud.snapshot(environment).await?, removal);
    if plan.is_empty() {
        return Ok(RemovalOutcome::default());
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
    Ok(RemovalOutcome {
        removed: report.finished.len(),
        promised: promised(environment, &plan.changes),
    })
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

/// The names of the final snapshots that a removal creates. They follow from what is removed;
/// where its creation time is not told yet, they cannot be known beforehand.
fn promised(environment: &str, changes: &[Change]) -> Vec<String> {
    let deleted = changes.iter().filter(|one| one.action == Action::Delete);
    deleted
        .filter_map(|change| {
            let existing = change.existing.as_ref()?;
            let created = existing.text("created")?;
            let is_promised = existing.says("final_snapshot", true);
            is_promised.then(|| Names::of(environment).final_snapshot(&existing.id, created))
        })
        .collect()
}

/// Those of them that a proof did not find.
fn missing(promised: Vec<String>, proof: &[LeftoverCheck]) -> Vec<String> {
    let kept = |name: &String| {
        let mut all = proof.iter().flat_map(|look| &look.kept);
        all.any(|kept| kept.id == *name)
    };
    promised.into_iter().filter(|name| !kept(name)).collect()
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

#[cfg(test)]
mod tests {
    use crate::blueprint::{Address, Kind};
    use crate::engine::{Kept, Observed, State};
    use crate::plan::{Snapshot, plan_down_as};

    use super::*;

    fn gone(attributes: &[(&'static str, &str)]) -> Plan {
        let mut cache = Observed {
            address: Address::cache(),
            kind: Kind::Cache,
            id: "lr-demo-cache".to_owned(),
            state: State::Ready,
            status: "available".to_owned(),
            attributes: Default::default(),
        };
        cache.attributes.insert("final_snapshot", true);
        for (name, value) in attributes {
            cache.attributes.insert(*name, *value);
        }
        let snapshot = Snapshot {
            resources: vec![cache],
        };
        plan_down_as(&snapshot, Removal::default())
    }

    #[test]
    fn a_final_snapshot_that_aws_does_not_list_is_missing() {
        let created = "2026-11-23T07:53:04Z";
        let plan = gone(&[("created", created)]);
        let promised = promised("demo", &plan.changes);
        let name = Names::of("demo").final_snapshot("lr-demo-cache", created);
        assert_eq!(promised, std::slice::from_ref(&name));
        let look = |kept: Vec<Kept>| LeftoverCheck {
            at: "ElastiCache snapshots".to_owned(),
            left: Vec::new(),
            kept,
            gap: None,
        };
        assert_eq!(
            missing(promised.clone(), &[look(Vec::new())]),
            std::slice::from_ref(&name)
        );
        let kept = Kept {
            id: name,
            cost: String::new(),
        };
        assert_eq!(missing(promised, &[look(vec![kept])]), Vec::<String>::new());
        // What a name follows from is not known yet.
        assert_eq!(
            super::promised("demo", &gone(&[]).changes),
            Vec::<String>::new()
        );
    }
}
