//! What a canary came to.

use std::time::Duration;

use serde::Serialize;

use crate::diagnose::{Diagnose as _, ExitCode};
use crate::engine::{Account, CloudError, FailureClass, LeftoverCheck};
use crate::preflight::{Finding, FindingVerdict};

use super::record::CanaryRecord;

/// What a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CanaryArea {
    /// Who acts.
    Account,
    /// What an earlier canary left.
    Earlier,
    /// IAM's simulation.
    Permissions,
    /// Roles with which AWS's services act in the account.
    ServiceRoles,
    /// What was created.
    Resources,
    /// Conditional writes to a bucket.
    ConditionalWrites,
    /// Dry runs of EC2's calls.
    DryRuns,
    /// The removal, and the search for leftovers.
    Removal,
    /// What no canary shows.
    NotTried,
}

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CanaryVerdict {
    /// It is as loadrig needs it.
    Proved,
    /// The account does not admit it: a permission, a quota.
    Denied,
    /// AWS answered otherwise than loadrig expects.
    Differs,
    /// It failed, and that says nothing of AWS: an interruption, no answer.
    Failed,
    /// It was not checked.
    Unknown,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CanaryCheck {
    /// What it is about.
    pub area: CanaryArea,
    /// What was checked.
    pub check: String,
    /// What it came to.
    pub verdict: CanaryVerdict,
    /// What was seen.
    pub detail: String,
    /// What fixes it.
    pub remedies: Vec<String>,
}

impl CanaryCheck {
    pub(super) fn new(
        area: CanaryArea,
        check: impl Into<String>,
        verdict: CanaryVerdict,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            area,
            check: check.into(),
            verdict,
            detail: detail.into(),
            remedies: Vec::new(),
        }
    }

    pub(super) fn proved(
        area: CanaryArea,
        check: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self::new(area, check, CanaryVerdict::Proved, detail)
    }

    pub(super) fn unknown(
        area: CanaryArea,
        check: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self::new(area, check, CanaryVerdict::Unknown, detail)
    }

    /// A call that failed.
    pub(super) fn failed(area: CanaryArea, check: impl Into<String>, error: &CloudError) -> Self {
        let verdict = verdict_of(error);
        let mut check = Self::new(area, check, verdict, error.to_string());
        if verdict == CanaryVerdict::Denied {
            check.remedies = error.hints();
        }
        check
    }

    /// A finding of the checks before a change.
    pub(super) fn found(area: CanaryArea, finding: Finding) -> Self {
        let verdict = match finding.verdict {
            FindingVerdict::Refuse => CanaryVerdict::Denied,
            FindingVerdict::Warn | FindingVerdict::Unknown => CanaryVerdict::Unknown,
            FindingVerdict::Pass => CanaryVerdict::Proved,
        };
        Self {
            remedies: finding.remedies,
            ..Self::new(area, finding.check, verdict, finding.detail)
        }
    }

    pub(super) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedies.push(remedy.into());
        self
    }
}

/// What a failed call says of the account.
pub(super) fn verdict_of(error: &CloudError) -> CanaryVerdict {
    match error.class {
        FailureClass::Denied | FailureClass::Quota | FailureClass::Capacity => {
            CanaryVerdict::Denied
        }
        FailureClass::Transient => CanaryVerdict::Failed,
        _ => CanaryVerdict::Differs,
    }
}

/// What a canary came to.
#[derive(Clone, Debug, Serialize)]
pub struct CanaryReport {
    /// Its name: that of the environment that it created.
    pub canary: String,
    /// The environment that it was made for.
    pub environment: String,
    /// The account acted on.
    pub account: Account,
    /// Every check, in the order in which they were made.
    pub checks: Vec<CanaryCheck>,
    /// What differed, for comparison with what is known of AWS.
    pub records: Vec<CanaryRecord>,
    /// How many resources were created.
    pub created: usize,
    /// How many were removed.
    pub removed: usize,
    /// What was looked for afterwards.
    pub proof: Vec<LeftoverCheck>,
    /// Roles of AWS's services that were created; they belong to the account and stay.
    pub service_roles: Vec<String>,
    /// The bucket of locks, which stays.
    pub registry: String,
    /// Whether the user stopped it.
    pub interrupted: bool,
    /// How long it took.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub took: Duration,
}

fn seconds<S: serde::Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(time.as_secs())
}

impl CanaryReport {
    /// The checks that came to this.
    pub fn with_verdict(&self, verdict: CanaryVerdict) -> impl Iterator<Item = &CanaryCheck> {
        self.checks.iter().filter(move |one| one.verdict == verdict)
    }

    fn has(&self, verdict: CanaryVerdict) -> bool {
        self.with_verdict(verdict).next().is_some()
    }

    /// The exit code that the command ends with.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        if self.interrupted {
            ExitCode::Interrupted
        } else if self.has(CanaryVerdict::Failed) || self.has(CanaryVerdict::Differs) {
            ExitCode::Failed
        } else if self.has(CanaryVerdict::Denied) {
            ExitCode::Preflight
        } else {
            ExitCode::Done
        }
    }
}
