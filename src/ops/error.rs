//! Why operations fail: an enum for each, and [`OpsError`], which is one of them.

mod access;
mod bundle;
mod certificate;
mod confirm;
mod demo;
mod doctor;
mod down;
mod events;
mod files;
mod license;
mod lock;
mod measure_hash;
mod operator;
mod payload;
mod population;
mod predict;
mod preflight;
mod registry;
mod report;
mod results;
mod rig;
mod run_dir;
mod saml;
mod saved_plan;
mod test;
mod walk;

use crate::diagnose::{Diagnose, ExitCode};
use crate::engine::{CloudError, LockError};
use crate::hosts::{BundleError, HostError};
use crate::identity::SecretsError;
use crate::loadtest::storm::StormTestError;
use crate::loadtest::{LoadTestError, PopulationError, StormOverrideError};
use crate::spec::SpecErrors;

pub use access::AccessError;
pub use bundle::BundleWriteError;
pub use certificate::CertificateRefusal;
pub use confirm::Declined;
pub use demo::DemoError;
pub use doctor::HostTrialError;
pub use down::DownError;
pub use events::{EventRefusal, MissingHost};
pub use files::FileError;
pub use license::LicenseRefusal;
pub use lock::LockRefusal;
pub use measure_hash::MeasureHashError;
pub(super) use operator::CHECK_IP;
pub use operator::OperatorError;
pub use payload::PayloadError;
pub use population::PopulationRefusal;
pub use predict::PredictError;
pub use preflight::PreflightError;
pub use registry::RegistryError;
pub use report::ReportError;
pub use results::ResultsError;
pub use rig::RigError;
pub use run_dir::RunDirError;
pub use saml::SamlRefusal;
pub use saved_plan::SavedPlanError;
pub use test::TestError;
pub use walk::WalkError;

/// Why an operation failed: one of the errors of what it is made of.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub enum OpsError {
    /// No way to a host.
    Access(#[from] AccessError),
    /// A bundle cannot be rendered.
    Bundle(#[from] BundleError),
    /// A bundle is not written.
    BundleWrite(#[from] BundleWriteError),
    /// The proxies cannot use the certificate.
    Certificate(#[from] CertificateRefusal),
    /// A call to the cloud failed.
    Cloud(#[from] CloudError),
    /// A question was not answered with yes.
    Declined(#[from] Declined),
    /// The demo did not succeed.
    Demo(#[from] DemoError),
    /// An environment was not removed.
    Down(#[from] DownError),
    /// An event of a scenario cannot take place.
    Event(#[from] EventRefusal),
    /// A file could not be written.
    File(#[from] FileError),
    /// A host could not be reached, or did not do what it was told.
    Host(#[from] HostError),
    /// The license does not carry the environment.
    License(#[from] LicenseRefusal),
    /// A scenario came to no result.
    LoadTest(#[from] LoadTestError),
    /// The local cloud failed.
    #[cfg(target_os = "linux")]
    LocalCloud(#[from] crate::localcloud::Error),
    /// The lock is held by somebody else, or was lost.
    Lock(#[from] LockError),
    /// The lock was not taken.
    LockRefusal(#[from] LockRefusal),
    /// A password hash could not be measured.
    MeasureHash(#[from] MeasureHashError),
    /// The operator's address is not known.
    Operator(#[from] OperatorError),
    /// What goes to hosts could not be put together.
    Payload(#[from] PayloadError),
    /// A population could not be written.
    Population(#[from] PopulationError),
    /// A population is not written.
    PopulationRefusal(#[from] PopulationRefusal),
    /// A check before the first change refused.
    Preflight(#[from] PreflightError),
    /// The registry is not removed.
    Registry(#[from] RegistryError),
    /// A report cannot be written or read.
    Report(#[from] ReportError),
    /// Stored results cannot be found or compared.
    Results(#[from] ResultsError),
    /// The environment, or a part of it, does not exist.
    Rig(#[from] RigError),
    /// There is no run directory.
    RunDir(#[from] RunDirError),
    /// Nobody could log in through the identity provider.
    Saml(#[from] SamlRefusal),
    /// A saved plan is not written, or not carried out.
    SavedPlan(#[from] SavedPlanError),
    /// Secrets cannot be derived.
    Secrets(#[from] SecretsError),
    /// The YAML is invalid.
    Spec(#[from] SpecErrors),
    /// A storm came to no result.
    Storm(#[from] StormTestError),
    /// A storm cannot be changed so.
    StormOverride(#[from] StormOverrideError),
    /// A scenario was stopped.
    Test(#[from] TestError),
    /// A walk over the graph did not reach its end.
    Walk(#[from] WalkError),
}

impl OpsError {
    fn inner(&self) -> &dyn Diagnose {
        match self {
            OpsError::Access(error) => error,
            OpsError::Bundle(error) => error,
            OpsError::BundleWrite(error) => error,
            OpsError::Certificate(error) => error,
            OpsError::Cloud(error) => error,
            OpsError::Declined(error) => error,
            OpsError::Demo(error) => error,
            OpsError::Down(error) => error,
            OpsError::Event(error) => error,
            OpsError::File(error) => error,
            OpsError::Host(error) => error,
            OpsError::License(error) => error,
            OpsError::LoadTest(error) => error,
            #[cfg(target_os = "linux")]
            OpsError::LocalCloud(error) => error,
            OpsError::Lock(error) => error,
            OpsError::LockRefusal(error) => error,
            OpsError::MeasureHash(error) => error,
            OpsError::Operator(error) => error,
            OpsError::Payload(error) => error,
            OpsError::Population(error) => error,
            OpsError::PopulationRefusal(error) => error,
            OpsError::Preflight(error) => error,
            OpsError::Registry(error) => error,
            OpsError::Report(error) => error,
            OpsError::Results(error) => error,
            OpsError::Rig(error) => error,
            OpsError::RunDir(error) => error,
            OpsError::Saml(error) => error,
            OpsError::SavedPlan(error) => error,
            OpsError::Secrets(error) => error,
            OpsError::Spec(error) => error,
            OpsError::Storm(error) => error,
            OpsError::StormOverride(error) => error,
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
