//! Writes events to a file, one JSON object a line.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::events::{Event, Listener};
use crate::ops::error::FileError;
use crate::ops::files::check_overwrite;

use super::printer::Printer;

/// So much of a file is read to see whether it is a log: more than its first line has.
const FIRST_LINE: u64 = 1 << 20;

/// What becomes of a command whose log cannot be written to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogPurpose {
    /// The user asked for it: the command ends with exit code 1.
    AskedFor,
    /// It helps people, and nothing needs it: there is a warning.
    RunDirectory,
}

/// Writes each event as a line of JSON.
pub(super) struct EventLog {
    path: PathBuf,
    purpose: LogPurpose,
    printer: Printer,
    /// Nothing once a write failed: a log with a hole in it would mislead.
    file: Option<BufWriter<File>>,
}

impl EventLog {
    /// A log at a path. The file is created now, so that a bad path fails before the work; one
    /// that holds something else is not overwritten.
    ///
    /// # Errors
    /// When the file cannot be created, or holds something else.
    pub(super) fn create(
        path: &Path,
        purpose: LogPurpose,
        printer: Printer,
    ) -> Result<Self, FileError> {
        check_overwrite(path, "a log of events", FIRST_LINE, is_log)?;
        let file = File::create(path).map_err(|source| FileError::Write {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            purpose,
            printer,
            file: Some(BufWriter::new(file)),
        })
    }

    /// A full disk must not stop a teardown: the work goes on without the log.
    fn give_up(&mut self, error: &io::Error) {
        self.file = None;
        let lost = format!("the log `{}` is incomplete: {error}", self.path.display());
        self.printer.warning(&lost);
        if self.purpose == LogPurpose::AskedFor {
            Printer::lose(lost);
        }
    }
}

impl Listener for EventLog {
    fn event(&mut self, event: &Event) {
        let Some(file) = &mut self.file else {
            return;
        };
        let written = serde_json::to_writer(&mut *file, event)
            .map_err(io::Error::from)
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| file.flush());
        if let Err(error) = written {
            self.give_up(&error);
        }
    }
}

/// Whether a file begins as a log does, of whatever version.
fn is_log(start: &[u8]) -> bool {
    let line = start
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let value: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
    value.get("at").is_some() && value.get("event").is_some()
}
