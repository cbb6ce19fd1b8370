//! Logins: one at a time, also for those who have gone, or side by side.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::rig::{NodeOptions, Postgres, ServerNode};
use crate::settings;

/// Rounds that take a while also on a fast machine.
const ROUNDS: &str = "1500000";

fn start(postgres: &Postgres, serial: &str) -> ServerNode {
    let node = ServerNode::spawn_with(NodeOptions {
        settings: settings(postgres),
        variables: vec![
            ("MM_STANDIN_HASH_ROUNDS", ROUNDS.to_owned()),
            ("MM_STANDIN_SERIAL_LOGINS", serial.to_owned()),
        ],
        ..NodeOptions::default()
    });
    node.await_ready();
    node
}

#[tokio::test]
async fn a_client_that_hangs_up_is_hashed_for_all_the_same() {
    let postgres = Postgres::start();
    let node = start(&postgres, "true");
    let nobody = node.client();
    nobody.create_user("admin").await;
    // Each is gone before its hash can be done.
    let patience = Duration::from_millis(200);
    let gone = (0..2).map(|_| nobody.login_within("admin", patience));
    futures::future::join_all(gone).await;
    let started = Instant::now();
    loop {
        let page = node.metrics().await;
        let lines = [
            "mattermost_standin_logins_abandoned_total 2\n",
            "mattermost_login_logins_total 2\n",
            "mattermost_standin_logins_waiting 0\n",
        ];
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
