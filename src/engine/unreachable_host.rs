//! A host that does not answer, and what the cloud knows of its machine.

use crate::blueprint::Address;
use crate::diagnose::{Diagnose, ExitCode};
use crate::engine::cloud::Cloud;
use crate::engine::context::Engine;
use crate::engine::hosts::{HostRequest, Hosts};
use crate::engine::task::{TaskError, boxed};
use crate::events::Outcome;

/// A host that did not answer, with the reasons that the cloud gives.
#[derive(Debug, thiserror::Error)]
#[error("{cause}; {}", reasons.join("; "))]
struct ImpairedHost {
    cause: TaskError,
    reasons: Vec<String>,
}

impl Diagnose for ImpairedHost {
    fn hints(&self) -> Vec<String> {
        self.cause.hints()
    }

    fn is_final(&self) -> bool {
        self.cause.is_final()
    }

    fn is_unreachable_host(&self) -> bool {
        true
    }

    fn exit_code(&self) -> ExitCode {
        self.cause.exit_code()
    }
}

impl<C: Cloud, H: Hosts> Engine<C, H> {
    /// Brings a host to a stage of its bundle. Of one that does not answer, the cloud is asked.
    pub(super) async fn apply_to_host(&self, request: HostRequest) -> Result<Outcome, TaskError> {
        let address = Address::instance(request.host);
        let instance = request.inventory.get(&address).cloned();
        let cause = match self.hosts.apply(request).await {
            Err(cause) if cause.is_unreachable_host() => cause,
            outcome => return outcome,
        };
        let reasons = match &instance {
            Some(instance) => self.cloud.reasons(instance).await,
            None => Ok(Vec::new()),
        };
        match reasons {
            Ok(reasons) if reasons.is_empty() => Err(cause),
            Ok(reasons) => Err(boxed(ImpairedHost { cause, reasons })),
            // That the host does not answer is told whether or not its reason can be read.
            Err(error) => {
                tracing::warn!(%error, "the cloud does not tell why the host does not answer");
                Err(cause)
            }
        }
    }
}
