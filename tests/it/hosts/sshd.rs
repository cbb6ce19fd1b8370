//! A real sshd on loopback, run as whoever runs the tests, with a root directory of its own.

use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use loadrig::events::{EventKind, Events, Recorder};
use loadrig::hosts::{Keyring, SshLogin};
use loadrig::identity::Secrets;
use loadrig::spec::{Access, AddressKind, HostName, SshKey};
use secrecy::SecretString;
use tokio::time::Instant;

use crate::common::free_port;

pub const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub fn app() -> HostName {
    "app-1".parse().unwrap()
}

pub fn secrets(byte: u8) -> Secrets {
    let seed = base64::engine::general_purpose::STANDARD.encode([byte; 32]);
    Secrets::from_seed(&SecretString::from(seed)).unwrap()
}

/// Far enough not to be met unless something hangs.
pub fn soon() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

/// Events, and what was heard of them.
pub fn recorded() -> (Events, Recorder) {
    let recorder = Recorder::default();
    (Events::new(vec![Box::new(recorder.clone())]), recorder)
}

pub fn waits(recorder: &Recorder) -> Vec<String> {
    let events = recorder.events().into_iter();
    events
        .filter_map(|event| match event.kind {
            EventKind::StepWaiting { on, .. } => Some(on),
            _ => None,
        })
        .collect()
}

pub struct Sshd {
    process: Child,
    directory: tempfile::TempDir,
    port: u16,
}

impl Sshd {
    /// With the host key of `host` and letting `operator` in.
    pub fn start(host: &ssh_key::PrivateKey, operator: &ssh_key::PrivateKey) -> Self {
        Self::start_at("127.0.0.1", free_port(), host, operator)
    }

    /// The same at another address of loopback.
    pub fn start_at(
        address: &str,
        port: u16,
        host: &ssh_key::PrivateKey,
        operator: &ssh_key::PrivateKey,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let key = host.to_openssh(ssh_key::LineEnding::LF).unwrap();
        write(&at("host_key"), key.as_str(), 0o600);
        let public = operator.public_key().to_openssh().unwrap();
        write(&at("authorized_keys"), &public, 0o600);
        // What hosts have and this machine may lack, or must not be touched of it.
        std::fs::create_dir(at("bin")).unwrap();
        std::fs::create_dir(at("root")).unwrap();
        write(&at("bin/sudo"), "#!/bin/sh\nshift\nexec \"$@\"\n", 0o755);
        write(&at("bin/chown"), "#!/bin/sh\n", 0o755);
        write(&at("bin/systemctl"), include_str!("systemctl.sh"), 0o755);
        let root = directory.path().display();
        let config = format!(
            "Port {port}\nListenAddress {address}\nHostKey {root}/host_key\n\
             AuthorizedKeysFile {root}/authorized_keys\nPidFile none\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             SetEnv PATH={root}/bin:/usr/sbin:/usr/bin:/sbin:/bin LOADRIG_ROOT={root}/root\n"
        );
        write(&at("config"), &config, 0o600);
        if Path::new("/run")
            .metadata()
            .unwrap()
            .permissions()
            .readonly()
        {
            panic!("sshd needs /run");
        }
        // As root, sshd insists on the directory that Debian's service unit would make.
        let _ = std::fs::create_dir("/run/sshd");
        let process = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(at("config"))
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(at("log")).unwrap())
            .spawn()
            .expect("Debian's openssh-server is installed");
        Self {
            process,
            directory,
            port,
        }
    }

    /// A program of the host, before those of this machine.
    pub fn install(&self, name: &str, text: &str) {
        write(&self.directory.path().join("bin").join(name), text, 0o755);
    }

    /// What it said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap()
    }

    pub fn login(&self) -> SshLogin {
        login(self.port)
    }

    /// A file below the host's root directory.
    pub fn path(&self, path: &str) -> PathBuf {
        self.directory
            .path()
            .join("root")
            .join(path.trim_start_matches('/'))
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn login(port: u16) -> SshLogin {
    let user = Command::new("id").arg("-un").output().unwrap().stdout;
    SshLogin {
        user: String::from_utf8(user).unwrap().trim().to_owned(),
        port,
        denied_grace: Duration::ZERO,
    }
}

/// A keyring that knows app-1 at loopback.
pub async fn keyring(secrets: &Secrets, login: SshLogin) -> Keyring {
    let access = Access {
        address: AddressKind::Private,
        operators: Vec::new(),
        key: SshKey::Generated,
        seed_key: None,
    };
    let keyring = Keyring::open_as("demo", &access, secrets, login)
        .await
        .unwrap();
    keyring.add(app(), LOOPBACK).unwrap();
    keyring
}

/// A bastion at 127.0.0.1 and app-1 behind it at 127.0.0.2, each with its own sshd, and a
/// keyring that knows the way. The bastion shows the key of the host that is named.
pub async fn behind_a_bastion(shown: &str) -> (Sshd, Sshd, Keyring) {
    let secrets = secrets(7);
    let bastion: HostName = "bastion-1".parse().unwrap();
    let port = free_port();
    let key = secrets.host_key(shown.parse().unwrap());
    let jump = Sshd::start_at("127.0.0.1", port, &key, &secrets.operator_key());
    let key = secrets.host_key(app());
    let sshd = Sshd::start_at("127.0.0.2", port, &key, &secrets.operator_key());
    let keyring = keyring(&secrets, login(port)).await;
    keyring.add(bastion, LOOPBACK).unwrap();
    keyring
        .add_behind(app(), [127, 0, 0, 2].into(), bastion)
        .unwrap();
    (jump, sshd, keyring)
}

/// An sshd with the right keys and a keyring that gets in.
pub async fn host() -> (Sshd, Keyring) {
    let secrets = secrets(7);
    let sshd = Sshd::start(&secrets.host_key(app()), &secrets.operator_key());
    let keyring = keyring(&secrets, sshd.login()).await;
    (sshd, keyring)
}

fn write(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
