//! Who may be trusted and who we are: everything that SSH needs to know of an environment.
//!
//! Host keys are known before the first connection, since they derive from the
//! environment's seed. The generated operator key is held by an ssh-agent of our own and
//! never touches a file. All else lives in a private directory that goes with the keyring.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::Permissions;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use crate::identity::Secrets;
use crate::spec::{Access, HostName, SshKey, read_limited};

use super::agent::{PrivateAgent, first_agent_key};
use super::error::HostError;
use super::session::Warnings;

/// As whom and where to log in.
#[derive(Clone, Debug)]
pub struct SshLogin {
    /// User; Debian's images have `admin`.
    pub user: String,
    /// Port of sshd.
    pub port: u16,
    /// How long a refused key is tried again: images differ in whether sshd may answer
    /// before the operator's key is in place.
    pub denied_grace: Duration,
}

impl Default for SshLogin {
    fn default() -> Self {
        Self {
            user: "admin".to_owned(),
            port: 22,
            denied_grace: Duration::from_secs(15),
        }
    }
}

/// A connection through a bastion that nobody uses ends after this many seconds.
const IDLE_SECONDS: u32 = 60;
/// Larger than any public key, bytes.
const LARGEST_KEY: u64 = 1 << 20;

/// The keys of an environment, and where its hosts are.
#[derive(Debug)]
pub struct Keyring {
    environment: String,
    login: SshLogin,
    secrets: Secrets,
    identity: SshIdentity,
    addresses: Mutex<BTreeMap<HostName, IpAddr>>,
    bastions: Mutex<BTreeMap<HostName, HostName>>,
    warnings: Warnings,
    // Fields drop in this order: the agent's socket lies in the directory.
    _agent: Option<PrivateAgent>,
    directory: TempDir,
}

/// What `ssh_config` says of the operator's key.
#[derive(Debug)]
struct SshIdentity {
    file: PathBuf,
    agent: Option<PathBuf>,
}

impl Keyring {
    /// Makes the operator's key usable.
    ///
    /// # Errors
    /// When the key cannot be found or loaded.
    pub async fn open(
        environment: &str,
        access: &Access,
        secrets: &Secrets,
        hosts: &[(HostName, IpAddr)],
    ) -> Result<Self, HostError> {
        let keyring = Self::open_as(environment, access, secrets, SshLogin::default()).await?;
        for (host, address) in hosts {
            keyring.add(*host, *address)?;
        }
        Ok(keyring)
    }

    /// The same with another login, and no hosts yet.
    ///
    /// # Errors
    /// When the key cannot be found or loaded.
    pub async fn open_as(
        environment: &str,
        access: &Access,
        secrets: &Secrets,
        login: SshLogin,
    ) -> Result<Self, HostError> {
        let directory = private_directory()?;
        let public = directory.path().join("operator.pub");
        let mut agent = None;
        let identity = match &access.key {
            SshKey::Generated => {
                let socket = directory.path().join("agent");
                agent = Some(PrivateAgent::start(&socket, &secrets.operator_key()).await?);
                write(&public, &operator_public_key(&access.key, secrets).await?)?;
                SshIdentity {
                    file: public,
                    agent: Some(socket),
                }
            }
            SshKey::Agent => {
                write(&public, &operator_public_key(&access.key, secrets).await?)?;
                SshIdentity {
                    file: public,
                    agent: None,
                }
            }
            SshKey::File(path) => SshIdentity {
                file: usable_key_file(path),
                agent: None,
            },
        };
        Ok(Self {
            environment: environment.to_owned(),
            login,
            secrets: secrets.clone(),
            identity,
            addresses: Mutex::default(),
            bastions: Mutex::default(),
            warnings: Warnings::default(),
            _agent: agent,
            directory,
        })
    }

    /// Says where a host is. Telling it again with another address moves the host.
    ///
    /// # Errors
    /// When its files cannot be written.
    pub fn add(&self, host: HostName, address: IpAddr) -> Result<(), HostError> {
        self.introduce(host, address, &self.ssh_config(host, address, &[]))
    }

    /// Says where a host is that is reached through another: at an address that only the
    /// bastion can reach. The bastion's key is checked like any host's, and all connections
    /// through it share one of their own.
    ///
    /// # Errors
    /// When the keyring was not told where the bastion is, or its files cannot be written.
    pub fn add_behind(
        &self,
        host: HostName,
        address: IpAddr,
        bastion: HostName,
    ) -> Result<(), HostError> {
        let at = self.address(bastion)?;
        let shared = quoted(&self.directory().join("jump"));
        let persist = IDLE_SECONDS.to_string();
        let sharing = [
            ("ControlMaster", "auto"),
            ("ControlPath", shared.as_str()),
            ("ControlPersist", persist.as_str()),
        ];
        write(&self.jump_config(), &self.ssh_config(bastion, at, &sharing))?;
        let log = format!("-E {}", quoted(&self.jump_log(host)));
        let through = self.through(bastion, &log);
        let config = self.ssh_config(host, address, &[("ProxyCommand", &through)]);
        self.introduce(host, address, &config)?;
        lock(&self.bastions).insert(host, bastion);
        Ok(())
    }

    /// What SSH's `ProxyJump` would run, with a log of its own: the connection to the host itself
    /// only reports that it ended.
    fn through(&self, bastion: HostName, log: &str) -> String {
        let config = quoted(&self.jump_config());
        format!("ssh -F {config} {log} -W %h:%p {bastion}")
    }

    /// Removes what an earlier connection to a host logged about its bastion.
    pub(super) fn clear_jump_log(&self, host: HostName) {
        // Most hosts have no bastion.
        let _ = std::fs::remove_file(self.jump_log(host));
    }

    /// What the connection to a host's bastion logged, and the bastion.
    pub(super) fn bastion_log(&self, host: HostName) -> Option<(HostName, String)> {
        let bastion = lock(&self.bastions).get(&host).copied()?;
        let text = std::fs::read_to_string(self.jump_log(host)).ok()?;
        (!text.trim().is_empty()).then_some((bastion, text))
    }

    fn jump_config(&self) -> PathBuf {
        self.directory().join("jump.conf")
    }

    fn jump_log(&self, host: HostName) -> PathBuf {
        self.directory().join(format!("{host}.jump"))
    }

    fn introduce(&self, host: HostName, address: IpAddr, config: &str) -> Result<(), HostError> {
        let alias = self.alias(host);
        let key = self.secrets.host_key(host);
        let key = key
            .public_key()
            .to_openssh()
            .map_err(|error| HostError::OperatorKey {
                detail: error.to_string(),
            })?;
        write(&self.known_hosts(host), &format!("{alias} {key}\n"))?;
        write(&self.config(host), config)?;
        lock(&self.addresses).insert(host, address);
        Ok(())
    }

    /// Where a host is.
    ///
    /// # Errors
    /// When the keyring was not told.
    pub fn address(&self, host: HostName) -> Result<IpAddr, HostError> {
        lock(&self.addresses)
            .get(&host)
            .copied()
            .ok_or(HostError::NoAddress { host })
    }

    /// An `ssh` to a host, for a person at a terminal: add options, a command, run it. As
    /// strict about keys as everything else here. The keyring has to outlive it.
    ///
    /// # Errors
    /// When the keyring was not told where the host is.
    pub fn ssh_command(&self, host: HostName) -> Result<std::process::Command, HostError> {
        self.address(host)?;
        let mut command = std::process::Command::new("ssh");
        command
            .arg("-F")
            .arg(self.config(host))
            .arg("-S")
            .arg("none");
        if let Some(bastion) = lock(&self.bastions).get(&host) {
            // A person wants to see what is said on the way.
            let through = self.through(*bastion, "");
            command.arg("-o").arg(format!("ProxyCommand={through}"));
        }
        command.arg(host.to_string());
        Ok(command)
    }

    /// The environment's name.
    #[must_use]
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// Warnings that hosts of the rig have reported so far.
    pub(super) fn warnings(&self) -> Warnings {
        Warnings::clone(&self.warnings)
    }

    /// As whom and where we log in.
    pub(super) fn login(&self) -> &SshLogin {
        &self.login
    }

    /// The file that `ssh -F` takes for a host.
    pub(super) fn config(&self, host: HostName) -> PathBuf {
        self.directory.path().join(format!("{host}.conf"))
    }

    /// Where control sockets go.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    fn known_hosts(&self, host: HostName) -> PathBuf {
        self.directory.path().join(format!("{host}.known"))
    }

    /// Host keys are looked up by this name and not by address: addresses are used again.
    fn alias(&self, host: HostName) -> String {
        format!("{}-{host}", self.environment)
    }

    fn ssh_config(&self, host: HostName, address: IpAddr, more: &[(&str, &str)]) -> String {
        let mut text = String::new();
        let mut line = |key: &str, value: &str| {
            let _ = writeln!(text, "    {key} {value}");
        };
        line("HostName", &address.to_string());
        line("Port", &self.login.port.to_string());
        line("User", &self.login.user);
        line("HostKeyAlias", &self.alias(host));
        line("UserKnownHostsFile", &quoted(&self.known_hosts(host)));
        line("GlobalKnownHostsFile", "/dev/null");
        line("StrictHostKeyChecking", "yes");
        line("UpdateHostKeys", "no");
        line("CheckHostIP", "no");
        line("HostKeyAlgorithms", "ssh-ed25519");
        line("IdentitiesOnly", "yes");
        line("IdentityFile", &quoted(&self.identity.file));
        if let Some(agent) = &self.identity.agent {
            line("IdentityAgent", &quoted(agent));
        }
        line("PreferredAuthentications", "publickey");
        line("ForwardAgent", "no");
        line("ConnectTimeout", "5");
        line("ServerAliveInterval", "10");
        line("ServerAliveCountMax", "3");
        line("ExitOnForwardFailure", "yes");
        line("StreamLocalBindUnlink", "yes");
        line("LogLevel", "ERROR");
        for (key, value) in more {
            line(key, value);
        }
        format!("Host {host}\n{text}")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The operator's public key in OpenSSH's format, as it is imported into the cloud.
///
/// # Errors
/// When there is no such key.
pub async fn operator_public_key(key: &SshKey, secrets: &Secrets) -> Result<String, HostError> {
    let unusable = |detail: String| HostError::OperatorKey { detail };
    match key {
        SshKey::Generated => secrets
            .operator_key()
            .public_key()
            .to_openssh()
            .map_err(|error| unusable(error.to_string())),
        SshKey::Agent => first_agent_key().await,
        SshKey::File(path) => public_key_file(path),
    }
}

/// The public key of a file, in OpenSSH's format.
///
/// # Errors
/// When the file cannot be read or holds something else, such as the private key.
pub fn public_key_file(path: &Path) -> Result<String, HostError> {
    let unusable = |detail: String| HostError::OperatorKey { detail };
    let path = with_home(path);
    let bytes = read_limited(&path, LARGEST_KEY)
        .map_err(|error| unusable(format!("`{}`: {error}", path.display())))?;
    let text = String::from_utf8_lossy(&bytes);
    if text.contains("PRIVATE KEY-----") {
        return Err(unusable(format!(
            "`{}` is a private key; name the public key, which ends in `.pub`",
            path.display()
        )));
    }
    let key = ssh_key::PublicKey::from_openssh(text.trim()).map_err(|_| {
        unusable(format!(
            "`{}` is not a public key of OpenSSH",
            path.display()
        ))
    })?;
    key.to_openssh()
        .map_err(|error| unusable(error.to_string()))
}

/// The private key beside a public one, or the public key, whose other half the user's
/// agent then has to hold.
fn usable_key_file(public: &Path) -> PathBuf {
    let public = with_home(public);
    let private = public.with_extension("");
    if public.extension().is_some_and(|e| e == "pub") && private.exists() {
        private
    } else {
        public
    }
}

/// `~/` stands for the user's home, as shells have it.
fn with_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

/// A directory that only we may enter, removed on drop.
///
/// Names of unix sockets may have about a hundred characters, and OpenSSH adds some: a
/// long `TMPDIR`, as on macOS, is avoided.
fn private_directory() -> Result<TempDir, HostError> {
    let parent = std::env::temp_dir();
    let parent = if parent.as_os_str().len() > 32 {
        PathBuf::from("/tmp")
    } else {
        parent
    };
    tempfile::Builder::new()
        .prefix("loadrig-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(&parent)
        .map_err(|source| HostError::Workspace {
            path: parent,
            source,
        })
}

fn write(path: &Path, text: &str) -> Result<(), HostError> {
    std::fs::write(path, text).map_err(|source| HostError::Workspace {
        path: path.to_owned(),
        source,
    })
}

/// A path as `ssh_config` takes it.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_may_enter_the_directory_of_keys() {
        let directory = private_directory().unwrap();
        let mode = std::fs::metadata(directory.path())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
