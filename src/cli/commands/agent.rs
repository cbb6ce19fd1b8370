//! `loadrig agent`: drives load, on an agent host.

use crate::cli::failure::{Failure, Outcome};
use crate::diagnose::{ExitCode, with_causes};
use crate::loadtest;

/// Reads a plan from standard input, carries it out, writes lines to standard output.
pub(crate) fn run() -> Outcome {
    crate::cli::block_on(loadtest::agent::run(std::io::stdin(), std::io::stdout()))?.map_err(
        |error| {
            Failure::new(
                with_causes(&error),
                "this command is run by `loadrig test`, not by hand",
            )
        },
    )?;
    Ok(ExitCode::Done)
}
