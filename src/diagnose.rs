//! What every error owes its reader: hints and an exit code.
//!
//! Lowest layer: knows nothing of the rest. Errors say what went wrong in their
//! `Display`; what to do about it is data here, printed once by the command line.

/// Exit codes of the program, as documented in `docs/cli.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// Done.
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

    /// The exit code that this error ends the program with.
    fn exit_code(&self) -> ExitCode {
        ExitCode::Failed
    }
}
