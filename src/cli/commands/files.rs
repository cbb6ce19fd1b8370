//! `loadrig init` and `loadrig validate`: the files by themselves.

use serde_json::json;

use crate::cli::App;
use crate::cli::args::{InitArgs, ValidateArgs};
use crate::cli::failure::Outcome;
use crate::diagnose::ExitCode;
use crate::loadtest::Scenario;
use crate::ops::{local_files, offline_findings};
use crate::preflight::evaluate_seed;
use crate::preflight::{Finding, FindingVerdict};
use crate::spec::{Checked, ProxyTls, Spec, SpecErrors};

/// Writes a first environment file.
pub(crate) fn init(app: &App, args: &InitArgs) -> Outcome {
    app.event_log()?;
    let written = app
        .library
        .init(&args.name, &args.architecture, app.global.region.as_deref())?;
    if app.printer.is_json() {
        app.printer.json(&json!({
            "path": written.environment, "schema": written.schema,
        }));
        return Ok(ExitCode::Done);
    }
    app.printer
        .data(&format!("wrote {}", written.environment.display()));
    if let Some(schema) = &written.schema {
        app.printer.data(&format!(
            "wrote {}, with which editors check and complete the YAML",
            schema.display()
        ));
    }
    app.printer.say(&format!(
        "next: look at it, then `loadrig plan {}`",
        args.name
    ));
    Ok(ExitCode::Done)
}

/// Checks files; problems of all of them are printed before it fails.
pub(crate) fn validate(app: &App, args: &ValidateArgs) -> Outcome {
    app.event_log()?;
    let mut lines = Vec::new();
    let mut answers = Vec::new();
    let mut is_valid = true;
    for file in &args.files {
        match check(app, file) {
            Ok(valid) => {
                lines.push(format!("{file}: {}", valid.text));
                answers.push(json!({
                    "file": file, "valid": true, "kind": valid.kind, "name": valid.name,
                    "findings": valid.findings,
                }));
                warn(app, file, &valid.findings);
            }
            Err(errors) => {
                is_valid = false;
                app.printer.error(&errors.to_string());
                answers.push(json!({
                    "file": file, "valid": false, "problems": errors.problems,
                    "problem_count": errors.count,
                }));
            }
        }
    }
    if app.printer.is_json() {
        app.printer.json(&answers);
    } else if !lines.is_empty() {
        app.printer.data(&lines.join("\n"));
    }
    Ok(if is_valid {
        ExitCode::Done
    } else {
        ExitCode::Usage
    })
}

/// A file without problems.
struct ValidFile {
    kind: &'static str,
    name: String,
    text: String,
    /// What is to be known of it all the same.
    findings: Vec<Finding>,
}

fn warn(app: &App, file: &str, findings: &[Finding]) {
    for finding in findings {
        let unchecked = match finding.verdict {
            FindingVerdict::Unknown => "not checked: ",
            _ => "",
        };
        app.printer.warning(&format!(
            "{file}: {}: {unchecked}{}",
            finding.check, finding.detail
        ));
        for remedy in &finding.remedies {
            app.printer.hint(remedy);
        }
    }
}

fn check(app: &App, file: &str) -> Result<ValidFile, SpecErrors> {
    if let Some(scenario) = scenario(app, file) {
        let scenario = scenario?;
        return Ok(ValidFile {
            kind: "scenario",
            text: format!(
                "scenario `{}` for {} users",
                scenario.name(),
                scenario.users()
            ),
            name: scenario.name().to_owned(),
            findings: Vec::new(),
        });
    }
    Ok(match app.library.validate(file)? {
        Checked::Environment(spec) => {
            local_files::check_for(&app.library, file, &spec)?;
            let mut findings = offline_findings(&spec);
            findings.extend(evaluate_seed(&spec, &spec.region));
            ValidFile {
                kind: "environment",
                text: environment(&spec),
                findings,
                name: spec.name,
            }
        }
        Checked::Architecture(size) => ValidFile {
            kind: "architecture",
            text: format!(
                "reference architecture `{}` for {} users",
                size.name, size.concurrent_users
            ),
            name: size.name,
            findings: Vec::new(),
        },
    })
}

/// An environment in a line, and what it opens to the internet.
fn environment(spec: &Spec) -> String {
    let mut text = format!(
        "environment `{}`, {} for {} users, {} hosts",
        spec.name,
        spec.architecture,
        spec.concurrent_users,
        spec.hosts().len()
    );
    if let Some(issuing) = spec.tls.as_ref().and_then(ProxyTls::issuing) {
        text.push_str(&format!("\n  certificate: {issuing}"));
    }
    text
}

/// The scenario that a reference names; the name of an environment goes before one of a scenario.
fn scenario(app: &App, reference: &str) -> Option<Result<Scenario, SpecErrors>> {
    if let Some(source) = app.library.scenario(reference) {
        return Some(Scenario::check(source));
    }
    let is_environment = || {
        let names = app.library.environment_names();
        names.iter().any(|name| name == reference)
    };
    let is_built_in = Scenario::built_in().any(|name| name == reference);
    (is_built_in && !is_environment()).then(|| Scenario::find(reference))
}
