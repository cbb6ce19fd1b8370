//! What a lease is, where it is stored, and how it is refused.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::diagnose::{Diagnose, ExitCode};

use crate::engine::cloud::CloudError;

/// A version of a stored object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectVersion(pub String);

/// When a write is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// There is no such object.
    Absent,
    /// The object is still this version.
    Is(ObjectVersion),
}

/// What a store answers, with its own time.
#[derive(Clone, Debug)]
pub struct Timestamped<T> {
    /// The answer.
    pub value: T,
    /// The store's time.
    pub at: Timestamp,
}

/// Objects that are written under conditions.
pub trait LeaseStore: Send + Sync + 'static {
    /// The object of a name with its version.
    fn get(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Timestamped<Option<(String, ObjectVersion)>>, CloudError>> + Send;

    /// Writes if the condition holds; `None` when it does not.
    fn put(
        &self,
        name: &str,
        content: String,
        condition: Condition,
    ) -> impl Future<Output = Result<Timestamped<Option<ObjectVersion>>, CloudError>> + Send;

    /// Removes if the object still is this version; success too when it is not.
    fn delete(
        &self,
        name: &str,
        version: &ObjectVersion,
    ) -> impl Future<Output = Result<(), CloudError>> + Send;
}

/// Who holds a lease or asks for one, and for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// `user@host`.
    pub owner: String,
    /// Process id.
    pub pid: u32,
    /// The job of a build server, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// `up`, `down`, `test` …
    pub operation: String,
    /// The run: names its directory on the owner's machine.
    pub run: String,
    /// Tells this holder from every other, also from one of the same name.
    pub nonce: String,
}

/// A lease as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Format of this object.
    pub format: u32,
    /// Name of the environment.
    pub environment: String,
    /// Who holds it, and for which run.
    #[serde(flatten)]
    pub holder: Holder,
    /// Since when it is held, store's time.
    pub acquired: Timestamp,
    /// When it ends unless it is renewed, store's time.
    pub expires_at: Timestamp,
    /// Grows from holder to holder.
    pub fence: i64,
    /// The holder is gone but did not end cleanly: the next one waits until `expires_at`.
    #[serde(default)]
    pub settling: bool,
    /// The holder is gone on purpose: what it started goes on by itself, until `expires_at` at the
    /// latest. Nobody renews it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left: bool,
}

/// Why there is no lease.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it.
    #[error("`{}` is locked by {}", lease.environment, describe_lease(lease, *now))]
    Held {
        /// The lease as it was last read.
        lease: Box<Lease>,
        /// The store's time.
        now: Timestamp,
    },
    /// It was held and is not any more.
    #[error("the lock of `{environment}` was lost: {how}; the run was stopped at once")]
    Lost {
        /// Name of the environment.
        environment: String,
        /// Who has it now, or why it could not be renewed.
        how: String,
    },
    /// What is stored is not a lease.
    #[error("the lock of `{environment}` cannot be read: {message}")]
    Unreadable {
        /// Name of the environment.
        environment: String,
        /// What is wrong with it.
        message: String,
    },
    /// The store cannot be used.
    #[error("the lock of `{environment}` cannot be taken: {cause}")]
    Unavailable {
        /// Name of the environment.
        environment: String,
        /// Why.
        cause: CloudError,
    },
}

impl Diagnose for LockError {
    fn hints(&self) -> Vec<String> {
        match self {
            LockError::Held { lease, .. } if lease.left => vec![
                format!(
                    "`loadrig test {0} --attach` waits for its result, `loadrig test {0} --stop` ends it; \
                     either frees the lock, at once if the storm is over",
                    lease.environment
                ),
                format!(
                    "only if its result is not wanted and its agents are gone: `--break-lock={}`",
                    lease.holder.owner
                ),
            ],
            LockError::Held { lease, .. } => vec![
                "wait for it with `--lock-timeout 10m`; a lease that is not renewed ends by itself"
                    .to_owned(),
                format!(
                    "only if you know that it does not run any more: `--break-lock={}`",
                    lease.holder.owner
                ),
            ],
            LockError::Lost { .. } => vec![
                "calls that were in flight may still take effect; run `plan` before anything else"
                    .to_owned(),
            ],
            LockError::Unreadable { .. } => vec![
                "a newer loadrig may have written it; use the version that the others use"
                    .to_owned(),
            ],
            LockError::Unavailable { cause, .. } => {
                let mut hints = cause.hints();
                hints.push(
                    "nothing was changed: without its lock an environment is not touched; \
                     docs/locking.md has what the lock needs"
                        .to_owned(),
                );
                hints
            }
        }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            LockError::Held { .. } | LockError::Lost { .. } => ExitCode::Locked,
            LockError::Unreadable { .. } => ExitCode::Failed,
            LockError::Unavailable { cause, .. } => cause.exit_code(),
        }
    }
}

/// `alice@build-7 (up, process 4711) since 10:02:11, for 34 s unless it is renewed`.
#[must_use]
pub fn describe_lease(lease: &Lease, now: Timestamp) -> String {
    let Holder {
        owner,
        pid,
        job,
        operation,
        ..
    } = &lease.holder;
    let job = job
        .as_ref()
        .map(|url| format!(", {url}"))
        .unwrap_or_default();
    let left = until(lease.expires_at, now).as_secs();
    if lease.left {
        return format!(
            "the {operation} that {owner} started at {}, which goes on by itself until {} at the latest",
            lease.acquired.strftime("%F %T UTC"),
            lease.expires_at.strftime("%T UTC")
        );
    }
    format!(
        "{owner} ({operation}, process {pid}{job}) since {}; the lease ends in {left} s unless it is renewed",
        lease.acquired.strftime("%F %T UTC")
    )
}

/// Where the lease of an environment is stored.
pub(super) fn object(environment: &str) -> String {
    format!("locks/{environment}.json")
}

/// The environment whose lease an object is.
#[must_use]
pub fn environment_of_lease(object: &str) -> Option<&str> {
    object.strip_prefix("locks/")?.strip_suffix(".json")
}

pub(super) fn unavailable(environment: &str, cause: CloudError) -> LockError {
    LockError::Unavailable {
        environment: environment.to_owned(),
        cause,
    }
}

pub(super) fn text(lease: &Lease) -> String {
    // A lease is plain data: it always can be written.
    serde_json::to_string_pretty(lease).unwrap_or_default()
}

pub(super) fn after(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// How long until a time; nothing when it has passed.
pub(super) fn until(time: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(time.duration_since(now)).unwrap_or_default()
}
