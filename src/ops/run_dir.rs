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
        Self::create_at(name, path)
    }

    /// The directory of a run that another command started, perhaps on another machine.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn of_started(environment: &str, name: &str) -> Result<Self, RunDirError> {
        let path = root(environment)?.join(name);
        Self::create_at(name.to_owned(), path)
    }

    fn create_at(name: String, path: PathBuf) -> Result<Self, RunDirError> {
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
        let names: Vec<String> = Self::list(environment)?
            .into_iter()
            .filter(|run| run.report().is_file())
            .map(|run| run.name)
            .collect();
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

    /// The runs of an environment, the oldest first; none where it has no directory.
    ///
    /// # Errors
    /// When nothing says where runs are kept.
    pub fn list(environment: &str) -> Result<Vec<Self>, RunDirError> {
        let root = root(environment)?;
        let mut runs: Vec<Self> = directories(&root)
            .map(|name| Self {
                path: root.join(&name),
                name,
            })
            .collect();
        runs.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(runs)
    }

    /// Where the run's report is, if it came to one.
    #[must_use]
    pub fn report(&self) -> PathBuf {
        self.path.join("report.json")
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

/// The environments that have runs on this machine.
///
/// # Errors
/// When nothing says where runs are kept.
pub fn environments() -> Result<Vec<String>, RunDirError> {
    let mut names: Vec<String> = directories(&all()?).collect();
    names.sort();
    Ok(names)
}

fn directories(path: &Path) -> impl Iterator<Item = String> {
    // A directory that is not there has none.
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
}

fn root(environment: &str) -> Result<PathBuf, RunDirError> {
    Ok(all()?.join(environment))
}

fn all() -> Result<PathBuf, RunDirError> {
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
    Ok(state.join("loadrig/runs"))
}
