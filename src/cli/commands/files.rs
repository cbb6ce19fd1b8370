//! `loadrig init` and `loadrig validate`: the files by themselves.

use serde_json::json;

use crate::cli::App;
use crate::cli::args::{InitArgs, ValidateArgs};
use crate::cli::failure::{Failure, Outcome};
use crate::diagnose::ExitCode;
use crate::loadtest::Scenario;
use crate::ops::local_files;
use crate::spec::Checked;

/// Writes a first environment file.
pub(crate) fn init(app: &App, args: &InitArgs) -> Outcome {
    let path = app
        .library
        .init(&args.name, &args.architecture, app.global.region.as_deref())?;
    if app.printer.is_json() {
        app.printer.json(&json!({ "path": path }));
    } else {
        app.printer.data(&format!("wrote {}", path.display()));
        app.printer.say(&format!(
            "next: look at it, then `loadrig plan {}`",
            args.name
        ));
    }
    Ok(ExitCode::Done)
}

/// Checks files; problems of all of them are printed before it fails.
pub(crate) fn validate(app: &App, args: &ValidateArgs) -> Outcome {
    let mut lines = Vec::new();
    let mut answers = Vec::new();
    let mut problems = 0;
    for file in &args.files {
        if is_scenario(app, file) {
            match Scenario::find(file) {
                Ok(scenario) => {
                    lines.push(format!(
                        "{file}: scenario `{}` for {} users",
                        scenario.name, scenario.users
                    ));
                    answers.push(json!({ "file": file, "valid": true, "kind": "scenario", "name": scenario.name }));
                }
                Err(errors) => {
                    problems += errors.problems.len();
                    app.printer.error(&errors.to_string());
                    answers
                        .push(json!({ "file": file, "valid": false, "problems": errors.problems }));
                }
            }
            continue;
        }
        match app.library.validate(file) {
            Ok(Checked::Environment(spec)) => {
                let wrong = local_files::problems(&spec);
                if !wrong.is_empty() {
                    problems += wrong.len();
                    let mut texts = Vec::new();
                    for problem in wrong {
                        let failure = Failure::from(problem);
                        app.printer.error(&format!("{file}: {}", failure.message));
                        failure.hints.iter().for_each(|hint| app.printer.hint(hint));
                        texts.push(json!({ "message": failure.message, "hints": failure.hints }));
                    }
                    answers.push(json!({ "file": file, "valid": false, "problems": texts }));
                    continue;
                }
                lines.push(format!(
                    "{file}: environment `{}`, {} for {} users, {} hosts",
                    spec.name,
                    spec.architecture,
                    spec.concurrent_users,
                    spec.hosts().len()
                ));
                answers.push(json!({ "file": file, "valid": true, "kind": "environment", "name": spec.name }));
            }
            Ok(Checked::Architecture(size)) => {
                lines.push(format!(
                    "{file}: reference architecture `{}` for {} users",
                    size.name, size.concurrent_users
                ));
                answers.push(json!({ "file": file, "valid": true, "kind": "architecture", "name": size.name }));
            }
            Err(errors) => {
                problems += errors.problems.len();
                app.printer.error(&errors.to_string());
                answers.push(json!({ "file": file, "valid": false, "problems": errors.problems }));
            }
        }
    }
    if app.printer.is_json() {
        app.printer.json(&answers);
    } else if !lines.is_empty() {
        app.printer.data(&lines.join("\n"));
    }
    Ok(if problems == 0 {
        ExitCode::Done
    } else {
        ExitCode::Usage
    })
}

/// Whether a reference names a scenario; the name of an environment goes before one of a scenario.
fn is_scenario(app: &App, reference: &str) -> bool {
    app.library.is_scenario(reference)
        || (Scenario::built_in().any(|name| name == reference)
            && !app
                .library
                .environment_names()
                .iter()
                .any(|name| name == reference))
}
