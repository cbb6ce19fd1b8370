//! Phases in which users come at the same moment, through the engine.

use loadrig_storm::{ArrivalShape, CallSequence, ClientCall, StormPhase};

use crate::stage::{Stage, storm};

#[tokio::test(flavor = "multi_thread")]
async fn a_step_lasts_for_its_time_and_a_burst_for_none() {
    let stage = Stage::new(7).await;
    let mut plan = stage.plan(7, 0);
    let at_once = |users, over_ms| StormPhase::Arrive {
        users,
        over_ms,
        shape: ArrivalShape::Burst,
    };
    plan.phases = vec![
        at_once(4, 2_000),
        at_once(3, 0),
        StormPhase::Drain { at_most_ms: 60_000 },
    ];
    // A page would come first, and the login whenever that is there.
    plan.client.calls = CallSequence::LoginOnly;
    let result = storm(plan).await;
    assert_eq!(result.errors(), [].into(), "{:#?}", result.calls);
    assert_eq!((result.users.offered, result.users.logged_in), (7, 7));
    let [step, burst, drain] = [0, 1, 2].map(|index| result.phases[&index]);
    // Times are whole milliseconds.
    let lasted = step.end_ms - step.begin_ms;
    assert!(lasted.abs_diff(2_000) <= 1, "{step:?}");
    assert_eq!((burst.begin_ms, burst.end_ms), (step.end_ms, step.end_ms));
    assert_eq!(drain.begin_ms, burst.end_ms);
    // Each user was to come in its own phase, and nobody in the last one.
    let logins = [0, 1, 2].map(|phase| {
        let of_phase = result.phase_calls.of(phase)?.get(&ClientCall::Login)?;
        Some((of_phase.count, of_phase.response.count()))
    });
    assert_eq!(logins, [Some((4, 4)), Some((3, 3)), None]);
}
