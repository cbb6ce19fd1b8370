//! What a change leaves behind for a while: AWS goes on as if it had not been made yet.
//!
//! Each has its documentation or whoever met it beside the rule that asks for it.

use std::collections::BTreeMap;

use crate::clock::Delay;

use super::account::AwsAccount;
use super::schedule::ScheduledEvent;

/// What is not over yet, by a name of its own, and how often it began.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct Lags(BTreeMap<String, u32>);

impl Lags {
    /// One that began is over.
    pub(super) fn over(&mut self, name: &str) {
        if let Some(count) = self.0.get_mut(name) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(name);
            }
        }
    }
}

impl AwsAccount {
    /// Something goes on for a while.
    pub(super) fn lag(&mut self, what: Delay, name: String) {
        *self.lags.0.entry(name.clone()).or_default() += 1;
        self.after(what, ScheduledEvent::LagOver(name));
    }

    /// Whether it still goes on.
    pub(super) fn lags(&self, name: &str) -> bool {
        self.lags.0.contains_key(name)
    }
}
