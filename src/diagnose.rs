//! What every error owes its reader: hints and an exit code.
//!
//! Lowest layer: knows nothing of the rest. Errors say what went wrong in their
//! `Display`; what to do about it is data here, printed once by the command line.

/// Exit codes of the program, as documented in `docs/cli.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// Everything that was asked for was done.
    Done = 0,
    /// Failed; `up` or `down` repairs whatever is half-way.
    Failed = 1,
    /// Bad usage or invalid YAML.
    Usage = 2,
    /// `plan --detailed-exitcode` found changes.
    Changes = 3,
    /// A scenario ran and missed its thresholds.
    ThresholdsMissed = 4,
    /// Someone else holds the environment's lock.
    Locked = 5,
    /// Preflight refused: credentials, permission, quota or capacity.
    Preflight = 6,
    /// Interrupted by a signal.
    Interrupted = 130,
}

/// An error that can tell its reader what to do next.
pub trait Diagnose: std::error::Error {
    /// What to do about it, one line each; empty when there is nothing to add.
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether no repetition mends it: somebody has to grant or change something first.
    fn is_final(&self) -> bool {
        false
    }

    /// The exit code that this error ends the program with.
    fn exit_code(&self) -> ExitCode {
        ExitCode::Failed
    }
}

/// An error with its causes, each once: `cannot write `x`: Permission denied`.
#[must_use]
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let reason = source.to_string();
        if !text.contains(&reason) {
            text.push_str(": ");
            text.push_str(&reason);
        }
        cause = source.source();
    }
    text
}

/// An error of the system without the temporary file that the library for such files adds, since
/// nobody asked for that one.
#[must_use]
pub(crate) fn system_error(error: &std::io::Error) -> std::io::Error {
    let text = error.to_string();
    let reason = text.split(" at path ").next().unwrap_or_default();
    std::io::Error::new(error.kind(), reason)
}

/// Why a connection failed, as the system says it: the last cause of a chain, without the layers
/// of the HTTP client around it.
#[must_use]
pub(crate) fn last_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    let text = last.to_string();
    match text.split(" (os error").next().unwrap_or_default() {
        "tunnel error: unsuccessful" => "the proxy refused to connect".to_owned(),
        "tunnel error: proxy authorization required" => {
            "the proxy requires a user and password".to_owned()
        }
        text => text.to_owned(),
    }
}
