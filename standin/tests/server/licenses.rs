//! What a server without a license does not do, and what changes when it gets one.

use std::time::{Duration, Instant};

use mattermost_license::Sku;
use reqwest::Method;
use serde_json::json;

use crate::calls::Scene;
use crate::rig::node::license;
use crate::rig::{NodeOptions, Postgres, ServerNode};
use crate::{await_cluster, settings, text};

fn unlicensed(settings: &serde_json::Value) -> ServerNode {
    ServerNode::spawn_with(NodeOptions {
        settings: settings.clone(),
        unlicensed: true,
        ..NodeOptions::default()
    })
}

#[tokio::test]
async fn nodes_without_a_license_do_not_know_each_other() {
    let postgres = Postgres::start();
    let mut settings = settings(&postgres);
    settings["SqlSettings"]["DisableDatabaseSearch"] = json!(true);
    settings["ElasticsearchSettings"] = json!({"EnableIndexing": true, "EnableSearching": true});
    let (a, b) = (unlicensed(&settings), unlicensed(&settings));
    a.await_ready();
    b.await_ready();
    let scene = Scene::new(&a.client()).await;
    let (admin, ann) = (&scene.admin, &scene.ann);
    let ann_on_b = ann.at(&b.client());

    // B reads ann's channels once and goes by them.
    let post = json!({"channel_id": scene.channel_id, "message": "from b"});
    ann_on_b.post("/posts", post).await;
    let channel =
        json!({"team_id": scene.team_id, "name": "late", "display_name": "Late", "type": "O"});
    let channel = admin.post("/channels", channel).await;
    let channel_id = text(&channel, "id");
    let member = json!({"user_id": ann.user_id});
    ann.post(&format!("/channels/{channel_id}/members"), member)
        .await;
    let post = json!({"channel_id": channel_id, "message": "is it me?"});
    ann.post("/posts", post.clone()).await;
    let refused = ann_on_b.refused(Method::POST, "/posts", Some(post)).await;
    assert_eq!(
        refused,
        (403, "api.context.permissions.app_error".to_owned())
    );

    // What happens on A stays on A.
    let (mut on_a, mut on_b) = (ann.socket().await, ann_on_b.socket().await);
    let post = json!({"channel_id": scene.channel_id, "message": "for both?"});
    admin.post("/posts", post).await;
    on_a.event("posted").await;
    assert!(on_b.is_silent("posted", Duration::from_secs(2)).await);

    assert_eq!(admin.get("/cluster/status").await, json!([]));
    assert_eq!(a.metrics_status().await, 404);
    let ping = a.client().get("/system/ping").await;
    assert_eq!(ping["ActiveSearchBackend"], "none");
    let search = json!({"terms": "hello"});
    let path = format!("/teams/{}/posts/search", scene.team_id);
    assert_eq!(ann.post(&path, search).await["order"], json!([]));
    let tested = admin
        .refused(Method::POST, "/elasticsearch/test", None)
        .await;
    assert_eq!(tested.1, "ent.elasticsearch.test_config.license.error");
    assert_eq!(
        admin.get("/license/client?format=old").await,
        json!({"IsLicensed": "false"})
    );
    let limits = admin.get("/limits/server").await;
    assert_eq!(
        (&limits["maxUsersHardLimit"], &limits["activeUserCount"]),
        (&json!(250), &json!(2))
    );
    assert_eq!(ann.get("/limits/server").await["activeUserCount"], 0);
    let headers = ann.send(Method::GET, "/users/me", None).await;
    let version = headers.headers()["x-version-id"]
        .to_str()
        .expect("text")
        .to_owned();
    assert_eq!(version.rsplit('.').next(), Some("false"), "{version}");
}

#[tokio::test]
async fn license_is_added_checked_and_kept() {
    let postgres = Postgres::start();
    let settings = settings(&postgres);
    let node = unlicensed(&settings);
    node.await_ready();
    let scene = Scene::new(&node.client()).await;
    let admin = &scene.admin;
    let search = json!({"terms": "hello"});
    let path = format!("/teams/{}/posts/search", scene.team_id);
    let found = scene.ann.post(&path, search).await;
    assert_eq!(
        found["order"],
        json!([scene.root_id]),
        "the database searches"
    );

    let refused = admin.add_license("no license").await;
    assert_eq!(refused["id"], "api.license.add_license.invalid.app_error");
    let refused = admin.add_license(&ended()).await;
    assert_eq!(refused["id"], "api.license.add_license.expired.app_error");
    let refused = scene.ann.add_license(&license(&Sku::Enterprise)).await;
    assert_eq!(refused["id"], "api.context.permissions.app_error");
    let added = admin.add_license(&license(&Sku::Enterprise)).await;
    assert_eq!(added["sku_short_name"], "enterprise");
    assert_eq!(node.metrics_status().await, 200);
    let told = scene.ann.get("/license/client?format=old").await;
    assert_eq!(
        (&told["IsLicensed"], told.get("Id")),
        (&json!("true"), None)
    );
    assert!(node.stop().success());

    // The next start finds it in the database and joins the cluster.
    let (a, b) = (unlicensed(&settings), unlicensed(&settings));
    a.await_ready();
    b.await_ready();
    let admin = admin.at(&a.client());
    let nodes = await_cluster(&admin, 2).await;
    assert_eq!(nodes[0]["config_hash"].as_str().map(str::len), Some(32));
    admin.send(Method::DELETE, "/license", None).await;
    let told = admin.get("/license/client?format=old").await;
    assert_eq!(told, json!({"IsLicensed": "false"}));
    // The other node hears of it.
    let started = Instant::now();
    let admin_on_b = admin.at(&b.client());
    while admin_on_b.get("/license/client?format=old").await["IsLicensed"] != "false" {
        assert!(started.elapsed() < Duration::from_secs(20), "license stays");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A license that ended yesterday.
fn ended() -> String {
    let mut license = mattermost_license::standin_license(&Sku::Enterprise, 10);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = i64::try_from(now.expect("after 1970").as_millis()).expect("small");
    license.expires_at = now - 24 * 3_600_000;
    mattermost_license::sign_for_standin(&license).expect("license")
}

#[tokio::test]
async fn license_file_is_taken_over_and_seats_are_enforced() {
    let postgres = Postgres::start();
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().join("license");
    let mut license = mattermost_license::standin_license(&Sku::Professional, 2);
    license.is_seat_count_enforced = true;
    let signed = mattermost_license::sign_for_standin(&license).expect("license");
    std::fs::write(&path, signed + "\n").expect("write");
    let mut settings = settings(&postgres);
    settings["ServiceSettings"] = json!({"LicenseFileLocation": path});
    let node = unlicensed(&settings);
    node.await_ready();
    node.client().create_user("admin").await;
    let admin = node.client().login("admin").await;
    admin.create_user("ann").await;
    let new = json!({"username": "bob", "email": "bob@example.com", "password": "Passw0rd!"});
    let refused = admin.refused(Method::POST, "/users", Some(new)).await;
    assert_eq!(
        refused,
        (
            400,
            "api.user.create_user.license_user_limits.exceeded".to_owned()
        )
    );
    // Professional has neither a cluster nor metrics.
    assert_eq!(admin.get("/cluster/status").await, json!([]));
    assert_eq!(node.metrics_status().await, 404);
}

#[tokio::test]
async fn a_server_without_a_license_takes_250_users_and_no_more() {
    let postgres = Postgres::start();
    let node = unlicensed(&settings(&postgres));
    node.await_ready();
    node.client().create_user("admin").await;
    let admin = node.client().login("admin").await;
    postgres.execute(
        "INSERT INTO users (id, createat, updateat, username, password, email, roles, \
         lastpasswordupdate) SELECT 'u' || n, 1, 1, 'u' || n, '', 'u' || n, 'system_user', 1 \
         FROM generate_series(1, 248) AS n",
    );
    admin.create_user("last").await;
    let new = json!({"username": "bob", "email": "bob@example.com", "password": "Passw0rd!"});
    let refused = admin.refused(Method::POST, "/users", Some(new)).await;
    let id = "api.user.create_user.user_limits.exceeded".to_owned();
    assert_eq!(refused, (400, id));
    // Who is removed makes room.
    postgres.execute("UPDATE users SET deleteat = 1 WHERE id = 'u1'");
    admin.create_user("bob").await;
}
