//! Storms against the real stand-in server on a real PostgreSQL.
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "a test that cannot go on panics, and the rig is shared with the stand-in's tests"
)]

mod addresses;
mod frames;
mod gaps;
mod published;
mod refusals;
mod relay;
#[path = "../../../standin/tests/server/rig/mod.rs"]
mod rig;
mod shapes;
mod stage;
mod stall;
mod tls;
mod tls_front;
mod versions;

use std::time::Duration;

use loadrig_storm::{
    ActionMix, CallSequence, ClientBehavior, ClientCall, HttpVersion, LoginRetry, OnFailedLogin,
    OnTooMany, StormControl, StormErrorClass, StormPhase,
};

use relay::Relay;
use stage::{RunningStorm, Stage, storm, storm_with};

/// Calls that a login of the web client makes of a licensed server with an open channel.
const LOGIN_CALLS: [ClientCall; 22] = [
    ClientCall::ConfigClient,
    ClientCall::LicenseClient,
    ClientCall::PluginsWebapp,
    ClientCall::Login,
    ClientCall::RolesNames,
    ClientCall::UsersMe,
    ClientCall::Preferences,
    ClientCall::Teams,
    ClientCall::TeamMembers,
    ClientCall::TeamsUnread,
    ClientCall::LimitsServer,
    ClientCall::TeamChannels,
    ClientCall::TeamChannelMembers,
    ClientCall::Websocket,
    ClientCall::ChannelMembers,
    ClientCall::Channels,
    ClientCall::Categories,
    ClientCall::Threads,
    ClientCall::ChannelStats,
    ClientCall::PostsUnread,
    ClientCall::ViewChannel,
    ClientCall::Statuses,
];

#[tokio::test(flavor = "multi_thread")]
async fn everybody_logs_in_and_every_call_is_answered() {
    let stage = Stage::new(12).await;
    for http in [HttpVersion::Http1, HttpVersion::Http2] {
        let mut plan = stage.plan(12, 1_000);
        plan.client.http = http;
        plan.client.document = true;
        plan.client.avatars = 3;
        let result = storm(plan).await;
        assert_eq!(result.errors(), [].into(), "{http:?}: {:#?}", result.calls);
        assert!(!result.cut_short);
        let users = result.users;
        assert_eq!(
            (
                users.offered,
                users.started,
                users.logged_in,
                users.usable,
                users.live,
                users.never
            ),
            (12, 12, 12, 12, 12, 0)
        );
        for call in LOGIN_CALLS {
            let tally = result
                .calls
                .get(&call)
                .unwrap_or_else(|| panic!("no {call}"));
            assert!(tally.count >= 12, "{call}: {tally:?}");
            assert_eq!(tally.response.count(), tally.count, "{call}");
        }
        assert_eq!(result.calls[&ClientCall::Login].count, 12);
        assert_eq!(result.timings.usable.count(), 12);
        assert!(result.last.logged_in_ms <= result.last.usable_ms);
        assert!(result.last.live_ms.is_some());
        let last = result.gauges().pop().expect("seconds");
        assert_eq!((last.waiting, last.logged_in, last.websockets), (0, 12, 12));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_and_a_server_that_is_gone_are_told_apart() {
    let stage = Stage::new(2).await;
    let mut plan = stage.plan(2, 100);
    plan.accounts.prefix = "nobody-".into();
    plan.client.retry = Some(LoginRetry {
        after_ms: 10,
        at_most: Some(2),
        jitter_ms: 0,
    });
    let result = storm(plan).await;
    assert_eq!((result.users.logged_in, result.users.never), (0, 2));
    assert_eq!((result.attempts.made, result.attempts.failed), (6, 6));
    let login = &result.calls[&ClientCall::Login];
    assert_eq!(login.errors, [(StormErrorClass::Unauthorized, 6)].into());

    let mut plan = stage.plan(1, 100);
    plan.entrances[0].url = format!("http://127.0.0.1:{}", rig::free_port());
    plan.client.retry = None;
    plan.client.calls = CallSequence::LoginOnly;
    let result = storm(plan).await;
    let login = &result.calls[&ClientCall::Login];
    assert_eq!(login.errors, [(StormErrorClass::Connect, 1)].into());
    assert_eq!(login.response.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_websocket_is_resumed_and_the_flood_follows() {
    let stage = Stage::new(4).await;
    let mut plan = stage.plan(4, 100);
    plan.phases.extend([
        StormPhase::Drop {
            share: 1.0,
            over_ms: 0,
        },
        StormPhase::Drain { at_most_ms: 30_000 },
    ]);
    let result = storm(plan).await;
    assert_eq!(result.errors(), [].into(), "{:#?}", result.calls);
    let sockets = result.websockets;
    assert_eq!(
        (
            sockets.connected,
            sockets.dropped,
            sockets.attempts,
            sockets.caught_up
        ),
        (8, 4, 4, 4),
    );
    assert_eq!((sockets.resumed, sockets.anew), (4, 0));
    // The first attempt comes 3 to 5 s after the loss.
    let reconnected = &result.timings.reconnected;
    assert!(reconnected.quantile(0.0) >= Duration::from_secs(3));
    assert!(result.timings.caught_up.max() >= reconnected.quantile(0.0));
    assert!(result.last.caught_up_ms.is_some());
    for call in [
        ClientCall::Channels,
        ClientCall::ChannelMembers,
        ClientCall::Categories,
    ] {
        assert_eq!(result.calls[&call].count, 8, "{call}");
    }
    assert_eq!(result.calls[&ClientCall::PostsSince].count, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarted_gets_the_flood_twice() {
    let mut stage = Stage::new(3).await;
    let mut plan = stage.plan(3, 100);
    plan.phases.extend([
        StormPhase::Hold { for_ms: 6_000 },
        StormPhase::Drain { at_most_ms: 60_000 },
    ]);
    let mut running = RunningStorm::start(plan);
    running.await_settled(3).await;
    stage.restart();
    let result = running.result().await;
    let sockets = result.websockets;
    assert_eq!((sockets.dropped, sockets.anew, sockets.resumed), (3, 3, 0));
    assert_eq!(sockets.caught_up, 3, "{sockets:?}");
    let count = |call| result.calls[&call].count;
    // At the login, and twice after it: on the open socket and on the new stream of events.
    assert_eq!(count(ClientCall::Categories), 9);
    assert_eq!(count(ClientCall::ConfigClient), 3 * 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_come_back_when_the_forecast_says() {
    const CLIENTS: u32 = 40;
    let mut stage = Stage::new(CLIENTS).await;
    let mut plan = stage.plan(CLIENTS, 2_000);
    plan.phases.extend([
        StormPhase::Hold { for_ms: 12_000 },
        StormPhase::Drain { at_most_ms: 60_000 },
    ]);
    let mut running = RunningStorm::start(plan);
    running.await_settled(u64::from(CLIENTS)).await;
    // Some connect at their second attempt, some at their third.
    let (earliest, latest) =
        tokio::task::block_in_place(|| stage.restart_after(Duration::from_secs(7)));
    let result = running.result().await;
    let sockets = result.websockets;
    let clients = u64::from(CLIENTS);
    assert_eq!((sockets.users_lost, sockets.users_back), (clients, clients));
    assert_eq!(
        (sockets.users_behind, sockets.users_caught_up),
        (clients, clients)
    );
    let forecast = |outage: Duration| {
        let broken = forecast::BrokenSockets {
            accepted: outage.as_secs_f64(),
            ..forecast::BrokenSockets::at_once(CLIENTS)
        };
        forecast::forecast_reconnects(&[broken], 200, 1).expect("clients")
    };
    let (low, high) = (forecast(earliest), forecast(latest));
    // Each client's time runs from its own loss; a busy machine takes its part of a second.
    let slack = 1.5;
    let last = result.timings.reconnected.max().as_secs_f64();
    assert!(
        last >= low.connected_last.low - slack && last <= high.connected_last.high + slack,
        "{last} s, forecast {low:?} to {high:?}"
    );
    let last = result.timings.caught_up.max().as_secs_f64();
    assert!(
        last >= low.caught_up_last.low - slack && last <= high.caught_up_last.high + 2.0 * slack,
        "{last} s, forecast {low:?} to {high:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_write_and_search() {
    let stage = Stage::new(8).await;
    let mut plan = stage.plan(8, 100);
    let often = 3600.0 / 2.0;
    plan.mix = ActionMix {
        read: often,
        scroll: often,
        post: often,
        typing: often,
        thread: often,
        search: often,
        reload: often / 10.0,
        focused: 1.0,
    };
    plan.phases.push(StormPhase::Hold { for_ms: 25_000 });
    let result = storm(plan).await;
    let unanswered = StormErrorClass::Timeout;
    let errors = result.errors();
    assert!(
        errors.keys().all(|class| *class == unanswered),
        "{:#?}",
        result.calls
    );
    for call in [
        ClientCall::PostsSince,
        ClientCall::PostsBefore,
        ClientCall::CreatePost,
        ClientCall::PostThread,
        ClientCall::SearchPosts,
        ClientCall::SearchFiles,
    ] {
        assert!(result.calls.contains_key(&call), "no {call}");
    }
    // Members who have the channel before them mark each post as read.
    let views = result.calls[&ClientCall::ViewChannel].count;
    assert!(views > 8, "{views}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_hang_up_are_counted_with_the_time_that_they_waited() {
    // One login takes much longer than the clients' patience.
    let stage = Stage::with_hash_time(1, "5000").await;
    let mut plan = stage.plan(1, 0);
    plan.client = ClientBehavior {
        patience_ms: Some(300),
        retry: Some(LoginRetry {
            after_ms: 100,
            at_most: Some(1),
            jitter_ms: 0,
        }),
        calls: CallSequence::LoginOnly,
        ..ClientBehavior::default()
    };
    let result = storm(plan).await;
    let login = &result.calls[&ClientCall::Login];
    assert_eq!(login.errors, [(StormErrorClass::Timeout, 2)].into());
    assert_eq!((result.attempts.abandoned, result.users.never), (2, 1));
    assert_eq!(login.response.count(), 2);
    assert!(login.response.quantile(0.0) >= Duration::from_millis(299));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_is_heeded_and_a_failure_without_an_id_falls_through() {
    let stage = Stage::new(1).await;
    // The first two logins are refused as nginx refuses them.
    let relay = Relay::start(&stage.url(), 2).await;
    let mut plan = stage.plan(1, 0);
    plan.entrances[0].url = relay.url();
    plan.client.on_429 = OnTooMany {
        heed_retry_after: true,
        otherwise_after_ms: None,
    };
    plan.client.retry = Some(LoginRetry {
        after_ms: 60_000,
        at_most: None,
        jitter_ms: 0,
    });
    let result = storm(plan).await;
    assert_eq!((result.attempts.made, result.attempts.refused), (3, 2));
    assert_eq!(result.users.usable, 1);
    let login = &result.calls[&ClientCall::Login];
    assert_eq!(login.errors, [(StormErrorClass::TooManyRequests, 2)].into());
    // Twice in vain for each refusal, and once after the login.
    let me = &result.calls[&ClientCall::UsersMe];
    assert_eq!(me.count, 5);
    assert_eq!(me.errors, [(StormErrorClass::Unauthorized, 4)].into());
    // Before the login and after it; and for each refusal twice in vain, and with the new page.
    assert_eq!(result.calls[&ClientCall::ConfigClient].count, 2 + 2 * 3);

    let relay = Relay::start(&stage.url(), 1).await;
    let mut plan = stage.plan(1, 0);
    plan.entrances[0].url = relay.url();
    plan.client.on_failed_login = OnFailedLogin::Retype;
    let result = storm(plan).await;
    assert_eq!(result.calls[&ClientCall::UsersMe].count, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_is_steered_and_stopped() {
    let stage = Stage::new(10).await;
    let mut plan = stage.plan(10, 60_000);
    plan.client.calls = CallSequence::LoginOnly;
    plan.phases.push(StormPhase::Hold { for_ms: 100_000 });
    let (result, samples) = storm_with(plan, |sample| {
        // A minute's arrivals within a second, and the end once they are in.
        match (sample.users.offered, sample.users.logged_in) {
            (_, 10) => Some(StormControl::Stop),
            _ => Some(StormControl::Rate(60.0)),
        }
    })
    .await;
    assert_eq!(result.users.logged_in, 10);
    assert!(result.cut_short);
    assert!(result.elapsed_ms < 20_000, "{}", result.elapsed_ms);
    let last = samples.last().expect("a sample");
    assert_eq!((last.users.logged_in, last.waiting), (10, 0));
}
