//! The way of application hosts to several search proxies: the rendered configuration in a real nginx, in front
//! of real search proxies.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use loadrig::spec::Library;
use loadrig_search_proxy::SearchProxyConfig;

use crate::common::nginx::{Nginx, address_of, configured, loopback};
use crate::search_proxy::{
    Domain, FixedCredentials, Proxy, breaks_off, config, nobody, proxy, role, started,
};

/// The nginx of an application host, in front of these two search proxies; its address.
fn relay(proxies: [&str; 2]) -> (Nginx, String) {
    let spec = Library::new(None).load_text(
        "relay",
        "architecture: 1k\nsizes: {nodes: {search-proxy: {count: 2}}}\n",
    );
    let spec = spec.unwrap();
    let (port, relay) = loopback();
    let of = |host: &str| format!("{}:9200", address_of(&spec, host));
    let (first, second) = (of("search-proxy-1"), of("search-proxy-2"));
    let [at_first, at_second] = proxies.map(|url| url.replace("http://", ""));
    let replaced = [
        (first.as_str(), at_first),
        (second.as_str(), at_second),
        ("127.0.0.1:9200", relay.clone()),
    ];
    let nginx = Nginx::start(&configured(&spec, "app-1"), &replaced, port);
    (nginx, format!("http://{relay}"))
}

/// Two search proxies in front of one domain, and the relay's address.
async fn relayed() -> (Domain, [Proxy; 2], Nginx, String) {
    let (domain, url) = Domain::start().await;
    let proxies = [proxy(&url, role()).await, proxy(&url, role()).await];
    let (nginx, relay) = relay([&proxies[0].requests, &proxies[1].requests]);
    (domain, proxies, nginx, relay)
}

/// Sends so many searches and bulk requests, some of which nginx keeps in a file; their statuses.
async fn sent(relay: &str, count: usize) -> Vec<u16> {
    let client = reqwest::Client::new();
    let mut statuses = Vec::new();
    for index in 0..count {
        let (path, size) = match index % 3 {
            0 => ("/posts/_search", 50),
            1 => ("/posts/_bulk", 10_000),
            _ => ("/posts/_bulk", 900_000),
        };
        let sending = client.post(format!("{relay}{path}"));
        let answer = sending.body(vec![b'x'; size]).send().await.unwrap();
        statuses.push(answer.status().as_u16());
    }
    statuses
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_to_both_search_proxies_and_past_one_that_is_stopped() {
    let (domain, proxies, _nginx, relay) = relayed().await;
    let client = reqwest::Client::new();
    for _ in 0..10 {
        let search = client.post(format!("{relay}/posts/_search")).body("{}");
        assert_eq!(search.send().await.unwrap().status(), 200);
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
    assert_eq!(sent(&relay, 20).await, [200; 20]);
    // Each arrived once.
    assert_eq!(domain.arrived().len(), before + 20);
}

/// Each of them takes requests, and cannot have them carried out.
#[tokio::test(flavor = "multi_thread")]
async fn requests_go_past_a_search_proxy_that_runs_and_is_of_no_use() {
    let (domain, url) = Domain::start().await;
    let (_closed, refuses) = Domain::start_closed().await;
    let good = proxy(&url, role()).await;
    let without_room = SearchProxyConfig {
        held_bytes: 0,
        spooled_bytes: 0,
        ..config(&url)
    };
    let useless = [
        (
            "no credentials",
            proxy(&url, FixedCredentials(Err("no role".to_owned()))).await,
        ),
        ("no domain", proxy(&nobody().await, role()).await),
        ("refused by the policy", proxy(&refuses, role()).await),
        ("no room", started(without_room, role()).await),
    ];
    for (why, useless) in &useless {
        let before = domain.arrived().len();
        let (_nginx, relay) = relay([&useless.requests, &good.requests]);
        assert_eq!(sent(&relay, 30).await, [200; 30], "{why}");
        assert_eq!(domain.arrived().len(), before + 30, "{why}");
    }

    // Where none is of use, the last one's reason is the answer.
    let [(_, first), (_, second), ..] = &useless;
    let (_nginx, relay) = relay([&first.requests, &second.requests]);
    let answer = reqwest::Client::new().post(&relay).body("{}").send();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 503);
    let text = answer.text().await.unwrap();
    assert!(text.contains("search_proxy_exception"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_may_have_been_carried_out_is_not_repeated() {
    // The domain of both breaks off.
    let (address, arrived) = breaks_off().await;
    let url = format!("http://{address}");
    let proxies = [proxy(&url, role()).await, proxy(&url, role()).await];
    let (_nginx, behind_both) = relay([&proxies[0].requests, &proxies[1].requests]);
    assert_eq!(sent(&behind_both, 9).await, [502; 9]);
    assert_eq!(arrived.load(Ordering::SeqCst), 9);

    // A search proxy that has the request breaks off.
    let (domain, url) = Domain::start().await;
    let good = proxy(&url, role()).await;
    let (address, arrived) = breaks_off().await;
    let (_nginx, relay) = relay([&format!("http://{address}"), &good.requests]);
    let statuses = sent(&relay, 9).await;
    let lost = statuses.iter().filter(|status| **status == 502).count();
    assert_eq!(arrived.load(Ordering::SeqCst), lost as u64);
    assert!(lost >= 1, "{statuses:?}");
    assert_eq!(domain.arrived().len() + lost, 9, "{statuses:?}");
}

/// One that is stopped and started again, and then the other one, under load.
#[tokio::test(flavor = "multi_thread")]
async fn no_search_fails_while_search_proxies_restart_one_after_the_other() {
    let (domain, url) = Domain::start().await;
    let one_of_two = |listen: SocketAddr| {
        let config = SearchProxyConfig {
            listen,
            // A second more than the relay passes over one.
            passed_over_seconds: 6,
            ..config(&url)
        };
        started(config, role())
    };
    let anywhere: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let proxies = [one_of_two(anywhere).await, one_of_two(anywhere).await];
    let (_nginx, relay) = relay([&proxies[0].requests, &proxies[1].requests]);
    let (done, count) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (relay, done, count) = (relay.clone(), Arc::clone(&done), Arc::clone(&count));
            tokio::spawn(async move {
                let client = reqwest::Client::new();
                while !done.load(Ordering::SeqCst) {
                    let search = client.post(format!("{relay}/posts/_search")).body("{}");
                    assert_eq!(search.send().await.unwrap().status(), 200);
                    count.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let mut restarted = Vec::new();
    for proxy in &proxies {
        let address = proxy.requests.replace("http://", "").parse().unwrap();
        proxy.stop.cancel();
        proxy.is_gone().await;
        restarted.push(one_of_two(address).await);
    }
    done.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
    let answered = usize::try_from(count.load(Ordering::SeqCst)).unwrap();
    assert!(answered > 0);
    // Besides what asked the search proxies themselves whether they still listen.
    let arrived = domain.arrived();
    let searches = arrived
        .iter()
        .filter(|one| one.line == "POST /posts/_search");
    assert_eq!(searches.count(), answered);
}
