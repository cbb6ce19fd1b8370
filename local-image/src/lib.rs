//! What the local cloud is built from: the Python environment with moto and the
//! search server, the hosts' base image, the layer of databases and caches. Built once, kept
//! in the user's cache under the digest of their recipe, and marked when complete,
//! so that an interrupted build leaves nothing that looks finished.
//!
//! A crate of its own, with one dependency, so that it builds in seconds: its program
//! builds these parts while the compiler works on loadrig.

use std::env;
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// What Python installs, pinned.
const PYTHON_PACKAGES: [&str; 2] = ["moto[server]==5.2.5", "osmem-server==0.1.6"];
/// What the base image holds.
const BASE_PACKAGES: &str = "openssh-server,iproute2,nftables,systemd,systemd-sysv,dbus,ca-certificates,sudo,\
    iputils-ping,curl,procps,libpam-systemd";
/// What hosts may install: the image carries these archives and what they need.
const ARCHIVES: &str = "nginx certbot prometheus prometheus-node-exporter postgresql-client haproxy jq rsync \
    unattended-upgrades unzip zstd";
/// What the layer of databases and caches adds.
const SERVICE_PACKAGES: &str = "postgresql-15 redis-server";
/// How long another builder may take.
const BUILD: Duration = Duration::from_mins(30);
const BASE_RECIPE: &str = include_str!("base.sh");
const SERVICES_RECIPE: &str = include_str!("services.sh");

/// Why a part cannot be built. Without a derive: it would bring a parser of Rust in, which
/// takes longer to build than all of this.
#[derive(Debug)]
pub enum BuildError {
    /// Neither `HOME` nor `XDG_CACHE_HOME` is set.
    NoHome,
    /// A file or directory operation failed.
    Io {
        /// What was attempted, with the path.
        what: String,
        /// The system's error.
        source: io::Error,
    },
    /// A program that builds a part failed.
    Builder {
        /// The program's name.
        program: String,
        /// Its exit status and the end of what it said.
        outcome: String,
    },
    /// Another build of the same parts does not end.
    Busy {
        /// Where.
        directory: PathBuf,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHome => f.write_str("neither `HOME` nor `XDG_CACHE_HOME` is set"),
            Self::Io { what, .. } => f.write_str(what),
            Self::Builder { program, outcome } => {
                write!(
                    f,
                    "cannot build a part of the local cloud: `{program}` {outcome}"
                )
            }
            Self::Busy { directory } => {
                write!(f, "another build in `{}` does not end", directory.display())
            }
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl BuildError {
    /// Shorthand for [`BuildError::Io`], for `map_err`.
    fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

type Result<T, E = BuildError> = std::result::Result<T, E>;

/// Called with a line of progress.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);

/// Where the parts lie.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The Python environment.
    pub python: PathBuf,
    /// Debian as hosts have it.
    pub base: PathBuf,
    /// What the hosts of databases and caches have on top, in `upper`.
    pub services: PathBuf,
}

impl Parts {
    /// Where the parts belong on this machine, built or not.
    ///
    /// # Errors
    /// When there is no home directory.
    pub fn locate() -> Result<Self> {
        let cache = env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
            .ok_or(BuildError::NoHome)?
            .join("loadrig");
        let base = digest(&[BASE_RECIPE, BASE_PACKAGES, ARCHIVES]);
        let services = digest(&[SERVICES_RECIPE, SERVICE_PACKAGES, &base]);
        Ok(Self {
            python: cache.join(format!("venv-{}", digest(&PYTHON_PACKAGES))),
            base: cache.join("local").join(format!("base-{base}")),
            services: cache.join("local").join(format!("services-{services}")),
        })
    }

    /// Builds what is missing. The three take minutes on a fresh machine and
    /// nothing afterwards.
    ///
    /// # Errors
    /// When a build fails; its partial result is removed at the next try.
    pub fn build(&self, progress: Progress<'_>) -> Result<()> {
        let parts = [&self.python, &self.base, &self.services];
        if parts.iter().all(|part| complete(part)) {
            return Ok(());
        }
        let _turn = self.turn(progress)?;
        // The Python environment waits for one server, the image for another.
        let (python, image) = std::thread::scope(|scope| {
            let python = scope.spawn(|| self.build_python(progress));
            let image = self
                .build_base(progress)
                .and_then(|()| self.build_services(progress));
            (python.join(), image)
        });
        image?;
        python.unwrap_or_else(|_| {
            Err(BuildError::Builder {
                program: "python3".into(),
                outcome: "was given up".into(),
            })
        })
    }

    /// One builder at a time: a second one would remove what the first one makes.
    fn turn(&self, progress: Progress<'_>) -> Result<File> {
        let directory = self.base.parent().unwrap_or(&self.base);
        let failed = || format!("cannot lock `{}`", directory.display());
        fs::create_dir_all(directory).map_err(BuildError::io(failed()))?;
        let lock = File::open(directory).map_err(BuildError::io(failed()))?;
        let deadline = Instant::now() + BUILD;
        let mut told = false;
        while let Err(error) = lock.try_lock() {
            match error {
                TryLockError::Error(error) => return Err(BuildError::io(failed())(error)),
                TryLockError::WouldBlock if Instant::now() > deadline => {
                    return Err(BuildError::Busy {
                        directory: directory.to_path_buf(),
                    });
                }
                TryLockError::WouldBlock => {}
            }
            if !told {
                progress("waiting for another build of the same parts");
                told = true;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(lock)
    }

    fn build_python(&self, progress: Progress<'_>) -> Result<()> {
        place(
            &self.python,
            "Python environment with moto and the search server",
            progress,
            |_| {
                // A Python environment knows its own path: built in place, marked when done.
                let pip = self.python.join("bin/pip");
                stream(
                    Command::new("/usr/bin/python3")
                        .args(["-m", "venv"])
                        .arg(&self.python),
                    progress,
                )?;
                stream(
                    Command::new(pip)
                        .args(["install", "--quiet", "--disable-pip-version-check"])
                        .args(PYTHON_PACKAGES),
                    progress,
                )
            },
        )
    }

    fn build_base(&self, progress: Progress<'_>) -> Result<()> {
        place(
            &self.base,
            "base image of the hosts (Debian 12)",
            progress,
            |directory| {
                let mut command = Command::new("/bin/sh");
                command
                    .args(["-c", BASE_RECIPE, "base-image"])
                    .arg(directory)
                    .args([BASE_PACKAGES, ARCHIVES]);
                stream(&mut command, progress)
            },
        )
    }

    fn build_services(&self, progress: Progress<'_>) -> Result<()> {
        place(
            &self.services,
            "image of databases and caches (PostgreSQL 15, Redis 7)",
            progress,
            |directory| {
                let mut command = Command::new("unshare");
                command
                    .args([
                        "--mount",
                        "--propagation",
                        "private",
                        "/bin/sh",
                        "-c",
                        SERVICES_RECIPE,
                        "services-image",
                    ])
                    .arg(&self.base)
                    .arg(directory)
                    .arg(SERVICE_PACKAGES);
                stream(&mut command, progress)
            },
        )
    }

    /// The API emulator's program.
    #[must_use]
    pub fn emulator(&self) -> PathBuf {
        self.python.join("bin/moto_server")
    }
}

/// Builds a directory unless it is complete.
fn place(
    target: &Path,
    what: &str,
    progress: Progress<'_>,
    build: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    if complete(target) {
        return Ok(());
    }
    let failed = |verb: &str| format!("cannot {verb} `{}`", target.display());
    // The mark goes first: it must never stand beside a part that is being built.
    let _ = fs::remove_file(mark(target));
    match fs::remove_dir_all(target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(BuildError::io(failed("remove"))(error));
        }
        _ => {}
    }
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).map_err(BuildError::io(failed("make the parent of")))?;
    }
    progress(&format!("building the {what} in `{}`", target.display()));
    let started = Instant::now();
    build(target)?;
    fs::write(mark(target), "").map_err(BuildError::io(failed("mark")))?;
    progress(&format!(
        "built the {what} in {:.0} s",
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Whether a part was built to its end.
fn complete(target: &Path) -> bool {
    mark(target).exists() && target.exists()
}

/// The file that says so.
fn mark(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".done");
    PathBuf::from(name)
}

/// Runs a builder and passes its output on line by line.
fn stream(command: &mut Command, progress: Progress<'_>) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |outcome: String| BuildError::Builder {
        program: program.clone(),
        outcome,
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    let mut last = String::new();
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines().map_while(io::Result::ok) {
            if !line.trim().is_empty() {
                progress(&format!("  {line}"));
                last = line;
            }
        }
    }
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if status.success() {
        Ok(())
    } else {
        Err(failed(format!("ended with {status}: {last}")))
    }
}

/// A short digest that names a recipe.
fn digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    hex::encode(&hasher.finalize()[..6])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_recipe_gets_another_name() {
        assert_ne!(digest(&["a", "b"]), digest(&["ab", ""]));
        assert_eq!(digest(&["a", "b"]), digest(&["a", "b"]));
    }

    #[test]
    fn an_unfinished_build_is_repeated() {
        let cache = tempfile::tempdir().unwrap();
        let target = cache.path().join("part");
        let fails = |_: &Path| Err(BuildError::NoHome);
        assert!(place(&target, "part", &|_| {}, fails).is_err());
        let makes = |path: &Path| fs::create_dir(path).map_err(BuildError::io("make"));
        place(&target, "part", &|_| {}, makes).unwrap();
        let never = |_: &Path| Err(BuildError::NoHome);
        place(&target, "part", &|_| {}, never).unwrap();
    }
}
