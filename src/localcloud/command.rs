//! Runs the system's tools (`ip`, `nft` and the like) and tells what they said
//! when they fail. Knows nothing of what they are used for.

use std::io::Write;
use std::process::{Command, Stdio};

use super::error::{Error, Result};

/// Longest part of a tool's complaint that an error repeats, in bytes.
const COMPLAINT: usize = 600;

/// Runs a program to its end and returns its standard output.
///
/// # Errors
/// When it cannot be started or exits with another status than 0.
pub(crate) fn run(what: &str, program: &str, arguments: &[&str]) -> Result<String> {
    run_with_input(what, program, arguments, "")
}

/// As [`run`], with text on standard input.
///
/// # Errors
/// When it cannot be started or exits with another status than 0.
pub(crate) fn run_with_input(
    what: &str,
    program: &str,
    arguments: &[&str],
    input: &str,
) -> Result<String> {
    let failed = |outcome: String| Error::Command {
        what: what.into(),
        program: program.into(),
        outcome,
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A tool that fails before it has read all says why in its output.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let complaint = complaint.trim();
    let start = complaint.len().saturating_sub(COMPLAINT);
    let tail = complaint.get(start..).unwrap_or(complaint);
    Err(failed(format!("ended with {}: {tail}", output.status)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_what_the_program_printed() {
        assert_eq!(
            run_with_input("echo", "cat", &[], "hello").unwrap(),
            "hello"
        );
    }

    #[test]
    fn a_failure_reports_status_and_standard_error() {
        let error = run("list", "sh", &["-c", "echo no such thing >&2; exit 3"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "list: `sh` ended with exit status: 3: no such thing"
        );
    }
}
