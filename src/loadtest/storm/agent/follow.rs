//! Hands on what a worker says, from a given line on: as many may follow as like, and come again.

use std::io::Write;
use std::time::{Duration, Instant};

use super::directory::StormDirectory;
use super::error::StormAgentError;
use super::journal::JournalReader;
use crate::loadtest::storm::wire::{StatusStage, StormAgentLine, StormMessage};

/// Distance of the looks at whether there is more.
const LOOK: Duration = Duration::from_millis(200);
/// How long a worker may be away before it counts as ended: its supervisor starts it again within
/// a second or two.
const AWAY: Duration = Duration::from_secs(20);

/// Writes what the worker says, from line `from` on, until the outcome.
///
/// # Errors
/// When there is no storm, its worker has ended without an outcome, or nobody reads any more.
pub fn follow(
    directory: &StormDirectory,
    from: u64,
    mut output: impl Write,
) -> Result<(), StormAgentError> {
    let path = directory.lines();
    let failed = |source| directory.failed("lines.jsonl", source);
    let mut journal = None;
    let mut away: Option<Instant> = None;
    loop {
        // Before the lines: an outcome that is there now has all lines before it.
        let status = directory.status()?.ok_or(StormAgentError::NoStorm)?;
        let outcome = directory.outcome()?;
        if journal.is_none() {
            journal = JournalReader::open(&path).map_err(failed)?;
        }
        if let Some(journal) = &mut journal {
            while let Some((number, message)) = journal.next().map_err(failed)? {
                if number >= from {
                    say(&mut output, StormAgentLine { number, message })?;
                }
            }
        }
        if let Some(outcome) = outcome {
            let number = journal.as_ref().map_or(0, JournalReader::lines);
            let message = StormMessage::Outcome(outcome);
            return say(&mut output, StormAgentLine { number, message });
        }
        match status.stage {
            StatusStage::Interrupted => {
                if away.get_or_insert_with(Instant::now).elapsed() > AWAY {
                    return Err(StormAgentError::Interrupted);
                }
            }
            _ => away = None,
        }
        std::thread::sleep(LOOK);
    }
}

fn say(output: &mut impl Write, line: StormAgentLine) -> Result<(), StormAgentError> {
    let written = serde_json::to_string(&line)
        .map_err(std::io::Error::other)
        .and_then(|text| writeln!(output, "{text}"))
        .and_then(|()| output.flush());
    written.map_err(|_| StormAgentError::Output)
}
