//! One host's disk and processes: what both an instance and a database server
//! consist of. Knows no API.

use std::fs::{self, DirBuilder, Permissions};
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::cgroup;
use super::error::{Error, Result};
use super::keeper::{Keeper, dies_with_daemon};
use super::network;
use super::state::{DISK_DIR, RUN_DIR};

/// Puts a host into its groups and namespaces.
const BOOT: &str = include_str!("host/boot.sh");
/// Goes on inside them.
const PID1: &str = include_str!("host/pid1.sh");

/// The directory of the hosts' logs, inside the state directory.
pub(crate) const LOGS: &str = "hosts";

/// Writes the scripts that boot hosts.
///
/// # Errors
/// When the file system refuses.
pub(crate) fn install_scripts() -> Result<()> {
    for (name, text) in [("boot", BOOT), ("pid1", PID1)] {
        let path = Path::new(RUN_DIR).join(name);
        fs::write(&path, text).map_err(Error::io(format!("cannot write `{}`", path.display())))?;
    }
    let logs = Path::new(RUN_DIR).join(LOGS);
    fs::create_dir_all(&logs).map_err(Error::io(format!("cannot create `{}`", logs.display())))
}

/// The writable part of a host's root file system, over the image's layers.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    directory: PathBuf,
}

/// Who owns a file on a disk, as numbers of the image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner(pub u32);

/// The superuser.
pub(crate) const ROOT: Owner = Owner(0);
/// The default user of Debian's images.
pub(crate) const ADMIN: Owner = Owner(1000);

impl Disk {
    /// A host's disk; empty if it does not exist yet.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn open(guest: &str) -> Result<Self> {
        let directory = Path::new(DISK_DIR).join(guest);
        for part in ["upper", "work", "root"] {
            let path = directory.join(part);
            DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(&path)
                .map_err(Error::io(format!("cannot create `{}`", path.display())))?;
        }
        Ok(Self { directory })
    }

    /// Whether it has been written before.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.inner(path).exists()
    }

    /// Where a file of the host lies on this machine, if the host wrote it.
    pub(crate) fn inner(&self, path: &str) -> PathBuf {
        self.directory
            .join("upper")
            .join(path.trim_start_matches('/'))
    }

    /// Writes a file before the host boots. The path's directories must not be
    /// links in the image.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn write(&self, path: &str, content: &str, mode: u32, owner: Owner) -> Result<()> {
        let target = self.inner(path);
        let failed = || format!("cannot write `{}`", target.display());
        if let Some(parent) = target.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(parent)
                .map_err(Error::io(failed()))?;
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let mut file = std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode)
            .open(&target)
            .map_err(Error::io(failed()))?;
        file.write_all(content.as_bytes())
            .map_err(Error::io(failed()))?;
        file.set_permissions(Permissions::from_mode(mode))
            .map_err(Error::io(failed()))?;
        chown(&target, Some(owner.0), Some(owner.0)).map_err(Error::io(failed()))
    }

    /// Makes a directory, or corrects the mode and owner of one.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn directory(&self, path: &str, mode: u32, owner: Owner) -> Result<()> {
        let target = self.inner(path);
        let failed = || format!("cannot create `{}`", target.display());
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(&target)
            .map_err(Error::io(failed()))?;
        fs::set_permissions(&target, Permissions::from_mode(mode)).map_err(Error::io(failed()))?;
        chown(&target, Some(owner.0), Some(owner.0)).map_err(Error::io(failed()))
    }

    /// Throws the disk away. Absent is fine.
    pub(crate) fn destroy(&self) {
        remove_directory(&self.directory);
    }
}

/// Removes a directory and all in it. Absent is fine.
pub(crate) fn remove_directory(directory: &Path) {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(directory = %directory.display(), %error, "directory stays");
        }
        _ => {}
    }
}

/// What a host runs.
#[derive(Debug, Clone)]
pub(crate) struct Boot {
    /// The host's name in namespaces, groups and directories.
    pub guest: String,
    /// Its host name.
    pub hostname: String,
    /// The image's layers, topmost first.
    pub layers: Vec<PathBuf>,
    /// What process 1 becomes.
    pub init: String,
    /// What it reads on standard input; kept out of files and arguments.
    pub input: Option<String>,
}

/// Boots a host whose namespace and disk exist.
///
/// # Errors
/// When the kernel or the file system refuses.
pub(crate) fn boot(keeper: &Keeper, boot: &Boot) -> Result<Child> {
    let groups = cgroup::create(&boot.guest)?;
    let failed = |what: &str| format!("cannot {what} host `{}`", boot.guest);
    let log = fs::File::create(Path::new(RUN_DIR).join(LOGS).join(&boot.guest))
        .map_err(Error::io(failed("make the log of")))?;
    let log_too = log
        .try_clone()
        .map_err(Error::io(failed("make the log of")))?;
    let mut command = dies_with_daemon("/bin/sh");
    command
        .arg(Path::new(RUN_DIR).join("boot"))
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("NETNS", network::guest_netns(&boot.guest))
        .env("CGROUPS", join(&groups, " "))
        .env("PID1", Path::new(RUN_DIR).join("pid1"))
        .env("LAYERS", join(&boot.layers, ":"))
        .env("DISK", Path::new(DISK_DIR).join(&boot.guest))
        .env("NAME", &boot.hostname)
        .env("INIT", &boot.init)
        .stdin(if boot.input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(log)
        .stderr(log_too);
    let mut child = keeper.spawn(command).map_err(Error::io(failed("start")))?;
    if let (Some(input), Some(mut stdin)) = (&boot.input, child.stdin.take()) {
        // A host that ends before it has read all says why in its log.
        let _ = stdin.write_all(input.as_bytes());
    }
    Ok(child)
}

/// Powers a host off, as pulling its plug does. Its starter process ends once
/// every process of the host is gone.
pub(crate) fn power_off(starter: i32) {
    // Killing the namespace's own process 1 is what takes all others with it and
    // lets the starter report when they are gone.
    let children =
        fs::read_to_string(format!("/proc/{starter}/task/{starter}/children")).unwrap_or_default();
    let init = children
        .split_ascii_whitespace()
        .next()
        .and_then(|pid| pid.parse().ok());
    // The starter may be gone already; then so is the host.
    let _ = kill(Pid::from_raw(init.unwrap_or(starter)), Signal::SIGKILL);
}

/// Removes what a powered-off host leaves.
pub(crate) fn remove(guest: &str, disk: Option<&Disk>) {
    network::delete_netns(&network::guest_netns(guest));
    cgroup::remove(guest);
    if let Some(disk) = disk {
        disk.destroy();
    }
    let _ = fs::remove_file(Path::new(RUN_DIR).join(LOGS).join(guest));
}

/// The host name that AWS gives: from the private address.
pub(crate) fn aws_hostname(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("ip-{a}-{b}-{c}-{d}")
}

fn join(paths: &[PathBuf], separator: &str) -> String {
    paths
        .iter()
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(separator)
}
