//! The trait through which the engine acts on hosts.

use std::future::Future;

use crate::blueprint::Stage;
use crate::events::{Events, Outcome};
use crate::identity::Secrets;
use crate::plan::Inventory;
use crate::spec::HostName;

use tokio::sync::watch;

use crate::engine::walk::{TaskError, Urgency};

/// What a host step gets.
#[derive(Clone, Debug)]
pub struct HostRequest {
    /// Role and number of the host.
    pub host: HostName,
    /// `prepare` or `configure`.
    pub stage: Stage,
    /// What exists at this moment.
    pub inventory: Inventory,
    /// The environment's secrets.
    pub secrets: Secrets,
    /// Where waits are reported.
    pub events: Events,
    /// Whether the user wants to stop: what has not begun to work on the host then gives up.
    pub stop: watch::Receiver<Urgency>,
}

/// Something that brings hosts to their bundles.
pub trait Hosts: Send + Sync + 'static {
    /// Connects (waiting until the host answers) and applies a stage of its bundle.
    fn apply(
        &self,
        request: HostRequest,
    ) -> impl Future<Output = Result<Outcome, TaskError>> + Send;
}
