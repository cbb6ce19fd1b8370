//! Development tasks: generated files, and checks of the workspace that no other tool makes.

mod dependencies;
mod models;
mod sdk;

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask COMMAND

  sdk             write sdk/ anew: the AWS SDK's crates with the operations that are called
  models FOLDER   write strict-cloud/models/ anew, from the botocore in FOLDER: its own folder, or that
                  of a Python environment
  prices [--origin TEXT] FILE…
                  write prices/ anew, from price files of AWS and what is there; TEXT says where the
                  files after it were found
  server-settings VERSION FILE
                  write server-settings/ anew, from the server's server/public/model/config.go
  generate        write schema/ and the tables in docs/{cli,permissions,aws-errors,settings}.md anew
  check           fail if something of that is stale, a dependency unused, or a crate's lints off";

/// What went wrong, for people.
pub(crate) struct TaskFailure(pub(crate) String);

impl fmt::Display for TaskFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<std::io::Error> for TaskFailure {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["sdk"] => sdk::generate(),
        ["models", source] => models::generate(Path::new(source)),
        ["prices", ..] => prices(&arguments[1..]),
        ["server-settings", version, file] => server_settings(version, file),
        ["generate"] => generate(&[]),
        ["check"] => check(),
        _ => Err(TaskFailure(USAGE.to_owned())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

fn check() -> Result<(), TaskFailure> {
    sdk::check()?;
    dependencies::check()?;
    generate(&["--check"])
}

/// Reads AWS's price files; see `prices.py`.
fn prices(arguments: &[&str]) -> Result<(), TaskFailure> {
    run(Command::new("python3")
        .arg(root().join("xtask/prices.py"))
        .arg(root().join("prices"))
        .args(arguments))
}

/// Reads the definition of the server's configuration; see `server_settings.py`.
fn server_settings(version: &str, file: &str) -> Result<(), TaskFailure> {
    run(Command::new("python3")
        .arg(root().join("xtask/server_settings.py"))
        .arg(root().join("server-settings/mattermost.yaml"))
        .args([version, file]))
}

/// Builds and runs `generate/`, with the features that everyday builds have.
fn generate(arguments: &[&str]) -> Result<(), TaskFailure> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let build = ["build", "--quiet", "--workspace", "--example", "generate"];
    run(Command::new(env!("CARGO")).args(build).current_dir(root()))?;
    run(Command::new(target.join("debug/examples/generate"))
        .args(arguments)
        .current_dir(root()))
}

pub(crate) fn run(command: &mut Command) -> Result<(), TaskFailure> {
    let status = command
        .status()
        .map_err(|error| TaskFailure(format!("cannot run {command:?}: {error}")))?;
    if status.success() {
        Ok(())
    } else {
        Err(TaskFailure(format!("{command:?} failed")))
    }
}

/// The checkout.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Tells people, on standard error.
pub(crate) fn say(line: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}
