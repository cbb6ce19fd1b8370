//! `loadrig report`: a stored run, shown again.

use crate::cli::App;
use crate::cli::args::ReportArgs;
use crate::cli::failure::Outcome;
use crate::cli::report_text;
use crate::diagnose::ExitCode;
use crate::ops::{Target, report};

/// Prints the report of a run.
pub(crate) fn run(app: &App, args: &ReportArgs) -> Outcome {
    app.event_log()?;
    let target = Target::find(&app.library, &args.env)?;
    let stored = report::load(&target.name, args.run.as_deref())?;
    report_text::print(app, &stored);
    if let Some(file) = &args.html {
        report::write_page(&stored, file)?;
        app.printer.say(&format!("wrote {}", file.display()));
    }
    Ok(ExitCode::Done)
}
