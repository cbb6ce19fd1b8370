//! The trait through which the engine acts on hosts.

use std::collections::BTreeMap;
use std::future::Future;

use crate::blueprint::{Address, Stage};
use crate::diagnose::Diagnose;
use crate::events::{Events, Outcome};
use crate::identity::Secrets;
use crate::plan::Observed;
use crate::spec::HostName;

/// A host step that failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{host}: {message}")]
pub struct HostError {
    /// The host.
    pub host: HostName,
    /// What happened, with the last lines of output where a command failed.
    pub message: String,
    /// What to do.
    pub hints: Vec<String>,
}

impl Diagnose for HostError {
    fn hints(&self) -> Vec<String> {
        self.hints.clone()
    }
}

/// What a host step gets.
#[derive(Clone)]
pub struct HostRequest {
    /// The host.
    pub host: HostName,
    /// The stage.
    pub stage: Stage,
    /// What exists at this moment.
    pub world: BTreeMap<Address, Observed>,
    /// The environment's secrets.
    pub secrets: Secrets,
    /// Where waits are told.
    pub events: Events,
}

/// Something that brings hosts to their bundles.
pub trait Hosts: Send + Sync + 'static {
    /// Connects (waiting until the host answers) and applies a stage of its bundle.
    fn apply(
        &self,
        request: HostRequest,
    ) -> impl Future<Output = Result<Outcome, HostError>> + Send;
}
