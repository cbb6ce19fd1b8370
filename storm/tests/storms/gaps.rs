//! An event that is missing on a websocket.

use std::time::Duration;

use loadrig_storm::StormPhase;
use serde_json::json;

use crate::relay::Relay;
use crate::stage::{RunningStorm, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_event_makes_a_client_connect_again_and_ask_for_it() {
    let stage = Stage::new(1).await;
    let relay = Relay::start(&stage.url(), 0).await;
    let mut plan = stage.plan(1, 0);
    plan.entrances[0].url = relay.url();
    plan.phases.extend([
        StormPhase::Hold { for_ms: 20_000 },
        StormPhase::Drain { at_most_ms: 60_000 },
    ]);
    let admin = stage.admin().await;
    let post = async |message: &str| {
        let post = json!({"channel_id": stage.channel(), "message": message});
        admin.post("/posts", post).await
    };
    let mut running = RunningStorm::start(plan);
    running.await_settled(1).await;
    relay.lose_next_post();
    post("lost").await;
    while !relay.has_lost_it() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Whatever comes next has a number that was not to come yet.
    post("seen").await;
    let result = running.result().await;
    let sockets = result.websockets;
    assert_eq!((sockets.gaps, sockets.dropped, sockets.silent), (1, 1, 0));
    // The server still had what was lost.
    assert_eq!((sockets.resumed, sockets.anew), (1, 0), "{sockets:?}");
    assert_eq!((sockets.users_back, sockets.users_caught_up), (1, 1));
    let seen = relay.seen();
    let mut upgrades = seen.iter().filter(|line| line.contains("/websocket?"));
    let first = upgrades.next().expect("a websocket");
    assert!(!first.contains("disconnect_err_code"), "{first}");
    let again = upgrades.next().expect("another websocket");
    assert!(again.ends_with("disconnect_err_code=4001"), "{again}");
    assert!(!again.contains("sequence_number=0&"), "{again}");
    assert_eq!(upgrades.next(), None);
}
