//! Bounded waits and retries around cloud calls.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::blueprint::Kind;
use crate::events::Events;
use crate::plan::{Observed, State};

use super::cloud::{Cloud, CloudError, FailureClass};

/// How long a resource of a kind may take to become ready or to go, at the very most.
///
/// From observed tails: RDS up to 17 min and OpenSearch up to 65 min to create, ElastiCache
/// up to 20 min (public Terraform logs); twice the tail where it is short.
#[must_use]
pub(super) fn patience(kind: Kind) -> Duration {
    let minutes = match kind {
        Kind::Database => 40,
        Kind::Search => 90,
        Kind::Cache => 40,
        Kind::Instance => 10,
        // Network interfaces of deleted databases and load balancers linger.
        Kind::SecurityGroup | Kind::Subnet | Kind::Vpc | Kind::InternetGateway => 20,
        _ => 5,
    };
    Duration::from_secs(minutes * 60)
}

/// Polling cadence: quick at first, for what is quick, then at most every 10 s.
pub(super) struct Cadence(Duration);

impl Cadence {
    pub(super) fn new() -> Self {
        Self(Duration::from_millis(250))
    }

    pub(super) async fn pause(&mut self) {
        sleep(self.0).await;
        self.0 = (self.0.mul_f64(1.25)).min(Duration::from_secs(10));
    }
}

/// Repeats a call while its failure says that repeating helps, until the deadline.
pub(super) async fn retry<T, F, Fut>(
    step: &str,
    events: &Events,
    deadline: Instant,
    mut call: F,
) -> Result<T, CloudError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, CloudError>>,
{
    let mut cadence = Cadence::new();
    loop {
        match call().await {
            Err(error)
                if matches!(
                    error.class,
                    FailureClass::Transient | FailureClass::Converging
                ) && Instant::now() < deadline =>
            {
                events.waiting(step, format!("{}: {}", error.code, error.message));
                cadence.pause().await;
            }
            other => return other,
        }
    }
}

/// Waits until a resource is ready.
pub(super) async fn until_ready<C: Cloud>(
    cloud: &C,
    environment: &str,
    step: &str,
    events: &Events,
    mut seen: Observed,
) -> Result<Observed, CloudError> {
    let deadline = Instant::now() + patience(seen.kind);
    let mut cadence = Cadence::new();
    let mut missing = 0;
    let mut told = String::new();
    loop {
        match seen.state {
            State::Ready => return Ok(seen),
            State::Failed | State::Deleting => {
                return Err(failed(&seen, format!("it went to state `{}`", seen.status)));
            }
            State::Pending => {}
        }
        if Instant::now() > deadline {
            let minutes = patience(seen.kind).as_secs() / 60;
            return Err(failed(
                &seen,
                format!("still `{}` after {minutes} minutes", seen.status),
            ));
        }
        if told != seen.status {
            told.clone_from(&seen.status);
            events.waiting(step, format!("{} is {}", seen.id, seen.status));
        }
        cadence.pause().await;
        let next = retry(step, events, deadline, || cloud.read(environment, &seen)).await?;
        match next {
            Some(next) => {
                missing = 0;
                seen = next;
            }
            // Lists lag behind creates; a few looks in a row decide.
            None if missing < 20 => missing += 1,
            None => return Err(failed(&seen, "it disappeared while being made".to_owned())),
        }
    }
}

/// Removes a resource and waits until it is gone.
pub(super) async fn remove<C: Cloud>(
    cloud: &C,
    environment: &str,
    step: &str,
    events: &Events,
    existing: &Observed,
) -> Result<(), CloudError> {
    let deadline = Instant::now() + patience(existing.kind);
    if existing.state != State::Deleting {
        retry(step, events, deadline, || {
            cloud.delete(environment, existing)
        })
        .await?;
    }
    let mut cadence = Cadence::new();
    let mut told = String::new();
    loop {
        let seen = retry(step, events, deadline, || cloud.read(environment, existing)).await?;
        let Some(seen) = seen else { return Ok(()) };
        if Instant::now() > deadline {
            return Err(failed(
                &seen,
                format!("still `{}` long after it was told to go", seen.status),
            ));
        }
        if told != seen.status {
            told.clone_from(&seen.status);
            events.waiting(step, format!("{} is {}", seen.id, seen.status));
        }
        cadence.pause().await;
    }
}

fn failed(seen: &Observed, message: String) -> CloudError {
    CloudError {
        operation: "wait".to_owned(),
        target: format!("{} ({})", seen.address, seen.id),
        code: "NotReady".to_owned(),
        message,
        request_id: None,
        class: FailureClass::Terminal,
    }
}
