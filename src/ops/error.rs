//! Why an operation failed.

use crate::diagnose::{Diagnose, ExitCode};
use crate::engine::{CloudError, LockError, TaskError, WalkReport};
use crate::hosts::{BundleError, HostError};
use crate::identity::SecretsError;
use crate::loadtest::{LoadTestError, ScenarioError};
use crate::spec::SpecErrors;

use super::access::AccessError;
use super::bundle::BundleWriteError;
use super::confirm::Declined;
use super::demo::DemoError;
use super::down::DownError;
use super::files::FileError;
use super::lock::LockRefusal;
use super::operator::OperatorError;
use super::payload::PayloadError;
use super::preflight::PreflightError;
use super::registry::RegistryError;
use super::report::ReportError;
use super::rig::RigError;
use super::run_dir::RunDirError;
use super::saved_plan::SavedPlanError;
use super::test::TestError;

/// Why an operation failed: one of the errors of what it is made of.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
#[expect(
    missing_docs,
    reason = "each variant holds the error whose name it has"
)]
pub enum OpsError {
    Access(#[from] AccessError),
    Bundle(#[from] BundleError),
    BundleWrite(#[from] BundleWriteError),
    Cloud(#[from] CloudError),
    Declined(#[from] Declined),
    Demo(#[from] DemoError),
    Down(#[from] DownError),
    File(#[from] FileError),
    Host(#[from] HostError),
    LoadTest(#[from] LoadTestError),
    #[cfg(target_os = "linux")]
    LocalCloud(#[from] crate::localcloud::Error),
    Lock(#[from] LockError),
    LockRefusal(#[from] LockRefusal),
    Operator(#[from] OperatorError),
    Payload(#[from] PayloadError),
    Preflight(#[from] PreflightError),
    Registry(#[from] RegistryError),
    Report(#[from] ReportError),
    Rig(#[from] RigError),
    RunDir(#[from] RunDirError),
    SavedPlan(#[from] SavedPlanError),
    Scenario(#[from] ScenarioError),
    Secrets(#[from] SecretsError),
    Spec(#[from] SpecErrors),
    Test(#[from] TestError),
    Walk(#[from] WalkError),
}

impl OpsError {
    fn inner(&self) -> &dyn Diagnose {
        match self {
            OpsError::Access(error) => error,
            OpsError::Bundle(error) => error,
            OpsError::BundleWrite(error) => error,
            OpsError::Cloud(error) => error,
            OpsError::Declined(error) => error,
            OpsError::Demo(error) => error,
            OpsError::Down(error) => error,
            OpsError::File(error) => error,
            OpsError::Host(error) => error,
            OpsError::LoadTest(error) => error,
            #[cfg(target_os = "linux")]
            OpsError::LocalCloud(error) => error,
            OpsError::Lock(error) => error,
            OpsError::LockRefusal(error) => error,
            OpsError::Operator(error) => error,
            OpsError::Payload(error) => error,
            OpsError::Preflight(error) => error,
            OpsError::Registry(error) => error,
            OpsError::Report(error) => error,
            OpsError::Rig(error) => error,
            OpsError::RunDir(error) => error,
            OpsError::SavedPlan(error) => error,
            OpsError::Scenario(error) => error,
            OpsError::Secrets(error) => error,
            OpsError::Spec(error) => error,
            OpsError::Test(error) => error,
            OpsError::Walk(error) => error,
        }
    }

    /// Whether it is about who asks: no credentials, or credentials that AWS refuses.
    #[must_use]
    pub fn is_about_credentials(&self) -> bool {
        match self {
            OpsError::Cloud(error) => error.is_about_credentials(),
            OpsError::Lock(LockError::Unavailable { cause, .. }) => cause.is_about_credentials(),
            _ => false,
        }
    }
}

impl Diagnose for OpsError {
    fn hints(&self) -> Vec<String> {
        self.inner().hints()
    }

    fn exit_code(&self) -> ExitCode {
        self.inner().exit_code()
    }
}

/// A walk over the graph that did not reach its end.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// The user stopped it, and nothing failed.
    #[error("interrupted: {done} steps done, {not_done} not")]
    Interrupted {
        /// `up` or `down`.
        operation: &'static str,
        /// The environment.
        environment: String,
        /// How many steps finished.
        done: usize,
        /// How many did not.
        not_done: usize,
    },
    /// Steps failed.
    #[error(
        "{operation} of `{environment}`: {done} steps done, {} failed, {not_done} not reached{}",
        failed.len(),
        list(failed)
    )]
    Failed {
        /// `up` or `down`.
        operation: &'static str,
        /// The environment.
        environment: String,
        /// How many steps finished.
        done: usize,
        /// How many were not reached.
        not_done: usize,
        /// The steps that failed, each with its reason.
        failed: Vec<(String, TaskError)>,
    },
}

fn list(failed: &[(String, TaskError)]) -> String {
    failed
        .iter()
        .map(|(step, error)| format!("\n  {step}: {error}"))
        .collect()
}

impl WalkError {
    /// What a walk came to.
    ///
    /// # Errors
    /// When it was interrupted or a step failed.
    pub fn check(
        report: WalkReport,
        environment: &str,
        operation: &'static str,
    ) -> Result<WalkReport, Self> {
        if report.is_complete() {
            return Ok(report);
        }
        let environment = environment.to_owned();
        let (done, not_done) = (report.finished.len(), report.skipped.len());
        if report.interrupted && report.failed.is_empty() {
            return Err(WalkError::Interrupted {
                operation,
                environment,
                done,
                not_done,
            });
        }
        Err(WalkError::Failed {
            operation,
            environment,
            done,
            not_done,
            failed: report.failed,
        })
    }
}

impl Diagnose for WalkError {
    fn hints(&self) -> Vec<String> {
        let (WalkError::Interrupted {
            operation,
            environment,
            ..
        }
        | WalkError::Failed {
            operation,
            environment,
            ..
        }) = self;
        let mut next = format!("`loadrig {operation} {environment}` continues where this stopped");
        if *operation != "down" {
            next.push_str(&format!(
                "; `loadrig down {environment}` removes everything"
            ));
        }
        let mut hints = vec![];
        if let WalkError::Failed { failed, .. } = self {
            for (_, error) in failed {
                for hint in error.hints() {
                    if !hints.contains(&hint) {
                        hints.push(hint);
                    }
                }
            }
        }
        hints.push(next);
        hints
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            WalkError::Interrupted { .. } => ExitCode::Interrupted,
            WalkError::Failed { failed, .. } => failed
                .iter()
                .map(|(_, error)| error.exit_code())
                .filter(|code| *code != ExitCode::Failed)
                .last()
                .unwrap_or(ExitCode::Failed),
        }
    }
}
