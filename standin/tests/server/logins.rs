//! Logins: one at a time, also for those who have gone, or side by side.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::rig::{NodeOptions, Postgres, ServerNode};
use crate::settings;

#[tokio::test]
async fn a_client_that_hangs_up_is_hashed_for_all_the_same() {
    let postgres = Postgres::start();
    let node = ServerNode::spawn_with(NodeOptions {
        settings: settings(&postgres),
        variables: vec![
            ("MM_STANDIN_SERIAL_LOGINS", "true".to_owned()),
            // Long enough to hang up before the first is done, on any machine.
            ("MM_STANDIN_HASH_TIME", "4000".to_owned()),
        ],
        ..NodeOptions::default()
    });
    node.await_ready();
    let nobody = node.client();
    nobody.create_user("admin").await;
    let gone = futures::future::join_all((0..2).map(|_| nobody.login("admin")));
    tokio::select! {
        _ = gone => panic!("an answer before both wait"),
        () = await_metrics(&node, &["mattermost_standin_logins_waiting 2\n"]) => {}
    }
    await_metrics(
        &node,
        &[
            "mattermost_standin_logins_abandoned_total 2\n",
            "mattermost_login_logins_total 2\n",
            "mattermost_standin_logins_waiting 0\n",
        ],
    )
    .await;
}

/// Waits until a node's metrics have these lines.
async fn await_metrics(node: &ServerNode, lines: &[&str]) {
    let started = Instant::now();
    loop {
        let page = node.metrics().await;
        if lines.iter().all(|line| page.contains(line)) {
            return;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "{page}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn wrong_passwords_lock_an_account_in_either_order() {
    let postgres = Postgres::start();
    for (serial, name) in [("true", "admin"), ("false", "ann")] {
        let node = ServerNode::spawn_with(NodeOptions {
            settings: {
                let mut settings = settings(&postgres);
                settings["ServiceSettings"] = json!({"MaximumLoginAttempts": 3});
                settings
            },
            variables: vec![("MM_STANDIN_SERIAL_LOGINS", serial.to_owned())],
            ..NodeOptions::default()
        });
        node.await_ready();
        let nobody = node.client();
        nobody.create_user(name).await;
        nobody.login(name).await;
        let wrong = || json!({"login_id": name, "password": "Passw0rd?"});
        let masked = "api.user.login.invalid_credentials_email_username";
        for _ in 0..3 {
            let refused = nobody
                .refused(reqwest::Method::POST, "/users/login", Some(wrong()))
                .await;
            assert_eq!(refused, (401, masked.to_owned()));
        }
        let refused = nobody
            .refused(reqwest::Method::POST, "/users/login", Some(wrong()))
            .await;
        let locked = "api.user.check_user_login_attempts.too_many.app_error";
        assert_eq!(refused, (401, locked.to_owned()));
    }
}
