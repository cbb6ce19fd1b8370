//! The whole server on a real PostgreSQL: two nodes as a client sees them,
//! what they refuse, and how a node starts and stops.
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that cannot go on panics, and what it prints is shown when it fails"
)]

mod calls;
mod clients;
mod configuration;
mod jobs;
mod licenses;
mod logins;
mod plugins;
mod resumption;
mod rig;
mod saml;
mod starts;

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use rig::{Client, Postgres, ServerNode};

/// Settings of a node on `postgres` that reads from a second pool.
pub(crate) fn settings(postgres: &Postgres) -> Value {
    let source = postgres.data_source("sslmode=require");
    json!({
        "SqlSettings": {
            "DataSource": source, "DataSourceReplicas": [source], "MaxOpenConns": 10,
        },
        "TeamSettings": {"EnableOpenServer": true},
    })
}

pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("no `{key}` in {value}"))
}

/// Asks until both nodes have a connection to each other.
pub(crate) async fn await_cluster(admin: &Client, size: usize) -> Value {
    let started = Instant::now();
    loop {
        let nodes = admin.get("/cluster/status").await;
        if nodes.as_array().map(Vec::len) == Some(size) {
            return nodes;
        }
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "cluster is {nodes}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn two_nodes_serve_one_system() {
    let postgres = Postgres::start();
    // Started together, so that they also take turns at the schema.
    let settings = settings(&postgres);
    let (a, b) = (ServerNode::spawn(&settings), ServerNode::spawn(&settings));
    a.await_ready();
    b.await_ready();

    let admin = a.client().create_user("admin").await;
    assert_eq!(text(&admin, "roles"), "system_admin system_user");
    let admin = a.client().login("admin").await;
    let ann = admin.create_user("ann").await;
    assert_eq!(text(&ann, "roles"), "system_user");
    // A session of one node is good on the other.
    let ann = b.client().login("ann").await;
    assert_eq!(
        text(&ann.at(&a.client()).get("/users/me").await, "username"),
        "ann"
    );

    let nodes = await_cluster(&admin, 2).await;
    assert_eq!(text(&nodes[0], "version"), text(&nodes[1], "version"));
    await_cluster(&admin.at(&b.client()), 2).await;

    let team =
        json!({"name": "rig", "display_name": "Rig", "type": "O", "allow_open_invite": true});
    let team = admin.post("/teams", team).await;
    let team_id = text(&team, "id");
    let mut ann_socket = ann.socket().await;
    let member = json!({"team_id": team_id, "user_id": ann.user_id});
    ann.post(&format!("/teams/{team_id}/members"), member).await;
    let channel = ann
        .get(&format!("/teams/{team_id}/channels/name/town-square"))
        .await;
    let channel_id = text(&channel, "id");

    // A post on one node reaches the other node's websocket.
    let file = admin.upload(channel_id, "note.txt", b"hello file").await;
    let file_id = text(&file["file_infos"][0], "id");
    let post = json!({"channel_id": channel_id, "message": "hello ann", "file_ids": [file_id]});
    let post = admin.post("/posts", post).await;
    let event = ann_socket.event("posted").await;
    assert_eq!(text(&event["data"], "sender_name"), "@admin");
    let posted: Value = serde_json::from_str(text(&event["data"], "post")).expect("post");
    assert_eq!(posted["id"], post["id"]);
    assert_eq!(posted["metadata"]["files"][0]["name"], "note.txt");

    // Both stores are asked by the other node here; the file is on A's disk.
    let ann_on_a = ann.at(&a.client());
    let answer = ann_on_a
        .send(Method::GET, &format!("/files/{file_id}"), None)
        .await;
    assert_eq!(answer.headers()["content-type"], "text/plain");
    assert_eq!(answer.bytes().await.expect("bytes").as_ref(), b"hello file");
    let list = ann.get(&format!("/channels/{channel_id}/posts")).await;
    assert_eq!(list["order"], json!([post["id"]]));

    // A direct channel made on A while B's user is connected is heard at once.
    let direct = json!([admin.user_id, ann.user_id]);
    let direct = admin.post("/channels/direct", direct).await;
    let message = json!({"channel_id": direct["id"], "message": "psst"});
    admin.post("/posts", message).await;
    assert_eq!(
        ann_socket.event("posted").await["data"]["channel_type"],
        "D"
    );

    let ping = a.client().get("/system/ping?get_server_status=true").await;
    assert_eq!(
        (
            &ping["status"],
            &ping["database_status"],
            &ping["filestore_status"],
            &ping["standin"]
        ),
        (&"OK".into(), &"OK".into(), &"OK".into(), &true.into())
    );
    let page = a.metrics().await;
    for line in [
        "mattermost_post_total 2\n",
        "mattermost_websocket_broadcasts_total{name=\"posted\"} 2\n",
        "mattermost_login_logins_total 1\n",
        "mattermost_cluster_cluster_peers 1\n",
        "mattermost_api_time_count{handler=\"createPost\",method=\"POST\",status_code=\"201\"",
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
    assert!(
        b.metrics()
            .await
            .contains("mattermost_http_websockets_total{origin_client=\"unknown\"} 1\n")
    );

    // The end of a session on one node is its end on the other.
    ann_on_a.send(Method::POST, "/users/logout", None).await;
    let started = Instant::now();
    while ann.send(Method::GET, "/users/me", None).await.status() != 401 {
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "session lives on"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    assert!(b.stop().success());
    await_cluster(&admin, 1).await;
}

#[tokio::test]
async fn the_local_socket_makes_accounts_where_nobody_signs_up() {
    let postgres = Postgres::start();
    let directory = tempfile::tempdir().expect("temporary directory");
    let socket = directory.path().join("local.socket");
    let mut settings = settings(&postgres);
    settings["TeamSettings"] = json!({"EnableUserCreation": false});
    settings["ServiceSettings"] =
        json!({"EnableLocalMode": true, "LocalModeSocketLocation": &socket});
    std::fs::write(&socket, "left behind").expect("a file");
    let node = ServerNode::start(&settings);
    let mode = std::fs::metadata(&socket).expect("a socket").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);

    let new = json!({"username": "eve", "email": "eve@example.com", "password": "Passw0rd!"});
    let nobody = node.client();
    let refused = nobody.refused(Method::POST, "/users", Some(new)).await;
    let closed = "api.user.create_user.signup_email_disabled.app_error";
    assert_eq!(refused, (403, closed.to_owned()));

    let local = Client::at_socket(&socket);
    let missing = local.refused(Method::GET, "/users/username/root", None);
    assert_eq!(missing.await.0, 404);
    assert_eq!(local.get("/users").await, json!([]));
    let root = local.create_user("root").await;
    assert_eq!(root["roles"], "system_admin system_user");
    assert_eq!(local.create_user("ann").await["roles"], "system_user");
    assert_eq!(local.get("/users/username/root").await["id"], root["id"]);
    let root = nobody.login("root").await;
    assert_eq!(root.get("/users").await.as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn server_refuses_what_mattermost_refuses() {
    let postgres = Postgres::start();
    let mut settings = settings(&postgres);
    settings["TeamSettings"] = json!({"EnableOpenServer": false, "MaxUsersPerTeam": 1});
    settings["FileSettings"] = json!({"MaxFileSize": 1000});
    let node = ServerNode::start(&settings);
    let nobody = node.client();
    nobody.create_user("admin").await;
    let new = json!({"username": "eve", "email": "eve@example.com", "password": "Passw0rd!"});
    let refused = nobody.refused(Method::POST, "/users", Some(new)).await;
    assert_eq!(
        refused,
        (403, "api.user.create_user.no_open_server".to_owned())
    );
    let admin = nobody.login("admin").await;
    admin.create_user("eve").await;
    let taken = json!({"username": "EVE", "email": "x@example.com", "password": "Passw0rd!"});
    let refused = admin.refused(Method::POST, "/users", Some(taken)).await;
    assert_eq!(
        refused,
        (400, "app.user.save.username_exists.app_error".to_owned())
    );
    let eve = nobody.login("eve").await;

    let team = json!({"name": "rig", "display_name": "Rig", "type": "O"});
    let team = admin.post("/teams", team).await;
    let path = format!("/teams/{}", text(&team, "id"));
    let channel = admin.get(&format!("{path}/channels/name/off-topic")).await;
    let channel_id = text(&channel, "id");
    let message = json!({"channel_id": channel_id, "message": "let me in"});
    let too_long = json!({"channel_id": channel_id, "message": "x".repeat(400_000)});
    let member = json!({"user_id": eve.user_id});
    let wrong = json!({"login_id": "eve", "password": "Passw0rd?"});
    let unknown = json!({"login_id": "mallory", "password": "Passw0rd?"});
    let permissions = "api.context.permissions.app_error";
    let masked = "api.user.login.invalid_credentials_email_username";
    let cases = [
        (
            &nobody,
            Method::GET,
            "/users/me",
            None,
            401,
            "api.context.session_expired.app_error",
        ),
        (
            &nobody,
            Method::GET,
            "/no/such",
            None,
            404,
            "api.context.404.app_error",
        ),
        (
            &nobody,
            Method::DELETE,
            "/users",
            None,
            404,
            "api.context.404.app_error",
        ),
        (
            &nobody,
            Method::POST,
            "/users/login",
            Some(wrong),
            401,
            masked,
        ),
        (
            &nobody,
            Method::POST,
            "/users/login",
            Some(unknown),
            401,
            masked,
        ),
        (&eve, Method::GET, path.as_str(), None, 403, permissions),
        (
            &eve,
            Method::POST,
            "/posts",
            Some(message),
            403,
            permissions,
        ),
        (&eve, Method::GET, "/cluster/status", None, 403, permissions),
        (
            &eve,
            Method::GET,
            "/users/x",
            None,
            400,
            "api.context.invalid_url_param.app_error",
        ),
        (
            &eve,
            Method::POST,
            "/posts",
            Some(json!([])),
            400,
            "api.context.invalid_body_param.app_error",
        ),
        (
            &admin,
            Method::POST,
            "/posts",
            Some(too_long),
            413,
            "api.context.request_body_too_large.app_error",
        ),
    ];
    for (client, method, path, body, status, id) in cases {
        let refused = client.refused(method.clone(), path, body).await;
        assert_eq!(refused, (status, id.to_owned()), "{method} {path}");
    }
    let refused = admin
        .refused(Method::POST, &format!("{path}/members"), Some(member))
        .await;
    assert_eq!(
        refused,
        (
            400,
            "app.team.join_user_to_team.max_accounts.app_error".to_owned()
        )
    );
    assert_eq!(
        admin
            .upload_raw(channel_id, "a.bin", vec![0; 1000])
            .await
            .status(),
        201
    );
    assert_eq!(
        admin
            .upload_raw(channel_id, "b.bin", vec![0; 1001])
            .await
            .status(),
        413
    );
    assert_eq!(admin.foreign_socket().await, 400);
    assert!(
        node.metrics()
            .await
            .contains("mattermost_login_logins_fail_total 2\n")
    );

    let mut socket = eve.challenged_socket().await;
    socket.send(json!({"seq": 2, "action": "ping"})).await;
    assert_eq!(socket.reply(2).await["data"]["text"], "pong");
    socket.send(json!({"seq": 3, "action": "dance"})).await;
    assert_eq!(
        socket.reply(3).await["error"]["id"],
        "api.web_socket_router.bad_action.app_error"
    );
}

#[tokio::test]
async fn database_is_verified_by_chain_and_name() {
    let postgres = Postgres::start();
    let root = postgres.authority();
    let verified = format!("sslmode=verify-full&sslrootcert={}", root.display());
    let sql = |tls: &str| json!({"SqlSettings": {"DataSource": postgres.data_source(tls)}});
    let node = ServerNode::start(&sql(&verified));
    let ping = node
        .client()
        .get("/system/ping?get_server_status=true")
        .await;
    assert_eq!(ping["database_status"], "OK");
    assert!(node.stop().success());

    // The authority of the test is not among the system's.
    let node = ServerNode::spawn(&sql("sslmode=verify-full"));
    let started = Instant::now();
    while !node.log().contains("waiting for the database") {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "{}",
            node.log()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(
        node.log().contains("invalid peer certificate"),
        "{}",
        node.log()
    );
    assert!(!node.log().contains("pass/word"), "{}", node.log());
}

#[test]
fn broken_configuration_ends_the_start_with_its_place() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let path = dir.path().join("config.json");
    std::fs::write(&path, "{\"SqlSettings\": }").expect("write");
    let mut server = Command::new(rig::standin());
    let ended = server.arg("--config").arg(&path).output().expect("runs");
    assert_eq!(ended.status.code(), Some(1));
    let message = String::from_utf8_lossy(&ended.stderr);
    assert!(
        message.contains("config.json` is not valid JSON"),
        "{message}"
    );
    assert!(message.contains("line 1 column 17"), "{message}");
}

#[test]
fn package_holds_this_program_and_prints_its_sum() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let out = dir.path().join("standin.tar.gz");
    let mut program = Command::new(rig::standin());
    let made = program
        .arg("package")
        .arg("--out")
        .arg(&out)
        .output()
        .expect("runs");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let line = String::from_utf8_lossy(&made.stdout).into_owned();
    assert_eq!(line.split("  ").next().map(str::len), Some(64), "{line}");
    let mut tar = Command::new("tar");
    let unpacked = tar
        .arg("-xzf")
        .arg(&out)
        .arg("-C")
        .arg(dir.path())
        .status()
        .expect("tar runs");
    assert!(unpacked.success());
    let version = Command::new(dir.path().join("mattermost/bin/mattermost"))
        .arg("version")
        .output();
    let version = version.expect("runs").stdout;
    assert!(
        version.starts_with(b"Version: standin-"),
        "{}",
        String::from_utf8_lossy(&version)
    );
}
