//! One stand-in node.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use mattermost_license::{Sku, sign_for_standin, standin_license};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Client, Process, free_port, guarded, standin};

const START_DEADLINE: Duration = Duration::from_secs(90);

/// How a node is started.
#[derive(Debug, Default)]
pub struct NodeOptions {
    /// Laid over a configuration that joins a cluster.
    pub settings: Value,
    /// Without `MM_LICENSE`.
    pub unlicensed: bool,
    /// Further variables.
    pub variables: Vec<(&'static str, String)>,
    /// The place of the configuration, if it is not a file.
    pub place: Option<String>,
    /// What it is started as, if not as a server.
    pub command: Option<&'static str>,
    /// The port that the variables name.
    pub port: Option<u16>,
}

/// A running node.
pub struct ServerNode {
    process: Process,
    directory: TempDir,
    port: u16,
    metrics_port: u16,
    notify: UnixDatagram,
    http: reqwest::Client,
}

impl ServerNode {
    /// Starts a node and waits until it tells systemd that it is ready.
    /// `settings` is laid over a configuration that joins a cluster.
    pub fn start(settings: &Value) -> Self {
        let node = Self::spawn(settings);
        node.await_ready();
        node
    }

    /// Waits until the node tells systemd that it is ready.
    pub fn await_ready(&self) {
        let mut state = [0; 64];
        let length = self.notify.recv(&mut state).unwrap_or_else(|error| {
            panic!("node is not ready: {error}\n{}", self.log());
        });
        assert_eq!(&state[..length], b"READY=1");
    }

    /// Starts a licensed node and does not wait.
    pub fn spawn(settings: &Value) -> Self {
        Self::spawn_with(NodeOptions {
            settings: settings.clone(),
            ..NodeOptions::default()
        })
    }

    /// Starts a node and does not wait.
    pub fn spawn_with(options: NodeOptions) -> Self {
        let directory = tempfile::tempdir().expect("temporary directory");
        let (port, metrics_port) = (options.port.unwrap_or_else(free_port), free_port());
        let mut config = json!({
            "ServiceSettings": {"ListenAddress": format!("127.0.0.1:{port}")},
            "FileSettings": {"Directory": directory.path().join("data")},
            "LogSettings": {"ConsoleLevel": "DEBUG", "EnableFile": false},
            "MetricsSettings": {"Enable": true, "ListenAddress": format!("127.0.0.1:{metrics_port}")},
            "ClusterSettings": {
                "Enable": true, "ClusterName": "rig",
                "BindAddress": "127.0.0.1", "AdvertiseAddress": "127.0.0.1",
                "GossipPort": free_port(),
            },
        });
        if options.settings.is_object() {
            lay_over(&mut config, &options.settings);
        }
        let path = directory.path().join("config.json");
        std::fs::write(&path, config.to_string()).expect("configuration");
        let socket = directory.path().join("notify");
        let notify = UnixDatagram::bind(&socket).expect("notify socket");
        notify
            .set_read_timeout(Some(START_DEADLINE))
            .expect("timeout");
        let log = std::fs::File::create(directory.path().join("log")).expect("log");
        let place = options.place.map_or(path, PathBuf::from);
        let mut command = guarded(standin(), None);
        command
            .args(options.command)
            .arg("--config")
            .arg(&place)
            .env("NOTIFY_SOCKET", &socket)
            // A hash at full price is for the tests of that.
            .env("MM_STANDIN_HASH_ROUNDS", "1000")
            .envs(options.variables)
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .stderr(log);
        if !options.unlicensed {
            command.env("MM_LICENSE", license(&Sku::Enterprise));
        }
        let process = command.spawn().expect("node runs");
        Self {
            process: Process(process),
            directory,
            port,
            metrics_port,
            notify,
            // A connection that stays open would hold up the end of the node.
            http: reqwest::Client::builder()
                .pool_max_idle_per_host(0)
                .build()
                .expect("a client"),
        }
    }

    /// A client without a session.
    pub fn client(&self) -> Client {
        Client::new(format!("127.0.0.1:{}", self.port))
    }

    /// Where clients find it.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where Prometheus finds its page.
    pub fn metrics_url(&self) -> String {
        format!("http://127.0.0.1:{}/metrics", self.metrics_port)
    }

    /// The page for Prometheus.
    pub async fn metrics(&self) -> String {
        let answer = self.http.get(self.metrics_url()).send().await;
        answer.expect("metrics").text().await.expect("text")
    }

    /// Status of the page for Prometheus.
    pub async fn metrics_status(&self) -> u16 {
        let answer = self.http.get(self.metrics_url()).send().await;
        answer.expect("metrics").status().as_u16()
    }

    /// What the node has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).expect("log")
    }

    /// Ends the node whatever it is at.
    #[allow(
        dead_code,
        reason = "the study of login storms needs it, which shares the rig"
    )]
    pub fn kill(self) {
        self.process.signal("KILL");
    }

    /// Asks the node to stop as systemd does, and returns how it ended.
    pub fn stop(mut self) -> ExitStatus {
        self.process.signal("TERM");
        self.process.0.wait().expect("node ends")
    }
}

/// The text of a license that the stand-in accepts.
pub fn license(sku: &Sku) -> String {
    sign_for_standin(&standin_license(sku, 1000)).expect("license")
}

fn lay_over(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                lay_over(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}
