//! One stand-in node.

use std::os::unix::net::UnixDatagram;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Client, Process, free_port, guarded, standin};

const START_DEADLINE: Duration = Duration::from_secs(90);

/// A running node.
pub struct ServerNode {
    process: Process,
    directory: TempDir,
    port: u16,
    metrics_port: u16,
    notify: UnixDatagram,
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

    /// Starts a node and does not wait.
    pub fn spawn(settings: &Value) -> Self {
        let directory = tempfile::tempdir().expect("temporary directory");
        let (port, metrics_port) = (free_port(), free_port());
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
        lay_over(&mut config, settings);
        let path = directory.path().join("config.json");
        std::fs::write(&path, config.to_string()).expect("configuration");
        let socket = directory.path().join("notify");
        let notify = UnixDatagram::bind(&socket).expect("notify socket");
        notify
            .set_read_timeout(Some(START_DEADLINE))
            .expect("timeout");
        let log = std::fs::File::create(directory.path().join("log")).expect("log");
        let process = guarded(standin(), None)
            .arg("--config")
            .arg(&path)
            .env("NOTIFY_SOCKET", &socket)
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("node runs");
        Self {
            process: Process(process),
            directory,
            port,
            metrics_port,
            notify,
        }
    }

    /// A client without a session.
    pub fn client(&self) -> Client {
        Client::new(format!("127.0.0.1:{}", self.port))
    }

    /// The page for Prometheus.
    pub async fn metrics(&self) -> String {
        let url = format!("http://127.0.0.1:{}/metrics", self.metrics_port);
        reqwest::get(url)
            .await
            .expect("metrics")
            .text()
            .await
            .expect("text")
    }

    /// What the node has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).expect("log")
    }

    /// Asks the node to stop as systemd does, and returns how it ended.
    pub fn stop(mut self) -> ExitStatus {
        self.process.signal("TERM");
        self.process.0.wait().expect("node ends")
    }
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
