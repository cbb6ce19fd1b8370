//! `loadrig runs`: the runs of an environment on this machine.

use serde_json::json;

use crate::cli::App;
use crate::cli::args::RunsArgs;
use crate::cli::failure::Outcome;
use crate::cli::format::count;
use crate::cli::printer::table;
use crate::diagnose::ExitCode;
use crate::ops::Target;
use crate::ops::results::runs::{ListedReport, ListedRun, list, prune};
use crate::report::Verdict;

/// Lists runs, or removes old ones.
pub(crate) fn run(app: &App, args: &RunsArgs) -> Outcome {
    app.event_log()?;
    let target = Target::find(&app.library, &args.env)?;
    if args.prune {
        let removed = prune(&target.name, args.keep, &app.questions())?;
        if app.printer.is_json() {
            app.printer.json(&json!({ "removed": removed }));
        } else {
            app.printer.data(&format!(
                "removed {}, kept the latest {} with a result and what is newer",
                count(removed.len(), "run"),
                args.keep
            ));
        }
        return Ok(ExitCode::Done);
    }
    let runs = list(&target.name)?;
    if runs.is_empty() && target.is_name_only {
        // Neither YAML nor runs: most likely mistyped.
        app.library.load(&args.env)?;
    }
    if app.printer.is_json() {
        app.printer
            .json(&json!({ "environment": target.name, "runs": runs }));
    } else if runs.is_empty() {
        app.printer
            .data(&format!("no runs of `{}` on this machine", target.name));
    } else {
        app.printer.data(&text(&runs));
    }
    Ok(ExitCode::Done)
}

fn text(runs: &[ListedRun]) -> String {
    let mut table = table();
    table.set_header([
        "run",
        "scenario",
        "users",
        "server",
        "started (UTC)",
        "verdict",
    ]);
    for run in runs {
        let verdict = match &run.report {
            ListedReport::Stored { verdict } => match verdict {
                Verdict::Passed => "passed".to_owned(),
                Verdict::Failed => "FAILED".to_owned(),
                Verdict::Invalid => "INVALID".to_owned(),
                Verdict::Unchecked => "not checked".to_owned(),
            },
            ListedReport::None => "no report".to_owned(),
            ListedReport::Unreadable { .. } => "unreadable".to_owned(),
        };
        if run.results.is_empty() {
            let nothing = String::new;
            table.add_row([
                run.run.clone(),
                nothing(),
                nothing(),
                nothing(),
                nothing(),
                verdict,
            ]);
            continue;
        }
        for result in &run.results {
            table.add_row([
                run.run.clone(),
                result.scenario.clone(),
                result.users.to_string(),
                result.server.clone(),
                result.started.strftime("%F %H:%M").to_string(),
                verdict.clone(),
            ]);
        }
    }
    let mut text: String = table
        .to_string()
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    for run in runs {
        if let ListedReport::Unreadable { reason } = &run.report {
            text.push_str(&format!("{}: {reason}\n", run.run));
        }
    }
    text
}
