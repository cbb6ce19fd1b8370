//! Where in its plan an agent is: what of the plan has happened by then, and what lies ahead.
//!
//! Pure arithmetic over a plan: an agent that was interrupted goes on where the plan is by now,
//! and whoever was to arrive meanwhile is not sent late.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::arrivals::arrival_times;
use crate::plan::{StormPhase, StormPlan};
use crate::recorder::millis;
use crate::storm::mix;

/// By when every client has lost the websocket that it was to lose.
pub(crate) const BREAK_SETTLES: Duration = Duration::from_millis(500);

/// Where in its plan an agent is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StormPosition {
    /// Index of the phase; as many as there are phases when all are over.
    pub phase: usize,
    /// How far the plan's clock has gone in it, milliseconds.
    pub phase_ms: u64,
    /// How many times as fast as planned users arrive.
    pub rate: f64,
}

impl Default for StormPosition {
    /// The beginning.
    fn default() -> Self {
        Self {
            phase: 0,
            phase_ms: 0,
            rate: 1.0,
        }
    }
}

impl StormPlan {
    /// At which moments of a phase users arrive, from its start on.
    #[must_use]
    pub fn arrivals(&self, phase: usize) -> Vec<Duration> {
        match self.phases.get(phase) {
            Some(StormPhase::Arrive {
                users,
                over_ms,
                shape,
            }) => {
                let seed = mix(self.seed ^ (phase as u64 + 1));
                arrival_times(*users, Duration::from_millis(*over_ms), *shape, seed)
            }
            _ => Vec::new(),
        }
    }

    /// How many users were to arrive before a position.
    #[must_use]
    pub fn arrived_by(&self, position: &StormPosition) -> u32 {
        let before: u32 = self
            .phases
            .iter()
            .take(position.phase)
            .map(|phase| match phase {
                StormPhase::Arrive { users, .. } => *users,
                _ => 0,
            })
            .sum();
        before + due_by(&self.arrivals(position.phase), position.phase_ms)
    }

    /// The position after so many milliseconds in which the agent did not work. A drain is over
    /// by then: nobody is on the way any more.
    #[must_use]
    pub fn position_after(&self, from: &StormPosition, mut ms: u64) -> StormPosition {
        let mut at = *from;
        while let Some(phase) = self.phases.get(at.phase) {
            let (length, rate) = match *phase {
                StormPhase::Arrive { over_ms, .. } => {
                    let last = self.arrivals(at.phase).last().copied().unwrap_or_default();
                    (over_ms.max(millis(last)), at.rate)
                }
                StormPhase::Hold { for_ms } => (for_ms, 1.0),
                StormPhase::Drop { over_ms, .. } => (over_ms + millis(BREAK_SETTLES), 1.0),
                StormPhase::Drain { .. } => (0, 1.0),
            };
            let left = length.saturating_sub(at.phase_ms) as f64;
            let needed = if left == 0.0 { 0.0 } else { left / rate };
            // At a rate of zero a phase never ends.
            if needed > ms as f64 {
                at.phase_ms += (ms as f64 * rate) as u64;
                return at;
            }
            ms = ms.saturating_sub(needed.ceil() as u64);
            at.phase += 1;
            at.phase_ms = 0;
        }
        at
    }
}

/// How many of these moments are not later than so many milliseconds.
pub(crate) fn due_by(times: &[Duration], ms: u64) -> u32 {
    let at = Duration::from_millis(ms);
    match ms {
        // At the beginning nobody has come, not even who comes at once.
        0 => 0,
        _ => times.partition_point(|time| *time <= at) as u32,
    }
}
