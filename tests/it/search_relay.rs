//! The way of application hosts to several search proxies: the rendered configuration in a real nginx, in front
//! of real search proxies.

use loadrig::spec::Library;

use crate::common::nginx::{Nginx, address_of, configured, loopback};
use crate::search_proxy::{Domain, Proxy, proxy, role};

/// Two search proxies in front of one domain, and the relay's address.
async fn relayed() -> (Domain, [Proxy; 2], Nginx, String) {
    let spec = Library::new(None).load_text(
        "relay",
        "architecture: 1k\nsizes: {nodes: {search-proxy: {count: 2}}}\n",
    );
    let spec = spec.unwrap();
    let (domain, url) = Domain::start().await;
    let proxies = [proxy(&url, role()).await, proxy(&url, role()).await];
    let (port, relay) = loopback();
    let of = |host: &str| format!("{}:9200", address_of(&spec, host));
    let (first, second) = (of("search-proxy-1"), of("search-proxy-2"));
    let at = |proxy: &Proxy| proxy.requests.replace("http://", "");
    let replaced = [
        (first.as_str(), at(&proxies[0])),
        (second.as_str(), at(&proxies[1])),
        ("127.0.0.1:9200", relay.clone()),
    ];
    let nginx = Nginx::start(&configured(&spec, "app-1"), &replaced, port);
    (domain, proxies, nginx, format!("http://{relay}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_to_both_search_proxies_and_past_one_that_is_stopped() {
    let (domain, proxies, _nginx, relay) = relayed().await;
    let client = reqwest::Client::new();
    let search = async |path: &str| {
        let sent = client.post(format!("{relay}{path}")).body("{\"query\":{}}");
        sent.send().await.unwrap().status().as_u16()
    };
    for _ in 0..10 {
        assert_eq!(search("/posts/_search").await, 200);
    }
    // A search proxy keeps its connections to the domain, so there is one of each.
    let from = |domain: &Domain| {
        let arrived = domain.arrived();
        let from: std::collections::BTreeSet<_> = arrived.iter().map(|one| one.from).collect();
        from.len()
    };
    assert_eq!(from(&domain), 2);

    let [stopped, _serves] = &proxies;
    stopped.stop.cancel();
    stopped.is_gone().await;
    let before = domain.arrived().len();
    for _ in 0..20 {
        assert_eq!(search("/posts/_bulk").await, 200);
    }
    // Each arrived once.
    assert_eq!(domain.arrived().len(), before + 20);
}
