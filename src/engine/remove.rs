//! Deletes a resource, and says what is in the way when it stays.
//!
//! AWS refuses a deletion with `DependencyViolation` or the like, and names neither what depends
//! on the resource nor whether that passes. Interfaces that a service created go some minutes
//! after the service; what somebody else created in our VPC never goes by itself. So while a
//! deletion is refused the cloud is asked for the blockers from time to time: as long as all of
//! them pass by themselves the deletion is repeated until the kind's patience ends, and when one
//! does not, the user hears of it after minutes instead of after the whole patience.

use std::time::Duration;

use tokio::time::Instant;

use crate::plan::{Observed, State};

use crate::engine::cloud::{Blocker, Cloud, CloudError, FailureClass};
use crate::engine::context::Engine;
use crate::engine::hosts::Hosts;
use crate::engine::poll::Cadence;
use crate::engine::wait::{Backoff, Failures, is_same_resource, not_ready, retry};

/// How often the blockers of a deletion are asked for: each time costs several calls.
const BLOCKER_INTERVAL: Duration = Duration::from_secs(30);

/// How long to wait for a blocker that does not go by itself: somebody may be removing it.
const FOREIGN_BLOCKER_PATIENCE: Duration = Duration::from_mins(3);

/// Deletes a resource and waits until it is gone.
pub(super) async fn remove<C: Cloud, H: Hosts>(
    engine: &Engine<C, H>,
    step: &str,
    existing: &Observed,
) -> Result<(), CloudError> {
    let deadline = Instant::now() + existing.kind.info().patience.delete;
    let mut listed_at = Instant::now();
    if existing.state != State::Deleting {
        delete(engine, step, existing, deadline).await?;
        listed_at = Instant::now();
    }
    let cadence = Cadence::of(existing.kind);
    let mut reported = String::new();
    let mut missing_reads = 0;
    loop {
        let (at, all) = retry(step, &engine.events, deadline, || {
            engine.poller.list_since(existing.kind, listed_at)
        })
        .await?;
        listed_at = at;
        let seen = all
            .iter()
            .find(|one| is_same_resource(one, existing) && one.state != State::Gone);
        let Some(seen) = seen else {
            missing_reads += 1;
            if missing_reads >= existing.kind.info().missing_reads_until_gone {
                return Ok(());
            }
            cadence.pause().await;
            continue;
        };
        missing_reads = 0;
        if Instant::now() > deadline {
            return Err(not_ready(
                seen,
                format!("still `{}` long after its deletion began", seen.status),
            ));
        }
        if reported != seen.status {
            reported.clone_from(&seen.status);
            let text = format!("{} is {}", seen.id, seen.status);
            engine.events.waiting(step, text);
        }
        cadence.pause().await;
    }
}

/// Starts the deletion, and repeats it while something is in the way that may pass.
async fn delete<C: Cloud, H: Hosts>(
    engine: &Engine<C, H>,
    step: &str,
    existing: &Observed,
    deadline: Instant,
) -> Result<(), CloudError> {
    let mut backoff = Backoff::of(step);
    let mut failures = Failures::default();
    let mut blockers: Result<Vec<Blocker>, CloudError> = Ok(Vec::new());
    let mut asked: Option<Instant> = None;
    let mut blocked_since: Option<Instant> = None;
    loop {
        engine.permit.check()?;
        let deleted = engine.cloud.delete(&engine.environment, existing).await;
        let Err(mut error) = deleted else {
            return Ok(());
        };
        let failed_for_long = failures.count(&mut error);
        if !error.class.is_passing() {
            return Err(error);
        }
        let blocked = error.class == FailureClass::Converging;
        if blocked && asked.is_none_or(|at| at.elapsed() >= BLOCKER_INTERVAL) {
            asked = Some(Instant::now());
            // The deletion goes on even if its blockers cannot be read.
            blockers = engine.cloud.blockers(&engine.environment, existing).await;
            if blockers.iter().flatten().all(|blocker| blocker.passing) {
                blocked_since = None;
            } else if blocked_since.is_none() {
                blocked_since = Some(Instant::now());
            }
        }
        let blocked_for_long =
            blocked_since.is_some_and(|since| since.elapsed() >= FOREIGN_BLOCKER_PATIENCE);
        if blocked_for_long || failed_for_long || Instant::now() >= deadline {
            return Err(with_blockers(error, existing, blockers));
        }
        let text = match &blockers {
            Ok(blockers) if blocked && !blockers.is_empty() => {
                format!("{}: {}", error.code, blocker_texts(blockers))
            }
            _ => format!("{}: {}", error.code, error.message),
        };
        engine.events.waiting(step, text);
        backoff.pause().await;
    }
}

/// The refusal, with what is in the way, or how to find out.
fn with_blockers(
    mut error: CloudError,
    existing: &Observed,
    blockers: Result<Vec<Blocker>, CloudError>,
) -> CloudError {
    let blocked = error.class == FailureClass::Converging;
    let more = match blockers {
        Ok(blockers) if !blockers.is_empty() => {
            if blockers.iter().any(|blocker| !blocker.passing) {
                error.class = FailureClass::Blocked;
            }
            format!("in the way: {}", blocker_texts(&blockers))
        }
        Ok(_) if blocked && existing.kind.info().has_blockers => format!(
            "found nothing that uses it; the AWS console lists what depends on `{id}` when you \
             delete it there, and CloudTrail's event history for the resource name `{id}` shows \
             who used it",
            id = existing.id
        ),
        Err(reason) if blocked => format!("cannot find what is in the way: {reason}"),
        _ => return error,
    };
    error.message = format!("{}; {more}", error.message);
    error
}

/// What the blockers are; those that stay come first.
fn blocker_texts(blockers: &[Blocker]) -> String {
    let mut sorted: Vec<&Blocker> = blockers.iter().collect();
    sorted.sort_by_key(|blocker| blocker.passing);
    let texts: Vec<&str> = sorted.iter().map(|blocker| blocker.what.as_str()).collect();
    texts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::{Address, Attributes, Kind};
    use crate::diagnose::Diagnose as _;

    fn refused() -> CloudError {
        CloudError {
            class: FailureClass::Converging,
            ..CloudError::without_answer(
                "ec2:DeleteVpc",
                "vpc-1",
                "DependencyViolation",
                "it has dependencies",
            )
        }
    }

    fn vpc() -> Observed {
        Observed {
            address: Address::vpc(),
            kind: Kind::Vpc,
            id: "vpc-1".to_owned(),
            state: State::Ready,
            status: "available".to_owned(),
            attributes: Attributes::default(),
        }
    }

    #[test]
    fn a_refusal_without_blockers_says_how_to_find_them() {
        let error = with_blockers(refused(), &vpc(), Ok(vec![]));
        assert_eq!(error.class, FailureClass::Converging);
        for part in ["found nothing that uses it", "`vpc-1`", "CloudTrail"] {
            assert!(error.message.contains(part), "{error}");
        }
        assert!(!error.hints().is_empty());
        let unknown = with_blockers(refused(), &vpc(), Err(refused()));
        assert!(
            unknown.message.contains("cannot find what is in the way"),
            "{unknown}"
        );
        // The blockers of other kinds cannot be listed.
        let mut cache = vpc();
        cache.kind = Kind::Cache;
        let error = with_blockers(refused(), &cache, Ok(vec![]));
        assert_eq!(error.message, "it has dependencies");
    }
}
