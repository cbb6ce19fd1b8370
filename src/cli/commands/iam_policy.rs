//! `loadrig iam-policy`: the least-privilege policy that an environment needs.

use serde_json::{Value, json};

use crate::cli::App;
use crate::cli::args::{IamPolicyArgs, OutputFormat};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::format::wrapped;
use crate::cli::place::Place;
use crate::diagnose::ExitCode;
use crate::ops::iam_policy::{PolicyAccount, PolicyReport, canary_policy, iam_policy, own_account};
use crate::ops::plan::spec_or_size;
use crate::preflight::{POLICY_CHARACTERS, Statement, seed_key_policy, size};
use crate::spec::Spec;

/// Prints the policy; changes nothing.
pub(crate) fn run(app: &App, args: &IamPolicyArgs) -> Outcome {
    app.event_log()?;
    let (spec, _is_size) = spec_or_size(&app.library, &args.env)?;
    let region = app.global.region.as_ref().unwrap_or(&spec.region);
    let account = match &args.account {
        Some(account) => PolicyAccount {
            id: account.clone(),
            zone: None,
        },
        None => account_in_use(app, &spec)?,
    };
    let account = PolicyAccount {
        zone: args.zone.clone().or(account.zone),
        ..account
    };
    if args.seed_key {
        let administrators = match args.administrator.is_empty() {
            true => &args.operator,
            false => &args.administrator,
        };
        let policy = seed_key_policy(&account.id, region, &args.operator, administrators);
        // A document of its own in either format: it goes to `aws kms create-key --policy file://`.
        app.printer.json(&policy);
        return Ok(ExitCode::Done);
    }
    let report = match args.canary {
        true => canary_policy(&spec, &account.id, region),
        false => iam_policy(&spec, &account, region),
    };
    if spec.network.private_dns && account.zone.is_none() && !args.canary {
        app.printer.warning(UNKNOWN_ZONE);
        app.printer.hint(
            "print the policy again when the zone exists, with credentials or with `--zone ID` \
             (docs/permissions.md, \"What stays wide\")",
        );
    }
    let format = args.format.unwrap_or(app.printer.format);
    match (format, args.explain) {
        (OutputFormat::Json, true) => app.printer.json(&json!({
            "policies": report.documents, "reasons": reasons(&report.statements),
        })),
        (OutputFormat::Json, false) => {
            app.printer.json(&json!({ "policies": report.documents }));
        }
        (OutputFormat::Text, explain) => app.printer.data(&text(&report, explain)),
    }
    Ok(ExitCode::Done)
}

/// What a policy that is printed before the zone exists cannot keep to it.
const UNKNOWN_ZONE: &str = "the id of the private DNS zone is not known: statement `PrivateDns` \
     reaches every hosted zone of the account, whose tags it may change and which it may delete \
     when it is empty";

/// The account of the credentials in use.
fn account_in_use(app: &App, spec: &Spec) -> Result<PolicyAccount, Failure> {
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    App::run_reader(&place, own_account(&place, spec)).map_err(|mut failure| {
        failure
            .hints
            .push("name the account with `--account`: then no credentials are needed".to_owned());
        failure
    })
}

fn reasons(statements: &[Statement]) -> Value {
    let list = statements
        .iter()
        .map(|one| (one.sid.clone(), json!(one.reasons)));
    Value::Object(list.collect())
}

/// What belongs to a statement or an action stands below it.
const INDENT: &str = "      ";

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn text(report: &PolicyReport, explain: bool) -> String {
    let scope = &report.scope;
    let mut text = format!(
        "what environment `{}` needs in account {}, region {}\n\n",
        scope.environment, scope.account, scope.region
    );
    for one in &report.statements {
        text.push_str(&format!("{}\n", one.sid));
        if explain {
            for (action, reasons) in &one.reasons {
                let reasons = words(&reasons.iter().copied().collect::<Vec<_>>().join("; "));
                text.push_str(&format!("  {action}\n{}", wrapped(&reasons, INDENT, "")));
            }
        } else {
            text.push_str(&wrapped(&words(&one.why()), INDENT, ""));
        }
    }
    for (index, document) in report.documents.iter().enumerate() {
        text.push_str(&format!(
            "\npolicy {} of {}, {} of at most {POLICY_CHARACTERS} characters\n{}\n",
            index + 1,
            report.documents.len(),
            size(document),
            serde_json::to_string_pretty(document).unwrap_or_default(),
        ));
    }
    text
}
