//! A PostgreSQL server in a directory of its own, with TLS.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Process, free_port, guarded, is_root};

const PASSWORD: &str = "pass/word@1";
const DEADLINE: Duration = Duration::from_mins(1);

/// The server.
pub struct Postgres {
    // Dropped in this order: first the server, then its directory.
    _server: Process,
    directory: TempDir,
    port: u16,
}

impl Postgres {
    /// Starts a new, empty server.
    pub fn start() -> Self {
        let programs = programs();
        let directory = tempfile::tempdir().expect("temporary directory");
        let user = is_root().then_some("postgres");
        write_certificates(directory.path());
        std::fs::write(directory.path().join("password"), PASSWORD).expect("password file");
        if let Some(user) = user {
            let owned = Command::new("chown")
                .args(["-R", user])
                .arg(directory.path())
                .status();
            assert!(owned.expect("chown runs").success());
        }
        let data = directory.path().join("data");
        let initdb = programs.join("initdb");
        let made = guarded(initdb, user)
            .args([
                "--no-sync",
                "--auth=scram-sha-256",
                "--username=mmuser",
                "--encoding=UTF8",
            ])
            .arg(format!(
                "--pwfile={}",
                directory.path().join("password").display()
            ))
            .arg("--pgdata")
            .arg(&data)
            .current_dir(directory.path())
            .output()
            .expect("initdb runs");
        assert!(
            made.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        Self::serve(directory, &programs, user)
    }

    /// Starts a server that streams from this one.
    #[allow(
        dead_code,
        reason = "not every test program that shares this rig has readers"
    )]
    pub fn replica(&self) -> Self {
        let programs = programs();
        let directory = tempfile::tempdir().expect("temporary directory");
        let user = is_root().then_some("postgres");
        write_certificates(directory.path());
        if let Some(user) = user {
            let owned = Command::new("chown")
                .args(["-R", user])
                .arg(directory.path())
                .status();
            assert!(owned.expect("chown runs").success());
        }
        let copied = guarded(programs.join("pg_basebackup"), user)
            .args(["-h", "localhost", "-p", &self.port.to_string()])
            .args(["-U", "mmuser", "-R", "-c", "fast", "--no-sync", "-D"])
            .arg(directory.path().join("data"))
            .env("PGPASSWORD", PASSWORD)
            .current_dir(directory.path())
            .output()
            .expect("pg_basebackup runs");
        assert!(
            copied.status.success(),
            "pg_basebackup: {}",
            String::from_utf8_lossy(&copied.stderr)
        );
        Self::serve(directory, &programs, user)
    }

    /// Starts the server of a directory that has its data.
    fn serve(directory: TempDir, programs: &Path, user: Option<&str>) -> Self {
        let data = directory.path().join("data");
        let port = free_port();
        let server = programs.join("postgres");
        let log = std::fs::File::create(directory.path().join("log")).expect("log");
        let server = guarded(server, user)
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-h", "localhost", "-k", "", "-F"])
            .args([
                "-c",
                "ssl=on",
                "-c",
                "shared_buffers=16MB",
                "-c",
                "max_connections=400",
            ])
            .arg("-c")
            .arg(format!(
                "ssl_cert_file={}",
                directory.path().join("server.pem").display()
            ))
            .arg("-c")
            .arg(format!(
                "ssl_key_file={}",
                directory.path().join("server.key").display()
            ))
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("postgres runs");
        let postgres = Self {
            _server: Process(server),
            directory,
            port,
        };
        postgres.await_ready(programs);
        postgres
    }

    fn await_ready(&self, programs: &Path) {
        let started = Instant::now();
        loop {
            let mut ask = Command::new(programs.join("pg_isready"));
            ask.args(["-q", "-h", "localhost", "-p", &self.port.to_string()]);
            if ask.status().expect("pg_isready runs").success() {
                return;
            }
            let log = || std::fs::read_to_string(self.directory.path().join("log"));
            assert!(
                started.elapsed() < DEADLINE,
                "postgres is not ready: {:?}",
                log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A data source as `config.json` has it, with the given TLS options.
    pub fn data_source(&self, tls: &str) -> String {
        let password = PASSWORD.replace('/', "%2F").replace('@', "%40");
        let port = self.port;
        format!("postgres://mmuser:{password}@localhost:{port}/postgres?connect_timeout=10&{tls}")
    }

    /// Runs statements in it.
    pub fn execute(&self, statements: &str) {
        let done = Command::new("psql")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statements])
            .arg(self.data_source("sslmode=require"))
            .output()
            .expect("psql runs");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{statements}: {said}");
    }

    /// The authority that signed the server's certificate.
    pub fn authority(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }
}

/// Where Debian keeps PostgreSQL's server programs.
fn programs() -> PathBuf {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop().unwrap_or_else(|| {
        panic!("this test needs PostgreSQL's server: apt-get install postgresql")
    })
}

fn write_certificates(directory: &Path) {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    let key = || KeyPair::generate().expect("key");
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, key()).expect("authority");
    let server_key = key();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    let server = server
        .signed_by(&server_key, &authority)
        .expect("certificate");
    let write = |name: &str, text: String| {
        use std::os::unix::fs::PermissionsExt;
        let path = directory.join(name);
        std::fs::write(&path, text).expect("write");
        // PostgreSQL refuses a key that others can read.
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, mode).expect("mode");
    };
    write("authority.pem", authority.pem());
    write("server.pem", server.pem());
    write("server.key", server_key.serialize_pem());
}
