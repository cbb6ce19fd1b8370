//! Calls by the phase in which they were to begin: what the server is like while users come, and
//! with everybody in.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::call::ClientCall;
use crate::histogram::{TimeHistogram, TimeHistogramError};

/// What was counted of one kind of call in one phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseTally {
    /// All of them, failed ones too.
    pub count: u64,
    /// Failed ones.
    pub failed: u64,
    /// As [`CallTally::response`](crate::CallTally::response), with two significant digits.
    pub response: TimeHistogram,
}

impl Default for PhaseTally {
    fn default() -> Self {
        Self {
            count: 0,
            failed: 0,
            response: TimeHistogram::coarse(),
        }
    }
}

/// By the index of the phase in the plan. Calls that were never sent are in none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhaseCalls(BTreeMap<usize, BTreeMap<ClientCall, PhaseTally>>);

impl PhaseCalls {
    /// Those of a phase.
    #[must_use]
    pub fn of(&self, phase: usize) -> Option<&BTreeMap<ClientCall, PhaseTally>> {
        self.0.get(&phase)
    }

    pub(crate) fn tally(&mut self, phase: usize, call: ClientCall) -> &mut PhaseTally {
        self.0.entry(phase).or_default().entry(call).or_default()
    }

    pub(crate) fn merge(&mut self, other: &Self) -> Result<(), TimeHistogramError> {
        for (phase, calls) in &other.0 {
            for (call, theirs) in calls {
                let ours = self.tally(*phase, *call);
                ours.count += theirs.count;
                ours.failed += theirs.failed;
                ours.response.merge(&theirs.response)?;
            }
        }
        Ok(())
    }
}

/// When phases began, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct PhaseStarts(Vec<(Instant, usize)>);

impl PhaseStarts {
    pub(crate) fn begin(&mut self, phase: usize, at: Instant) {
        self.0.push((at, phase));
    }

    /// In which phase a moment is; none before there is any. Of several that begin at the moment
    /// it is the first: users of a burst come when it begins, and so does the phase after it.
    pub(crate) fn phase_at(&self, moment: Instant) -> Option<usize> {
        let before = self.0.partition_point(|(at, _)| *at < moment);
        let is_start = self.0.get(before).is_some_and(|(at, _)| *at == moment);
        let index = if is_start {
            before
        } else {
            before.saturating_sub(1)
        };
        self.0.get(index).map(|(_, phase)| *phase)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_is_in_the_phase_that_began_last_before_it() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut starts = PhaseStarts::default();
        assert_eq!(starts.phase_at(start), None);
        // The plan was taken up in its third phase, and the fourth one is a burst.
        for (phase, ms) in [(2, 10), (3, 20), (4, 20), (5, 30)] {
            starts.begin(phase, at(ms));
        }
        let phases = [0, 10, 19, 20, 21, 30, 99].map(|ms| starts.phase_at(at(ms)));
        assert_eq!(phases, [2, 2, 2, 3, 4, 5, 5].map(Some));
    }
}
