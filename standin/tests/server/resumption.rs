//! A client that comes back to its node gets what it has missed, and another one begins anew.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::calls::Scene;
use crate::rig::{Postgres, ServerNode};
use crate::settings;

#[tokio::test]
async fn a_lost_websocket_goes_on_where_it_was() {
    let postgres = Postgres::start();
    let node = ServerNode::start(&settings(&postgres));
    let scene = Scene::new(&node.client()).await;
    let (admin, ann) = (&scene.admin, &scene.ann);
    let mut socket = ann.resumed_socket("", 0).await;
    let hello = socket.next().await;
    let connection_id = hello["data"]["connection_id"].as_str().expect("id");
    let post = |text: &str| json!({"channel_id": scene.channel_id, "message": text});
    admin.post("/posts", post("one")).await;
    let one = socket.event("posted").await["seq"].as_i64().expect("seq");
    drop(socket);
    // The node notices that the client has gone.
    let status = format!("/users/{}/status", ann.user_id);
    let started = Instant::now();
    while admin.get(&status).await["status"] != "offline" {
        assert!(started.elapsed() < Duration::from_secs(20), "still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    admin.post("/posts", post("two")).await;

    // The event that was sent last is asked for again, and the one that was missed follows.
    let mut socket = ann.resumed_socket(connection_id, one).await;
    let again = socket.next().await;
    assert_eq!(
        (&again["event"], &again["seq"]),
        (&json!("posted"), &json!(one))
    );
    let two = socket.event("posted").await;
    assert!(two["seq"].as_i64() > Some(one), "{two}");
    assert!(two["data"]["post"].as_str().expect("post").contains("two"));
    let page = node.metrics().await;
    let line = "mattermost_websocket_reconnects_total{type=\"success\"} 1\n";
    assert!(page.contains(line), "{page}");

    // A connection that nobody has lost is not handed out, nor one that never was.
    for id in [connection_id, "x".repeat(26).as_str()] {
        let mut other = ann.resumed_socket(id, 1).await;
        let hello = other.next().await;
        assert_eq!(
            (&hello["event"], &hello["seq"]),
            (&json!("hello"), &json!(0))
        );
        assert_ne!(hello["data"]["connection_id"], connection_id);
    }
}
