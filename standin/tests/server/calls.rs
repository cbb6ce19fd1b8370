//! Every call that a web client makes from its login on: status and error of each, and what the
//! answers say of what is in the database.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::rig::{Client, NodeOptions, Postgres, ServerNode};
use crate::{settings, text};

/// A team with a channel, two users in it, and what they have said.
pub struct Scene {
    pub admin: Client,
    pub ann: Client,
    pub team_id: String,
    pub channel_id: String,
    pub root_id: String,
    pub direct_id: String,
}

impl Scene {
    pub async fn new(nobody: &Client) -> Self {
        nobody.create_user("admin").await;
        let admin = nobody.login("admin").await;
        admin.create_user("ann").await;
        let ann = nobody.login("ann").await;
        let team =
            json!({"name": "rig", "display_name": "Rig", "type": "O", "allow_open_invite": true});
        let team = admin.post("/teams", team).await;
        let team_id = text(&team, "id").to_owned();
        let member = json!({"team_id": team_id, "user_id": ann.user_id});
        ann.post(&format!("/teams/{team_id}/members"), member).await;
        let channel =
            json!({"team_id": team_id, "name": "build", "display_name": "Build", "type": "O"});
        let channel = admin.post("/channels", channel).await;
        let channel_id = text(&channel, "id").to_owned();
        let member = json!({"user_id": ann.user_id});
        let path = format!("/channels/{channel_id}/members");
        ann.post(&path, member).await;
        let root = json!({"channel_id": channel_id, "message": "hello @ann"});
        let root = admin.post("/posts", root).await;
        let root_id = text(&root, "id").to_owned();
        let reply = json!({"channel_id": channel_id, "message": "hi", "root_id": root_id});
        ann.post("/posts", reply).await;
        let more = json!({"channel_id": channel_id, "message": "more", "root_id": root_id});
        admin.post("/posts", more).await;
        let direct = json!([admin.user_id, ann.user_id]);
        let direct = admin.post("/channels/direct", direct).await;
        let direct_id = text(&direct, "id").to_owned();
        let psst = json!({"channel_id": direct_id, "message": "psst"});
        admin.post("/posts", psst).await;
        Self {
            admin,
            ann,
            team_id,
            channel_id,
            root_id,
            direct_id,
        }
    }
}

/// Method, path, body, and the error without a license (none is success).
type Call = (Method, String, Option<Value>, Option<(u16, &'static str)>);

/// The calls of a login, of the channel that is open then, and of what its user does there.
fn calls(scene: &Scene) -> Vec<Call> {
    let Scene {
        ann,
        team_id: t,
        channel_id: c,
        root_id: p,
        ..
    } = scene;
    let u = &ann.user_id;
    let get = |path: String| (Method::GET, path, None, None);
    let post = |path: String, body: Value| (Method::POST, path, Some(body), None);
    let put = |path: String, body: Value| (Method::PUT, path, Some(body), None);
    let threads = "totalsOnly=true&threadsOnly=false&perPage=60";
    let unread = "limit_after=30&limit_before=30&skipFetchThreads=false&collapsedThreads=true&collapsedThreadsExtended=false";
    let draft = json!({"channel_id": c, "message": "not yet", "root_id": ""});
    let preference = json!([{"user_id": u, "category": "theme", "name": "", "value": "dark"}]);
    vec![
        get("/config/client?format=old".into()),
        get("/license/client?format=old".into()),
        get("/users/me".into()),
        get("/users/me/preferences".into()),
        get("/users/me/teams".into()),
        get("/users/me/teams/members".into()),
        post(
            "/roles/names".into(),
            json!(["system_user", "team_user", "channel_user"]),
        ),
        get("/users/me/teams/unread?include_collapsed_threads=true".into()),
        get("/limits/server".into()),
        get("/plugins/webapp".into()),
        post("/emoji/names".into(), json!(["partyparrot"])),
        get(format!("/users/me/teams/{t}/channels")),
        get(format!("/users/me/teams/{t}/channels/members")),
        get("/users/me/channels".into()),
        get(format!("/users/{u}/channel_members?page=-1")),
        get(format!("/users/{u}/teams/{t}/channels/categories")),
        get(format!("/users/{u}/teams/{t}/threads?{threads}")),
        get(format!("/users/me/teams/{t}/drafts")),
        (
            Method::GET,
            format!("/posts/scheduled/team/{t}?includeDirectChannels=true"),
            None,
            Some((400, "api.scheduled_posts.license_error")),
        ),
        get(format!(
            "/system/notices/{t}?client=web&clientVersion=11.2.0&locale=en"
        )),
        post("/users/ids".into(), json!([scene.admin.user_id])),
        post("/users/usernames".into(), json!(["admin"])),
        post("/users/status/ids".into(), json!([u, scene.admin.user_id])),
        get(format!("/users/{u}/status")),
        put(
            format!("/users/{u}/status"),
            json!({"user_id": u, "status": "dnd"}),
        ),
        get(format!("/channels/{c}/stats?exclude_files_count=true")),
        (
            Method::GET,
            format!("/channels/{c}/bookmarks?bookmarks_since=0"),
            None,
            Some((501, "api.channel.bookmark.channel_bookmark.license.error")),
        ),
        get(format!("/users/{u}/channels/{c}/posts/unread?{unread}")),
        post(
            "/channels/members/me/view".into(),
            json!({"channel_id": c, "collapsed_threads_supported": true}),
        ),
        get(format!("/users/{u}/image?_=0")),
        put("/users/me/preferences".into(), preference.clone()),
        post("/users/me/preferences/delete".into(), preference),
        put("/users/me/patch".into(), json!({"nickname": "Annie"})),
        post("/drafts".into(), draft),
        get("/emoji?page=0&per_page=100&sort=name".into()),
        get(format!(
            "/posts/{p}/thread?perPage=60&direction=down&collapsedThreads=true"
        )),
        get(format!("/users/{u}/teams/{t}/threads/{p}?extended=true")),
        put(
            format!("/users/{u}/teams/{t}/threads/{p}/read/1"),
            json!({}),
        ),
        get(format!("/channels/{c}/posts?since=1&collapsedThreads=true")),
        post(
            "/reactions".into(),
            json!({"user_id": u, "post_id": p, "emoji_name": "+1"}),
        ),
        post(
            format!("/teams/{t}/posts/search"),
            json!({"terms": "hello", "is_or_search": false}),
        ),
        post(
            format!("/teams/{t}/files/search"),
            json!({"terms": "hello"}),
        ),
        post(
            "/client_perf".into(),
            json!({"version": "0.1.0", "start": 1, "end": 9.0e15}),
        ),
        get("/users/me/channels".into()),
    ]
}

#[tokio::test]
async fn every_call_of_the_web_client_is_answered() {
    let postgres = Postgres::start();
    for unlicensed in [true, false] {
        let node = ServerNode::spawn_with(NodeOptions {
            settings: settings(&postgres),
            unlicensed,
            ..NodeOptions::default()
        });
        node.await_ready();
        let scene = if unlicensed {
            Scene::new(&node.client()).await
        } else {
            // The system is there; its license is new.
            let admin = node.client().login("admin").await;
            let ann = node.client().login("ann").await;
            let team = admin.get("/teams/name/rig").await;
            let team_id = text(&team, "id").to_owned();
            let path = format!("/teams/{team_id}/channels/name/build");
            let channel = admin.get(&path).await;
            let channel_id = text(&channel, "id").to_owned();
            let posts = admin
                .get(&format!(
                    "/channels/{channel_id}/posts?collapsedThreads=true"
                ))
                .await;
            let root_id = posts["order"][0].as_str().expect("post").to_owned();
            Scene {
                admin,
                ann,
                team_id,
                channel_id,
                root_id,
                direct_id: String::new(),
            }
        };
        let calls = calls(&scene);
        assert!(calls.len() >= 37, "{}", calls.len());
        for (method, path, body, refusal) in calls {
            let what = format!("{method} {path}");
            let answer = scene.ann.send(method, &path, body).await;
            let status = answer.status();
            assert!(answer.headers().contains_key("x-version-id"), "{what}");
            let body = answer.text().await.expect("text");
            match refusal.filter(|_| unlicensed) {
                Some((expected, id)) => {
                    let error: Value = serde_json::from_str(&body).expect("json");
                    assert_eq!(
                        (status.as_u16(), text(&error, "id")),
                        (expected, id),
                        "{what}"
                    );
                }
                None => assert!(status.is_success(), "{what}: {status} {body}"),
            }
        }
    }
}

#[tokio::test]
async fn answers_tell_what_is_in_the_database() {
    let postgres = Postgres::start();
    let node = ServerNode::start(&settings(&postgres));
    let scene = Scene::new(&node.client()).await;
    unread_and_threads(&scene).await;
    lists_and_changes(&scene).await;
    what_a_user_keeps(&scene).await;
}

async fn unread_and_threads(scene: &Scene) {
    let ann = &scene.ann;
    let (t, c) = (&scene.team_id, &scene.channel_id);
    let (p, d) = (&scene.root_id, &scene.direct_id);
    // Unread: two messages of the administrator, a mention among them, and a direct one.
    let unread = ann.get(&format!("/users/me/channels/{c}/unread")).await;
    assert_eq!(
        (
            &unread["msg_count"],
            &unread["msg_count_root"],
            &unread["mention_count"]
        ),
        (&json!(1), &json!(0), &json!(0)),
        "{unread}"
    );
    let unread = ann.get(&format!("/users/me/channels/{d}/unread")).await;
    assert_eq!(
        (&unread["msg_count"], &unread["mention_count"]),
        (&json!(1), &json!(1))
    );
    let teams = ann
        .get("/users/me/teams/unread?include_collapsed_threads=true")
        .await;
    assert_eq!(
        (
            &teams[0]["team_id"],
            &teams[0]["msg_count"],
            &teams[0]["thread_count"]
        ),
        (&json!(t), &json!(1), &json!(1)),
        "{teams}"
    );
    let view = json!({"channel_id": c, "collapsed_threads_supported": true});
    let view = ann.post("/channels/members/me/view", view).await;
    assert!(view["last_viewed_at_times"][c].as_i64() > Some(0), "{view}");
    let unread = ann.get(&format!("/users/me/channels/{c}/unread")).await;
    assert_eq!(unread["msg_count"], 0);

    // Threads: one, with an unread reply until it is read.
    let path = format!("/users/me/teams/{t}/threads");
    let totals = ann.get(&format!("{path}?totalsOnly=true")).await;
    assert_eq!(
        (
            &totals["total"],
            &totals["total_unread_threads"],
            &totals["threads"]
        ),
        (&json!(1), &json!(1), &Value::Null)
    );
    let threads = ann.get(&format!("{path}?extended=true")).await;
    let thread = &threads["threads"][0];
    assert_eq!(
        (
            &thread["id"],
            &thread["reply_count"],
            &thread["unread_replies"]
        ),
        (&json!(p), &json!(2), &json!(1))
    );
    assert_eq!(thread["participants"][1]["username"], "admin");
    let now = thread["last_reply_at"].as_i64().expect("time");
    ann.put(&format!("{path}/{p}/read/{now}"), json!({})).await;
    let totals = ann.get(&format!("{path}?totalsOnly=true")).await;
    assert_eq!(totals["total_unread_threads"], 0);
}

async fn lists_and_changes(scene: &Scene) {
    let (admin, ann) = (&scene.admin, &scene.ann);
    let (u, c, p) = (&ann.user_id, &scene.channel_id, &scene.root_id);
    // Lists: roots with their threads, or all posts; the same answer is not sent twice.
    let path = format!("/channels/{c}/posts");
    let roots = ann.get(&format!("{path}?collapsedThreads=true")).await;
    assert_eq!(roots["order"], json!([p]));
    assert_eq!(
        (
            &roots["posts"][p]["reply_count"],
            &roots["posts"][p]["is_following"]
        ),
        (&json!(2), &json!(true))
    );
    let all = ann.get(&path).await;
    assert_eq!(all["order"].as_array().map(Vec::len), Some(3));
    let page = ann.get(&format!("{path}?per_page=1")).await;
    assert_eq!(page["prev_post_id"], all["order"][1]);
    let answer = ann.send(Method::GET, &path, None).await;
    let tag = answer.headers()["etag"].to_str().expect("tag").to_owned();
    assert_eq!(ann.send_tagged(&path, &tag).await, StatusCode::NOT_MODIFIED);
    let user = ann.send(Method::GET, "/users/me", None).await;
    let tag = user.headers()["etag"].to_str().expect("tag").to_owned();
    assert_eq!(
        ann.send_tagged("/users/me", &tag).await,
        StatusCode::NOT_MODIFIED
    );

    // Reactions, patches, pins.
    let reaction = json!({"user_id": u, "post_id": p, "emoji_name": "tada"});
    ann.post("/reactions", reaction).await;
    let post = ann.get(&format!("/posts/{p}")).await;
    assert_eq!(post["metadata"]["reactions"][0]["emoji_name"], "tada");
    let path = format!("/users/me/posts/{p}/reactions/tada");
    ann.send(Method::DELETE, &path, None).await;
    let post = ann.get(&format!("/posts/{p}")).await;
    assert_eq!(post.get("has_reactions"), None);
    let patch = json!({"message": "hello all", "is_pinned": true});
    let refused = ann
        .refused(
            Method::PUT,
            &format!("/posts/{p}/patch"),
            Some(patch.clone()),
        )
        .await;
    assert_eq!(
        refused,
        (403, "api.context.permissions.app_error".to_owned())
    );
    let patched = admin.put(&format!("/posts/{p}/patch"), patch).await;
    assert_eq!(patched["message"], "hello all");
    assert!(patched["edit_at"].as_i64() > Some(0));
    let stats = ann.get(&format!("/channels/{c}/stats")).await;
    assert_eq!(
        (
            &stats["member_count"],
            &stats["pinnedpost_count"],
            &stats["files_count"]
        ),
        (&json!(2), &json!(1), &json!(0))
    );
}

async fn what_a_user_keeps(scene: &Scene) {
    let (admin, ann) = (&scene.admin, &scene.ann);
    let (u, t) = (&ann.user_id, &scene.team_id);
    let (c, d) = (&scene.channel_id, &scene.direct_id);
    let preference = json!([{"user_id": u, "category": "theme", "name": "x", "value": "dark"}]);
    ann.put("/users/me/preferences", preference).await;
    let kept = ann.get("/users/me/preferences/theme").await;
    assert_eq!(kept[0]["value"], "dark");
    let draft = json!({"channel_id": c, "message": "not yet"});
    ann.post("/drafts", draft).await;
    let drafts = ann.get(&format!("/users/me/teams/{t}/drafts")).await;
    assert_eq!(drafts[0]["message"], "not yet");
    ann.put("/users/me/patch", json!({"nickname": "Annie"}))
        .await;
    assert_eq!(ann.get("/users/me").await["nickname"], "Annie");
    let seen = admin.post("/users/ids", json!([u])).await;
    assert_eq!(
        (&seen[0]["nickname"], &seen[0]["auth_data"]),
        (&json!("Annie"), &json!(""))
    );
    let status = json!({"user_id": u, "status": "dnd"});
    ann.put("/users/me/status", status).await;
    let seen = admin.post("/users/status/ids", json!([u])).await;
    assert_eq!(
        (&seen[0]["status"], &seen[0]["manual"]),
        (&json!("dnd"), &json!(true))
    );

    // The sidebar, and a category of the user's own.
    let path = format!("/users/me/teams/{t}/channels/categories");
    let sidebar = ann.get(&path).await;
    assert_eq!(sidebar["order"][1], format!("channels_{u}_{t}"));
    assert_eq!(sidebar["categories"][2]["channel_ids"], json!([d]));
    let own = json!({"user_id": u, "team_id": t, "display_name": "Work", "channel_ids": [c]});
    let own = ann.post(&path, own).await;
    let sidebar = ann.get(&path).await;
    assert_eq!(sidebar["order"][1], own["id"]);
    assert_eq!(sidebar["categories"][1]["channel_ids"], json!([c]));

    // Memberships, one on each line, and with their teams.
    let answer = ann
        .send(Method::GET, "/users/me/channel_members?page=-1", None)
        .await;
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let lines = answer.text().await.expect("text");
    assert_eq!(lines.lines().count(), 4);
    assert!(lines.contains("\"team_name\":\"rig\""), "{lines}");
}
