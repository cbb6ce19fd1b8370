//! The files of a storm on an agent host.
//!
//! | file | holds | written by |
//! |---|---|---|
//! | `storm.json` | which storm it is | `agent start` |
//! | `plan.json` | the agent's plan, with the accounts' password; gone when the storm is over | `agent start` |
//! | `lines.jsonl` | what the agent says, a line each | `agent work` |
//! | `checkpoint.json` | what came of the storm so far | `agent work` |
//! | `outcome.json` | what came of it | `agent work` |
//! | `control.sock` | where the worker listens | `agent work` |
//! | `worker.lock`, `start.lock` | nothing: who works, or starts a worker, holds a lock on it | |

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use loadrig_storm::{StormPlan, StormPosition, StormResult};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::StormAgentError;
use crate::diagnose::system_error;
use crate::loadtest::load_run::LoadRun;
use crate::loadtest::storm::wire::{
    STORM_ORDER_FORMAT, StatusStage, StormAnswer, StormGap, StormOutcome, StormStatus,
};
use crate::loadtest::wire::ServerInfo;

/// Where agent hosts keep it: root's alone, and there after a restart.
const DEFAULT: &str = "/var/lib/loadrig/storm";
/// Longer than a look at a lock takes.
const LOOKED_AT: Duration = Duration::from_secs(1);

/// The directory of an agent's storm.
#[derive(Clone, Debug)]
pub struct StormDirectory {
    path: PathBuf,
}

/// What came of a storm so far, over all times in which the agent worked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WorkCheckpoint {
    /// The figures; their end is the moment of the checkpoint.
    pub(super) result: StormResult,
    /// Where the plan goes on.
    pub(super) position: StormPosition,
    /// Times in which the agent did not work.
    pub(super) gaps: Vec<StormGap>,
    /// Which server answered before the storm.
    pub(super) server: ServerInfo,
}

impl WorkCheckpoint {
    /// Where the plan is, so many milliseconds after the start, if the agent has not worked since.
    pub(super) fn position_by(&self, plan: &StormPlan, at_ms: u64) -> StormPosition {
        let passed_ms = at_ms.saturating_sub(self.result.elapsed_ms);
        plan.position_after(&self.position, passed_ms)
    }

    /// Users who were to arrive until then, and whom nobody sent.
    pub(super) fn lost_by(&self, plan: &StormPlan, at_ms: u64) -> u64 {
        let due = u64::from(plan.arrived_by(&self.position_by(plan, at_ms)));
        due.saturating_sub(self.result.users.offered)
    }
}

impl Default for StormDirectory {
    fn default() -> Self {
        Self::new(DEFAULT)
    }
}

impl StormDirectory {
    /// The directory at a path.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What an operator is told who asks.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn answer(&self) -> Result<StormAnswer, StormAgentError> {
        Ok(StormAnswer {
            format: STORM_ORDER_FORMAT,
            now_ms: now_ms(),
            status: self.status()?,
        })
    }

    /// The storm that is here, and how far it is.
    pub(super) fn status(&self) -> Result<Option<StormStatus>, StormAgentError> {
        let Some(storm) = self.read::<LoadRun>("storm.json")? else {
            return Ok(None);
        };
        let works = self.is_locked("worker.lock")?;
        let stage = match self.outcome()? {
            Some(_) => StatusStage::Ended,
            None if !works => StatusStage::Interrupted,
            None if now_ms() < storm.start_ms => StatusStage::Waiting,
            None => StatusStage::Running,
        };
        Ok(Some(StormStatus { storm, stage }))
    }

    /// Creates it, for root alone.
    pub(super) fn create(&self) -> Result<(), StormAgentError> {
        let created = std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path);
        created.map_err(|source| self.failed("", source))
    }

    /// Removes what an earlier storm left.
    pub(super) fn clear(&self) -> Result<(), StormAgentError> {
        for name in [
            "storm.json",
            "plan.json",
            "lines.jsonl",
            "checkpoint.json",
            "outcome.json",
            "control.sock",
        ] {
            self.remove(name)?;
        }
        Ok(())
    }

    /// The lock on a file, held for as long as the value lives; `None` if somebody else has it.
    /// Those who only look at a lock have it for a moment, so it is tried for longer than that.
    pub(super) fn lock(&self, name: &str) -> Result<Option<File>, StormAgentError> {
        let file = self.lock_file(name)?;
        let since = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) if since.elapsed() < LOOKED_AT => {
                    std::thread::sleep(LOOKED_AT / 10);
                }
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(source)) => return Err(self.failed(name, source)),
            }
        }
    }

    /// Whether somebody has the lock. A shared one is asked for: two who look at the same time do
    /// not take each other for a worker.
    fn is_locked(&self, name: &str) -> Result<bool, StormAgentError> {
        match self.lock_file(name)?.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(source)) => Err(self.failed(name, source)),
        }
    }

    fn lock_file(&self, name: &str) -> Result<File, StormAgentError> {
        let mut options = OpenOptions::new();
        let options = options.create(true).truncate(false).write(true);
        options
            .mode(0o600)
            .open(self.path.join(name))
            .map_err(|source| self.failed(name, source))
    }

    pub(super) fn keep_order(
        &self,
        storm: &LoadRun,
        plan: &StormPlan,
    ) -> Result<(), StormAgentError> {
        self.write("plan.json", plan)?;
        self.write("storm.json", storm)
    }

    pub(super) fn storm(&self) -> Result<LoadRun, StormAgentError> {
        self.read("storm.json")?.ok_or(StormAgentError::NoStorm)
    }

    pub(super) fn plan(&self) -> Result<StormPlan, StormAgentError> {
        self.read("plan.json")?.ok_or(StormAgentError::NoStorm)
    }

    pub(super) fn checkpoint(&self) -> Result<Option<WorkCheckpoint>, StormAgentError> {
        self.read("checkpoint.json")
    }

    pub(super) fn keep_checkpoint(
        &self,
        checkpoint: &WorkCheckpoint,
    ) -> Result<(), StormAgentError> {
        self.write("checkpoint.json", checkpoint)
    }

    pub(super) fn outcome(&self) -> Result<Option<StormOutcome>, StormAgentError> {
        self.read("outcome.json")
    }

    /// Keeps what came of the storm. The password is not needed any more.
    pub(super) fn keep_outcome(&self, outcome: &StormOutcome) -> Result<(), StormAgentError> {
        self.write("outcome.json", outcome)?;
        self.remove("plan.json")?;
        self.remove("checkpoint.json")
    }

    pub(super) fn lines(&self) -> PathBuf {
        self.path.join("lines.jsonl")
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.path.join("control.sock")
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), StormAgentError> {
        match std::fs::remove_file(self.path.join(name)) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(self.failed(name, source))
            }
            _ => Ok(()),
        }
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StormAgentError> {
        let path = self.path.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|source| StormAgentError::Content { path, source }),
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.failed(name, source)),
        }
    }

    /// Writes a file of its owner's alone, whole or not at all.
    fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), StormAgentError> {
        let failed = |source| self.failed(name, source);
        let bytes = serde_json::to_vec(value).map_err(|source| StormAgentError::Content {
            path: self.path.join(name),
            source,
        })?;
        let mut file = tempfile::NamedTempFile::new_in(&self.path)
            .map_err(|error| failed(system_error(&error)))?;
        file.write_all(&bytes).map_err(failed)?;
        let kept = file.persist(self.path.join(name));
        kept.map(|_| ()).map_err(|error| failed(error.error))
    }

    pub(super) fn failed(&self, name: &str, source: std::io::Error) -> StormAgentError {
        StormAgentError::File {
            path: self.path.join(name),
            source,
        }
    }
}

/// This host's clock, milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)
}
