//! Reports: put together from what a run brought to light, stored, and found again.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::blueprint::Address;
use crate::engine::{CloudError, LeftoverCheck};
use crate::events::Event;
use crate::loadtest::{Check as ScenarioCheck, ScenarioResult};
use crate::plan::Inventory;
use crate::report::{
    CacheLine, DatabaseLine, HostLine, ProofItem, REPORT_FORMAT, Report, ReportedEnvironment,
    SearchLine, SoftwareVersion, Topology, html, walks,
};
use crate::spec::{DatabaseEngine, Spec};

use super::files::write;
use super::license::edition;
use super::plan::price;
use super::rig::Rig;
use super::run_dir::RunDir;
use super::verify::RigCheck;
use crate::ops::error::{OpsError, ReportError};

/// What a report is made of.
#[derive(Debug)]
pub struct ReportInput<'a> {
    /// Directory of the run that is reported.
    pub run: &'a RunDir,
    /// What happened.
    pub events: Vec<Event>,
    /// What existed.
    pub inventory: &'a Inventory,
    /// Scenarios that ran.
    pub scenarios: Vec<ScenarioResult>,
    /// What was checked.
    pub checks: Vec<RigCheck>,
    /// What was looked for after the teardown.
    pub proof: Vec<ProofItem>,
}

/// Puts a report together.
///
/// # Errors
/// When a planned size cannot be read.
pub fn compose(rig: &Rig, input: ReportInput<'_>) -> Result<Report, CloudError> {
    let spec = &rig.spec;
    Ok(Report {
        format: REPORT_FORMAT,
        generated: Timestamp::now(),
        loadrig: env!("CARGO_PKG_VERSION").to_owned(),
        run: input.run.name.clone(),
        environment: ReportedEnvironment {
            license: edition(spec),
            ..spec.into()
        },
        account: rig.account.id.clone(),
        topology: topology(spec, input.inventory),
        versions: versions(spec, &input.scenarios),
        walks: walks(&input.events),
        scenarios: input.scenarios,
        checks: input
            .checks
            .into_iter()
            .map(|check| ScenarioCheck {
                name: check.name,
                pass: check.pass,
                detail: check.detail,
            })
            .collect(),
        cost: Some(price(spec)?.into()),
        proof: input.proof,
    })
}

/// What the search for leftovers looked at, for the report.
pub(super) fn proof_items(looked: &[LeftoverCheck]) -> impl Iterator<Item = ProofItem> + '_ {
    looked.iter().map(|look| ProofItem {
        what: look.at.clone(),
        empty: look.left.is_empty() && look.gap.is_none(),
        detail: match &look.gap {
            Some(why) => format!("not looked at: {why}"),
            None if look.left.is_empty() => "none".to_owned(),
            None => look.left.join(", "),
        },
    })
}

/// Stores a report, JSON and HTML, in its run's directory; answers with the page's path.
///
/// # Errors
/// When it cannot be encoded or written.
pub fn store(report: &Report, run: &RunDir) -> Result<PathBuf, OpsError> {
    let json = report
        .json()
        .and_then(|value| serde_json::to_string_pretty(&value))
        .map_err(ReportError::Encode)?;
    run.write("report.json", &json)?;
    Ok(run.write("report.html", &page(report)?)?)
}

/// The stored report of a run: of the named one, or of the latest.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn load(environment: &str, run: Option<&str>) -> Result<Report, OpsError> {
    Ok(load_file(&RunDir::find(environment, run)?.report())?)
}

/// Reads a stored report.
///
/// # Errors
/// When it cannot be read, or another version wrote it.
pub(super) fn load_file(path: &Path) -> Result<Report, ReportError> {
    let path = || path.to_owned();
    let text = std::fs::read_to_string(path()).map_err(|source| ReportError::Read {
        path: path(),
        source,
    })?;
    let report: Report = serde_json::from_str(&text).map_err(|source| ReportError::Parse {
        path: path(),
        source,
    })?;
    if report.format != REPORT_FORMAT {
        let found = report.format;
        return Err(ReportError::Format {
            path: path(),
            found,
        });
    }
    Ok(report)
}

/// Writes a report as one self-contained page.
///
/// # Errors
/// When it cannot be rendered or written.
pub fn write_page(report: &Report, file: &Path) -> Result<(), OpsError> {
    Ok(write(file, &page(report)?)?)
}

fn page(report: &Report) -> Result<String, ReportError> {
    html(report).map_err(ReportError::Render)
}

fn topology(spec: &Spec, inventory: &Inventory) -> Topology {
    let endpoint = |address: &Address| inventory.endpoint(address).unwrap_or_default().to_owned();
    let hosts = spec
        .hosts()
        .into_iter()
        .filter_map(|host| {
            Some(HostLine {
                name: host.to_string(),
                role: host.role,
                instance_type: spec.nodes.get(&host.role)?.instance_type.clone(),
                address: inventory
                    .private_address(host)
                    .map_or(String::new(), |ip| ip.to_string()),
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
                writer: inventory
                    .writer()
                    .map(|writer| endpoint(&writer.address))
                    .unwrap_or_default(),
                readers: inventory.readers(spec).iter().map(endpoint).collect(),
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
        bucket: inventory
            .get(&Address::bucket())
            .map(|bucket| bucket.id.clone()),
    }
}

fn versions(spec: &Spec, scenarios: &[ScenarioResult]) -> Vec<SoftwareVersion> {
    let version = |what: &str, version: &str| SoftwareVersion {
        what: what.to_owned(),
        version: version.to_owned(),
    };
    let mut versions = vec![version("loadrig", env!("CARGO_PKG_VERSION"))];
    if let Some(scenario) = scenarios.first() {
        versions.push(version(
            "server",
            &format!("{} (self-reported)", scenario.server.version),
        ));
    }
    if spec.services.database.existing.is_none() {
        versions.push(version(
            "PostgreSQL",
            &format!("{} (requested)", spec.database.version),
        ));
    }
    if spec.search.nodes > 0 {
        versions.push(version(
            "search engine",
            &format!("{} (requested)", spec.search.version),
        ));
    }
    versions
}
