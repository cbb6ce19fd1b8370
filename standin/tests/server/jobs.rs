//! Jobs, and the server that runs them where the others leave them to it.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::rig::{Client, NodeOptions, Postgres, ServerNode};
use crate::{settings, text};

/// What each run of a server is given: a look every tenth of a second.
fn options(settings: &Value, command: Option<&'static str>) -> NodeOptions {
    NodeOptions {
        settings: settings.clone(),
        variables: vec![("MM_STANDIN_JOB_INTERVAL", "100".to_owned())],
        command,
        ..NodeOptions::default()
    }
}

async fn await_status(admin: &Client, job: &Value, status: &str) {
    let path = format!("/jobs/{}", text(job, "id"));
    let started = Instant::now();
    loop {
        let seen = admin.get(&path).await;
        if seen["status"] == status {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{seen}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_job_server_takes_what_the_other_servers_leave() {
    let postgres = Postgres::start();
    let mut settings = settings(&postgres);
    settings["JobSettings"] = json!({"RunJobs": false});
    let node = ServerNode::spawn_with(options(&settings, None));
    node.await_ready();
    node.client().create_user("admin").await;
    let admin = node.client().login("admin").await;
    assert_eq!(admin.get("/config/client").await["RunJobs"], "false");
    let refused = admin
        .refused(
            Method::POST,
            "/jobs",
            Some(json!({"type": "none_of_these"})),
        )
        .await;
    assert_eq!(
        refused,
        (
            400,
            "api.job.unable_to_create_job.incorrect_job_type".to_owned()
        )
    );
    let canceled = admin.post("/jobs", json!({"type": "import_delete"})).await;
    assert_eq!(canceled["status"], "pending");
    let path = format!("/jobs/{}/cancel", text(&canceled, "id"));
    admin.post(&path, json!({})).await;
    let again = admin.refused(Method::POST, &path, None).await;
    assert_eq!(again.0, 500);

    let job = admin.post("/jobs", json!({"type": "export_delete"})).await;
    let server = ServerNode::spawn_with(options(&settings, Some("jobserver")));
    await_status(&admin, &job, "success").await;
    assert!(server.log().contains("job is claimed"), "{}", server.log());
    assert!(!node.log().contains("job is claimed"), "{}", node.log());
    await_status(&admin, &canceled, "canceled").await;
    let listed = admin.get("/jobs").await;
    let ids: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|job| text(job, "id"))
        .collect();
    assert_eq!(ids, [text(&job, "id"), text(&canceled, "id")]);
    // It has metrics, and nothing else.
    assert_eq!(server.metrics_status().await, 200);
    assert!(reqwest::get(server.url()).await.is_err());
    let nodes = admin.get("/cluster/status").await;
    assert_eq!(nodes.as_array().map(Vec::len), Some(1), "{nodes}");
    assert!(server.stop().success());

    admin.create_user("ann").await;
    let ann = node.client().login("ann").await;
    let refused = ann.refused(Method::GET, "/jobs", None).await;
    assert_eq!(refused.0, 403);
}

#[tokio::test]
async fn a_server_runs_jobs_unless_it_is_told_otherwise() {
    let postgres = Postgres::start();
    let node = ServerNode::spawn_with(options(&settings(&postgres), None));
    node.await_ready();
    node.client().create_user("admin").await;
    let admin = node.client().login("admin").await;
    let job = admin.post("/jobs", json!({"type": "import_delete"})).await;
    await_status(&admin, &job, "success").await;
}
