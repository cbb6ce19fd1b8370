//! What several test files need: an AWS emulator of their own, and a recorder before it.

pub mod emulator;
#[cfg(target_os = "linux")]
mod models;
#[cfg(target_os = "linux")]
pub mod nginx;
pub mod recorder;
#[cfg(target_os = "linux")]
pub mod servers;

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use loadrig::aws::{Aws, Connection};

use emulator::EmulatorProgram;

const FIRST_PORT: u32 = 10_000;
const PORTS: u32 = 22_000;

/// How long the emulator may take to answer.
const START: Duration = Duration::from_mins(1);

/// An emulator on loopback, moto unless the environment names another, gone when dropped. Requests to it are held to the services' models
/// first: one that breaks them fails the test.
pub struct Moto {
    server: Child,
    #[cfg(target_os = "linux")]
    front: models::ModelFront,
    #[cfg(not(target_os = "linux"))]
    endpoint: String,
    _emulator: EmulatorProgram,
}

impl Moto {
    /// Starts one on a port that is free, and waits until it listens.
    pub fn start() -> Self {
        let emulator = EmulatorProgram::new();
        // Between asking and using the port somebody else may take it.
        for _ in 0..5 {
            let port = free_port();
            let mut server = emulator.on(port).spawn().expect("the emulator starts");
            if listens(&mut server, port) {
                let endpoint = format!("http://127.0.0.1:{port}");
                return Self {
                    server,
                    #[cfg(target_os = "linux")]
                    front: models::ModelFront::start(&endpoint),
                    #[cfg(not(target_os = "linux"))]
                    endpoint,
                    _emulator: emulator,
                };
            }
        }
        panic!("no port for the emulator");
    }

    /// Its URL.
    pub fn endpoint(&self) -> &str {
        #[cfg(target_os = "linux")]
        return &self.front.endpoint;
        #[cfg(not(target_os = "linux"))]
        &self.endpoint
    }

    /// What clients of the SDK take to look, or act, behind loadrig's back.
    pub async fn sdk(&self) -> aws_config::SdkConfig {
        aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12())
            .region("us-east-1")
            .endpoint_url(self.endpoint())
            .credentials_provider(aws_credential_types::Credentials::new(
                "AKIDTEST", "secret", None, None, "test",
            ))
            .load()
            .await
    }

    /// A cloud that is this emulator.
    pub async fn cloud(&self) -> Aws {
        Aws::connect(Connection {
            paced: true,
            region: "us-east-1".to_owned(),
            profile: None,
            endpoint_url: Some(self.endpoint().to_owned()),
            credentials: Some(("AKIDTEST".to_owned(), "secret".to_owned().into())),
        })
        .await
        .expect("connection")
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // Nothing is to be done about a server that is gone already.
        let _ = self.server.kill();
        let _ = self.server.wait();
        #[cfg(target_os = "linux")]
        if !std::thread::panicking() {
            self.front.assert_unbroken();
        }
    }
}

/// Runs the built program against an endpoint, in a home of its own.
pub fn loadrig(home: &Path, endpoint: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadrig"))
        .current_dir(home)
        .env("HOME", home)
        .env("NO_COLOR", "1")
        .env("AWS_ACCESS_KEY_ID", "AKIDTEST")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env_remove("AWS_PROFILE")
        .env_remove("LOADRIG_HOME")
        .args(["--endpoint-url", endpoint])
        .args(arguments)
        .output()
        .expect("the program runs")
}

/// What a program printed.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A port that nobody listens on. It lies below the range from which the kernel takes the
/// ports of outgoing connections, one of which may otherwise take it before it is used.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id() % PORTS;
    let port = (0..PORTS)
        .map(|_| FIRST_PORT + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS)
        .filter_map(|port| u16::try_from(port).ok())
        .find(|port| TcpListener::bind(("0.0.0.0", *port)).is_ok());
    port.expect("a free port")
}

fn listens(server: &mut Child, port: u16) -> bool {
    let deadline = Instant::now() + START;
    while Instant::now() < deadline {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        if server.try_wait().expect("state of the server").is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the emulator does not listen after {START:?}");
}
