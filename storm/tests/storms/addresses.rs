//! Users who come from several addresses of their host.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use loadrig_storm::{CallSequence, HttpVersion};

use crate::relay::Relay;
use crate::stage::{Stage, storm};

#[tokio::test(flavor = "multi_thread")]
async fn users_come_from_all_addresses_in_turn() {
    let stage = Stage::new(6).await;
    let addresses = [1, 2].map(|last| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)));
    let relay = Relay::start(&stage.url(), 0).await;
    let mut plan = stage.plan(6, 100);
    plan.entrances[0].url = relay.url();
    plan.source_addresses = addresses.to_vec();
    // One connection for each user.
    plan.client.calls = CallSequence::LoginOnly;
    plan.client.http = HttpVersion::Http1;
    let result = storm(plan).await;
    assert_eq!(result.errors(), [].into(), "{:#?}", result.calls);
    assert_eq!(result.users.logged_in, 6);
    let mut connections = BTreeMap::new();
    for peer in relay.peers() {
        *connections.entry(peer).or_insert(0) += 1;
    }
    assert_eq!(connections, addresses.map(|address| (address, 3)).into());
}
