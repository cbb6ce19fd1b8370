//! Properties of plans and of results.

use std::time::Duration;

use proptest::prelude::*;

use crate::recorder::{CallEnd, CallTimes, StormRecorder};
use crate::{
    ArrivalShape, ClientCall, DriverHealth, LastUser, LoginAttempts, MergeError, Milestones,
    STORM_FORMAT, StormErrorClass, StormResult, StormSecond, TimeHistogram, UserCounts,
    WebsocketCounts, arrival_times,
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
            shard.milestones.login.record(Duration::from_millis(*ms));
            shard.last.logged_in_ms = shard.last.logged_in_ms.max(Some(*ms));
        });
    }
    let mut result = StormResult {
        format: STORM_FORMAT,
        started_ms: 7 + calls.len() as u64,
        elapsed_ms: calls.len() as u64,
        cut_short: false,
        calls: [].into(),
        users: UserCounts::default(),
        attempts: LoginAttempts::default(),
        websockets: WebsocketCounts::default(),
        milestones: Milestones::default(),
        last: LastUser::default(),
        seconds: vec![StormSecond::default(); calls.len() % 3],
        drivers: [].into(),
    };
    result.seconds.push(recorder.take_second().unwrap());
    recorder.finish(&mut result).unwrap();
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
fn levels_follow_from_what_happened_in_each_second() {
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
    let levels: Vec<_> = sum
        .levels()
        .iter()
        .map(|level| (level.waiting, level.logged_in, level.websockets))
        .collect();
    assert_eq!(levels, [(8, 2, 1), (3, 7, 3)]);
}
