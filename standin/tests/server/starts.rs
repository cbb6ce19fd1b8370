//! Starts that take a while, as with a migration of large tables.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::rig::{NodeOptions, Postgres, ServerNode};
use crate::settings;

/// Long enough to look at a node meanwhile.
const DELAY: Duration = Duration::from_millis(2_500);

fn delayed(settings: &Value) -> ServerNode {
    ServerNode::spawn_with(NodeOptions {
        settings: settings.clone(),
        variables: vec![("MM_STANDIN_START_DELAY", DELAY.as_millis().to_string())],
        ..NodeOptions::default()
    })
}

/// Whether the node has said that it migrates.
fn migrates(node: &ServerNode) -> bool {
    node.log().contains("schema is being migrated")
}

#[test]
fn the_first_node_migrates_and_nobody_is_answered_meanwhile() {
    let postgres = Postgres::start();
    let settings = settings(&postgres);
    let started = Instant::now();
    let nodes = [delayed(&settings), delayed(&settings)];
    while !nodes.iter().any(migrates) {
        assert!(started.elapsed() < Duration::from_mins(1), "no migration");
        std::thread::sleep(Duration::from_millis(10));
    }
    for node in &nodes {
        let address = node.url().replace("http://", "");
        let refused = TcpStream::connect(address).map_err(|error| error.kind());
        assert_eq!(refused.err(), Some(ErrorKind::ConnectionRefused));
    }
    for node in &nodes {
        node.await_ready();
    }
    assert!(started.elapsed() >= DELAY);
    assert_eq!(nodes.iter().filter(|node| migrates(node)).count(), 1);
    // And no other one later.
    let later = delayed(&settings);
    later.await_ready();
    assert!(!migrates(&later));
}
