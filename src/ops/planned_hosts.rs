//! What hosts should have: their bundles, as `up` renders them now.

use std::sync::Arc;

use crate::blueprint::Stage;
use crate::diagnose::{Diagnose, with_causes};
use crate::hosts::{Bundle, Payload, planned_settings, render};
use crate::identity::Secrets;
use crate::plan::Inventory;
use crate::spec::{HostName, PlannedSetting};

use super::payload::facts;
use super::rig::Rig;

/// Why hosts cannot be compared with the YAML, and what helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotCompared {
    pub(super) why: String,
    pub(super) remedy: String,
}

impl NotCompared {
    fn of(error: &impl Diagnose) -> Self {
        Self {
            why: with_causes(error),
            remedy: error.hints().join("; "),
        }
    }
}

/// Renders the bundles of hosts, with every application node in service.
pub(super) struct PlannedHosts<'a> {
    rig: &'a Rig,
    inventory: &'a Inventory,
    secrets: &'a Secrets,
    payload: Result<Arc<Payload>, NotCompared>,
}

impl<'a> PlannedHosts<'a> {
    /// Reads the files that go to hosts: what this machine lacks of them leaves the hosts uncompared.
    pub(super) fn of(rig: &'a Rig, inventory: &'a Inventory, secrets: &'a Secrets) -> Self {
        Self {
            rig,
            inventory,
            secrets,
            payload: rig.payload().map_err(|error| NotCompared::of(&error)),
        }
    }

    /// Both bundles of a host.
    pub(super) fn bundles(&self, host: HostName) -> Result<Vec<Bundle>, NotCompared> {
        let payload = self.payload.as_ref().map_err(NotCompared::clone)?;
        let spec = &self.rig.spec;
        let facts = facts(spec, host, self.inventory, self.secrets, payload);
        let stages = [Stage::Prepare, Stage::Configure].into_iter();
        stages
            .map(|stage| render(spec, host, stage, &facts))
            .collect::<Result<_, _>>()
            .map_err(|error| NotCompared::of(&error))
    }

    /// What the server of an application node is to run with.
    pub(super) fn settings(&self, host: HostName) -> Result<Vec<PlannedSetting>, NotCompared> {
        let payload = self.payload.as_ref().map_err(NotCompared::clone)?;
        let spec = &self.rig.spec;
        let facts = facts(spec, host, self.inventory, self.secrets, payload);
        planned_settings(spec, host, &facts).map_err(|error| NotCompared::of(&error))
    }
}
