//! Properties of plans and of results.

use std::time::Duration;

use proptest::prelude::*;

use crate::recorder::{CallEnd, CallTimes, StormRecorder};
use crate::{
    AccountPassword, Accounts, ActionMix, ArrivalShape, ClientBehavior, ClientCall, DriverHealth,
    MergeError, STORM_FORMAT, StormErrorClass, StormPhase, StormPlan, StormPosition, StormResult,
    StormSecond, TimeHistogram, UserCounts, WebsocketCounts, arrival_times,
};

fn shapes() -> impl Strategy<Value = ArrivalShape> {
    prop_oneof![
        Just(ArrivalShape::Uniform),
        Just(ArrivalShape::Even),
        Just(ArrivalShape::Poisson),
        Just(ArrivalShape::HalfSine),
        Just(ArrivalShape::Burst),
        (1..100_000_u64).prop_map(|tau_ms| ArrivalShape::Decay { tau_ms }),
    ]
}

/// A result of an agent that made these calls: kind, milliseconds, and whether it went well.
fn result(agent: &str, calls: &[(usize, u64, bool)]) -> StormResult {
    let began = std::time::Instant::now();
    let recorder = StormRecorder::new(began, 2);
    recorder.begin_phase(calls.len() % 3, began);
    for (kind, ms, good) in calls {
        let times = CallTimes {
            intended: began,
            begun: ms
                .is_multiple_of(2)
                .then(|| began + Duration::from_millis(ms / 4)),
            written: Some(began + Duration::from_millis(ms / 2)),
            ended: began + Duration::from_millis(*ms),
        };
        let text = format!("error {}", ms % 3);
        let end = match good {
            true => CallEnd::Done,
            false => CallEnd::Failed(StormErrorClass::Timeout, &text),
        };
        recorder.call(ClientCall::ALL[kind % ClientCall::ALL.len()], &times, &end);
        recorder.count(|shard| {
            shard.second.users.offered += 1;
            shard.timings.login.record(Duration::from_millis(*ms));
            shard.last.logged_in_ms = shard.last.logged_in_ms.max(Some(*ms));
        });
    }
    let mut result = StormResult::new(7 + calls.len() as u64);
    result.elapsed_ms = calls.len() as u64;
    result.seconds = vec![StormSecond::default(); calls.len() % 3];
    result.seconds.push(recorder.take_second().unwrap());
    recorder.add_totals(&mut result).unwrap();
    recorder.take_phase_calls(&mut result.phase_calls).unwrap();
    result.drivers.insert(agent.to_owned(), driver(agent));
    result
}

fn driver(agent: &str) -> DriverHealth {
    DriverHealth {
        agent: agent.to_owned(),
        cpu_ms: 1,
        elapsed_ms: 2,
        processors: 2,
        peak_memory_kib: 3,
        peak_sockets: 4,
        timer_lag: TimeHistogram::new(),
        invalid_seconds: 0,
        seconds: 1,
    }
}

fn merged(parts: &[&StormResult]) -> StormResult {
    let mut sum = parts[0].clone();
    for part in &parts[1..] {
        sum.merge(part).unwrap();
    }
    sum
}

fn calls() -> impl Strategy<Value = Vec<(usize, u64, bool)>> {
    prop::collection::vec((0..100_usize, 0..4_000_000_u64, any::<bool>()), 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn everybody_arrives_in_order_and_the_same_seed_gives_the_same_moments(
        users in 0..500_u32,
        over_ms in 1..1_000_000_u64,
        shape in shapes(),
        seed in any::<u64>(),
    ) {
        let over = Duration::from_millis(over_ms);
        let times = arrival_times(users, over, shape, seed);
        prop_assert_eq!(times.len(), users as usize);
        prop_assert!(times.is_sorted());
        if shape != ArrivalShape::Poisson {
            prop_assert!(times.iter().all(|time| *time <= over));
        }
        prop_assert_eq!(&times, &arrival_times(users, over, shape, seed));
        if users > 5 && !matches!(shape, ArrivalShape::Burst) {
            prop_assert_ne!(&times, &arrival_times(users, over, shape, seed ^ 1));
        }
    }

    #[test]
    fn results_merge_in_any_order_and_lose_nothing(a in calls(), b in calls(), c in calls()) {
        let (a, b, c) = (result("a", &a), result("b", &b), result("c", &c));
        let left = merged(&[&merged(&[&a, &b]), &c]);
        let right = merged(&[&a, &merged(&[&b, &c])]);
        prop_assert_eq!(&left, &right);
        prop_assert_eq!(&left, &merged(&[&c, &b, &a]));
        let parts = [&a, &b, &c];
        for (call, tally) in &left.calls {
            let each = parts.iter().filter_map(|part| part.calls.get(call));
            prop_assert_eq!(tally.count, each.clone().map(|one| one.count).sum::<u64>());
            prop_assert_eq!(tally.failed(), each.clone().map(|one| one.failed()).sum::<u64>());
            prop_assert_eq!(
                tally.response.count(),
                each.clone().map(|one| one.response.count()).sum::<u64>()
            );
            prop_assert_eq!(
                Some(tally.response.max()),
                each.map(|one| one.response.max()).max()
            );
            let by_phase = (0..3).filter_map(|phase| left.phase_calls.of(phase)?.get(call));
            prop_assert_eq!(tally.count, by_phase.clone().map(|one| one.count).sum::<u64>());
            prop_assert_eq!(tally.failed(), by_phase.map(|one| one.failed).sum::<u64>());
        }
        let text = serde_json::to_string(&left).unwrap();
        prop_assert_eq!(serde_json::from_str::<StormResult>(&text).unwrap(), left);
    }
}

#[test]
fn shapes_put_users_where_their_names_say() {
    let over = Duration::from_secs(100);
    let within = |shape, from: u64, to: u64| {
        arrival_times(10_000, over, shape, 3)
            .iter()
            .filter(|time| (from..to).contains(&time.as_secs()))
            .count()
    };
    let near = |count: usize, expected: usize| count.abs_diff(expected) < 300;
    assert!(near(within(ArrivalShape::Uniform, 0, 50), 5000));
    assert!(near(within(ArrivalShape::HalfSine, 25, 75), 7071));
    let decay = ArrivalShape::Decay { tau_ms: 20_000 };
    assert!(near(within(decay, 0, 20), 6364));
    assert_eq!(within(ArrivalShape::Burst, 0, 1), 10_000);
    let even = arrival_times(100, over, ArrivalShape::Even, 3);
    assert!(
        even.windows(2)
            .all(|pair| pair[1].saturating_sub(pair[0]) <= Duration::from_millis(1001))
    );
}

#[test]
fn a_call_that_nobody_waited_for_counts_with_the_time_for_which_somebody_did() {
    let login = ClientCall::Login as usize;
    let sum = result("a", &[(login, 10, true), (login, 9_000, false)]);
    let login = &sum.calls[&ClientCall::Login];
    assert_eq!(login.count, 2);
    assert_eq!(login.errors[&StormErrorClass::Timeout], 1);
    assert_eq!(login.response.count(), 2);
    assert!(login.response.max() >= Duration::from_millis(8_990));
}

#[test]
fn results_of_another_version_or_of_the_same_agent_are_refused() {
    let mut sum = result("a", &[]);
    let again = sum.clone();
    assert!(matches!(sum.merge(&again), Err(MergeError::SameAgent(_))));
    let mut other = result("b", &[]);
    other.format += 1;
    assert!(matches!(sum.merge(&other), Err(MergeError::Format { .. })));
}

#[test]
fn gauges_follow_from_what_happened_in_each_second() {
    let mut sum = result("a", &[]);
    let second = |offered, logged_in, connected, dropped| StormSecond {
        users: UserCounts {
            offered,
            logged_in,
            ..UserCounts::default()
        },
        websockets: WebsocketCounts {
            connected,
            dropped,
            ..WebsocketCounts::default()
        },
        ..StormSecond::default()
    };
    sum.seconds = vec![second(10, 2, 1, 0), second(0, 5, 6, 4)];
    let gauges: Vec<_> = sum
        .gauges()
        .iter()
        .map(|gauges| (gauges.waiting, gauges.logged_in, gauges.websockets))
        .collect();
    assert_eq!(gauges, [(8, 2, 1), (3, 7, 3)]);
}

fn plan(phases: Vec<StormPhase>) -> StormPlan {
    StormPlan {
        format: STORM_FORMAT,
        agent: "a".into(),
        entrances: Vec::new(),
        source_addresses: Vec::new(),
        accounts: Accounts {
            prefix: "u".into(),
            first: 0,
            users: 1000,
            password: AccountPassword::new("p"),
        },
        phases,
        client: ClientBehavior::default(),
        mix: ActionMix::idle(),
        seed: 3,
        deadline_ms: 1_000_000,
        sample_every_ms: 1000,
        checkpoint_every_ms: None,
        resume: None,
    }
}

#[test]
fn a_plan_goes_on_without_its_agent() {
    let arrive = |users| StormPhase::Arrive {
        users,
        over_ms: 10_000,
        shape: ArrivalShape::Even,
    };
    let plan = plan(vec![
        arrive(100),
        StormPhase::Hold { for_ms: 5_000 },
        StormPhase::Drain { at_most_ms: 60_000 },
        arrive(50),
    ]);
    let at = |phase, phase_ms| StormPosition {
        phase,
        phase_ms,
        rate: 1.0,
    };
    let start = StormPosition::default();
    assert_eq!(plan.arrived_by(&start), 0);
    let half = plan.position_after(&start, 5_000);
    assert_eq!(half, at(0, 5_000));
    assert_eq!(plan.arrived_by(&half), 50);
    assert_eq!(plan.position_after(&half, 6_000), at(1, 1_000));
    // A drain ends at once: nobody is on the way any more.
    let later = plan.position_after(&half, 12_000);
    assert_eq!(later, at(3, 2_000));
    assert_eq!(plan.arrived_by(&later), 110);
    assert_eq!(plan.position_after(&half, 1_000_000), at(4, 0));
    assert_eq!(plan.arrived_by(&at(4, 0)), 150);
    let slow = StormPosition { rate: 0.5, ..half };
    assert_eq!(plan.position_after(&slow, 4_000).phase_ms, 7_000);
    let held = StormPosition { rate: 0.0, ..half };
    assert_eq!(plan.position_after(&held, 900_000), held);
}

#[test]
fn what_an_interrupted_agent_did_before_and_after_is_one_result() {
    let mut whole = result("a", &[(3, 10, true), (3, 20, true)]);
    whole.seconds[0].websockets.connected = 2;
    whole.websockets.connected = 2;
    whole.users.offered = 2;
    let mut later = result("a", &[(3, 30, true)]);
    later.users.offered = 1;
    later.users.logged_in = 1;
    whole.resume(&later, 9_000, 4).unwrap();
    assert_eq!(whole.users.offered, 2 + 4 + 1);
    assert_eq!(
        whole.calls[&ClientCall::Login].errors[&StormErrorClass::NotSent],
        4
    );
    assert_eq!(whole.last.logged_in_ms, Some(9_030));
    assert_eq!(whole.elapsed_ms, 9_001);
    assert_eq!(whole.drivers["a"].seconds, 2);
    // Two calls before it were of the third phase, and the one after it of the second.
    let counts = [0, 1, 2].map(|phase| {
        let calls = whole.phase_calls.of(phase)?;
        Some(calls.values().map(|tally| tally.count).sum::<u64>())
    });
    assert_eq!(counts, [None, Some(1), Some(2)]);
    // Whoever was there before the interruption is not there any more.
    let gauges: Vec<_> = whole.gauges()[8..]
        .iter()
        .map(|gauges| (gauges.waiting, gauges.websockets))
        .collect();
    assert_eq!(gauges, [(2, 2), (0, 0), (1, 0)]);
    later.format += 1;
    assert!(whole.resume(&later, 9_000, 0).is_err());
}
