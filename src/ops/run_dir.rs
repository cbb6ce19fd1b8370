//! Run directories: what each command on an environment left for people to read.
//!
//! `$XDG_STATE_HOME/loadrig/runs/ENVIRONMENT/RUN/`, with `events.jsonl`, `plan.json`,
//! `report.json`, `report.html`. Nothing here is needed to recover or remove anything.

use std::path::{Path, PathBuf};

use super::files::write;
use crate::ops::error::{FileError, RunDirError};

/// The directory of one run.
#[derive(Clone, Debug)]
pub struct RunDir {
    /// The run's name: its start, UTC, and what it did.
    pub name: String,
    /// The directory.
    pub path: PathBuf,
}

impl RunDir {
    /// Creates the directory of a new run.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn create(environment: &str, operation: &str) -> Result<Self, RunDirError> {
        let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ");
        let name = format!("{stamp}-{operation}");
        let path = root(environment)?.join(&name);
        std::fs::create_dir_all(&path).map_err(|source| RunDirError::Create {
            path: path.clone(),
            source,
        })?;
        Ok(Self { name, path })
    }

    /// A run of an environment: the named one, or the latest that has a report.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(environment: &str, name: Option<&str>) -> Result<Self, RunDirError> {
        let root = root(environment)?;
        let mut names: Vec<String> = match std::fs::read_dir(&root) {
            Ok(entries) => entries
                .flatten()
                .filter(|entry| entry.path().join("report.json").is_file())
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect(),
            Err(_) => Vec::new(),
        };
        names.sort();
        let chosen = match name {
            Some(name) => names.iter().find(|known| *known == name),
            None => names.last(),
        };
        match (chosen, name) {
            (Some(chosen), _) => Ok(Self {
                name: chosen.clone(),
                path: root.join(chosen),
            }),
            (None, Some(run)) => Err(RunDirError::NoSuchRun {
                environment: environment.to_owned(),
                run: run.to_owned(),
                known: names,
            }),
            (None, None) => Err(RunDirError::NoRun(environment.to_owned())),
        }
    }

    /// Writes a file of the run; answers with its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, file: &str, content: &str) -> Result<PathBuf, FileError> {
        let path = self.path.join(file);
        write(&path, content)?;
        Ok(path)
    }
}

fn root(environment: &str) -> Result<PathBuf, RunDirError> {
    let absolute = |path: &PathBuf| path.is_absolute();
    let state = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(absolute)
        .or_else(|| {
            std::env::home_dir()
                .filter(absolute)
                .map(|home| home.join(Path::new(".local/state")))
        })
        .ok_or(RunDirError::NoHome)?;
    Ok(state.join("loadrig/runs").join(environment))
}
