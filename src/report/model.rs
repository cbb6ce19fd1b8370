//! The report as data: everything that any of its renderings shows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::loadtest::{Check, ScenarioResult};
use crate::plan::Cost;
use crate::spec::{
    CloudTarget, LoadBalancer, LoginGate, Release, Role, Scheme, SourceKind, Spec, TlsCertificate,
};

use super::timeline::Walk;

/// The format of reports as JSON; raised with every change that old readers cannot read.
pub const REPORT_FORMAT: u32 = 1;

/// A run's report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`REPORT_FORMAT`].
    pub format: u32,
    /// When it was written.
    pub generated: Timestamp,
    /// The version of loadrig that wrote it.
    pub loadrig: String,
    /// The run that it is about.
    pub run: String,
    /// Name, place and size of what was run.
    pub environment: ReportedEnvironment,
    /// Cloud account.
    pub account: String,
    /// What runs where.
    pub topology: Topology,
    /// Versions of what ran, in the order in which they are shown.
    pub versions: Vec<SoftwareVersion>,
    /// What was done when: one walk over the graph after the other.
    pub walks: Vec<Walk>,
    /// Scenarios that ran.
    pub scenarios: Vec<ScenarioResult>,
    /// What `verify` looked at.
    pub checks: Vec<Check>,
    /// What the environment costs.
    pub cost: Option<CostSummary>,
    /// What was looked at after teardown; empty when nothing was torn down.
    pub proof: Vec<ProofItem>,
}

/// The environment in short. Holds no path of the operator's machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedEnvironment {
    /// As in the name of its YAML file.
    pub name: String,
    /// Where it lives.
    pub cloud: CloudTarget,
    /// Region code, for example `us-east-1`.
    pub region: String,
    /// Reference architecture.
    pub architecture: String,
    /// Concurrent users that the architecture is for.
    pub concurrent_users: u32,
    /// Published or derived.
    pub source_kind: SourceKind,
    /// Where the size comes from.
    pub source_url: String,
    /// Why this shape; may be empty.
    pub source_note: String,
    /// What was installed, in words.
    pub release: String,
    /// How people reach the server, in words; empty in reports of older versions.
    #[serde(default)]
    pub entrance: String,
    /// The limit on logins, in words; empty in reports of older versions.
    #[serde(default)]
    pub login_gate: String,
    /// Edition, seats and end of the license, in words; empty where nobody said it.
    #[serde(default)]
    pub license: String,
    /// Address range.
    pub cidr: String,
    /// Availability zones.
    pub zones: u8,
    /// Extra tags that the YAML puts on every resource.
    pub tags: BTreeMap<String, String>,
}

impl From<&Spec> for ReportedEnvironment {
    fn from(spec: &Spec) -> Self {
        Self {
            name: spec.name.clone(),
            cloud: spec.cloud,
            region: spec.region.clone(),
            architecture: spec.architecture.clone(),
            concurrent_users: spec.concurrent_users,
            source_kind: spec.source.kind,
            source_url: spec.source.url.clone(),
            source_note: spec.source.note.clone(),
            release: release(spec),
            entrance: entrance(spec),
            login_gate: login_gate(spec),
            license: String::new(),
            // Somebody else's VPC is known by its id alone.
            cidr: match &spec.network.existing {
                Some(existing) => existing.vpc.clone(),
                None => spec.network.cidr.to_string(),
            },
            zones: spec.network.zones,
            tags: spec.tags.clone(),
        }
    }
}

/// What was installed, and what was left out of the size because there is no license.
fn release(spec: &Spec) -> String {
    let server = match &spec.mattermost.release {
        Release::Standin => "stand-in server".to_owned(),
        Release::Version(version) => format!("Mattermost {version}"),
        Release::Url(url) => format!("build from {url}"),
        Release::File(path) => format!(
            "build `{}`",
            path.file_name().unwrap_or_default().to_string_lossy()
        ),
    };
    let without = &spec.mattermost.without;
    if without.is_empty() {
        return server;
    }
    let instead: Vec<String> = without.iter().map(|part| part.instead()).collect();
    format!("{server} without a license: {}", instead.join("; "))
}

/// How people reach the server: encrypted or not, and with whose certificate.
fn entrance(spec: &Spec) -> String {
    let plain = "plain HTTP";
    match (&spec.load_balancer, &spec.tls) {
        (LoadBalancer::Nginx, None) => plain.to_owned(),
        (LoadBalancer::Nginx, Some(tls)) => {
            let whose = match &tls.certificate {
                TlsCertificate::Private => {
                    "a certificate of the environment's own authority".to_owned()
                }
                TlsCertificate::Files { .. } => "a certificate from a file".to_owned(),
                TlsCertificate::Acme(acme) => format!("a certificate from {}", acme.directory),
            };
            format!("TLS as {}, {whose}", tls.host_name)
        }
        (LoadBalancer::Alb(alb), _) => {
            let scheme = match alb.scheme {
                Scheme::Public => "public",
                Scheme::Internal => "internal",
            };
            let how = match &alb.certificate {
                Some(certificate) => format!("TLS as {}", certificate.host_name),
                None => plain.to_owned(),
            };
            format!("{how}, {scheme} application load balancer")
        }
    }
}

/// The limit on logins, without what it follows from.
fn login_gate(spec: &Spec) -> String {
    match LoginGate::of(spec) {
        LoginGate::Off { reason } => format!("none: {reason}"),
        LoginGate::On(limits) => {
            let count = u64::from(spec.count(limits.on));
            format!(
                "{:.1} logins per second, {} may wait",
                limits.rate,
                u64::from(limits.burst) * count
            )
        }
    }
}

/// What runs where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    /// Hosts, in the order in which they are shown.
    pub hosts: Vec<HostLine>,
    /// `None` for an existing database.
    pub database: Option<DatabaseLine>,
    /// Search domain.
    pub search: Option<SearchLine>,
    /// `None` when the architecture has none.
    pub cache: Option<CacheLine>,
    /// Name of the bucket of uploaded files.
    pub bucket: Option<String>,
}

impl Topology {
    /// Hosts of a role.
    pub fn hosts_of(&self, role: Role) -> impl Iterator<Item = &HostLine> {
        self.hosts.iter().filter(move |host| host.role == role)
    }
}

/// A host as the table of hosts shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostLine {
    /// For example `app-1`.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// EC2 instance type.
    pub instance_type: String,
    /// Private address; empty when it is not known.
    pub address: String,
}

/// The database as the topology shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseLine {
    /// For example `PostgreSQL 15`.
    pub engine: String,
    /// Class of the instances.
    pub instance_type: String,
    /// The writer's endpoint; empty when it is not known.
    pub writer: String,
    /// The readers' endpoints.
    pub readers: Vec<String>,
}

/// The search domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchLine {
    /// Engine version.
    pub version: String,
    /// Type of the data nodes.
    pub instance_type: String,
    /// Number of data nodes.
    pub nodes: u32,
    /// Endpoint; empty when it is not known.
    pub endpoint: String,
}

/// The cache as the topology shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheLine {
    /// Type of the nodes.
    pub instance_type: String,
    /// Number of nodes.
    pub nodes: u32,
}

/// A version of something that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoftwareVersion {
    /// For people, for example `PostgreSQL`.
    pub what: String,
    /// Which.
    pub version: String,
}

/// What an environment costs, US dollars.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostSummary {
    /// While everything runs.
    pub per_hour: f64,
    /// Per month of 730 hours.
    pub per_month: f64,
    /// The least that it costs, however soon it is taken down.
    pub at_least: f64,
    /// What adds up to it.
    pub lines: Vec<CostItem>,
    /// What is missing from the sums because its price is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unpriced: Vec<String>,
    /// The days that the prices are of.
    pub priced_on: String,
    /// What else there is to know.
    pub notes: Vec<String>,
}

/// One line of the costs, US dollars.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostItem {
    /// For people, for example `app c7i.xlarge`.
    pub what: String,
    /// How many; GiB for storage.
    pub count: u32,
    /// One of them, per hour; nothing where the price is not known.
    pub unit_per_hour: Option<f64>,
    /// All of them, per hour.
    pub per_hour: Option<f64>,
}

impl From<Cost> for CostSummary {
    fn from(cost: Cost) -> Self {
        Self {
            priced_on: cost.days(),
            per_hour: cost.per_hour,
            per_month: cost.per_month,
            at_least: cost.at_least,
            lines: cost
                .lines
                .into_iter()
                .map(|line| CostItem {
                    what: line.what,
                    count: line.count,
                    unit_per_hour: line.unit_per_hour,
                    per_hour: line.per_hour,
                })
                .collect(),
            unpriced: cost.unpriced,
            notes: cost.region_note.into_iter().chain(cost.notes).collect(),
        }
    }
}

/// Something that was looked for after teardown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofItem {
    /// What was looked for, and where.
    pub what: String,
    /// Nothing of it is left.
    pub empty: bool,
    /// What was seen.
    pub detail: String,
}

/// Whether all is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything that was looked at is as it should be.
    Passed,
    /// Something is not.
    Failed,
    /// Nothing but a storm whose figures are not the server's.
    Invalid,
    /// Nothing was looked at.
    Unchecked,
}

impl Report {
    /// Whether all is well, and what is not.
    #[must_use]
    pub fn verdict(&self) -> (Verdict, Vec<String>) {
        let mut looked_at = 0;
        let mut failures = Vec::new();
        let mut look = |pass: bool, failure: String| {
            looked_at += 1;
            if !pass {
                failures.push(failure);
            }
        };
        for step in self.walks.iter().flat_map(|walk| &walk.steps) {
            if step.end.is_failure() {
                look(false, format!("step `{}` failed", step.step));
            }
        }
        for check in &self.checks {
            look(check.pass, format!("{}: {}", check.name, check.detail));
        }
        for scenario in &self.scenarios {
            for check in &scenario.checks {
                let failure = format!("{}: {}: {}", scenario.scenario, check.name, check.detail);
                look(check.pass, failure);
            }
        }
        for item in &self.proof {
            look(
                item.empty,
                format!("left behind: {}: {}", item.what, item.detail),
            );
        }
        let verdict = match (looked_at, failures.is_empty()) {
            (0, _) => Verdict::Unchecked,
            (_, true) => Verdict::Passed,
            (_, false) if failures.len() == self.failures_that_do_not_count() => Verdict::Invalid,
            (_, false) => Verdict::Failed,
        };
        (verdict, failures)
    }

    /// Failed checks of storms whose figures are not the server's.
    fn failures_that_do_not_count(&self) -> usize {
        self.scenarios
            .iter()
            .filter(|scenario| !scenario.counts())
            .flat_map(|scenario| &scenario.checks)
            .filter(|check| !check.pass)
            .count()
    }

    /// The stand-in server answered, not Mattermost.
    #[must_use]
    pub fn standin(&self) -> bool {
        let planned = self.environment.release.starts_with("stand-in");
        // What answered counts, not what was planned.
        let mut answered = self.scenarios.iter().map(|scenario| &scenario.server);
        match self.scenarios.is_empty() {
            true => planned,
            false => answered.any(|server| match server.version.is_empty() {
                true => planned,
                false => server.standin,
            }),
        }
    }

    /// The report as JSON, with the verdict.
    ///
    /// # Errors
    /// When a histogram cannot be encoded.
    pub fn json(&self) -> Result<serde_json::Value, serde_json::Error> {
        let mut value = serde_json::to_value(self)?;
        let (verdict, failures) = self.verdict();
        value["verdict"] = serde_json::to_value(verdict)?;
        value["failures"] = failures.into();
        value["standin"] = self.standin().into();
        Ok(value)
    }
}
