//! Starting, stopping and entering the local cloud, from the outside. Blocking
//! throughout and free of threads that stay, so that callers may enter its
//! namespace before they start a runtime.

use std::fs::{self, File, TryLockError};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};

use super::error::{Error, Result};
use super::image::{Layers, ReportProgress};
use super::leftovers::{MachineCheck, check_leftovers, find_leftovers, remove_leftovers};
use super::network::enter_netns;
use super::preflight::preflight;
use super::state::{CLOUD_NETNS, CloudFile, DaemonProcess, RUN_DIR, log_file, netns_path};

/// How long the daemon may take to answer. moto imports half of Python on the way.
const START: Duration = Duration::from_secs(90);

/// How long to wait for another start or stop.
const TURN: Duration = Duration::from_mins(2);

/// How to start the local cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartOptions {
    /// The one region that it answers for.
    pub region: String,
    /// Arguments that make this program run [`run_daemon`](super::run_daemon).
    pub daemon_arguments: Vec<String>,
}

impl Default for StartOptions {
    fn default() -> Self {
        Self {
            region: "us-east-1".into(),
            daemon_arguments: vec!["local".into(), "daemon".into()],
        }
    }
}

/// A local cloud that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// URL of its AWS endpoint, valid inside its namespace.
    pub endpoint: String,
    /// The region it answers for.
    pub region: String,
    /// Path of its network namespace, for `nsenter --net=`.
    pub netns: PathBuf,
    /// The address that hosts see the operator's connections come from.
    pub operator: std::net::Ipv4Addr,
    /// Whether it ran already.
    pub already: bool,
}

/// What [`status`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The cloud.
    pub running: Running,
    /// Process id of its daemon.
    pub daemon: i32,
    /// Hosts that exist (instances, databases and search domains).
    pub hosts: usize,
    /// The daemon's log file.
    pub log: PathBuf,
}

/// What [`stop`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopReport {
    /// Whether a cloud was running.
    pub was_running: bool,
    /// How many traces there were before.
    pub removed: usize,
    /// What was looked for afterwards, all with none found.
    pub checked: Vec<MachineCheck>,
}

/// Builds what the local cloud is made of, unless it is there.
///
/// # Errors
/// When this machine cannot run it or a build fails.
pub fn prepare(progress: &(dyn Fn(&str) + Sync)) -> Result<()> {
    preflight()?;
    Layers::locate()?.build(progress)
}

/// Starts the local cloud, or finds that it runs.
///
/// # Errors
/// When this machine cannot run it, a build fails, or it does not come up.
pub fn start(options: &StartOptions, progress: ReportProgress<'_>) -> Result<Running> {
    prepare(progress)?;
    let _turn = turn()?;
    if let Some(file) = CloudFile::of_running() {
        return Ok(running(file, true));
    }
    if !find_leftovers()?.is_empty() {
        progress("clearing what an earlier local cloud left");
        remove_leftovers(false)?;
    }
    fs::create_dir_all(RUN_DIR).map_err(Error::io(format!("cannot create `{RUN_DIR}`")))?;
    let log = log_file();
    let output =
        File::create(&log).map_err(Error::io(format!("cannot create `{}`", log.display())))?;
    let output_too = output
        .try_clone()
        .map_err(Error::io("cannot share the daemon's log"))?;
    let program =
        std::env::current_exe().map_err(Error::io("cannot find this program's own file"))?;
    progress("starting the local cloud");
    let mut daemon = Command::new(program)
        .args(&options.daemon_arguments)
        .args(["--region", &options.region])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(output_too)
        .spawn()
        .map_err(Error::io("cannot start the local cloud's daemon"))?;
    let deadline = Instant::now() + START;
    loop {
        if let Some(file) = CloudFile::of_running() {
            return Ok(running(file, false));
        }
        let ended = daemon
            .try_wait()
            .map_err(Error::io("cannot watch the local cloud's daemon"))?;
        let reason = match ended {
            Some(status) => format!("its daemon ended with {status}: {}", last_line(&log)),
            None if Instant::now() > deadline => {
                format!("it does not answer after {} s", START.as_secs())
            }
            None => {
                thread::sleep(Duration::from_millis(20));
                continue;
            }
        };
        return Err(Error::NotStarted { reason, log });
    }
}

/// Stops the local cloud and removes all of it, running or crashed, then looks
/// whether anything is left.
///
/// # Errors
/// When something would not go.
pub fn stop(progress: ReportProgress<'_>) -> Result<StopReport> {
    preflight()?;
    let _turn = turn()?;
    let was_running = CloudFile::of_running().is_some();
    let removed = find_leftovers()?.len();
    if removed > 0 {
        progress("stopping the local cloud");
        remove_leftovers(false)?;
    }
    Ok(StopReport {
        was_running,
        removed,
        checked: check_leftovers()?,
    })
}

/// The local cloud that runs, if one does.
#[must_use]
pub fn status() -> Option<Status> {
    let file = CloudFile::of_running()?;
    let daemon = file.daemon.pid;
    let hosts = fs::read_dir(Path::new(RUN_DIR).join("names"))
        .map_or(0, |entries| entries.flatten().count());
    Some(Status {
        running: running(file, true),
        daemon,
        hosts,
        log: log_file(),
    })
}

/// This thread is inside the cloud's namespace until this is dropped.
#[derive(Debug)]
#[must_use = "dropping this leaves the namespace again"]
pub struct Entered {
    home: File,
}

/// Moves the calling thread, and all threads that it starts from then on, into
/// the cloud's network namespace. Call it before a runtime is made.
///
/// # Errors
/// When the namespace is gone or the kernel refuses.
pub fn enter(running: &Running) -> Result<Entered> {
    let home = File::open("/proc/thread-self/ns/net")
        .map_err(Error::io("cannot open this thread's own namespace"))?;
    enter_netns(&running.netns)?;
    Ok(Entered { home })
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Err(error) = setns(self.home.as_fd(), CloneFlags::CLONE_NEWNET) {
            tracing::warn!(%error, "this thread stays in the local cloud's namespace");
        }
    }
}

/// One start or stop at a time on this machine. The lock is on a directory that
/// every machine has, so that no lock file is left over.
fn turn() -> Result<File> {
    let directory = File::open("/run").map_err(Error::io("cannot open `/run`"))?;
    let deadline = Instant::now() + TURN;
    loop {
        match directory.try_lock() {
            Ok(()) => return Ok(directory),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(50));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Unable {
                    reason: format!(
                        "another start or stop has been at it for more than {} s",
                        TURN.as_secs()
                    ),
                    hint: "wait for it to end, or end it, and try again".into(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("cannot lock `/run`")(error)),
        }
    }
}

fn running(file: CloudFile, already: bool) -> Running {
    Running {
        endpoint: file.endpoint,
        region: file.region,
        netns: netns_path(CLOUD_NETNS),
        operator: super::state::OPERATOR,
        already,
    }
}

/// Where the daemon says why it ended.
fn last_line(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("no message")
        .to_owned()
}

/// The process that runs now, for the cloud's file.
pub(crate) fn own_process() -> Option<DaemonProcess> {
    DaemonProcess::of(i32::try_from(std::process::id()).ok()?)
}
