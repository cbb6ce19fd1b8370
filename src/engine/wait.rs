//! Bounded waits and retries around cloud calls.

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::events::Events;
use crate::plan::{Difference, Observed, State};

use crate::engine::attempts::Attempts;
use crate::engine::cloud::{
    CHANGE_UNDONE, Cloud, CloudError, DISAPPEARED, FailureClass, NOT_READY,
};
use crate::engine::poll::{Cadence, Poller};
use crate::engine::settle::{ChangeStatus, Compare, READ_INTERVAL, Settling};
use crate::engine::walk::Urgency;

/// How long a resource that was just created may be missing from lists, which lag behind
/// creations.
const LIST_LAG: Duration = Duration::from_mins(1);

/// Pauses between repetitions: doubled each time up to 5 s, and varied by up to a quarter from
/// step to step, so that steps that were throttled together do not come back together.
///
/// The variation is derived from the step's name instead of drawn at random, so that a run that
/// failed in a test can be repeated exactly.
pub(super) struct Backoff<'a> {
    step: &'a str,
    repetition: u32,
}

impl<'a> Backoff<'a> {
    pub(super) fn of(step: &'a str) -> Self {
        Self {
            step,
            repetition: 0,
        }
    }

    pub(super) async fn pause(&mut self) {
        sleep(self.next()).await;
    }

    fn next(&mut self) -> Duration {
        let mut hasher = DefaultHasher::new();
        (self.step, self.repetition).hash(&mut hasher);
        let percent = u32::try_from(75 + hasher.finish() % 50).unwrap_or(100);
        let full = Duration::from_millis(200 << self.repetition.min(5));
        self.repetition += 1;
        full.min(Duration::from_secs(5)) * percent / 100
    }
}

/// The failures of a call that is repeated.
#[derive(Debug, Default)]
pub(super) struct Failures {
    /// The last operation that failed, how often, and since when.
    call: Option<(String, u32, Instant)>,
    /// In which way it failed last, and since when.
    class: Option<(FailureClass, Instant)>,
}

impl Failures {
    /// Counts a failure and tells the error of those before it. Whether failures of its class
    /// have been repeated for long enough.
    pub(super) fn count(&mut self, error: &mut CloudError) -> bool {
        let (calls, first) = match self.call.take() {
            Some((operation, calls, first)) if operation == error.operation => (calls, first),
            _ => (0, Instant::now()),
        };
        let calls = calls.saturating_add(error.attempts.calls);
        self.call = Some((error.operation.clone(), calls, first));
        error.attempts = Attempts {
            calls,
            time: first.elapsed(),
        };
        let since = match self.class {
            Some((before, since)) if before == error.class => since,
            _ => Instant::now(),
        };
        self.class = Some((error.class, since));
        let longest = error.class.repeated_for();
        longest.is_some_and(|longest| since.elapsed() >= longest)
    }
}

/// What a step waits for whose call failed.
fn waiting_text(error: &CloudError, sent: bool) -> String {
    let CloudError {
        operation,
        code,
        message,
        ..
    } = error;
    match sent {
        true => format!("{operation} failed with {code}: {message}"),
        false => {
            format!("looking for what {operation} created before it failed with {code}: {message}")
        }
    }
}

/// Repeats a call until the deadline, while its failure is one that passes.
pub(super) async fn retry<T, F, Fut>(
    step: &str,
    events: &Events,
    deadline: Instant,
    call: F,
) -> Result<T, CloudError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, CloudError>>,
{
    retry_until_stopped(step, events, deadline, None, call).await
}

/// The same; a call that fails once the user wants to stop is not repeated, since nothing is
/// in flight that could be finished.
pub(super) async fn retry_until_stopped<T, F, Fut>(
    step: &str,
    events: &Events,
    deadline: Instant,
    stop: Option<&watch::Receiver<Urgency>>,
    mut call: F,
) -> Result<T, CloudError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, CloudError>>,
{
    let mut backoff = Backoff::of(step);
    let mut failures = Failures::default();
    loop {
        let mut error = match call().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let sent = error.attempts.calls > 0;
        let failed_for_long = failures.count(&mut error);
        let stopping = stop.is_some_and(|stop| *stop.borrow() >= Urgency::Drain);
        let passing = error.class.is_passing() && Instant::now() < deadline;
        if !passing || failed_for_long || stopping {
            return Err(error);
        }
        events.waiting(step, waiting_text(&error, sent));
        backoff.pause().await;
    }
}

/// Waits until a resource is ready, for as long as `budget`; where it was changed, until it is as
/// `compare` wants it.
pub(super) async fn until_ready<C: Cloud>(
    poller: &Poller<C>,
    step: &str,
    events: &Events,
    mut seen: Observed,
    (budget, compare): (Duration, Option<Compare<'_>>),
) -> Result<Observed, CloudError> {
    let ready_reads = seen.kind.info().ready_reads;
    let compare = compare.filter(|_| ready_reads > 0);
    let mut settling = compare.map(|compare| Settling::new(compare, ready_reads));
    let started = Instant::now();
    let deadline = started + budget;
    let cadence = Cadence::of(seen.kind);
    let mut listed_at = started;
    let mut last_seen = started;
    let mut reported = String::new();
    loop {
        match seen.state {
            State::Ready => match settling.as_mut().map(|settling| settling.is_ready(&seen)) {
                None | Some(ChangeStatus::Settled) => return Ok(seen),
                Some(ChangeStatus::InProgress) => sleep(READ_INTERVAL).await,
                Some(ChangeStatus::Undone(differences)) => return Err(undone(&seen, &differences)),
            },
            State::Failed if started.elapsed() < seen.kind.info().failure_may_pass => {}
            State::Failed | State::Deleting | State::Gone => {
                let message = match seen.text("reason") {
                    Some(reason) => format!("it reached state `{}`: {reason}", seen.status),
                    None => format!("it reached state `{}`", seen.status),
                };
                return Err(CloudError {
                    class: poller.class_of_failed(&seen),
                    ..not_ready(&seen, message)
                });
            }
            State::Pending => {
                if let Some(settling) = &mut settling {
                    settling.is_changing();
                }
            }
        }
        if Instant::now() > deadline {
            let minutes = budget.as_secs() / 60;
            return Err(not_ready(
                &seen,
                format!("still `{}` after {minutes} min", seen.status),
            ));
        }
        if reported != seen.status {
            reported.clone_from(&seen.status);
            events.waiting(step, format!("{} is {}", seen.id, seen.status));
        }
        cadence.pause().await;
        let (at, all) = retry(step, events, deadline, || {
            poller.list_since(seen.kind, listed_at)
        })
        .await?;
        listed_at = at;
        match all.iter().find(|one| is_same_resource(one, &seen)) {
            Some(next) => {
                last_seen = at;
                seen = next.clone();
            }
            None if last_seen.elapsed() < LIST_LAG => {}
            None => {
                let text = "it disappeared while it was being created".to_owned();
                return Err(CloudError {
                    code: DISAPPEARED.to_owned(),
                    ..not_ready(&seen, text)
                });
            }
        }
    }
}

/// Whether two observations are of one resource. Rules have the id of their group, so the
/// address counts, too.
pub(super) fn is_same_resource(one: &Observed, other: &Observed) -> bool {
    one.id == other.id && one.address == other.address
}

/// A change that was accepted, and that the service took back.
fn undone(seen: &Observed, differences: &[Difference]) -> CloudError {
    let values: Vec<String> = differences
        .iter()
        .map(|one| format!("`{}` is `{}`, not `{}`", one.attribute, one.old, one.new))
        .collect();
    CloudError {
        code: CHANGE_UNDONE.to_owned(),
        ..not_ready(
            seen,
            format!(
                "the change was accepted and did not happen: {}",
                values.join(", ")
            ),
        )
    }
}

pub(super) fn not_ready(seen: &Observed, message: String) -> CloudError {
    let target = format!("{} ({})", seen.address, seen.id);
    CloudError::without_answer("wait", target, NOT_READY, message)
}
