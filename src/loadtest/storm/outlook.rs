//! What was forecast of a storm, held beside the storm as it goes on.

use crate::events::TimeLeft;

/// What was forecast of a storm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StormOutlook {
    /// Of the phase that brings its users; none where that cannot be forecast, or may never end.
    pub logins: Option<LoginOutlook>,
    /// Of what breaks websockets.
    pub returns: Vec<ReturnOutlook>,
}

/// When the last client has caught up that lost its websocket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReturnOutlook {
    /// Index of the phase in which they break.
    pub phase: usize,
    /// Seconds from the start of that phase until they do.
    pub at_s: f64,
    /// Seconds from there until the last has caught up.
    pub last: TimeLeft,
}

impl ReturnOutlook {
    /// How long it takes, so many seconds after the phase began; none before websockets break, and none
    /// when all are back by the forecast.
    #[must_use]
    pub fn time_left(&self, since_s: f64) -> Option<TimeLeft> {
        let since = since_s - self.at_s;
        let left = |last: f64| (last - since).max(0.0);
        (since >= 0.0 && since < self.last.high_s).then(|| TimeLeft {
            low_s: left(self.last.low_s),
            median_s: left(self.last.median_s),
            high_s: left(self.last.high_s),
        })
    }
}

/// What was forecast of the phase that brings a storm's users. Times are seconds from its start.
#[derive(Clone, Debug, PartialEq)]
pub struct LoginOutlook {
    /// Users who come in the phase.
    pub users: u64,
    /// From one point of the curve to the next; the first one is after so many.
    pub every_s: f64,
    /// How many are in at each point, the median.
    pub users_in: Vec<f64>,
    /// When the last one is in.
    pub last_in: TimeLeft,
}

impl LoginOutlook {
    /// How long it takes until the last user is in, when so many of the phase's are in now.
    ///
    /// Counted from the moment at which the forecast has as many in, and not from the start: a storm
    /// that goes faster or slower than forecast moves the end by as much as it is ahead or behind.
    #[must_use]
    pub fn time_left(&self, users_in: u64) -> TimeLeft {
        if users_in >= self.users {
            return TimeLeft::default();
        }
        let reached = |in_by_then: &f64| *in_by_then >= users_in as f64;
        let point = match users_in {
            0 => 0,
            _ => self
                .users_in
                .iter()
                .position(reached)
                .map_or(self.users_in.len(), |index| index + 1),
        };
        let at_s = point as f64 * self.every_s;
        let left = |last: f64| (last - at_s).max(0.0);
        TimeLeft {
            low_s: left(self.last_in.low_s),
            median_s: left(self.last_in.median_s),
            high_s: left(self.last_in.high_s),
        }
    }

    /// The same before the phase, which begins in so many seconds.
    #[must_use]
    pub fn time_left_before(&self, begins_in_s: f64) -> TimeLeft {
        TimeLeft {
            low_s: begins_in_s + self.last_in.low_s,
            median_s: begins_in_s + self.last_in.median_s,
            high_s: begins_in_s + self.last_in.high_s,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outlook() -> LoginOutlook {
        LoginOutlook {
            users: 100,
            every_s: 10.0,
            users_in: vec![20.0, 50.0, 80.0, 100.0],
            last_in: TimeLeft {
                low_s: 30.0,
                median_s: 36.0,
                high_s: 50.0,
            },
        }
    }

    fn left(low_s: f64, median_s: f64, high_s: f64) -> TimeLeft {
        TimeLeft {
            low_s,
            median_s,
            high_s,
        }
    }

    #[test]
    fn the_end_moves_with_a_storm_that_is_ahead_or_behind() {
        let outlook = outlook();
        assert_eq!(outlook.time_left(0), left(30.0, 36.0, 50.0));
        // With 50 in, 20 s of the forecast are over, whenever that is.
        assert_eq!(outlook.time_left(50), left(10.0, 16.0, 30.0));
        assert_eq!(outlook.time_left(51), left(0.0, 6.0, 20.0));
        assert_eq!(outlook.time_left(99), left(0.0, 0.0, 10.0));
        assert_eq!(outlook.time_left(100), left(0.0, 0.0, 0.0));
    }

    #[test]
    fn the_time_before_the_phase_is_added() {
        assert_eq!(outlook().time_left_before(60.0), left(90.0, 96.0, 110.0));
    }

    #[test]
    fn a_return_counts_from_when_websockets_break() {
        let outlook = ReturnOutlook {
            phase: 2,
            at_s: 10.0,
            last: left(7.0, 8.0, 9.0),
        };
        assert_eq!(outlook.time_left(9.0), None);
        assert_eq!(outlook.time_left(10.0), Some(left(7.0, 8.0, 9.0)));
        assert_eq!(outlook.time_left(18.5), Some(left(0.0, 0.0, 0.5)));
        assert_eq!(outlook.time_left(19.0), None);
    }
}
