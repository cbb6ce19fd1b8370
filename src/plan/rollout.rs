//! Which hosts a plan may take away from users, and so in which order they change.

use crate::blueprint::{Address, Blueprint, Stage, Step};
use crate::plan::change::{Action, Change, Plan};
use crate::plan::snapshot::State;
use crate::spec::{HostName, Role};

/// The hosts that users may be served by while a plan is carried out.
///
/// Empty as long as no application node exists: what serves nobody comes about side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RolloutOrder {
    /// Application nodes whose instance stays. Those whose bundle differs change one by one.
    pub kept: Vec<HostName>,
    /// Application nodes whose instance is replaced, one after the other.
    pub replaced: Vec<HostName>,
    /// Application nodes that do not exist: they come first, so that no more than one is missing.
    pub created: Vec<HostName>,
    /// Proxies whose instance stays.
    pub proxies_kept: Vec<HostName>,
    /// Proxies that run, and whose instance is replaced once the application nodes are done.
    pub proxies_replaced: Vec<HostName>,
    /// Search proxies whose instance stays. They change one by one, before the application nodes.
    pub search_kept: Vec<HostName>,
    /// Search proxies that run, and whose instance is replaced, one after the other.
    pub search_replaced: Vec<HostName>,
}

impl RolloutOrder {
    /// The order in which the hosts of a plan change.
    #[must_use]
    pub fn of(blueprint: &Blueprint, plan: &Plan) -> Self {
        let mut order = Self::default();
        for node in &blueprint.nodes {
            let Step::Host {
                host,
                stage: Stage::Configure,
            } = node.step
            else {
                continue;
            };
            let instance = Address::instance(host);
            let change = plan
                .changes
                .iter()
                .find(|change| change.address == instance && change.action != Action::Delete);
            let Some(change) = change else { continue };
            let list = match (host.role, change.action) {
                (Role::App, Action::Keep | Action::Update) => &mut order.kept,
                (Role::App, Action::Replace) if runs(change) => &mut order.replaced,
                (Role::App, Action::Replace | Action::Create) => &mut order.created,
                (Role::Proxy, Action::Keep | Action::Update) => &mut order.proxies_kept,
                (Role::Proxy, Action::Replace) if runs(change) => &mut order.proxies_replaced,
                (Role::SearchProxy, Action::Keep | Action::Update) => &mut order.search_kept,
                (Role::SearchProxy, Action::Replace) if runs(change) => &mut order.search_replaced,
                _ => continue,
            };
            list.push(host);
        }
        match order.kept.is_empty() && order.replaced.is_empty() {
            true => Self::default(),
            false => order,
        }
    }

    /// Whether no application node exists.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.replaced.is_empty()
    }

    /// Application nodes that exist, in the order in which they change.
    pub fn nodes(&self) -> impl Iterator<Item = HostName> {
        self.kept.iter().chain(&self.replaced).copied()
    }

    /// The application node that nobody stands in for while it changes. Those that do not exist yet
    /// come before it.
    #[must_use]
    pub fn only_node(&self) -> Option<HostName> {
        let mut nodes = self.nodes().chain(self.created.iter().copied());
        let first = nodes.next();
        first.filter(|_| nodes.next().is_none())
    }

    /// Proxies that exist.
    pub fn proxies(&self) -> impl Iterator<Item = HostName> {
        self.proxies_kept
            .iter()
            .chain(&self.proxies_replaced)
            .copied()
    }
}

/// Whether the instance that a change is about works.
fn runs(change: &Change) -> bool {
    let existing = change.existing.as_ref();
    existing.is_some_and(|existing| existing.state == State::Ready)
}
