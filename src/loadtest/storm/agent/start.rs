//! Takes an order and starts the worker that carries it out, away from the connection that
//! brought it.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::control::is_listening;
use super::directory::{StormDirectory, now_ms};
use super::error::StormAgentError;
use super::open_files::{self, FileLimit};
use crate::loadtest::storm::wire::{STORM_ORDER_FORMAT, StatusStage, StormOrder, StormStatus};

/// An order is smaller than this many bytes: most of it is the authority to trust.
const LONGEST_ORDER: u64 = 4 << 20;
/// How long a worker may take to listen.
const START: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(20);
/// So long after its latest end a storm without a worker keeps no other from starting, ms.
const FORGOTTEN_MS: u64 = 60_000;
/// The unit of the worker: one for each host.
const UNIT: &str = "loadrig-storm";
/// Sockets and files of a worker: three for each of 300,000 users.
const OPEN_FILES: u32 = 1_000_000;

/// Starts workers that outlive whoever starts them.
pub trait WorkerStarter {
    /// Starts `loadrig agent work` on the directory.
    ///
    /// # Errors
    /// Why it cannot be started.
    fn start_worker(&self, directory: &Path) -> Result<(), String>;

    /// How many files and sockets a worker may have open; none if that is not known.
    fn open_files(&self) -> Option<u64>;
}

/// A transient unit of systemd, which starts the worker again when it fails.
#[derive(Clone, Copy, Debug)]
pub struct WorkerUnit;

/// A process by itself: nobody starts it again.
#[derive(Clone, Copy, Debug)]
pub struct BareWorker;

impl WorkerStarter for WorkerUnit {
    fn start_worker(&self, directory: &Path) -> Result<(), String> {
        let mut command = Command::new("systemd-run");
        command
            .args(["--quiet", "--collect", "--no-block"])
            .arg(format!("--unit={UNIT}"))
            .arg("--description=loadrig: a storm's clients")
            .args(["-p", "Restart=on-failure", "-p", "RestartSec=1"])
            // A worker that cannot work is not started for ever.
            .args([
                "-p",
                "StartLimitIntervalSec=600",
                "-p",
                "StartLimitBurst=20",
            ])
            .arg("-p")
            .arg(format!("LimitNOFILE={OPEN_FILES}"))
            // Other programs of the host must not make its timers late.
            .args(["-p", "Nice=-5"])
            .arg(own_program()?)
            .args(["agent", "work", "--directory"])
            .arg(directory);
        let output = command
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("systemd-run: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("systemd-run: {}", said.trim()))
    }

    /// A container's systemd cannot raise its own limit.
    fn open_files(&self) -> Option<u64> {
        let most = open_files::limit("1", FileLimit::Hard)?;
        Some(most.min(u64::from(OPEN_FILES)))
    }
}

impl WorkerStarter for BareWorker {
    fn start_worker(&self, directory: &Path) -> Result<(), String> {
        use std::os::unix::process::CommandExt as _;

        Command::new(own_program()?)
            .args(["agent", "work", "--directory"])
            .arg(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What ends the one who starts it does not end it.
            .process_group(0)
            .spawn()
            .map(|_| ())
            .map_err(|error| error.to_string())
    }

    fn open_files(&self) -> Option<u64> {
        open_files::limit("self", FileLimit::Soft)
    }
}

fn own_program() -> Result<std::path::PathBuf, String> {
    std::env::current_exe().map_err(|error| format!("this program's own file: {error}"))
}

/// Reads an order, keeps it, and starts a worker. Returns as soon as that listens.
///
/// # Errors
/// When the order cannot be carried out, another storm is there, or the worker does not start.
pub fn start(
    directory: &StormDirectory,
    input: impl Read,
    starter: &dyn WorkerStarter,
) -> Result<(), StormAgentError> {
    let order = read_order(input)?;
    directory.create()?;
    let busy = |status: StormStatus, state| StormAgentError::Busy {
        run: status.storm.run,
        environment: status.storm.environment,
        state,
    };
    let Some(_starting) = directory.lock("start.lock")? else {
        return Err(StormAgentError::Start(
            "another storm is being started".into(),
        ));
    };
    if let Some(status) = directory.status()? {
        let forgotten = status.storm.latest_end_ms().saturating_add(FORGOTTEN_MS) < now_ms();
        match status.stage {
            StatusStage::Ended => {}
            StatusStage::Waiting => return Err(busy(status, "is about to start")),
            StatusStage::Running => return Err(busy(status, "goes on")),
            StatusStage::Interrupted if forgotten => {}
            StatusStage::Interrupted => return Err(busy(status, "was interrupted")),
        }
    }
    let late_ms = now_ms().saturating_sub(order.storm.start_ms);
    if late_ms > 0 {
        return Err(StormAgentError::Late { late_ms });
    }
    open_files::check(&order.plan, starter.open_files())?;
    directory.clear()?;
    directory.keep_order(&order.storm, &order.plan)?;
    let started = starter
        .start_worker(directory.path())
        .and_then(|()| await_worker(directory));
    started.map_err(|reason| match directory.clear() {
        Ok(()) => StormAgentError::Start(reason),
        Err(error) => error,
    })
}

fn read_order(input: impl Read) -> Result<StormOrder, StormAgentError> {
    let mut text = Vec::new();
    let mut input = input.take(LONGEST_ORDER);
    input
        .read_to_end(&mut text)
        .map_err(StormAgentError::Input)?;
    let order: StormOrder = serde_json::from_slice(&text).map_err(StormAgentError::Order)?;
    if order.format != STORM_ORDER_FORMAT {
        let theirs = order.format;
        return Err(StormAgentError::OrderFormat { theirs });
    }
    order.plan.check()?;
    Ok(order)
}

fn await_worker(directory: &StormDirectory) -> Result<(), String> {
    let since = Instant::now();
    while !is_listening(directory) {
        if since.elapsed() > START {
            let seconds = START.as_secs();
            return Err(format!(
                "it did not listen within {seconds} s; `journalctl -u {UNIT}` may say why"
            ));
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}
