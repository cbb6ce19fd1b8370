//! `loadrig status`: what exists of one environment, and how it is.

use std::time::Duration;

use comfy_table::Table;
use serde_json::json;

use crate::cli::App;
use crate::cli::args::EnvArgs;
use crate::cli::failure::Outcome;
use crate::cli::format;
use crate::cli::place::Place;
use crate::cli::printer::table;
use crate::diagnose::ExitCode;
use crate::ops::status::{Part, StatusReport, status};

/// Shows one environment.
pub(crate) fn run(app: &App, args: &EnvArgs) -> Outcome {
    let spec = app.library.load(&args.env)?;
    // Nothing is logged, but a log that cannot be written is an error here too.
    app.event_log()?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    let report = App::run_reader(&place, status(spec, &place))?;
    if app.printer.is_json() {
        json(app, &report);
    } else {
        show(app, &report);
    }
    Ok(ExitCode::Done)
}

fn json(app: &App, report: &StatusReport) {
    let name = &report.environment;
    if !report.exists() {
        app.printer
            .json(&json!({ "environment": name, "exists": false }));
        return;
    }
    app.printer.json(&json!({
        "environment": name, "exists": true, "account": report.account,
        "parts": report.parts, "resources": report.resources, "drift": report.drift,
        "since": report.age.map(|age| age.since),
        "time_to_live_seconds": report.time_to_live.map(|ttl| ttl.as_secs()),
        "cost_per_hour": report.cost.per_hour, "cost_so_far": report.cost_so_far(),
        "unpriced": report.cost.unpriced,
        "url": report.url,
    }));
}

fn show(app: &App, report: &StatusReport) {
    if !report.exists() {
        app.printer
            .data(&format!("`{}` does not exist", report.environment));
        return;
    }
    app.printer.data(&overview(&report.parts).to_string());
    app.printer.data(&summary(report));
    app.printer.data(&match report.drift.len() {
        0 => format!(
            "{} as planned",
            match report.resources {
                1 => "1 resource is".to_owned(),
                many => format!("{many} resources are"),
            }
        ),
        count => format!(
            "{} from the plan:\n  {}",
            match count {
                1 => "1 resource differs".to_owned(),
                many => format!("{many} resources differ"),
            },
            report.drift.join("\n  ")
        ),
    });
}

/// Where it is, how old, what it costs, how long it may live.
fn summary(report: &StatusReport) -> String {
    let url = report.url.as_deref().unwrap_or("an unknown address");
    let mut text = format!("{} at {url}", report.environment);
    let Some(age) = report.age else { return text };
    text.push_str(&format!(
        "; up for {}; what runs now costs {} per hour at list prices, {} ${:.2} so far",
        format::duration(age.elapsed),
        report.cost.text(),
        match report.cost.unpriced.is_empty() {
            true => "about",
            false => "at least",
        },
        age.cost(report.cost.per_hour)
    ));
    if let Some(ttl) = report.time_to_live {
        text.push_str(&life_text(ttl, age.elapsed));
    }
    if age.clock_is_behind {
        text.push_str(&format!(
            "\nthis machine's clock is behind the account's: the environment was created at {}",
            age.since.strftime("%F %T UTC")
        ));
    }
    text
}

fn life_text(ttl: Duration, elapsed: Duration) -> String {
    match ttl.checked_sub(elapsed) {
        Some(left) if !left.is_zero() => {
            format!("; time to live ends in {}", format::duration(left))
        }
        _ => format!(
            "; time to live ended {} ago",
            format::duration(elapsed.saturating_sub(ttl))
        ),
    }
}

fn overview(parts: &[Part]) -> Table {
    let mut table = table();
    table.set_header(["what", "id", "state", "health", "at"]);
    for part in parts {
        table.add_row([
            part.address.as_str(),
            &part.id,
            &part.status,
            &part.health,
            &part.at,
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expired_time_to_live_is_shown_in_the_past() {
        let hours = |n: u64| Duration::from_secs(n * 3600);
        assert_eq!(
            life_text(hours(4), hours(48)),
            "; time to live ended 1 day 20 h ago"
        );
        assert_eq!(life_text(hours(4), hours(1)), "; time to live ends in 3 h");
    }
}
