//! Logins that are refused with HTTP 429: how long a client waits, with `Retry-After` and without.

use std::time::Duration;

use loadrig_storm::{CallSequence, ClientCall, LoginRetry, OnTooMany, StormErrorClass};

use crate::relay::Relay;
use crate::stage::{Stage, storm};

/// Longer than the storm may take.
const NEVER: u64 = 3_600_000;
const SOON: u64 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn the_pause_after_a_429_is_the_one_that_counts() {
    let stage = Stage::new(1).await;
    let after_an_hour = Some("Retry-After: 3600");
    for (header, heed_retry_after, otherwise_after_ms, after_ms) in [
        // Not there: the pause for that case, or the usual one.
        (None, true, Some(SOON), NEVER),
        (None, true, None, SOON),
        // There, and not heeded: the same.
        (after_an_hour, false, Some(SOON), NEVER),
        (after_an_hour, false, None, SOON),
    ] {
        let relay = Relay::refusing(&stage.url(), 2, header).await;
        let mut plan = stage.plan(1, 0);
        plan.entrances[0].url = relay.url();
        plan.client.calls = CallSequence::LoginOnly;
        plan.client.on_429 = OnTooMany {
            heed_retry_after,
            otherwise_after_ms,
        };
        plan.client.retry = Some(LoginRetry {
            after_ms,
            at_most: None,
            jitter_ms: 0,
        });
        let result = storm(plan).await;
        let case = (header, heed_retry_after, otherwise_after_ms);
        assert_eq!(
            (result.attempts.made, result.attempts.refused),
            (3, 2),
            "{case:?}"
        );
        assert_eq!(result.users.logged_in, 1, "{case:?}");
        let login = &result.calls[&ClientCall::Login];
        assert_eq!(login.errors, [(StormErrorClass::TooManyRequests, 2)].into());
        let took = result.timings.login.max();
        assert!(
            took >= Duration::from_millis(2 * SOON),
            "{case:?}: {took:?}"
        );
    }
}
