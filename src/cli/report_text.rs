//! Prints reports.

use std::path::PathBuf;

use crate::ops::OpsError;
use crate::report::{Ink, Report, failed_in_short, terminal};

use super::App;
use super::failure::Failure;

/// Prints a report as data.
///
/// As JSON it is one document; after the lines of a storm that was followed it is one more line.
pub(super) fn print(app: &App, report: &Report) {
    if app.printer.is_json() {
        let has_lines = report.scenarios.iter().any(|result| result.storm.is_some());
        match report.json() {
            Ok(value) if has_lines => app.printer.json_line(&value),
            Ok(value) => app.printer.json(&value),
            Err(error) => app
                .printer
                .error(&format!("cannot encode the report: {error}")),
        }
        return;
    }
    app.printer.data(&terminal(report, ink(app)));
}

/// Prints the report of a run that failed: what matters of it, or as JSON all of it.
pub(super) fn print_failed(app: &App, report: &Report) {
    if app.printer.is_json() {
        return print(app, report);
    }
    app.printer.data(&failed_in_short(report, ink(app)));
}

fn ink(app: &App) -> Ink {
    if app.printer.data_colour {
        Ink::Colour
    } else {
        Ink::Plain
    }
}

/// Says where a report was stored. One that could not be stored is a warning: its content has
/// been printed, and what it says decides the exit code.
pub(super) fn stored(app: &App, what: &str, stored: Result<PathBuf, OpsError>) {
    match stored {
        Ok(file) => app.printer.say(&format!("{what}: {}", file.display())),
        Err(error) => {
            let failure = Failure::from(error);
            app.printer
                .warning(&format!("the report was not stored: {}", failure.message));
            for hint in &failure.hints {
                app.printer.hint(hint);
            }
        }
    }
}
