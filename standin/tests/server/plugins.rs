//! Plugins, as the runner of loadrig's hosts installs them: the very script, at the local socket.

use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::rig::{Client, Postgres, ServerNode};
use crate::settings;

/// A host with the server's socket, and a server behind it.
struct Host {
    root: tempfile::TempDir,
    node: ServerNode,
    admin: Client,
}

impl Host {
    async fn start(postgres: &Postgres) -> Self {
        let root = tempfile::tempdir().expect("temporary directory");
        let socket = root.path().join("var/tmp/mattermost_local.socket");
        std::fs::create_dir_all(root.path().join("var/tmp")).expect("directory");
        std::fs::create_dir_all(root.path().join("var/lib/loadrig/blobs")).expect("directory");
        let mut settings = settings(postgres);
        settings["ServiceSettings"] =
            json!({"EnableLocalMode": true, "LocalModeSocketLocation": &socket});
        // As it is with a configuration in the database.
        settings["ClusterSettings"] = json!({"ReadOnlyConfig": false});
        let node = ServerNode::start(&settings);
        Client::at_socket(&socket).create_user("admin").await;
        let admin = node.client().login("admin").await;
        Self { root, node, admin }
    }

    /// A shipped bundle of a plugin.
    fn ship(&self, sha256: &str, id: &str) {
        let path = self.root.path().join("var/lib/loadrig/blobs").join(sha256);
        let file = std::fs::File::create(path).expect("file");
        let mut tar = tar::Builder::new(GzEncoder::new(file, Compression::fast()));
        let manifest = json!({"id": id, "name": id, "version": "1.0.0"}).to_string();
        let mut header = tar::Header::new_gnu();
        header.set_size(manifest.len() as u64);
        header.set_mode(0o644);
        let path = format!("{id}/plugin.json");
        tar.append_data(&mut header, path, manifest.as_bytes())
            .expect("entry");
        tar.into_inner().expect("tar").finish().expect("gzip");
    }

    /// Runs the step with what the host is told: whether it succeeded, and what it said.
    fn apply(&self, told: &Value) -> (bool, String) {
        let bundle = tempfile::tempdir().expect("temporary directory");
        let path = bundle.path();
        for (file, content) in [
            ("inputs/plugins", told.to_string()),
            ("steps/plugins.sh", "plugins\n".to_owned()),
        ] {
            std::fs::create_dir_all(path.join(file).parent().expect("parent")).expect("directory");
            std::fs::write(path.join(file), content).expect("file");
        }
        let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates/runner.sh");
        std::fs::copy(runner, path.join("runner.sh")).expect("runner");
        let output = Command::new("sh")
            .arg(path.join("runner.sh"))
            .args(["step", path.to_str().expect("path"), "plugins"])
            .env("LOADRIG_ROOT", self.root.path())
            .output()
            .expect("sh runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (
            output.status.success(),
            text + &String::from_utf8_lossy(&output.stderr),
        )
    }

    #[track_caller]
    fn applies(&self, told: &Value) -> String {
        let (done, text) = self.apply(told);
        assert!(done, "{text}\n{}", self.node.log());
        text
    }

    /// Those that run, and those that do not.
    async fn plugins(&self) -> (Vec<String>, Vec<String>) {
        let all = self.admin.get("/plugins").await;
        let ids = |key: &str| {
            let list = all[key].as_array().expect("list").iter();
            list.map(|one| one["id"].as_str().expect("id").to_owned())
                .collect()
        };
        (ids("active"), ids("inactive"))
    }
}

#[tokio::test]
async fn plugins_are_installed_set_and_removed_as_told() {
    let postgres = Postgres::start();
    let host = Host::start(&postgres).await;
    // Nothing is asked for on a server that nothing was installed on.
    assert_eq!(host.applies(&json!([])), "");

    host.ship("a1", "com.example.greeter");
    host.ship("b1", "com.example.other");
    let greeter = json!({
        "id": "com.example.greeter", "sha256": "a1", "enabled": true,
        "settings": {"greeting": "it's \"so\"\nlong", "count": 3},
    });
    let other =
        json!({"id": "com.example.other", "sha256": "b1", "enabled": false, "settings": {}});
    let both = json!([greeter, other]);
    let text = host.applies(&both);
    assert!(
        text.contains("installed the plugin com.example.other"),
        "{text}"
    );
    let (active, inactive) = host.plugins().await;
    assert_eq!(active, ["com.example.greeter"]);
    assert_eq!(inactive, ["com.example.other"]);
    let statuses = host.admin.get("/plugins/statuses").await;
    let states: Vec<i64> = statuses
        .as_array()
        .expect("list")
        .iter()
        .filter_map(|one| one["state"].as_i64())
        .collect();
    assert_eq!(states, [2, 0]);

    // An administrator's own setting and plugin stay, and uploads are closed again.
    let config = host.admin.get("/config").await;
    let mut own = config["PluginSettings"].clone();
    assert_eq!(own["EnableUploads"], false);
    assert_eq!(own["Plugins"]["com.example.greeter"], greeter["settings"]);
    own["Plugins"]["com.example.greeter"]["tone"] = "warm".into();
    own["PluginStates"]["com.mattermost.calls"] = json!({"Enable": true});
    host.admin
        .put("/config/patch", json!({"PluginSettings": own}))
        .await;
    assert_eq!(
        host.applies(&both),
        "the plugin com.example.greeter is there\nthe plugin com.example.other is there\n"
    );
    host.ship("a2", "com.example.greeter");
    let newer = json!([{
        "id": "com.example.greeter", "sha256": "a2", "enabled": true, "settings": {"count": 4},
    }]);
    let text = host.applies(&newer);
    assert!(
        text.contains("installed the plugin com.example.greeter"),
        "{text}"
    );
    assert!(
        text.contains("removed the plugin com.example.other"),
        "{text}"
    );
    let plugins = host.admin.get("/config").await["PluginSettings"].clone();
    let set = &plugins["Plugins"]["com.example.greeter"];
    assert_eq!((&set["count"], &set["tone"]), (&json!(4), &json!("warm")));

    let text = host.applies(&json!([]));
    assert_eq!(text, "removed the plugin com.example.greeter\n");
    assert_eq!(host.plugins().await, (vec![], vec![]));
    let plugins = host.admin.get("/config").await["PluginSettings"].clone();
    assert_eq!(plugins["Plugins"], json!({}));
    assert_eq!(
        plugins["PluginStates"],
        json!({"com.mattermost.calls": {"Enable": true}})
    );
    assert_eq!(host.applies(&json!([])), "");
}

#[tokio::test]
async fn a_plugin_that_is_another_or_forbidden_is_told() {
    let postgres = Postgres::start();
    let host = Host::start(&postgres).await;
    host.ship("c1", "com.example.another");
    let told =
        json!([{"id": "com.example.greeter", "sha256": "c1", "enabled": true, "settings": {}}]);
    let (done, text) = host.apply(&told);
    assert!(
        !done && text.contains("is that of com.example.another"),
        "{text}"
    );
    assert_eq!(host.plugins().await, (vec![], vec![]));
    let uploads = host.admin.get("/config").await["PluginSettings"]["EnableUploads"].clone();
    assert_eq!(uploads, false);

    host.ship("a1", "com.example.greeter");
    let told =
        json!([{"id": "com.example.greeter", "sha256": "a1", "enabled": true, "settings": {}}]);
    let patch = json!({"PluginSettings": {"RequirePluginSignature": true}});
    host.admin.put("/config/patch", patch).await;
    let (done, text) = host.apply(&told);
    assert!(!done && text.contains("HTTP 501"), "{text}");
    let patch = json!({"PluginSettings": {"RequirePluginSignature": false, "Enable": false}});
    host.admin.put("/config/patch", patch).await;
    let (done, text) = host.apply(&told);
    assert!(!done && text.contains("PluginSettings.Enable"), "{text}");
}
