//! Storms over TLS, with certificates that clients trust and with others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use loadrig_storm::{
    CallSequence, ClientBehavior, ClientCall, HttpVersion, StormEntrance, StormErrorClass,
    calibrate,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::stage::{Stage, storm};
use crate::tls_front::{FrontAuthority, TlsFront};

const USERS: u32 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn everybody_works_over_tls_by_either_protocol() {
    let stage = Stage::new(USERS).await;
    let authority = FrontAuthority::new();
    // In whichever way trust in the private authority is given.
    for (http, system) in [
        (HttpVersion::Http1, false),
        (HttpVersion::Http1, true),
        (HttpVersion::Http2, false),
        (HttpVersion::Http2, true),
    ] {
        let front = TlsFront::start(&stage.url(), &authority, &["h2", "http/1.1"]).await;
        let mut plan = stage.plan(USERS, 500);
        plan.client.http = http;
        plan.entrances = vec![StormEntrance {
            system,
            ..authority.entrance(front.port)
        }];
        let result = storm(plan).await;
        assert_eq!(result.errors(), [].into(), "{http:?}: {:#?}", result.calls);
        let all = u64::from(USERS);
        assert_eq!((result.users.usable, result.users.live), (all, all));
        assert_eq!(result.calls[&ClientCall::Websocket].count, all);
        let agreed = front.agreed();
        let connections = |protocol: &str| agreed.get(protocol).copied().unwrap_or(0);
        match http {
            // A websocket each, and at least one connection for the calls.
            HttpVersion::Http1 => {
                assert!(connections("http/1.1") >= 2 * USERS, "{agreed:?}");
                assert_eq!(agreed.len(), 1, "{agreed:?}");
            }
            HttpVersion::Http2 => {
                assert_eq!((connections("h2"), connections("http/1.1")), (USERS, USERS));
                assert_eq!(agreed.len(), 2, "{agreed:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_trusted_is_an_error_of_its_own() {
    let stage = Stage::new(1).await;
    let authority = FrontAuthority::new();
    let front = TlsFront::start(&stage.url(), &authority, &["h2", "http/1.1"]).await;
    let good = authority.entrance(front.port);
    let stranger = StormEntrance {
        authority: Some(FrontAuthority::new().pem),
        ..good.clone()
    };
    let bad = [
        stranger.clone(),
        StormEntrance {
            system: true,
            ..stranger
        },
        StormEntrance {
            url: "https://other.example.com".into(),
            ..good
        },
    ];
    for entrance in bad {
        for http in [HttpVersion::Http1, HttpVersion::Http2] {
            let mut plan = stage.plan(1, 0);
            plan.entrances = vec![entrance.clone()];
            plan.client.http = http;
            plan.client.retry = None;
            let result = storm(plan).await;
            assert_eq!((result.users.logged_in, result.users.never), (0, 1));
            let classes: Vec<_> = result.errors().into_keys().collect();
            assert_eq!(classes, [StormErrorClass::Certificate], "{entrance:?}");
            let login = &result.calls[&ClientCall::Login];
            let texts: Vec<_> = login.error_texts.keys().collect();
            assert!(texts[0].contains("certificate"), "{texts:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_http2_is_told_from_one_that_is_gone() {
    let stage = Stage::new(1).await;
    let authority = FrontAuthority::new();
    // One refuses the protocol, the other knows nothing of ALPN.
    for protocols in [&["http/1.1"][..], &[]] {
        let front = TlsFront::start(&stage.url(), &authority, protocols).await;
        let mut plan = stage.plan(1, 0);
        plan.entrances = vec![authority.entrance(front.port)];
        plan.client.http = HttpVersion::Http2;
        plan.client.retry = None;
        plan.client.calls = CallSequence::LoginOnly;
        let result = storm(plan).await;
        let login = &result.calls[&ClientCall::Login];
        assert_eq!(login.errors, [(StormErrorClass::Connect, 1)].into());
        let text = login.error_texts.keys().next().expect("a text");
        let known = ["does not speak HTTP/2", "NoApplicationProtocol"];
        assert!(known.iter().any(|known| text.contains(known)), "{text}");
    }
}

/// A server that answers each request as it should, and then closes the connection without having
/// said so, as one does whose keep-alive is over.
async fn forgetful(authority: &FrontAuthority) -> (u16, Arc<AtomicU64>) {
    let acceptor = authority.acceptor(&["http/1.1"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("address").port();
    let answered = Arc::<AtomicU64>::default();
    let count = Arc::clone(&answered);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let mut client = acceptor.accept(client).await.expect("a handshake");
            // These clients write a request at once, and it is short.
            if client.read(&mut [0; 4096]).await.expect("a request") == 0 {
                continue;
            }
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
            client.write_all(answer.as_bytes()).await.expect("written");
            count.fetch_add(1, Ordering::Relaxed);
            // With an end of TLS and without one in turn.
            if count.load(Ordering::Relaxed).is_multiple_of(2) {
                client.shutdown().await.expect("an end");
            }
        }
    });
    (port, answered)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ended_while_it_was_idle_is_replaced() {
    let authority = FrontAuthority::new();
    let (port, answered) = forgetful(&authority).await;
    let entrance = authority.entrance(port);
    let time = Duration::from_millis(500);
    let behavior = ClientBehavior::default();
    let measured = calibrate(&entrance, 1, time, None, behavior).await;
    let calls = measured.expect("an entrance").calls;
    assert_eq!(calls.errors, [].into(), "{:?}", calls.error_texts);
    assert!(calls.count > 1);
    assert_eq!(calls.count, answered.load(Ordering::Relaxed));
}
