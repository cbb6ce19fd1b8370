//! What a proxy does for its certificate (`templates/proxy/certificate.sh`), with programs in place of DNS,
//! the ACME server and nginx that write down what they are asked.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/templates/proxy/certificate.sh"
);

/// A proxy: its files, and programs of its own.
struct Proxy {
    directory: tempfile::TempDir,
}

impl Proxy {
    fn new() -> Self {
        let proxy = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        for directory in [
            "root/etc/loadrig",
            "root/etc/nginx/tls/placeholder",
            "root/run",
            "bin",
        ] {
            fs::create_dir_all(proxy.at(directory)).unwrap();
        }
        proxy.write(
            "root/etc/loadrig/certificate.conf",
            "name=chat.corp.io\nemail=ops@corp.io\ndirectory=https://acme.corp.io/dir\n\
             lineage=loadrig-1\nauthority=\n",
        );
        proxy.names("");
        // The challenge, as whoever asks over HTTP gets it.
        let root = proxy.at("root");
        proxy.program(
            "curl",
            &format!(
                "for last; do :; done; cat {}/var/lib/loadrig-acme/${{last#http://*/}}",
                root.display()
            ),
        );
        proxy.program("nginx", "");
        proxy.program("systemctl", "");
        proxy.certbot("echo '  Detail: no such name'; exit 1");
        proxy
    }

    fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.at(path), text).unwrap();
    }

    /// A program that is written down when it runs.
    fn program(&self, name: &str, script: &str) {
        let log = self.at("log");
        let text = format!(
            "#!/bin/sh\necho \"{name} $*\" >>{}\n{script}\n",
            log.display()
        );
        let path = self.at("bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What DNS says of the name.
    fn names(&self, addresses: &str) {
        self.program("getent", &format!("printf '{addresses}'"));
    }

    fn certbot(&self, script: &str) {
        self.program("certbot", script);
    }

    /// A server that issues a certificate.
    fn issues(&self) {
        let live = self.at("root/etc/letsencrypt/live/loadrig-1");
        self.certbot(&format!(
            "mkdir -p {0}; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
             -days 90 -subj /O=Issuer -keyout {0}/privkey.pem -out {0}/fullchain.pem 2>/dev/null",
            live.display()
        ));
    }

    /// Runs the script; answers with what it says.
    fn run(&self, verb: &str) -> String {
        let path = std::env::var("PATH").unwrap();
        let output = Command::new("sh")
            .args([SCRIPT, verb])
            .env("LOADRIG_ROOT", self.at("root"))
            .env("PATH", format!("{}:{path}", self.at("bin").display()))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// How often a program ran whose line begins so.
    fn count(&self, line: &str) -> usize {
        let log = fs::read_to_string(self.at("log")).unwrap_or_default();
        log.lines().filter(|one| one.starts_with(line)).count()
    }

    /// Where nginx finds its certificate.
    fn current(&self) -> PathBuf {
        fs::read_link(self.at("root/etc/nginx/tls/current")).unwrap()
    }
}

#[test]
fn a_name_that_does_not_lead_here_is_told_before_the_server_is_asked() {
    let proxy = Proxy::new();
    proxy.run("link");
    assert_eq!(proxy.current(), Path::new("placeholder"));
    let said = proxy.run("first");
    assert!(
        said.starts_with("warning: no certificate yet: chat.corp.io is not in DNS"),
        "{said}"
    );

    proxy.names("192.0.2.7 STREAM\\n198.51.100.1 STREAM\\n");
    proxy.program("curl", "echo stranger");
    let said = proxy.run("first");
    assert!(
        said.contains(
            "leads to 192.0.2.7 198.51.100.1, where this proxy's challenges are not answered"
        ),
        "{said}"
    );
    assert_eq!(proxy.count("certbot"), 0, "the server counts what fails");
    assert_eq!(proxy.current(), Path::new("placeholder"));
}

#[test]
fn a_refusal_is_told_and_not_provoked_again_at_once() {
    let proxy = Proxy::new();
    proxy.names("192.0.2.7 STREAM\\n");
    let said = proxy.run("first");
    assert!(
        said.contains("the ACME server at https://acme.corp.io/dir: no such name"),
        "{said}"
    );
    let again = proxy.run("first");
    assert_eq!((proxy.count("certbot certonly"), &again), (1, &said));
}

#[test]
fn a_refusal_that_certbot_does_not_tell_is_found_in_its_log() {
    let proxy = Proxy::new();
    proxy.names("192.0.2.7 STREAM\\n");
    let log = proxy.at("root/var/log/letsencrypt");
    fs::create_dir_all(&log).unwrap();
    let answer = "{\n  \"type\": \"urn:ietf:params:acme:error:rateLimited\",\n  \"detail\": \"too many certificates\",\n}\n";
    fs::write(log.join("letsencrypt.log"), answer).unwrap();
    proxy.certbot("echo \"AttributeError: can't set attribute\"; exit 1");
    let said = proxy.run("first");
    assert!(
        said.contains("acme.corp.io/dir: too many certificates;"),
        "{said}"
    );
}

#[test]
fn what_is_issued_is_taken_without_a_restart() {
    let proxy = Proxy::new();
    proxy.run("link");
    proxy.names("192.0.2.7 STREAM\\n");
    proxy.issues();
    assert_eq!(proxy.run("first"), "");
    assert!(proxy.current().ends_with("etc/letsencrypt/live/loadrig-1"));
    assert_eq!(proxy.count("systemctl reload nginx"), 1);
    assert_eq!(proxy.count("systemctl restart"), 0);
    assert!(!proxy.at("root/run/loadrig-certificate.why").exists());

    // Nothing more is asked for, and a renewal is a reload.
    proxy.run("first");
    assert_eq!(proxy.count("certbot"), 1);
    proxy.run("use");
    assert_eq!(proxy.count("systemctl reload nginx"), 2);
}

#[test]
fn certificates_of_names_of_before_are_not_renewed() {
    let proxy = Proxy::new();
    proxy.names("192.0.2.7 STREAM\\n");
    proxy.issues();
    fs::create_dir_all(proxy.at("root/etc/letsencrypt/renewal")).unwrap();
    for lineage in ["loadrig-0", "loadrig-1", "of-somebody-else"] {
        proxy.write(&format!("root/etc/letsencrypt/renewal/{lineage}.conf"), "");
    }
    proxy.run("first");
    assert_eq!(proxy.count("certbot delete"), 1);
    assert_eq!(
        proxy.count("certbot delete --non-interactive --cert-name loadrig-0"),
        1
    );
}
