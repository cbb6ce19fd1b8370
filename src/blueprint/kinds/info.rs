//! What is true of a kind of resource, whatever the environment.
//!
//! Each kind has its row beside the struct that says what one of it should be. Whoever treats
//! kinds differently reads the difference here: the planner, the engine, the checks before a
//! change, the price and the picture.

use std::time::Duration;

use crate::spec::Catalog;

use super::super::{Address, AttributeValue, Attributes, Kind, UnreadableAttribute, ValueForm};
use super::charge::Charges;
use super::grants::Grant;
use super::quota::Quota;

/// The row of a kind.
#[derive(Clone, Copy, Debug)]
pub struct KindInfo {
    /// Kinds that it uses: none of theirs can be deleted while one of this kind is left.
    ///
    /// Teardown works from what the snapshot found, not from a spec that may be lost, so the
    /// order is a property of the kinds.
    pub deleted_before: &'static [Kind],
    /// Typical seconds from the create call to usable, us-east-1. It is the pace of polling and
    /// the length of the critical path.
    ///
    /// Sources: public Terraform logs and AWS acceptance tests, 2018 to 2026.
    pub typical_seconds: u64,
    /// How long each change may take at the very most: twice the observed tail where that is
    /// short, and no less than what other tools give it.
    pub patience: Patience,
    /// For how long a state of failure may be one that passes, after the call that led to it.
    pub failure_may_pass: Duration,
    /// In how many lists in a row it has to be missing to be gone, where lists disagree.
    pub missing_reads_until_gone: u32,
    /// How many times in a row one has to be seen ready, and as it should be, after a change in
    /// place; 0 where the service's word is taken at once.
    pub ready_reads: u32,
    /// What to do about one that will not recover by itself.
    pub when_failed: WhenFailed,
    /// Whether one that failed certainly holds nothing that anybody wants: it is replaced, whatever
    /// [`Self::when_failed`] says.
    pub holds_nothing: fn(&Address, &Attributes) -> bool,
    /// The attributes that are compared, and those outputs that are not texts. Other attributes
    /// are outputs: texts that nothing is compared with.
    pub attributes: &'static [AttributeInfo],
    /// The output by which one of two twins shows that something hangs on it.
    pub used_by: &'static str,
    /// Whether the cloud can tell what keeps one from being deleted.
    pub has_blockers: bool,
    /// Where pictures show it.
    pub band: Band,
    /// What one is billed for at list prices.
    pub charges: Charges,
    /// What it takes of the account's quotas.
    pub quotas: fn(&Attributes, &Catalog) -> Result<Vec<(Quota, f64)>, UnreadableAttribute>,
    /// The permissions that it needs.
    pub grants: &'static [Grant],
}

impl KindInfo {
    /// What is true of most kinds.
    pub(super) const COMMON: KindInfo = KindInfo {
        deleted_before: &[],
        typical_seconds: 2,
        patience: minutes(5),
        failure_may_pass: Duration::ZERO,
        missing_reads_until_gone: 1,
        ready_reads: 0,
        when_failed: WhenFailed::Update,
        holds_nothing: |_, _| false,
        attributes: &[],
        used_by: "vpc",
        has_blockers: false,
        band: Band::Network,
        charges: |_, _| Ok(Vec::new()),
        // Other quotas are in the thousands, or per VPC, which is the environment's own.
        quotas: |_, _| Ok(Vec::new()),
        grants: &[],
    };

    /// What is known of one of its attributes.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&'static AttributeInfo> {
        self.attributes.iter().find(|known| known.name == name)
    }

    /// Reads an attribute that was written as text.
    #[must_use]
    pub fn read(&self, name: &str, text: &str) -> AttributeValue {
        let form = self.attribute(name).map_or(ValueForm::Text, |a| a.form);
        AttributeValue::read(form, text)
    }
}

/// How long a change of a resource may take at the very most: its call with all repetitions,
/// and again the wait for what the call began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From the create call to usable.
    pub create: Duration,
    /// From the update call to usable.
    pub update: Duration,
    /// From the delete call to gone.
    pub delete: Duration,
}

/// The same time for each change.
pub(super) const fn minutes(minutes: u64) -> Patience {
    minutes_each(minutes, minutes, minutes)
}

/// A time for creating, one for updating and one for deleting.
pub(super) const fn minutes_each(create: u64, update: u64, delete: u64) -> Patience {
    Patience {
        create: Duration::from_secs(create * 60),
        update: Duration::from_secs(update * 60),
        delete: Duration::from_secs(delete * 60),
    }
}

/// What becomes of a resource that will not recover by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFailed {
    /// The calls that were cut short are made again.
    Update,
    /// Nothing is lost when it is deleted and created again.
    Replace,
    /// It may hold data that somebody wants: people decide.
    Refuse,
}

/// Where pictures show a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Band {
    /// Network and hosts.
    Network,
    /// Databases, search and cache.
    ManagedServices,
    /// What lies in no VPC.
    Account,
}

/// An attribute of a kind.
#[derive(Clone, Copy, Debug)]
pub struct AttributeInfo {
    /// Name, as plans show it.
    pub name: &'static str,
    /// The type of its value.
    pub form: ValueForm,
    /// How a difference is settled.
    pub on_difference: OnDifference,
    /// Whether it changes without anybody's doing, so that a saved plan still holds when it has.
    pub volatile: bool,
}

/// How a difference between a resource as it is and as it should be is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDifference {
    /// In place.
    Update,
    /// In place, for a reason of its own.
    UpdateBecause(&'static str),
    /// In place, by a restart when the service waits for one.
    Restart,
    /// In place when it grows; it cannot shrink.
    Grow,
    /// By another resource.
    Replace,
    /// Not at all while the environment is up. `{old}` and `{new}` stand for the values.
    Refuse(&'static str),
    /// It is an output.
    NotCompared,
}

impl AttributeInfo {
    const fn new(name: &'static str, form: ValueForm) -> Self {
        Self {
            name,
            form,
            on_difference: OnDifference::Update,
            volatile: false,
        }
    }

    pub(super) const fn text(name: &'static str) -> Self {
        Self::new(name, ValueForm::Text)
    }

    pub(super) const fn number(name: &'static str) -> Self {
        Self::new(name, ValueForm::Number)
    }

    pub(super) const fn flag(name: &'static str) -> Self {
        Self::new(name, ValueForm::Flag)
    }

    pub(super) const fn names(name: &'static str) -> Self {
        Self::new(name, ValueForm::Names)
    }

    pub(super) const fn lines(name: &'static str) -> Self {
        Self::new(name, ValueForm::Lines)
    }

    pub(super) const fn or(self, on_difference: OnDifference) -> Self {
        Self {
            on_difference,
            ..self
        }
    }

    /// What nothing is compared with.
    pub(super) const fn output(self) -> Self {
        self.or(OnDifference::NotCompared)
    }

    pub(super) const fn volatile(self) -> Self {
        Self {
            volatile: true,
            ..self
        }
    }
}
