//! `loadrig status`: what exists of one environment, and how it is.

use std::collections::BTreeMap;

use comfy_table::Table;
use serde::Serialize;
use serde_json::json;

use crate::blueprint::{Address, Kind};
use crate::cli::App;
use crate::cli::args::EnvArgs;
use crate::cli::failure::Outcome;
use crate::cli::place::Place;
use crate::cli::printer::table;
use crate::diagnose::ExitCode;
use crate::ops::list::{hours_since, since};
use crate::ops::rig::{Rig, operator_address};
use crate::plan::{Observed, State, running_cost};

/// One host or managed service.
#[derive(Serialize)]
struct Line {
    address: Address,
    id: String,
    status: String,
    health: String,
    at: String,
}

/// Shows one environment.
pub fn run(app: &App, args: &EnvArgs) -> Outcome {
    let spec = app.library.load(&args.env)?;
    let place = Place::find(&app.global, spec.cloud, &spec.region)?;
    crate::cli::block_on(async {
        let rig = Rig::open(spec, &place, &app.global).await?;
        let (_, plan, snapshot) = rig.plan_and_snapshot().await?;
        let world = rig.world().await?;
        let name = &rig.spec.name;
        if world.is_empty() {
            if app.printer.is_json() {
                app.printer
                    .json(&json!({ "environment": name, "exists": false }));
            } else {
                app.printer.data(&format!("`{name}` does not exist"));
            }
            return Ok(ExitCode::Done);
        }
        let lines = lines(&rig, &world).await;
        let since = since(&snapshot);
        let hours = since.map(hours_since);
        let per_hour = running_cost(&snapshot);
        let drift: Vec<String> = plan
            .work()
            .map(|change| format!("{}: {}", change.address, change.reason))
            .collect();
        if app.printer.is_json() {
            app.printer.json(&json!({
                "environment": name, "exists": true, "account": rig.account,
                "parts": lines, "resources": world.len(), "drift": drift, "since": since,
                "time_to_live_seconds": rig.spec.time_to_live.map(|ttl| ttl.as_secs()),
                "cost_per_hour": per_hour, "cost_so_far": hours.map(|h| h * per_hour),
                "url": rig.url().await?,
            }));
            return Ok(ExitCode::Done);
        }
        app.printer.data(&overview(&lines).to_string());
        let mut text = format!("{} at {}", name, rig.url().await?);
        if let Some(hours) = hours {
            text.push_str(&format!(
                "; up for {hours:.1} h; what runs now costs ${per_hour:.2} per hour at list prices, \
                 about ${:.2} so far",
                hours * per_hour
            ));
            if let Some(ttl) = rig.spec.time_to_live {
                let left = ttl.as_secs_f64() / 3600.0 - hours;
                text.push_str(&format!("; time to live ends in {left:.1} h"));
            }
        }
        app.printer.data(&text);
        if drift.is_empty() {
            app.printer
                .data(&format!("{} resources are as planned", world.len()));
        } else {
            app.printer.data(&format!(
                "{} differ from the plan:\n  {}",
                drift.len(),
                drift.join("\n  ")
            ));
        }
        Ok(ExitCode::Done)
    })?
}

fn overview(lines: &[Line]) -> Table {
    let mut table = table();
    table.set_header(["what", "id", "state", "health", "at"]);
    for line in lines {
        table.add_row([
            line.address.as_str(),
            &line.id,
            &line.status,
            &line.health,
            &line.at,
        ]);
    }
    table
}

/// Hosts with what they say of themselves, then managed services.
async fn lines(rig: &Rig, world: &BTreeMap<Address, Observed>) -> Vec<Line> {
    let healths = match rig.connect().await {
        Ok(connected) => crate::cli::commands::verify::host_states(rig, &connected).await,
        Err(failure) => {
            let why = failure.message;
            rig.spec
                .hosts()
                .into_iter()
                .map(|host| (host, why.clone()))
                .collect()
        }
    };
    let mut lines = Vec::new();
    for host in rig.spec.hosts() {
        let address = Address::instance(host);
        let seen = world.get(&address);
        lines.push(Line {
            id: seen.map_or("-".to_owned(), |seen| seen.id.clone()),
            status: seen.map_or("missing".to_owned(), |seen| seen.status.clone()),
            health: healths.get(&host).cloned().unwrap_or_default(),
            at: operator_address(&rig.spec, host, world)
                .map_or(String::new(), |address| address.to_string()),
            address,
        });
    }
    for seen in world.values() {
        if !matches!(
            seen.kind,
            Kind::Database
                | Kind::DatabaseCluster
                | Kind::Search
                | Kind::Cache
                | Kind::LoadBalancer
        ) {
            continue;
        }
        let health = match seen.state {
            State::Ready => "ready",
            State::Pending => "not ready yet",
            State::Failed => "failed",
            State::Deleting => "going",
            State::Gone => "gone",
        };
        lines.push(Line {
            address: seen.address.clone(),
            id: seen.id.clone(),
            status: seen.status.clone(),
            health: health.to_owned(),
            at: seen.get("endpoint").unwrap_or_default().to_owned(),
        });
    }
    lines
}
