//! Puts a report together from what a run brought to light.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::blueprint::Address;
use crate::engine::LeftoverCheck;
use crate::events::Event;
use crate::loadtest::{Check as ScenarioCheck, ScenarioResult};
use crate::plan::{Observed, cost};
use crate::report::{
    CacheLine, DatabaseLine, HostLine, Ink, ProofItem, REPORT_FORMAT, Report, SearchLine, Topology,
    Version, html, terminal, walks,
};
use crate::spec::{DatabaseEngine, Spec};

use super::rig::{Rig, private_address, readers, writer};
use super::run_dir::{RunDir, write};
use crate::cli::App;
use crate::cli::commands::verify::Check;
use crate::cli::failure::Failure;

/// What a report is made of.
pub struct Material<'a> {
    /// The run.
    pub run: &'a RunDir,
    /// What happened.
    pub events: Vec<Event>,
    /// What existed.
    pub world: &'a BTreeMap<Address, Observed>,
    /// Scenarios that ran.
    pub scenarios: Vec<ScenarioResult>,
    /// What verify saw.
    pub checks: Vec<Check>,
    /// What was looked at after teardown.
    pub proof: Vec<ProofItem>,
}

/// Puts it together.
#[must_use]
pub fn compose(rig: &Rig, material: Material<'_>) -> Report {
    let spec = &rig.spec;
    Report {
        format: REPORT_FORMAT,
        generated: Timestamp::now(),
        loadrig: env!("CARGO_PKG_VERSION").to_owned(),
        run: material.run.name.clone(),
        environment: spec.into(),
        account: rig.account.id.clone(),
        topology: topology(spec, material.world),
        versions: versions(spec, &material.scenarios),
        walks: walks(&material.events),
        scenarios: material.scenarios,
        checks: material
            .checks
            .into_iter()
            .map(|check| ScenarioCheck {
                name: check.name,
                pass: check.pass,
                detail: check.detail,
            })
            .collect(),
        cost: Some(cost(spec).into()),
        proof: material.proof,
    }
}

/// What the cloud's proof looked at, for the report.
pub fn proof_items(looked: &[LeftoverCheck]) -> impl Iterator<Item = ProofItem> + '_ {
    looked.iter().map(|look| ProofItem {
        what: look.at.clone(),
        empty: look.left.is_empty(),
        detail: if look.left.is_empty() {
            "none".to_owned()
        } else {
            look.left.join(", ")
        },
    })
}

/// Stores a report, JSON and HTML, in its run's directory.
///
/// # Errors
/// When it cannot be encoded or written.
pub fn store(report: &Report, run: &RunDir) -> Result<std::path::PathBuf, Failure> {
    let json = report
        .json()
        .and_then(|value| serde_json::to_string_pretty(&value))
        .map_err(|error| {
            Failure::new(format!("cannot encode the report: {error}"), "report this")
        })?;
    run.write("report.json", &json)?;
    run.write("report.html", &page(report)?)
}

/// The report as one HTML page.
///
/// # Errors
/// When it cannot be rendered.
pub fn page(report: &Report) -> Result<String, Failure> {
    html(report)
        .map_err(|error| Failure::new(format!("cannot render the report: {error}"), "report this"))
}

/// Prints a report as data, and writes the page where the user wants it.
///
/// # Errors
/// When a file cannot be written.
pub fn print(app: &App, report: &Report, file: Option<&std::path::Path>) -> Result<(), Failure> {
    if let Some(file) = file {
        write(file, &page(report)?)?;
        app.printer.say(&format!("wrote {}", file.display()));
    }
    if app.printer.is_json() {
        match report.json() {
            Ok(value) => app.printer.json(&value),
            Err(error) => {
                return Err(Failure::new(
                    format!("cannot encode the report: {error}"),
                    "report this",
                ));
            }
        }
    } else {
        let ink = if app.printer.data_colour {
            Ink::Colour
        } else {
            Ink::Plain
        };
        app.printer.data(&terminal(report, ink));
    }
    Ok(())
}

fn topology(spec: &Spec, world: &BTreeMap<Address, Observed>) -> Topology {
    let endpoint = |address: &Address| {
        world
            .get(address)
            .and_then(|resource| resource.get("endpoint"))
            .unwrap_or_default()
            .to_owned()
    };
    let hosts = spec
        .hosts()
        .into_iter()
        .filter_map(|host| {
            Some(HostLine {
                name: host.to_string(),
                role: host.role,
                instance_type: spec.nodes.get(&host.role)?.instance_type.clone(),
                address: private_address(host, world).map_or(String::new(), |ip| ip.to_string()),
            })
        })
        .collect();
    Topology {
        hosts,
        // A database of the user's own is none of the rig's.
        database: spec
            .services
            .database
            .existing
            .is_none()
            .then(|| DatabaseLine {
                engine: match spec.services.database.engine {
                    DatabaseEngine::Postgres => format!("PostgreSQL {}", spec.database.version),
                    DatabaseEngine::AuroraPostgresql => {
                        format!("Aurora PostgreSQL {}", spec.database.version)
                    }
                },
                instance_type: spec.database.instance_type.clone(),
                writer: writer(world)
                    .map(|writer| endpoint(&writer.address))
                    .unwrap_or_default(),
                readers: readers(spec, world).iter().map(endpoint).collect(),
            }),
        search: (spec.search.nodes > 0).then(|| SearchLine {
            version: spec.search.version.clone(),
            instance_type: spec.search.instance_type.clone(),
            nodes: spec.search.nodes,
            endpoint: endpoint(&Address::search()),
        }),
        cache: (spec.cache.nodes > 0).then(|| CacheLine {
            instance_type: spec.cache.instance_type.clone(),
            nodes: spec.cache.nodes,
        }),
        bucket: world
            .get(&Address::bucket())
            .map(|bucket| bucket.id.clone()),
    }
}

fn versions(spec: &Spec, scenarios: &[ScenarioResult]) -> Vec<Version> {
    let version = |what: &str, version: String| Version {
        what: what.to_owned(),
        version,
    };
    let mut versions = vec![version("loadrig", env!("CARGO_PKG_VERSION").to_owned())];
    if let Some(scenario) = scenarios.first() {
        versions.push(version(
            "server, as it says itself",
            scenario.server.version.clone(),
        ));
    }
    if spec.services.database.existing.is_none() {
        versions.push(version(
            "PostgreSQL, as asked for",
            spec.database.version.clone(),
        ));
    }
    if spec.search.nodes > 0 {
        versions.push(version(
            "search engine, as asked for",
            spec.search.version.clone(),
        ));
    }
    versions
}
