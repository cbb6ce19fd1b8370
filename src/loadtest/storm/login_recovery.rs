//! From when on logins are answered at once again, from what happened second by second.

use std::time::Duration;

use loadrig_storm::StormResult;

/// A login that takes no longer is answered at once: a whole one of a server at rest takes about a
/// quarter of it.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Milliseconds from the start of a storm until logins were answered at once for good: to the end of the
/// last second in which one took longer, was refused, failed or was given up, or in which users waited and
/// none ended. 0 if there was none, none if that was the last second.
pub(super) fn logins_recovered(storm: &StormResult) -> Option<u64> {
    let gauges = storm.gauges();
    let is_disturbed = |(index, second): (usize, &loadrig_storm::StormSecond)| {
        let attempts = &second.attempts;
        let lost = attempts.refused + attempts.abandoned + attempts.failed;
        let waiting = gauges.get(index).map_or(0, |gauges| gauges.waiting);
        lost > 0 || second.login.max() > AT_ONCE || (waiting > 0 && second.login.count() == 0)
    };
    match storm.seconds.iter().enumerate().rposition(is_disturbed) {
        None => Some(0),
        Some(last) if last + 1 == storm.seconds.len() => None,
        Some(last) => Some((last as u64 + 1) * 1000),
    }
}

#[cfg(test)]
mod tests {
    use loadrig_storm::StormSecond;

    use super::*;

    /// A second in which users arrive and get in, so many milliseconds each, and some are refused.
    fn second(offered: u64, logged_in: u64, took_ms: u64, refused: u64) -> StormSecond {
        let mut second = StormSecond::default();
        second.users.offered = offered;
        second.users.logged_in = logged_in;
        second.attempts.refused = refused;
        for _ in 0..logged_in {
            second.login.record(Duration::from_millis(took_ms));
        }
        second
    }

    fn recovered(seconds: Vec<StormSecond>) -> Option<u64> {
        let mut storm = StormResult::new(1_000_000);
        storm.seconds = seconds;
        logins_recovered(&storm)
    }

    #[test]
    fn the_last_login_that_waited_or_was_refused_counts() {
        let quick = || second(2, 2, 200, 0);
        assert_eq!(recovered(vec![quick(), quick()]), Some(0));
        let slow = || second(2, 2, 3_000, 0);
        assert_eq!(recovered(vec![quick(), slow(), quick()]), Some(2_000));
        let refused = second(2, 2, 200, 1);
        assert_eq!(
            recovered(vec![slow(), refused, quick(), quick()]),
            Some(2_000)
        );
    }

    #[test]
    fn users_who_wait_in_silence_have_not_recovered() {
        let nobody = || second(0, 0, 0, 0);
        let crowd = second(50, 1, 200, 0);
        assert_eq!(recovered(vec![crowd.clone(), nobody(), nobody()]), None);
        let all = second(0, 49, 5_000, 0);
        assert_eq!(recovered(vec![crowd, nobody(), all, nobody()]), Some(3_000));
    }
}
