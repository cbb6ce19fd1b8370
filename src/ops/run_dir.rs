//! Run directories: what each command on an environment left for people to read.
//!
//! `$XDG_STATE_HOME/loadrig/runs/ENVIRONMENT/RUN/`, with `events.jsonl`, `plan.json`,
//! `report.json`, `report.html`. Nothing here is needed to recover or remove anything.

use std::path::{Path, PathBuf};

use crate::diagnose::ExitCode;

use crate::cli::failure::Failure;

/// The directory of one run.
#[derive(Clone, Debug)]
pub struct RunDir {
    /// The run's name: its start, UTC, and what it did.
    pub name: String,
    /// The directory.
    pub path: PathBuf,
}

impl RunDir {
    /// Makes the directory of a new run.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(environment: &str, operation: &str) -> Result<Self, Failure> {
        let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ");
        let name = format!("{stamp}-{operation}");
        let path = root(environment)?.join(&name);
        std::fs::create_dir_all(&path).map_err(|error| failed(&path, &error))?;
        Ok(Self { name, path })
    }

    /// A run of an environment: the named one, or the latest that has a report.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(environment: &str, name: Option<&str>) -> Result<Self, Failure> {
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
        match chosen {
            Some(chosen) => Ok(Self {
                name: chosen.clone(),
                path: root.join(chosen),
            }),
            None => Err(Failure::new(
                match name {
                    Some(name) => format!("`{environment}` has no run `{name}` with a report"),
                    None => format!("`{environment}` has no run with a report"),
                },
                if names.is_empty() {
                    format!("`loadrig test {environment} smoke` makes one")
                } else {
                    format!("there are: {}", names.join(", "))
                },
            )),
        }
    }

    /// Writes a file of the run in one step.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, file: &str, content: &str) -> Result<PathBuf, Failure> {
        let path = self.path.join(file);
        write(&path, content)?;
        Ok(path)
    }
}

/// Writes a file in one step: a reader sees the old or the new one, never half.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, content: &str) -> Result<(), Failure> {
    use std::io::Write as _;

    spare_yaml(path)?;
    // A link is written through, and what is no file at all (`/dev/null`, `/dev/stdout`, a pipe)
    // is written to: renaming a file over it would take its place.
    let whole = path.canonicalize();
    let path = whole.as_deref().unwrap_or(path);
    if path.metadata().is_ok_and(|stands| !stands.is_file()) {
        let told = std::fs::OpenOptions::new().write(true).open(path);
        let told = told.and_then(|mut file| file.write_all(content.as_bytes()));
        return told.map_err(|error| failed(path, &error));
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let save = || -> std::io::Result<()> {
        let mut builder = tempfile::Builder::new();
        // Reports are for showing around; temporary files are private by default.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
        let mut file = builder.tempfile_in(directory)?;
        file.write_all(content.as_bytes())?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    save().map_err(|error| failed(path, &error))
}

/// Refuses to write over a YAML file: an environment's is easily named by mistake.
///
/// # Errors
/// When the path is one.
pub fn spare_yaml(path: &Path) -> Result<(), Failure> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    if matches!(extension, Some("yaml" | "yml")) && path.exists() {
        return Err(Failure::new(
            format!(
                "`{}` exists and is YAML: it is not written over",
                path.display()
            ),
            "name another file",
        )
        .with_code(ExitCode::Usage));
    }
    Ok(())
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        format!("cannot write `{}`: {error}", path.display()),
        "make its directory writable, or write elsewhere; XDG_STATE_HOME says where runs are kept",
    )
}

fn root(environment: &str) -> Result<PathBuf, Failure> {
    let state = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::home_dir().map(|home| home.join(".local/state")))
        .ok_or_else(|| Failure::new("there is no home directory", "set XDG_STATE_HOME"))?;
    Ok(state.join("loadrig/runs").join(environment))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn links_and_pipes_are_written_to_and_stay() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("file"), "old").unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        write(&at("link"), "new").unwrap();
        assert!(at("link").is_symlink());
        assert_eq!(std::fs::read_to_string(at("file")).unwrap(), "new");

        let made = std::process::Command::new("mkfifo")
            .arg(at("pipe"))
            .status();
        assert!(made.unwrap().success());
        let pipe = at("pipe");
        let reader = std::thread::spawn(move || std::fs::read_to_string(pipe).unwrap());
        write(&at("pipe"), "through").unwrap();
        assert_eq!(reader.join().unwrap(), "through");
        assert!(!at("pipe").is_file());

        std::fs::write(at("rig.yaml"), "kept").unwrap();
        assert!(write(&at("rig.yaml"), "lost").is_err());
        assert_eq!(std::fs::read_to_string(at("rig.yaml")).unwrap(), "kept");
    }
}
