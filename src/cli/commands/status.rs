//! `loadrig status`: what exists of one environment, and how it is.

use std::time::Duration;

use serde_json::json;

use crate::cli::App;
use crate::cli::args::EnvArgs;
use crate::cli::failure::Outcome;
use crate::cli::format::{self, WIDTH, wrapped};
use crate::cli::place::Place;
use crate::cli::printer::table;
use crate::diagnose::ExitCode;
use crate::ops::status::{Part, StatusReport, status};

/// Shows one environment.
pub(crate) fn run(app: &App, args: &EnvArgs) -> Outcome {
    let spec = app.load(&args.env)?;
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
        "locked_by": report.lock.as_ref().ok().and_then(|held| Some(&held.as_ref()?.text)),
        "lock_error": report.lock.as_ref().err(),
        "url": report.url, "license": report.edition, "license_warnings": report.warnings,
    }));
}

fn show(app: &App, report: &StatusReport) {
    if !report.exists() {
        app.printer
            .data(&format!("`{}` does not exist", report.environment));
        return;
    }
    app.printer.data(&overview(&report.parts));
    app.printer.data(&summary(report));
    match &report.lock {
        Ok(Some(held)) => {
            app.printer.data(&format!("locked by {}", held.text));
            if held.lease.left {
                app.printer.hint(&format!(
                    "`loadrig test {} --attach` follows it, `--stop` ends it",
                    report.environment
                ));
            }
        }
        Ok(None) => {}
        Err(why) => app.printer.hint(why),
    }
    app.printer.data(&format!("license: {}", report.edition));
    for warning in report.warnings.iter().filter(|one| **one != report.edition) {
        app.printer.hint(&format!("license: {warning}"));
    }
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
            drift(&report.drift)
        ),
    });
}

/// Lines for what differs, each within the width that texts keep to.
fn drift(differences: &[String]) -> String {
    let lines = differences.iter().map(|one| {
        let words: Vec<String> = one.split(' ').map(str::to_owned).collect();
        let text = wrapped(&words, "      ", "");
        text.trim().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n  ")
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
    if let Some(missing) = report.cost.missing() {
        text.push_str(&format!("; {missing}"));
    }
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

/// A line for each part; an address for which the line has no room stands below it.
fn overview(parts: &[Part]) -> String {
    let mut table = table();
    table.set_header(["what", "id", "state", "health"]);
    for part in parts {
        table.add_row([
            part.address.as_str(),
            &part.id,
            &part.status,
            &part.health.replace('\n', " "),
        ]);
    }
    let mut text = String::new();
    // The header and the line below it.
    let places = [Some("at"), None].into_iter();
    let places = places.chain(parts.iter().map(|part| Some(part.at.as_str())));
    for (line, at) in table.lines().zip(places) {
        let at = at.unwrap_or_default();
        let width = line.chars().count() + 1 + at.chars().count();
        let line = match (at.is_empty(), width <= WIDTH) {
            (true, _) => line.trim_end().to_owned(),
            (false, true) => format!("{line} {at}"),
            (false, false) => format!("{}\n      {at}", line.trim_end()),
        };
        text.push_str(&format!("{line}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_addresses_stand_below_their_line() {
        let part = |at: &str| Part {
            address: crate::blueprint::Address::parse("database/writer"),
            id: "lr-demo-db-writer".to_owned(),
            status: "available".to_owned(),
            health: "ready".to_owned(),
            at: at.to_owned(),
        };
        let long = "lr-demo-db-writer.".to_owned() + &"x".repeat(60) + ".rds.amazonaws.com";
        let text = overview(&[part("10.0.0.7"), part(&long), part("")]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with(" at"), "{text}");
        assert!(
            lines[2].ends_with("ready 10.0.0.7") || lines[2].ends_with(" 10.0.0.7"),
            "{text}"
        );
        assert_eq!(lines[4].trim(), long);
        assert_eq!(lines.len(), 6, "{text}");
    }

    #[test]
    fn differences_are_wrapped() {
        let many: Vec<String> = (1..=12)
            .map(|n| format!("instance/app-{n} (i-0a1b2c)"))
            .collect();
        let text = drift(&[
            format!("targets: {} is gone", many.join(", ")),
            "vpc: x".to_owned(),
        ]);
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert!(text.lines().nth(1).unwrap().starts_with("      "), "{text}");
        assert!(text.ends_with("\n  vpc: x"), "{text}");
    }

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
