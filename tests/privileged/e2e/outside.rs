//! Servers that are none of AWS's, at the address by which hosts of the local cloud reach such servers: a company's
//! mail server (SMTP with STARTTLS and an account, IMAP by dovecot), its web server (push proxy, plugins), its directory
//! (slapd), and the authority that they all have their certificate from.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use serde_json::{Value, json};

use super::rig::Home;
use super::servers;

/// Where hosts of the local cloud reach servers that are none of AWS's.
pub const OUTSIDE: &str = "100.64.0.3";
/// Where the VPC's DNS server looks for names.
const NAMES: &str = "/run/loadrig/names";
/// What the mail server and the directory admit.
pub const PASSWORD: &str = "it's 4 \"secrets\" & more";
/// Whose mail the mail server takes.
pub const MAILBOX: &str = "operations@corp.internal";

/// A program in the cloud's network.
pub fn inside(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", "loadrig-cloud", program]);
    command.args(arguments);
    command
}

/// Has the DNS server know a name.
pub fn name(name: &str, addresses: &[String]) {
    let lines: Vec<String> = addresses
        .iter()
        .map(|one| format!("{one} {name}\n"))
        .collect();
    std::fs::write(format!("{NAMES}/test-{name}"), lines.concat()).unwrap();
}

/// A certificate with its key, and the authority that signed it; all PEM.
pub struct Signed {
    pub authority: String,
    pub certificate: String,
    pub key: String,
}

impl Signed {
    /// For these names, and for [`OUTSIDE`].
    pub fn of(names: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Who is signed by somebody with the same name counts as signed by himself.
        params.distinguished_name = named(&format!("authority of {}", names[0]));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let names_of_it: Vec<String> = names.iter().map(|&one| one.to_owned()).collect();
        let mut params = CertificateParams::new(names_of_it).unwrap();
        let address: Ipv4Addr = OUTSIDE.parse().unwrap();
        let address = SanType::IpAddress(address.into());
        params.subject_alt_names.push(address);
        params.distinguished_name = named(names[0]);
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &issuer).unwrap().pem();
        Self {
            authority,
            certificate,
            key: key.serialize_pem(),
        }
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

/// A company's servers; ended when dropped.
pub struct Company {
    children: Vec<Child>,
    log: PathBuf,
    /// The authority that signs their certificates.
    pub authority: PathBuf,
}

impl Drop for Company {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Asked for it: dovecot has to end its own children.
            let id = Pid::from_raw(i32::try_from(child.id()).unwrap());
            let _ = kill(id, Signal::SIGTERM);
            let _ = child.wait();
        }
    }
}

impl Company {
    /// Starts them; the web server has the files of this directory.
    pub fn start(home: &Home, web: &Path) -> Self {
        let hosts = ["mail", "push", "plugins", "ldap"].map(|host| format!("{host}.corp.internal"));
        let names: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let signed = Signed::of(&names);
        for host in &names {
            name(host, &[OUTSIDE.to_owned()]);
        }
        let directory = home.path().join("company");
        let maildir = directory.join("mail");
        let log = directory.join("log.jsonl");
        let certificate = home.write("company/chain.pem", &signed.certificate);
        let key = home.write("company/key.pem", &signed.key);
        // Users of the servers' own reach their parts of it.
        let open = std::fs::Permissions::from_mode(0o711);
        std::fs::set_permissions(home.path(), open).unwrap();
        let config = json!({
            "address": OUTSIDE, "smtp_port": 587, "web_port": 443, "certificate": certificate, "key": key,
            "account": ["chat", PASSWORD], "mailbox": MAILBOX, "maildir": maildir, "web": web, "log": log,
        });
        let config = home.write("company/config.json", config.to_string());
        let program = home.write("company/outside.py", include_str!("outside.py"));
        let said = std::fs::File::create(directory.join("said")).unwrap();
        let mut web_and_mail = inside("/usr/bin/python3", &[]);
        web_and_mail.arg(program).arg(config);
        let mut dovecot = inside("/usr/sbin/dovecot", &["-F", "-c"]);
        dovecot.arg(servers::dovecot(&directory, OUTSIDE, 993, PASSWORD));
        // With a level it stays in the foreground.
        let place = format!("ldaps://{OUTSIDE}");
        let mut slapd = inside("/usr/sbin/slapd", &["-d", "0", "-h", &place, "-f"]);
        slapd.arg(servers::slapd(&directory, PASSWORD));
        let commands = [web_and_mail, dovecot, slapd];
        let children = commands.map(|mut command| {
            let command = command.stdin(Stdio::null());
            let command = command.stdout(said.try_clone().unwrap());
            command.stderr(said.try_clone().unwrap()).spawn().unwrap()
        });
        let company = Self {
            children: children.into(),
            log,
            authority: home.write("company/authority.pem", &signed.authority),
        };
        let since = Instant::now();
        while company.noted("ready").is_empty() {
            let said = std::fs::read_to_string(directory.join("said"));
            assert!(since.elapsed() < Duration::from_secs(30), "{said:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
        company
    }

    /// What the servers noted of this kind so far.
    pub fn noted(&self, kind: &str) -> Vec<Value> {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let notes = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        notes.filter(|note| note["kind"] == kind).collect()
    }
}

/// A bundle of a plugin that does nothing.
pub fn plugin(id: &str) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    let manifest = json!({"id": id, "name": id, "version": "1.0.0"}).to_string();
    let mut header = tar::Header::new_gnu();
    header.set_size(manifest.len() as u64);
    header.set_mode(0o644);
    let path = format!("{id}/plugin.json");
    tar.append_data(&mut header, path, manifest.as_bytes())
        .unwrap();
    let mut gzip = tar.into_inner().unwrap();
    gzip.flush().unwrap();
    gzip.finish().unwrap()
}
