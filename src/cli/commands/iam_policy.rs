//! `loadrig iam-policy`: the least-privilege policy that an environment needs.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::blueprint::{Kind, blueprint};
use crate::cli::App;
use crate::cli::args::{IamPolicyArgs, OutputFormat};
use crate::cli::commands::plan::wanted_spec;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::diagnose::ExitCode;
use crate::ops::rig::Rig;
use crate::preflight::{POLICY_CHARACTERS, Scope, Statement, documents, size, statements};
use crate::spec::Spec;

/// Prints the policy; changes nothing.
pub fn run(app: &App, args: &IamPolicyArgs) -> Outcome {
    let (spec, _is_size) = wanted_spec(app, &args.env)?;
    let region = app.global.region.as_ref().unwrap_or(&spec.region);
    let account = match &args.account {
        Some(account) => account.clone(),
        None => own_account(app, &spec)?,
    };
    let scope = Scope::new(&account, region, &spec.name);
    let kinds: BTreeSet<Kind> = blueprint(&spec, &[])
        .resources()
        .map(|(_, desired)| desired.kind())
        .collect();
    let statements = statements(&kinds, &scope);
    let documents = documents(&statements);
    let format = args.format.unwrap_or(app.printer.format);
    match (format, args.explain) {
        (OutputFormat::Json, true) => app.printer.json(&json!({
            "policies": documents, "reasons": reasons(&statements),
        })),
        (OutputFormat::Json, false) => match documents.as_slice() {
            [one] => app.printer.json(one),
            several => {
                app.printer.say(&format!(
                    "the policy is too long for one managed policy: it comes as a list of {}",
                    several.len()
                ));
                app.printer.json(&several);
            }
        },
        (OutputFormat::Text, explain) => {
            app.printer
                .data(&text(&scope, &statements, &documents, explain));
        }
    }
    Ok(ExitCode::Done)
}

/// The account of the credentials in use.
fn own_account(app: &App, spec: &Spec) -> Result<String, Failure> {
    use crate::engine::Cloud as _;

    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    crate::cli::block_on(async {
        let cloud = Rig::cloud(&place, &app.global).await?;
        Ok::<_, Failure>(cloud.account().await?.id)
    })?
    .map_err(|mut failure| {
        failure
            .hints
            .push("name the account by `--account`: then no credentials are needed".to_owned());
        failure
    })
}

fn reasons(statements: &[Statement]) -> Value {
    let list = statements
        .iter()
        .map(|one| (one.sid.clone(), json!(one.reasons)));
    Value::Object(list.collect())
}

fn text(scope: &Scope, statements: &[Statement], documents: &[Value], explain: bool) -> String {
    let mut text = format!(
        "what environment `{}` needs in account {}, region {}\n\n",
        scope.environment, scope.account, scope.region
    );
    for one in statements {
        text.push_str(&format!("{}: {}\n", one.sid, one.why()));
        if explain {
            for (action, reasons) in &one.reasons {
                let reasons: Vec<&str> = reasons.iter().copied().collect();
                text.push_str(&format!("  {action:48} {}\n", reasons.join("; ")));
            }
        }
    }
    for (index, document) in documents.iter().enumerate() {
        text.push_str(&format!(
            "\npolicy {} of {}, {} of at most {POLICY_CHARACTERS} characters\n{}\n",
            index + 1,
            documents.len(),
            size(document),
            serde_json::to_string_pretty(document).unwrap_or_default(),
        ));
    }
    text
}
