//! The report as one HTML file that needs nothing else: no request, no script.
//!
//! The template escapes everything; what it gets is text and numbers, never markup.

mod boxes;
mod chart;
mod gantt;
mod over_time;
mod percentiles;
mod topology;

use serde::Serialize;
use tera::{Context, Tera};

use super::by_phase::PhaseTable;
use super::figures::{count, dollars, duration, millis, rate};
use super::model::{CostSummary, ProofItem, Report, ReportedEnvironment, SoftwareVersion, Verdict};
use super::over_time::charts_of as over_time_of;
use super::storm::{self, CallRow, StormFact};
use crate::loadtest::storm::StormFigures;
use crate::loadtest::{Check, ScenarioResult};
use crate::plan::at_least;
use crate::spec::{CloudTarget, SourceKind};

use chart::{Chart, ChartSize};
use gantt::Gantt;
use over_time::{TimeBackground, TimeSpan};
use topology::Diagram;

const PAGE: &str = include_str!("page.html");
const CHART: &str = include_str!("chart.html");
const STYLE: &str = include_str!("style.css");

const WIDE: ChartSize = ChartSize {
    class: "for-wide",
    width: 960.0,
    height: 380.0,
    names: 136.0,
};
const NARROW: ChartSize = ChartSize {
    class: "for-narrow",
    width: 420.0,
    height: 340.0,
    names: 126.0,
};

const WIDE_OVER_TIME: ChartSize = ChartSize {
    height: 240.0,
    ..WIDE
};
const NARROW_OVER_TIME: ChartSize = ChartSize {
    height: 230.0,
    ..NARROW
};

/// The template and what it is given do not fit together.
#[derive(Debug, thiserror::Error)]
#[error("cannot render the HTML report: {0}")]
pub struct HtmlError(String);

impl From<tera::Error> for HtmlError {
    fn from(error: tera::Error) -> Self {
        Self(error.to_string())
    }
}

/// Renders the report as one self-contained page.
///
/// # Errors
/// When template and data do not fit, which tests rule out.
pub fn html(report: &Report) -> Result<String, HtmlError> {
    let mut tera = Tera::default();
    tera.add_raw_templates([
        ("page.html", PAGE),
        ("chart.html", CHART),
        ("style.css", STYLE),
    ])?;
    let context = Context::from_serialize(&HtmlPage::new(report))?;
    Ok(tera.render("page.html", &context)?)
}

/// All that the page shows.
#[derive(Serialize)]
struct HtmlPage<'a> {
    title: String,
    environment: &'a ReportedEnvironment,
    account: &'a str,
    run: &'a str,
    generated: String,
    loadrig: &'a str,
    local: bool,
    published: bool,
    standin: bool,
    verdict: Verdict,
    failures: Vec<String>,
    cards: Vec<Card>,
    wide: Diagram,
    tall: Diagram,
    hosts: Vec<HostRow>,
    walks: Vec<Gantt>,
    scenarios: Vec<ScenarioSection<'a>>,
    checks: &'a [Check],
    versions: &'a [SoftwareVersion],
    cost: Option<CostSection<'a>>,
    proof: &'a [ProofItem],
    proof_holds: bool,
}

/// A key figure.
#[derive(Serialize)]
struct Card {
    label: &'static str,
    value: String,
    note: String,
}

#[derive(Serialize)]
struct HostRow {
    names: String,
    role: &'static str,
    instance_type: String,
    addresses: String,
}

#[derive(Serialize)]
struct ScenarioSection<'a> {
    result: &'a ScenarioResult,
    /// Whether its figures are the server's.
    counts: bool,
    took: String,
    requests: String,
    error_rate: String,
    /// What a row of `calls` is: an action of the smoke engine, a call of the storm's.
    call_title: &'static str,
    calls: Vec<CallRow>,
    /// The same of a storm by phase.
    by_phase: Vec<PhaseTable>,
    errors: Vec<String>,
    /// What a storm came to, in words.
    facts: Vec<StormFact>,
    over_time: Vec<DrawnChart>,
    by_percentile: Vec<DrawnChart>,
}

/// A chart for screens, and for phones.
#[derive(Serialize)]
struct DrawnChart {
    wide: Chart,
    narrow: Chart,
}

#[derive(Serialize)]
struct CostSection<'a> {
    per_hour: String,
    per_month: String,
    at_least: String,
    priced_on: &'a str,
    notes: &'a [String],
    lines: Vec<CostRow<'a>>,
}

#[derive(Serialize)]
struct CostRow<'a> {
    what: &'a str,
    count: String,
    unit: String,
    per_hour: String,
    share: f64,
}

impl<'a> HtmlPage<'a> {
    fn new(report: &'a Report) -> Self {
        let environment = &report.environment;
        let (verdict, failures) = report.verdict();
        Self {
            title: format!("{} · {}", environment.name, environment.architecture),
            environment,
            account: &report.account,
            run: &report.run,
            generated: report.generated.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            loadrig: &report.loadrig,
            local: environment.cloud == CloudTarget::Local,
            published: environment.source_kind == SourceKind::Published,
            standin: report.standin(),
            verdict,
            failures,
            cards: cards(report),
            wide: topology::wide(&report.topology, &environment.cidr),
            tall: topology::tall(&report.topology, &environment.cidr),
            hosts: host_rows(report),
            walks: report.walks.iter().map(gantt::gantt).collect(),
            scenarios: report.scenarios.iter().map(scenario).collect(),
            checks: &report.checks,
            versions: &report.versions,
            cost: report.cost.as_ref().map(cost),
            proof: &report.proof,
            proof_holds: report.proof.iter().all(|item| item.empty),
        }
    }
}

fn cards(report: &Report) -> Vec<Card> {
    let mut cards = Vec::new();
    let mut add = |label, value: String, note: String| cards.push(Card { label, value, note });
    add(
        "Built for",
        count(report.environment.concurrent_users.into()),
        "concurrent users".into(),
    );
    if let Some(walk) = report.walks.iter().find(|walk| walk.operation != "down") {
        let provision = walk.phases.iter().find(|p| p.phase == "provision");
        let took = provision.map_or(walk.duration(), |p| p.finished.duration_since(p.started));
        add(
            "Up in",
            duration(took),
            format!("{} steps", count(walk.steps.len() as u64)),
        );
    }
    if let Some(result) = report.scenarios.first() {
        if let Some(figures) = &result.storm {
            let (users, last) = (&figures.storm.users, figures.storm.last.logged_in_ms);
            add(
                "Users in",
                format!("{} / {}", count(users.logged_in), count(users.offered)),
                last.map_or("nobody got in".into(), |ms| {
                    format!("the last after {}", millis(ms as f64))
                }),
            );
        }
        add(
            "Requests",
            count(result.requests),
            format!("{:.2} % failed", result.error_rate_percent()),
        );
        let slowest = result
            .actions
            .iter()
            .max_by(|a, b| a.p95_ms.total_cmp(&b.p95_ms));
        if let Some(slowest) = slowest {
            add(
                "Slowest p95",
                millis(slowest.p95_ms),
                slowest.action.as_str().replace('-', " "),
            );
        }
    }
    let checks: Vec<bool> = report
        .checks
        .iter()
        .chain(report.scenarios.iter().flat_map(|s| &s.checks))
        .map(|check| check.pass)
        .collect();
    if !checks.is_empty() {
        let passed = checks.iter().filter(|pass| **pass).count();
        add(
            "Checks",
            format!("{passed} / {}", checks.len()),
            "passed".into(),
        );
    }
    if let Some(cost) = &report.cost {
        add(
            "On AWS",
            format!("{}{}", at_least(&cost.unpriced), dollars(cost.per_hour)),
            "per hour, list price".into(),
        );
    }
    cards
}

/// Hosts of a role and type share a row when there are many.
fn host_rows(report: &Report) -> Vec<HostRow> {
    let mut rows: Vec<HostRow> = Vec::new();
    for role in crate::spec::Role::ALL {
        let hosts: Vec<_> = report.topology.hosts_of(role).collect();
        let (Some(first), Some(last)) = (hosts.first(), hosts.last()) else {
            continue;
        };
        if hosts.len() <= 4 {
            rows.extend(hosts.iter().map(|host| HostRow {
                names: host.name.clone(),
                role: role.as_str(),
                instance_type: host.instance_type.clone(),
                addresses: host.address.clone(),
            }));
        } else {
            rows.push(HostRow {
                names: format!("{} … {} ({})", first.name, last.name, hosts.len()),
                role: role.as_str(),
                instance_type: first.instance_type.clone(),
                addresses: format!("{} …", first.address),
            });
        }
    }
    rows
}

fn scenario(result: &ScenarioResult) -> ScenarioSection<'_> {
    let storm = result.storm.as_deref();
    let told = storm.map(storm::summary);
    let (call_title, calls, errors) = match &told {
        Some(told) => ("Call", told.calls.clone(), told.errors.clone()),
        None => (
            "Action",
            storm::action_rows(&result.actions),
            storm::error_samples(&result.actions),
        ),
    };
    let percentiles = |size| percentiles::chart(&result.actions, size);
    let by_percentile = percentiles(WIDE).zip(percentiles(NARROW));
    ScenarioSection {
        result,
        counts: result.counts(),
        took: duration(result.finished.duration_since(result.started)),
        requests: count(result.requests),
        error_rate: format!("{:.2} %", result.error_rate_percent()),
        call_title,
        calls,
        by_phase: told
            .as_ref()
            .map(|told| told.by_phase.clone())
            .unwrap_or_default(),
        errors,
        facts: told.map(|told| told.facts).unwrap_or_default(),
        over_time: storm.map(over_time).unwrap_or_default(),
        by_percentile: by_percentile
            .map(|(wide, narrow)| DrawnChart { wide, narrow })
            .into_iter()
            .collect(),
    }
}

/// The charts of a storm.
fn over_time(figures: &StormFigures) -> Vec<DrawnChart> {
    let spans: Vec<TimeSpan> = figures
        .phases
        .iter()
        .map(|phase| TimeSpan {
            name: phase.name.clone(),
            from: phase.begin_ms as f64 / 1000.0,
            to: phase.end_ms as f64 / 1000.0,
        })
        .collect();
    let moments = figures.events.iter().filter_map(|event| {
        let at = event.begin_ms? as f64 / 1000.0;
        Some((at, event.text.clone()))
    });
    let gaps = figures.gaps.iter().map(|gap| TimeSpan {
        name: format!("{} away", gap.agent),
        from: gap.from_ms as f64 / 1000.0,
        to: gap.to_ms as f64 / 1000.0,
    });
    let background = TimeBackground {
        spans,
        moments: moments.collect(),
        gaps: gaps.collect(),
    };
    over_time_of(figures)
        .iter()
        .map(|chart| DrawnChart {
            wide: over_time::chart(chart, &background, WIDE_OVER_TIME),
            narrow: over_time::chart(chart, &background, NARROW_OVER_TIME),
        })
        .collect()
}

fn cost(cost: &CostSummary) -> CostSection<'_> {
    let whole = cost.per_hour.max(f64::MIN_POSITIVE);
    CostSection {
        per_hour: format!("{}{}", at_least(&cost.unpriced), dollars(cost.per_hour)),
        per_month: dollars(cost.per_month),
        at_least: dollars(cost.at_least),
        priced_on: &cost.priced_on,
        notes: &cost.notes,
        lines: cost
            .lines
            .iter()
            .map(|line| CostRow {
                what: &line.what,
                count: count(line.count.into()),
                unit: line
                    .unit_per_hour
                    .map_or_else(|| "no price".to_owned(), rate),
                per_hour: line.per_hour.map_or_else(String::new, rate),
                share: 100.0 * line.per_hour.unwrap_or(0.0) / whole,
            })
            .collect(),
    }
}
