//! What the strict cloud knows beyond its upstream: which resources are being created,
//! modified or deleted, which are not visible yet, and the network interfaces that AWS's
//! services put into a VPC. In memory alone.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use crate::call::Call;

/// The phase of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Created, and not usable yet.
    Creating,
    /// Usable. Also what was not created through the strict cloud.
    Available,
    /// Being changed.
    Modifying,
    /// Deletion has begun; it is still listed.
    Deleting,
    /// Deletion has ended; it is not listed any more.
    Gone,
}

/// When one resource changes its phase.
#[derive(Debug, Clone)]
struct Lifecycle {
    visible: Instant,
    ready: Instant,
    changing: Option<Instant>,
    going: Option<Deletion>,
}

#[derive(Debug, Clone)]
struct Deletion {
    at: Instant,
    /// The call that removes it from the upstream, until that call was sent.
    then: Option<Box<Call>>,
}

/// A network interface that belongs to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NetworkInterface {
    pub(crate) id: String,
    pub(crate) subnet: String,
    pub(crate) vpc: String,
    pub(crate) zone: String,
    pub(crate) groups: Vec<String>,
    pub(crate) description: String,
    pub(crate) requester: String,
    pub(crate) address: String,
    pub(crate) public: bool,
    pub(crate) leaves: Option<Instant>,
}

/// Everything that the rules remember.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    resources: BTreeMap<String, Lifecycle>,
    interfaces: BTreeMap<String, Vec<NetworkInterface>>,
    /// Resources that are gone although the upstream still lists them.
    hidden: BTreeSet<String>,
    facts: BTreeMap<String, String>,
    /// How often a name was used that the upstream does not let be used again.
    generations: BTreeMap<String, u32>,
}

impl Ledger {
    /// Records a creation.
    pub(crate) fn created(&mut self, key: &str, visible: Instant, ready: Instant) {
        self.hidden.remove(key);
        self.resources.insert(
            key.to_owned(),
            Lifecycle {
                visible,
                ready,
                changing: None,
                going: None,
            },
        );
    }

    /// Records a modification that lasts until then.
    pub(crate) fn modifying(&mut self, key: &str, now: Instant, until: Instant) {
        let resource = self.resources.entry(key.to_owned()).or_insert(Lifecycle {
            visible: now,
            ready: now,
            changing: None,
            going: None,
        });
        resource.changing = Some(until);
    }

    /// Records a deletion that ends then; the call `then` removes the resource from the
    /// upstream. Repeated, it ends no later.
    pub(crate) fn deleting(&mut self, key: &str, now: Instant, at: Instant, then: Option<Call>) {
        let resource = self.resources.entry(key.to_owned()).or_insert(Lifecycle {
            visible: now,
            ready: now,
            changing: None,
            going: None,
        });
        if resource.going.is_none() {
            resource.going = Some(Deletion {
                at,
                then: then.map(Box::new),
            });
        }
    }

    /// The phase of a resource.
    pub(crate) fn phase(&self, key: &str, now: Instant) -> Phase {
        if self.hidden.contains(key) {
            return Phase::Gone;
        }
        let Some(resource) = self.resources.get(key) else {
            return Phase::Available;
        };
        match &resource.going {
            // Not gone before the upstream has removed it too.
            Some(going) if going.at > now || going.then.is_some() => Phase::Deleting,
            Some(_) => Phase::Gone,
            None if resource.ready > now => Phase::Creating,
            None if resource.changing.is_some_and(|until| until > now) => Phase::Modifying,
            None => Phase::Available,
        }
    }

    /// Whether reads find it.
    pub(crate) fn is_visible(&self, key: &str, now: Instant) -> bool {
        !self.hidden.contains(key)
            && self
                .resources
                .get(key)
                .is_none_or(|resource| resource.visible <= now)
    }

    /// The deletions whose time has come. Each stays due until it is `removed`.
    pub(crate) fn due_deletions(&self, now: Instant) -> Vec<(String, Call)> {
        self.resources
            .iter()
            .filter_map(|(key, resource)| {
                let going = resource.going.as_ref().filter(|going| going.at <= now)?;
                Some((key.clone(), *going.then.clone()?))
            })
            .collect()
    }

    /// The upstream has removed a resource.
    pub(crate) fn removed(&mut self, key: &str) {
        if let Some(going) = self
            .resources
            .get_mut(key)
            .and_then(|resource| resource.going.as_mut())
        {
            going.then = None;
        }
    }

    /// Forgets a resource, as if it had never existed.
    pub(crate) fn forget(&mut self, key: &str) {
        self.resources.remove(key);
    }

    /// A resource is gone, whatever the upstream lists.
    pub(crate) fn hide(&mut self, key: &str) {
        self.hidden.insert(key.to_owned());
    }

    /// Notes a fact that does not change, such as a subnet's zone.
    pub(crate) fn note(&mut self, key: &str, value: &str) {
        self.facts.insert(key.to_owned(), value.to_owned());
    }

    /// A noted fact.
    pub(crate) fn fact(&self, key: &str) -> Option<String> {
        self.facts.get(key).cloned()
    }

    pub(crate) fn forget_fact(&mut self, key: &str) {
        self.facts.remove(key);
    }

    /// Keys of noted facts that begin so, with their values.
    pub(crate) fn facts(&self, prefix: &str) -> Vec<(String, String)> {
        self.facts
            .range(prefix.to_owned()..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    /// How often a name was used up at the upstream.
    pub(crate) fn generation(&self, key: &str) -> u32 {
        self.generations.get(key).copied().unwrap_or_default()
    }

    /// A name is used up.
    pub(crate) fn spend_name(&mut self, key: &str) {
        *self.generations.entry(key.to_owned()).or_default() += 1;
    }

    /// All names that were used up.
    pub(crate) fn spent_names(&self) -> impl Iterator<Item = (&str, u32)> {
        self.generations
            .iter()
            .map(|(key, generation)| (key.as_str(), *generation))
    }

    /// Sets the interfaces of a resource.
    pub(crate) fn set_interfaces(&mut self, owner: &str, interfaces: Vec<NetworkInterface>) {
        self.interfaces.insert(owner.to_owned(), interfaces);
    }

    /// Whether a resource has interfaces that are not about to leave.
    pub(crate) fn has_interfaces(&self, owner: &str) -> bool {
        let of_owner = self.interfaces.get(owner).into_iter().flatten();
        of_owner
            .into_iter()
            .any(|interface| interface.leaves.is_none())
    }

    /// Sets the security groups of a resource's interfaces.
    pub(crate) fn set_interface_groups(&mut self, owner: &str, groups: &[String]) {
        for interface in self.interfaces.get_mut(owner).into_iter().flatten() {
            interface.groups = groups.to_vec();
        }
    }

    /// The interfaces of a resource leave then.
    pub(crate) fn release_interfaces(&mut self, owner: &str, at: Instant) {
        for interface in self.interfaces.get_mut(owner).into_iter().flatten() {
            interface.leaves.get_or_insert(at);
        }
    }

    /// Every interface that is there, after dropping those that have left.
    pub(crate) fn interfaces(&mut self, now: Instant) -> Vec<NetworkInterface> {
        self.interfaces.retain(|_, interfaces| {
            interfaces.retain(|interface| interface.leaves.is_none_or(|at| at > now));
            !interfaces.is_empty()
        });
        self.interfaces.values().flatten().cloned().collect()
    }
}
