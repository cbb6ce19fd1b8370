//! Removes a resource, and says who is in the way when it does not go.

use std::time::Duration;

use tokio::time::Instant;

use crate::blueprint::Kind;
use crate::plan::{Observed, State};

use crate::engine::cloud::{Blocker, Cloud, CloudError, FailureClass};
use crate::engine::context::Engine;
use crate::engine::hosts::Hosts;
use crate::engine::poll::Cadence;
use crate::engine::wait::{Backoff, failed, patience, retry, same};

/// How often who is in the way is asked for.
const ASK: Duration = Duration::from_secs(30);

/// How long something that does not go by itself is waited for: somebody may be at it.
const STUBBORN: Duration = Duration::from_secs(3 * 60);

/// Removes a resource and waits until it is gone.
pub(super) async fn remove<C: Cloud, H: Hosts>(
    engine: &Engine<C, H>,
    step: &str,
    existing: &Observed,
) -> Result<(), CloudError> {
    let deadline = Instant::now() + patience(existing.kind);
    let mut looked = Instant::now();
    if existing.state != State::Deleting {
        delete(engine, step, existing, deadline).await?;
        looked = Instant::now();
    }
    let cadence = Cadence::of(existing.kind);
    let mut told = String::new();
    loop {
        let (at, all) = retry(step, &engine.events, deadline, || {
            engine.poller.look(existing.kind, looked)
        })
        .await?;
        looked = at;
        let seen = all
            .iter()
            .find(|one| same(one, existing) && one.state != State::Gone);
        let Some(seen) = seen else { return Ok(()) };
        if Instant::now() > deadline {
            return Err(failed(
                seen,
                format!("still `{}` long after it was told to go", seen.status),
            ));
        }
        if told != seen.status {
            told.clone_from(&seen.status);
            let text = format!("{} is {}", seen.id, seen.status);
            engine.events.waiting(step, text);
        }
        cadence.pause().await;
    }
}

/// Tells it to go, again and again while something is in the way that may pass.
async fn delete<C: Cloud, H: Hosts>(
    engine: &Engine<C, H>,
    step: &str,
    existing: &Observed,
    deadline: Instant,
) -> Result<(), CloudError> {
    let mut backoff = Backoff::of(step);
    let mut blockers: Result<Vec<Blocker>, CloudError> = Ok(Vec::new());
    let mut asked: Option<Instant> = None;
    let mut stubborn_since: Option<Instant> = None;
    loop {
        engine.permit.check()?;
        let deleted = engine.cloud.delete(&engine.environment, existing).await;
        let Err(error) = deleted else { return Ok(()) };
        if !error.class.is_passing() {
            return Err(error);
        }
        let blocked = error.class == FailureClass::Converging;
        if blocked && asked.is_none_or(|at| at.elapsed() >= ASK) {
            asked = Some(Instant::now());
            // Not knowing who it is must not end the removal.
            blockers = engine.cloud.blockers(&engine.environment, existing).await;
            if blockers.iter().flatten().all(|blocker| blocker.passing) {
                stubborn_since = None;
            } else if stubborn_since.is_none() {
                stubborn_since = Some(Instant::now());
            }
        }
        let stubborn = stubborn_since.is_some_and(|since| since.elapsed() >= STUBBORN);
        if stubborn || Instant::now() >= deadline {
            return Err(named(error, existing, blockers));
        }
        let text = match &blockers {
            Ok(blockers) if blocked && !blockers.is_empty() => {
                format!("{}: {}", error.code, list(blockers))
            }
            _ => format!("{}: {}", error.code, error.message),
        };
        engine.events.waiting(step, text);
        backoff.pause().await;
    }
}

/// The refusal, with who is in the way, or that nobody is known to be.
fn named(
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
            format!("in the way: {}", list(&blockers))
        }
        Ok(_) if blocked && can_be_asked_for(existing.kind) => format!(
            "nothing that is known to get in the way was found; the console names what depends on \
             `{id}` when it is told to delete it, and CloudTrail's event history under the \
             resource name `{id}` tells who used it",
            id = existing.id
        ),
        Err(reason) if blocked => format!("who is in the way could not be found out: {reason}"),
        _ => return error,
    };
    error.message = format!("{}; {more}", error.message);
    error
}

/// Kinds of which a cloud can tell what uses them.
fn can_be_asked_for(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Vpc
            | Kind::Subnet
            | Kind::SecurityGroup
            | Kind::InternetGateway
            | Kind::ElasticAddress
            | Kind::Role
    )
}

/// Those that stay first.
fn list(blockers: &[Blocker]) -> String {
    let mut sorted: Vec<&Blocker> = blockers.iter().collect();
    sorted.sort_by_key(|blocker| blocker.passing);
    let texts: Vec<&str> = sorted.iter().map(|blocker| blocker.what.as_str()).collect();
    texts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::Address;
    use crate::diagnose::Diagnose as _;

    fn refused() -> CloudError {
        CloudError {
            operation: "ec2:DeleteVpc".to_owned(),
            target: "vpc-1".to_owned(),
            code: "DependencyViolation".to_owned(),
            message: "it has dependencies".to_owned(),
            request_id: None,
            class: FailureClass::Converging,
        }
    }

    fn vpc() -> Observed {
        Observed {
            address: Address::vpc(),
            kind: Kind::Vpc,
            id: "vpc-1".to_owned(),
            state: State::Ready,
            status: "available".to_owned(),
            attributes: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn where_nobody_is_found_the_error_says_how_to_look() {
        let error = named(refused(), &vpc(), Ok(vec![]));
        assert_eq!(error.class, FailureClass::Converging);
        for part in ["nothing that is known", "`vpc-1`", "CloudTrail"] {
            assert!(error.message.contains(part), "{error}");
        }
        assert!(!error.hints().is_empty());
        let unknown = named(refused(), &vpc(), Err(refused()));
        assert!(
            unknown.message.contains("could not be found out"),
            "{unknown}"
        );
        // Of others a cloud tells nothing.
        let mut cache = vpc();
        cache.kind = Kind::Cache;
        let error = named(refused(), &cache, Ok(vec![]));
        assert_eq!(error.message, "it has dependencies");
    }
}
