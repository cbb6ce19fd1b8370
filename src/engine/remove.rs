//! Removes a resource, and says who is in the way when it does not go.

use std::time::Duration;

use tokio::time::Instant;

use crate::plan::{Observed, State};

use super::apply::Engine;
use super::cloud::{Blocker, Cloud, CloudError, FailureClass};
use super::hosts::Hosts;
use super::poll::Cadence;
use super::wait::{Backoff, failed, patience, retry, same};

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
    let mut blockers: Vec<Blocker> = Vec::new();
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
            let found = engine.cloud.blockers(&engine.environment, existing).await;
            blockers = found.unwrap_or_default();
            if blockers.iter().all(|blocker| blocker.passing) {
                stubborn_since = None;
            } else if stubborn_since.is_none() {
                stubborn_since = Some(Instant::now());
            }
        }
        let stubborn = stubborn_since.is_some_and(|since| since.elapsed() >= STUBBORN);
        if stubborn || Instant::now() >= deadline {
            return Err(named(error, &blockers));
        }
        let text = match blockers.first().filter(|_| blocked) {
            None => format!("{}: {}", error.code, error.message),
            Some(_) => format!("{}: {}", error.code, list(&blockers)),
        };
        engine.events.waiting(step, text);
        backoff.pause().await;
    }
}

/// The refusal, with who is in the way.
fn named(mut error: CloudError, blockers: &[Blocker]) -> CloudError {
    if !blockers.is_empty() {
        error.message = format!("{}; in the way: {}", error.message, list(blockers));
    }
    if blockers.iter().any(|blocker| !blocker.passing) {
        error.class = FailureClass::Blocked;
    }
    error
}

/// Those that stay first.
fn list(blockers: &[Blocker]) -> String {
    let mut sorted: Vec<&Blocker> = blockers.iter().collect();
    sorted.sort_by_key(|blocker| blocker.passing);
    let texts: Vec<&str> = sorted.iter().map(|blocker| blocker.what.as_str()).collect();
    texts.join("; ")
}
