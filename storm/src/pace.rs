//! How fast users arrived, where somebody changed that while the storm went on.

use serde::{Deserialize, Serialize};

use crate::result::StormResult;

/// From a moment on, users arrived so many times as fast as planned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateChange {
    /// When an agent was told so, milliseconds from the start of the storm.
    pub at_ms: u64,
    /// How many times as fast as planned.
    pub factor: f64,
}

impl StormResult {
    pub(crate) fn join_rates(&mut self, others: &[RateChange], later_ms: u64) {
        self.rates.extend(others.iter().map(|change| RateChange {
            at_ms: change.at_ms + later_ms,
            ..*change
        }));
        self.rates
            .sort_by(|a, b| (a.at_ms.cmp(&b.at_ms)).then(a.factor.total_cmp(&b.factor)));
    }

    /// When the pace of arrivals changed, and to what: each change once, however many agents were
    /// told, at the moment at which the first of them was.
    #[must_use]
    pub fn pace(&self) -> Vec<RateChange> {
        let mut pace: Vec<RateChange> = Vec::new();
        for change in &self.rates {
            let current = pace.last().map_or(1.0, |last| last.factor);
            if current.total_cmp(&change.factor).is_ne() {
                pace.push(*change);
            }
        }
        pace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_once_however_many_agents_were_told() {
        let change = |at_ms, factor| RateChange { at_ms, factor };
        let mut first = StormResult::new(0);
        first.join_rates(&[change(2_000, 0.0), change(9_000, 1.0)], 0);
        first.join_rates(&[change(1_990, 0.0), change(9_010, 1.0)], 0);
        assert_eq!(first.pace(), [change(1_990, 0.0), change(9_000, 1.0)]);
        // Nothing is a change that changes nothing.
        let mut same = StormResult::new(0);
        same.join_rates(&[change(5, 1.0)], 100);
        assert_eq!((same.rates[0].at_ms, same.pace().len()), (105, 0));
    }
}
