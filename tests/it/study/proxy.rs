//! A proxy of the study: nginx with the file that loadrig renders for one, at other addresses.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use loadrig::blueprint::Stage;
use loadrig::hosts::{Facts, HostFacts, Payload, ServerPackage, ServerPasswords, render};
use loadrig::identity::Secrets;
use loadrig::spec::{HostName, Role, Spec};
use secrecy::SecretString;
use tempfile::TempDir;

use crate::rig::{Process, free_port, guarded};

const SITE: &str = "/etc/nginx/conf.d/mattermost.conf";
const DEADLINE: Duration = Duration::from_secs(30);

/// A running nginx.
pub struct StudyProxy {
    // Dropped in this order: first the program, then its directory.
    _process: Process,
    directory: TempDir,
    pub port: u16,
}

/// What the gate did, as nginx's log says.
#[derive(Clone, Copy, Debug, Default)]
pub struct GateTurns {
    /// Logins that got a turn.
    pub turns: u64,
    /// Of these, those whose clients had gone.
    pub lost: u64,
}

impl StudyProxy {
    /// Starts a proxy of an environment whose application nodes listen at these ports.
    pub fn start(spec: &Spec, apps: &[u16]) -> Self {
        let directory = tempfile::tempdir().expect("temporary directory");
        let home = directory.path();
        let (port, status) = (free_port(), free_port());
        let facts = facts(spec);
        let mut site = rendered(spec, &facts);
        let nodes = facts
            .hosts
            .iter()
            .filter(|host| host.name.role == Role::App);
        for (node, app) in nodes.zip(apps) {
            let theirs = format!("server {}:8065", node.private_ip);
            site = replaced(&site, &theirs, &format!("server 127.0.0.1:{app}"));
        }
        site = replaced(
            &site,
            "listen 80 reuseport default_server",
            &format!("listen 127.0.0.1:{port} reuseport default_server"),
        );
        site = replaced(&site, "127.0.0.1:8099", &format!("127.0.0.1:{status}"));
        let home_text = home.display().to_string();
        site = replaced(&site, "/var/cache/nginx", &format!("{home_text}/cache"));
        let site: String = site
            .replace(
                "/var/log/nginx/logins.log",
                &format!("{home_text}/logins.log"),
            )
            .lines()
            // Of errors, in a format of the main file.
            .filter(|line| !line.contains("/var/log/nginx/"))
            .map(|line| format!("{line}\n"))
            .collect();
        let config = home.join("nginx.conf");
        std::fs::write(&config, main_file(&home_text, &site)).expect("configuration");
        let log = std::fs::File::create(home.join("log")).expect("log");
        let process = guarded("nginx", None)
            .arg("-p")
            .arg(home)
            .arg("-c")
            .arg(&config)
            .arg("-e")
            .arg(home.join("error.log"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("nginx runs");
        let proxy = Self {
            _process: Process(process),
            directory,
            port,
        };
        proxy.await_ready();
        proxy
    }

    fn await_ready(&self) {
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let told = |name| std::fs::read_to_string(self.directory.path().join(name));
            assert!(
                started.elapsed() < DEADLINE,
                "nginx does not listen: {:?} {:?}",
                told("log"),
                told("error.log")
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What the gate did so far.
    pub fn turns(&self) -> GateTurns {
        gate_turns(&self.directory.path().join("logins.log"))
    }
}

/// The same reading of the log as `templates/proxy/login-gate-metrics.sh` has.
fn gate_turns(log: &Path) -> GateTurns {
    let mut found = GateTurns::default();
    // Without a gate there is no such log.
    for line in std::fs::read_to_string(log).unwrap_or_default().lines() {
        let is_passed_on = !line.ends_with('-');
        match line.split(' ').next() {
            Some("PASSED") => found.turns += 1,
            Some("DELAYED") => {
                found.turns += 1;
                found.lost += u64::from(!is_passed_on);
            }
            _ => {}
        }
    }
    found
}

/// Replaces what has to be there.
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "no `{from}` in\n{text}");
    text.replace(from, to)
}

fn rendered(spec: &Spec, facts: &Facts) -> String {
    let proxy = HostName {
        role: Role::Proxy,
        index: 1,
    };
    let bundle = render(spec, proxy, Stage::Configure, facts).expect("a bundle");
    let mut files = bundle.steps().iter().flat_map(|step| step.written());
    let site = files.find(|file| file.path() == SITE);
    String::from_utf8(site.expect("a site").content().to_vec()).expect("text")
}

fn facts(spec: &Spec) -> Facts {
    let seed = base64::engine::general_purpose::STANDARD.encode([7; 32]);
    Facts {
        hosts: (10_u8..)
            .zip(spec.hosts())
            .map(|(last, name)| HostFacts {
                name,
                private_ip: [10, 20, 0, last].into(),
                memory_gib: 8,
            })
            .collect(),
        away: Default::default(),
        database: None,
        search_endpoint: None,
        cache: None,
        entrance: None,
        bucket: None,
        tls: None,
        payload: Arc::new(Payload {
            server: ServerPackage::Fetched {
                url: String::new(),
                sha256: None,
            },
            license: None,
            passwords: ServerPasswords::default(),
            saml: None,
            plugins: Vec::new(),
            files: BTreeMap::new(),
            authorities: Vec::new(),
            agent: None,
            database: None,
            tls: None,
            acme_authority: None,
        }),
        secrets: Secrets::from_seed(&SecretString::from(seed)).expect("a seed"),
    }
}

/// nginx's main file, with all that it writes in a directory of its own.
fn main_file(home: &str, site: &str) -> String {
    let mut text = format!(
        "daemon off;\nuser root;\npid {home}/pid;\nerror_log {home}/error.log warn;\n\
         worker_processes 2;\nevents {{ worker_connections 4096; use epoll; }}\n\
         http {{\naccess_log off;\n"
    );
    for what in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = writeln!(text, "{what}_temp_path {home}/{what};");
    }
    text + site + "}\n"
}
