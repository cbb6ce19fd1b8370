//! A configuration in the database: variables come before it, and what an administrator changes
//! stays.

use reqwest::Method;
use serde_json::json;

use crate::rig::{NodeOptions, Postgres, ServerNode, free_port};

#[tokio::test]
async fn configuration_in_the_database_survives_what_variables_lock() {
    let postgres = Postgres::start();
    let place = postgres.data_source("sslmode=require");
    let spawn = |site: &str| {
        let port = free_port();
        let node = ServerNode::spawn_with(NodeOptions {
            place: Some(place.clone()),
            port: Some(port),
            variables: vec![
                (
                    "MM_SERVICESETTINGS_LISTENADDRESS",
                    format!("127.0.0.1:{port}"),
                ),
                ("MM_SERVICESETTINGS_SITEURL", site.to_owned()),
                ("MM_LOGSETTINGS_ENABLEFILE", "false".to_owned()),
            ],
            ..NodeOptions::default()
        });
        node.await_ready();
        node
    };
    let node = spawn("http://one");
    node.client().create_user("admin").await;
    let admin = node.client().login("admin").await;
    let config = admin.get("/config").await;
    assert_eq!(config["ServiceSettings"]["SiteURL"], "http://one");
    assert_eq!(config["SqlSettings"]["DataSource"], "*".repeat(32));
    let locked = admin.get("/config/environment").await;
    assert_eq!(locked["ServiceSettings"]["SiteURL"], true);
    let patch = json!({
        "ServiceSettings": {"SiteURL": "http://patched"},
        "TeamSettings": {"SiteName": "Rig", "MaxUsersPerTeam": 7},
        "AnnouncementSettings": {"EnableBanner": true},
    });
    let changed = admin.put("/config/patch", patch).await;
    assert_eq!(changed["ServiceSettings"]["SiteURL"], "http://one");
    assert_eq!(changed["TeamSettings"]["MaxUsersPerTeam"], 7);
    let told = admin.get("/config/client").await;
    assert_eq!(told["SiteName"], "Rig");
    let wrong = json!({"TeamSettings": {"MaxUsersPerTeam": "many"}});
    let refused = admin
        .refused(Method::PUT, "/config/patch", Some(wrong))
        .await;
    assert_eq!(refused.0, 400);
    admin.create_user("ann").await;
    let ann = node.client().login("ann").await;
    let refused = ann.refused(Method::GET, "/config", None).await;
    assert_eq!(refused.0, 403);
    assert!(node.stop().success());

    let node = spawn("http://two");
    let admin = admin.at(&node.client());
    let config = admin.get("/config").await;
    assert_eq!(config["ServiceSettings"]["SiteURL"], "http://two");
    assert_eq!(config["TeamSettings"]["MaxUsersPerTeam"], 7);
    assert_eq!(config["AnnouncementSettings"]["EnableBanner"], true);
    let ping = admin.get("/system/ping?get_server_status=true").await;
    assert_eq!(
        (&ping["database_status"], &ping["filestore_status"]),
        (&json!("OK"), &json!("OK"))
    );
    assert!(ping.get("root_status").is_some());
}
