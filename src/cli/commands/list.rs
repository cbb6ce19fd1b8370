//! `loadrig list`: the environments of an account and region, and what they cost.

use serde_json::json;

use crate::cli::App;
use crate::cli::failure::Outcome;
use crate::cli::place::Place;
use crate::cli::printer::table;
use crate::diagnose::ExitCode;
use crate::ops::list::{ListedEnvironment, list};
use crate::plan::{at_least, missing_prices};
use crate::spec::CloudTarget;

/// Lists environments.
pub(crate) fn run(app: &App) -> Outcome {
    app.event_log()?;
    let place = Place::find(&app.global, CloudTarget::Aws, "us-east-1")?;
    let listing = App::run_reader(&place, list(&place))
        .map_err(|failure| app.with_local_hint(failure, "list"))?;
    let (account, all) = (&listing.account, &listing.environments);
    if app.printer.is_json() {
        app.printer
            .json(&json!({ "account": account, "environments": all }));
    } else if all.is_empty() {
        app.printer.data(&format!(
            "no environments in account {}, region {}",
            account.id, account.region
        ));
    } else {
        show(app, all);
        app.printer.say(&format!(
            "account {}, region {}; list prices in US dollars; so far: as if all of it had existed since then",
            account.id, account.region
        ));
    }
    Ok(ExitCode::Done)
}

fn show(app: &App, all: &[ListedEnvironment]) {
    let mut table = table();
    table.set_header([
        "environment",
        "resources",
        "hosts",
        "since (UTC)",
        "per hour",
        "so far",
        "locked by",
    ]);
    for one in all.iter().filter(|one| !one.is_removed()) {
        let bound = at_least(&one.unpriced);
        let dollars = |amount: f64| format!("{bound}${amount:.2}");
        table.add_row([
            one.environment.clone(),
            one.resources.to_string(),
            one.hosts.join(", "),
            one.since.map_or(String::new(), |since| {
                since.strftime("%F %H:%M").to_string()
            }),
            dollars(one.cost_per_hour),
            one.cost_so_far.map_or(String::new(), dollars),
            one.holder.clone().unwrap_or_default(),
        ]);
    }
    if !table.is_empty() {
        app.printer.data(&table.to_string());
    }
    for one in all.iter().filter(|one| !one.is_removed()) {
        if let Some(missing) = missing_prices(&one.unpriced) {
            app.printer
                .say(&format!("`{}`: {missing}", one.environment));
        }
    }
    for one in all.iter().filter(|one| !one.left.is_empty()) {
        app.printer.data(&format!(
            "`{}` does not exist, but its tag or a name of it is on {}: AWS removes some resources \
             late, or somebody else created it",
            one.environment,
            one.left.join(", "),
        ));
    }
    for one in all {
        for kept in &one.kept {
            app.printer.data(&format!(
                "`{}` {} on purpose: {} ({})",
                one.environment,
                if one.is_removed() {
                    "is removed, and kept"
                } else {
                    "keeps from before,"
                },
                kept.id,
                kept.cost
            ));
        }
    }
}
