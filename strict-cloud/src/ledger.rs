//! What the front knows beyond what stands behind it: which things are on their way, up
//! or down, which are not visible yet, and the network interfaces that AWS's services put
//! into a VPC. In memory alone.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use crate::call::Call;

/// How far a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Made, and still on its way.
    Creating,
    /// There. Also what the front never saw made.
    Available,
    /// Being changed.
    Modifying,
    /// Told to go, and still listed.
    Deleting,
    /// Gone.
    Gone,
}

/// One thing's times.
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
    /// The call that removes it for good, until that was made.
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

/// What the front knows.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    things: BTreeMap<String, Lifecycle>,
    interfaces: BTreeMap<String, Vec<NetworkInterface>>,
    /// Things that are gone although what stands behind the front still lists them.
    hidden: BTreeSet<String>,
    facts: BTreeMap<String, String>,
    /// Generation of names that cannot be used twice behind the front.
    generations: BTreeMap<String, u32>,
}

impl Ledger {
    /// A thing was made.
    pub(crate) fn created(&mut self, key: &str, visible: Instant, ready: Instant) {
        self.hidden.remove(key);
        self.things.insert(
            key.to_owned(),
            Lifecycle {
                visible,
                ready,
                changing: None,
                going: None,
            },
        );
    }

    /// A thing is being changed until then.
    pub(crate) fn modifying(&mut self, key: &str, now: Instant, until: Instant) {
        let thing = self.things.entry(key.to_owned()).or_insert(Lifecycle {
            visible: now,
            ready: now,
            changing: None,
            going: None,
        });
        thing.changing = Some(until);
    }

    /// A thing was told to go and is gone then; `then` removes it behind the front. Told
    /// again, it goes no later.
    pub(crate) fn deleting(&mut self, key: &str, now: Instant, at: Instant, then: Option<Call>) {
        let thing = self.things.entry(key.to_owned()).or_insert(Lifecycle {
            visible: now,
            ready: now,
            changing: None,
            going: None,
        });
        if thing.going.is_none() {
            thing.going = Some(Deletion {
                at,
                then: then.map(Box::new),
            });
        }
    }

    /// How far a thing is.
    pub(crate) fn phase(&self, key: &str, now: Instant) -> Phase {
        if self.hidden.contains(key) {
            return Phase::Gone;
        }
        let Some(thing) = self.things.get(key) else {
            return Phase::Available;
        };
        match &thing.going {
            // Not gone before it is gone behind the front too.
            Some(going) if going.at > now || going.then.is_some() => Phase::Deleting,
            Some(_) => Phase::Gone,
            None if thing.ready > now => Phase::Creating,
            None if thing.changing.is_some_and(|until| until > now) => Phase::Modifying,
            None => Phase::Available,
        }
    }

    /// Whether reads find it.
    pub(crate) fn is_visible(&self, key: &str, now: Instant) -> bool {
        !self.hidden.contains(key)
            && self
                .things
                .get(key)
                .is_none_or(|thing| thing.visible <= now)
    }

    /// The removals whose time has come. Each stays listed until it is `removed`.
    pub(crate) fn due_deletions(&self, now: Instant) -> Vec<(String, Call)> {
        self.things
            .iter()
            .filter_map(|(key, thing)| {
                let going = thing.going.as_ref().filter(|going| going.at <= now)?;
                Some((key.clone(), *going.then.clone()?))
            })
            .collect()
    }

    /// A thing was removed behind the front too.
    pub(crate) fn removed(&mut self, key: &str) {
        if let Some(going) = self
            .things
            .get_mut(key)
            .and_then(|thing| thing.going.as_mut())
        {
            going.then = None;
        }
    }

    /// A thing is as if it had never been.
    pub(crate) fn forget(&mut self, key: &str) {
        self.things.remove(key);
    }

    /// A thing is gone, whatever stands behind the front says.
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

    /// Forgets a fact.
    pub(crate) fn drop_fact(&mut self, key: &str) {
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

    /// How often a name was used up behind the front.
    pub(crate) fn generation(&self, key: &str) -> u32 {
        self.generations.get(key).copied().unwrap_or_default()
    }

    /// A name is used up.
    pub(crate) fn use_up(&mut self, key: &str) {
        *self.generations.entry(key.to_owned()).or_default() += 1;
    }

    /// All names that were used up.
    pub(crate) fn used_up(&self) -> impl Iterator<Item = (&str, u32)> {
        self.generations
            .iter()
            .map(|(key, generation)| (key.as_str(), *generation))
    }

    /// The interfaces of a thing are these.
    pub(crate) fn set_interfaces(&mut self, owner: &str, interfaces: Vec<NetworkInterface>) {
        self.interfaces.insert(owner.to_owned(), interfaces);
    }

    /// Whether a thing has interfaces that are there to stay.
    pub(crate) fn has_interfaces(&self, owner: &str) -> bool {
        let of_owner = self.interfaces.get(owner).into_iter().flatten();
        of_owner
            .into_iter()
            .any(|interface| interface.leaves.is_none())
    }

    /// The interfaces of a thing have these groups from now on.
    pub(crate) fn regroup(&mut self, owner: &str, groups: &[String]) {
        for interface in self.interfaces.get_mut(owner).into_iter().flatten() {
            interface.groups = groups.to_vec();
        }
    }

    /// The interfaces of a thing leave then.
    pub(crate) fn interfaces_leave(&mut self, owner: &str, at: Instant) {
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
