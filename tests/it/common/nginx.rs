//! A real nginx with the files that a host gets, at paths and ports of the test's own.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::Arc;

use loadrig::blueprint::Stage;
use loadrig::hosts::{
    Blob, Bundle, BundleStep, DatabaseFacts, Endpoint, Facts, HostFacts, Payload, ServerPackage,
    ServerPasswords, render,
};
use loadrig::identity::{Secrets, new_seed};
use loadrig::spec::Spec;

use super::{free_port, listens};

/// An nginx that listens on loopback, gone when dropped.
pub struct Nginx {
    master: Child,
    directory: tempfile::TempDir,
}

impl Nginx {
    /// Starts one with the files of a bundle, in which the first of each pair is replaced by the second.
    /// Waits until it listens on `port`.
    pub fn start(bundle: &Bundle, replaced: &[(&str, String)], port: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // Its workers are no root.
        let everybody = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(directory.path(), everybody).unwrap();
        let root = directory.path().display().to_string();
        let mut pairs = vec![
            ("/etc/nginx/conf.d", format!("{root}/conf.d")),
            ("/var/log/nginx", root.clone()),
            ("/var/cache/nginx", format!("{root}/cache")),
            ("/run/nginx.pid", format!("{root}/nginx.pid")),
        ];
        pairs.extend(replaced.iter().cloned());
        std::fs::create_dir(directory.path().join("conf.d")).unwrap();
        let files = bundle.steps().iter().flat_map(BundleStep::written);
        for file in files {
            let Some(path) = file.path().strip_prefix("/etc/nginx/") else {
                continue;
            };
            let text = String::from_utf8(file.content().to_vec()).unwrap();
            let text = pairs
                .iter()
                .fold(text, |text, (from, to)| text.replace(from, to));
            std::fs::write(directory.path().join(path), text).unwrap();
        }
        let mut master = Command::new("nginx")
            .args(["-p", &root, "-c", &format!("{root}/nginx.conf")])
            .args(["-e", &format!("{root}/error.log"), "-g", "daemon off;"])
            .spawn()
            .expect("`scripts/setup.sh test` installs nginx");
        let listening = listens(&mut master, port);
        let nginx = Self { master, directory };
        assert!(listening, "{}", nginx.read("error.log"));
        nginx
    }

    /// Sends its first process a signal.
    pub fn signal(&self, name: &str) {
        let (signal, pid) = (format!("-{name}"), self.master.id().to_string());
        let sent = Command::new("kill").args([signal, pid]).status();
        assert!(sent.unwrap().success());
    }

    /// The path of one of its files.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What is in one of its files; nothing while there is none.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Told to stop, it takes its workers with it; killed, it leaves them behind.
        let pid = self.master.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.master.wait();
    }
}

/// What a host gets once all that it talks to is there. Hosts have the addresses `10.20.0.10` and so on, in
/// the order of the spec.
pub fn configured(spec: &Spec, host: &str) -> Bundle {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("program");
    std::fs::write(&program, "program").unwrap();
    let blob = Blob::of(&program).unwrap();
    let hosts = (10_u8..).zip(spec.hosts()).map(|(last, name)| HostFacts {
        name,
        private_ip: [10, 20, 0, last].into(),
        memory_gib: 8,
    });
    let facts = Facts {
        hosts: hosts.collect(),
        away: std::collections::BTreeSet::new(),
        database: Some(DatabaseFacts {
            writer: Endpoint {
                host: "writer.rds.amazonaws.com".to_owned(),
                port: 5432,
            },
            readers: Vec::new(),
            name: "mattermost".to_owned(),
            user: "mmuser".to_owned(),
        }),
        search_endpoint: Some("vpc.us-east-1.es.amazonaws.com".to_owned()),
        cache: None,
        entrance: spec
            .load_balancer
            .alb()
            .map(|_| "http://demo-1.us-east-1.elb.amazonaws.com".to_owned()),
        bucket: Some("files".to_owned()),
        tls: None,
        payload: Arc::new(Payload {
            server: ServerPackage::Shipped(blob.clone()),
            license: None,
            passwords: ServerPasswords::default(),
            saml: None,
            plugins: Vec::new(),
            files: BTreeMap::new(),
            authorities: Vec::new(),
            agent: Some(blob),
            database: None,
            tls: None,
            acme_authority: None,
        }),
        secrets: Secrets::from_seed(&new_seed()).unwrap(),
    };
    render(spec, host.parse().unwrap(), Stage::Configure, &facts).unwrap()
}

/// The address of a host in [`configured`].
pub fn address_of(spec: &Spec, host: &str) -> String {
    let index = spec.hosts().iter().position(|one| one.to_string() == host);
    format!("10.20.0.{}", 10 + index.expect("a host of the spec"))
}

/// A port of the test's own, and its address.
pub fn loopback() -> (u16, String) {
    let port = free_port();
    (port, format!("127.0.0.1:{port}"))
}
