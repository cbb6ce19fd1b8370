//! `loadrig report`: a stored run, once more.

use crate::cli::App;
use crate::cli::args::ReportArgs;
use crate::cli::failure::{Failure, Outcome};
use crate::diagnose::ExitCode;
use crate::ops::report::print;
use crate::ops::rig::Target;
use crate::ops::run_dir::RunDir;
use crate::report::{REPORT_FORMAT, Report};

/// Prints the report of a run.
pub fn run(app: &App, args: &ReportArgs) -> Outcome {
    let target = Target::find(app, &args.env)?;
    let run = RunDir::find(&target.name, args.run.as_deref())?;
    let path = run.path.join("report.json");
    let unreadable = |why: String| {
        Failure::new(
            format!("cannot read `{}`: {why}", path.display()),
            "name another run",
        )
    };
    let text = std::fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
    let report: Report =
        serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    if report.format != REPORT_FORMAT {
        return Err(unreadable(format!(
            "it has format {}, this program reads {REPORT_FORMAT}",
            report.format
        )));
    }
    print(app, &report, args.html.as_deref())?;
    Ok(ExitCode::Done)
}
