//! `loadrig list`: the environments of an account and region, and what they cost.

use serde_json::json;

use crate::aws::Registry;
use crate::cli::App;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::place::Place;
use crate::cli::printer::table;
use crate::diagnose::ExitCode;
use crate::engine::Cloud as _;
use crate::ops::list::{Standing, leases, survey};
use crate::ops::rig::Rig;
use crate::spec::CloudTarget;

/// Lists environments.
pub fn run(app: &App) -> Outcome {
    let place = Place::find(&app.global, CloudTarget::Aws, "us-east-1")?;
    crate::cli::block_on(async {
        let cloud = Rig::cloud(&place, &app.global).await?;
        let account = cloud.account().await?;
        let leases = leases(&Registry::of(&cloud).await?).await?;
        let all = survey(&cloud, &leases).await?;
        if app.printer.is_json() {
            app.printer
                .json(&json!({ "account": account, "environments": all }));
        } else if all.is_empty() {
            app.printer.data(&format!(
                "no environments in account {}, region {}",
                account.id, account.region
            ));
        } else {
            show(app, &all);
            app.printer.say(&format!(
                "account {}, region {}; list prices in US dollars, so far: as if all of it had been there since then",
                account.id, account.region
            ));
        }
        Ok::<_, Failure>(ExitCode::Done)
    })?
}

fn show(app: &App, all: &[Standing]) {
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
        let dollars = |amount: f64| format!("${amount:.2}");
        table.add_row([
            one.environment.clone(),
            one.resources.to_string(),
            one.hosts.join(", "),
            one.since.map_or(String::new(), |since| {
                since.strftime("%F %H:%M").to_string()
            }),
            dollars(one.cost_per_hour),
            one.cost_so_far.map_or(String::new(), dollars),
            one.locked_by.clone().unwrap_or_default(),
        ]);
    }
    if !table.is_empty() {
        app.printer.data(&table.to_string());
    }
    for one in all.iter().filter(|one| !one.left.is_empty()) {
        app.printer.data(&format!(
            "`{}` is not there, but its tag or a name of it is on {}: what AWS is slow to remove, or \
             what others made",
            one.environment,
            one.left.join(", "),
        ));
    }
    for one in all {
        for kept in &one.kept {
            app.printer.data(&format!(
                "`{}` {}kept on purpose: {} ({})",
                one.environment,
                if one.is_removed() {
                    "is removed, and "
                } else {
                    "has from before, "
                },
                kept.id,
                kept.cost
            ));
        }
    }
}
