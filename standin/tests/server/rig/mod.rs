//! A small rig for the tests: a real PostgreSQL of their own and stand-in
//! nodes on loopback. Everything ends and is removed when it is dropped.

pub mod client;
pub mod node;
pub mod postgres;

use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};

pub use client::Client;
pub use node::{NodeOptions, ServerNode};
pub use postgres::Postgres;

const FIRST_PORT: u32 = 10_000;
const PORTS: u32 = 22_000;

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

/// A child process that ends with the test, also if the test is killed.
#[derive(Debug)]
pub struct Process(pub Child);

impl Process {
    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status()
            .expect("kill runs");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            self.signal("INT");
            self.0.wait().expect("child ends");
        }
    }
}

/// A command that is killed when the thread that starts it ends, and that runs
/// as `user` if this test runs as root.
pub fn guarded(program: impl AsRef<OsStr>, user: Option<&str>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if let Some(user) = user
        && is_root()
    {
        command.args([
            &format!("--reuid={user}"),
            &format!("--regid={user}"),
            "--clear-groups",
        ]);
    }
    command.arg("--").arg(program);
    command
}

/// The program under test, which Cargo builds beside the tests. The compile-time
/// variable that names it does not survive the shell in which the workspace's
/// rustc wrapper runs, because there is a dash in it.
pub fn standin() -> PathBuf {
    let test = std::env::current_exe().expect("own path");
    let program = test
        .ancestors()
        .nth(2)
        .expect("target directory")
        .join("mattermost-standin");
    assert!(program.exists(), "`{}` is not built", program.display());
    program
}

pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
