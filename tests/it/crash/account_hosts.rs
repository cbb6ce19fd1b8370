//! The hosts of an account: what is asked of them is done, unless their instance does not answer.

use std::sync::Arc;
use std::time::Duration;

use loadrig::blueprint::Address;
use loadrig::engine::{HostRequest, Hosts, TaskError};
use loadrig::events::Outcome;
use loadrig::hosts::HostError;

use super::link::ProcessLink;

/// How long an instance that does not answer is tried.
const PATIENCE: Duration = Duration::from_mins(1);

/// Hosts that take their time. They fail only where the account says that they do not answer.
pub struct AccountHosts {
    pub link: Arc<ProcessLink>,
    /// How long each stage takes.
    pub takes: Duration,
}

impl Hosts for AccountHosts {
    async fn apply(&self, request: HostRequest) -> Result<Outcome, TaskError> {
        let host = request.host;
        let instance = request.inventory.get(&Address::instance(host));
        let instance = instance.map_or("", |instance| instance.id.as_str());
        if self.link.host_answers(instance) {
            tokio::time::sleep(self.takes).await;
            return Ok(Outcome::Applied);
        }
        tokio::time::sleep(PATIENCE).await;
        Err(Box::new(HostError::Unreachable {
            environment: "crash".to_owned(),
            host,
            address: "198.51.100.9".to_owned(),
            waited: PATIENCE,
            detail: "connect to host 198.51.100.9 port 22: Connection timed out".to_owned(),
        }))
    }
}
