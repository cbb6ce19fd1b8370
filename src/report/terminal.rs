//! The report for a terminal: plain text that also reads well without colour.

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, TableComponent};

use crate::loadtest::storm::StormFigures;
use crate::loadtest::{Check, ScenarioResult};
use crate::plan::at_least;

use super::by_phase::PhaseTable;
use super::figures::{count, dollars, duration};
use super::model::{Report, Verdict};
use super::over_time;
use super::sparklines;
use super::storm::{self, CallRow};
use super::timeline::Walk;

/// Width of what is printed, columns.
const WIDTH: u16 = 100;
/// So many links of a critical path are shown: those that took longest.
const LINKS: usize = 8;
/// Characters of a curve over time.
const SPARKLINE: usize = 60;

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// ANSI colours.
    Colour,
    /// None.
    Plain,
}

#[derive(Clone, Copy)]
enum Tone {
    Good,
    Bad,
    Warn,
    Strong,
}

impl Ink {
    fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "1;31",
            Tone::Warn => "1;33",
            Tone::Strong => "1",
        };
        match self {
            Ink::Colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Ink::Plain => text.to_owned(),
        }
    }
}

/// Renders the report as text that ends in the verdict.
#[must_use]
pub fn terminal(report: &Report, ink: Ink) -> String {
    let mut page = TerminalPage {
        text: String::new(),
        ink,
    };
    page.header(report);
    for scenario in &report.scenarios {
        page.scenario(scenario);
    }
    page.checks("Verification", &report.checks);
    for walk in &report.walks {
        page.walk(walk);
    }
    page.cost(report);
    page.proof(report);
    page.verdict(report);
    page.text
}

/// What became of a run that failed: what failed, and whether anything is left. The whole report
/// is stored; nobody reads about hosts and costs of a rig that did not come up.
#[must_use]
pub fn failed_in_short(report: &Report, ink: Ink) -> String {
    let mut page = TerminalPage {
        text: String::new(),
        ink,
    };
    // What is left is among the failures of the verdict.
    if !report.proof.is_empty() && report.proof.iter().all(|item| item.empty) {
        page.line(&format!(
            "checked for leftovers: nothing is left ({} checks)",
            report.proof.len()
        ));
    }
    page.verdict(report);
    page.text
}

struct TerminalPage {
    text: String,
    ink: Ink,
}

impl TerminalPage {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn title(&mut self, title: &str) {
        let title = self.ink.paint(Tone::Strong, title);
        self.line("");
        self.line(&title);
    }

    fn table(&mut self, table: &Table) {
        for line in table.to_string().lines() {
            self.line(line);
        }
    }

    fn header(&mut self, report: &Report) {
        let environment = &report.environment;
        let name = self.ink.paint(Tone::Strong, &environment.name);
        self.line(&format!(
            "{name}  {} architecture, {} concurrent users ({}), {}",
            environment.architecture,
            count(environment.concurrent_users.into()),
            environment.region,
            environment.release,
        ));
        self.line(&format!("run {}, account {}", report.run, report.account));
        // Reports of older versions do not say.
        for (what, text) in [
            ("entrance", &environment.entrance),
            ("login gate", &environment.login_gate),
            ("license", &environment.license),
        ] {
            if !text.is_empty() {
                self.line(&format!("{what}: {text}"));
            }
        }
        if report.standin() {
            let warning = "STAND-IN SERVER: these are not Mattermost's figures. They show that \
                           the rig works, not what it can carry.";
            let warning = self.ink.paint(Tone::Warn, warning);
            self.line("");
            self.line(&warning);
        }
        let mut hosts = table(&["host", "type", "address"]);
        for role in crate::spec::Role::ALL {
            let of_role: Vec<_> = report.topology.hosts_of(role).collect();
            if let [first, .., last] = of_role.as_slice()
                && of_role.len() > 4
            {
                hosts.add_row([
                    format!("{} … {}", first.name, last.name),
                    first.instance_type.clone(),
                    format!("{} … {}", first.address, last.address),
                ]);
                continue;
            }
            for host in of_role {
                hosts.add_row([&host.name, &host.instance_type, &host.address]);
            }
        }
        if let Some(database) = &report.topology.database {
            let readers = database.readers.len();
            hosts.add_row([
                format!("database, {readers} reader{}", plural(readers)),
                database.instance_type.clone(),
                database.writer.clone(),
            ]);
        }
        if let Some(search) = &report.topology.search {
            hosts.add_row([
                format!(
                    "search, {} node{}",
                    search.nodes,
                    plural(search.nodes as usize)
                ),
                search.instance_type.clone(),
                search.endpoint.clone(),
            ]);
        }
        self.title("Topology");
        self.table(&hosts);
        if !report.versions.is_empty() {
            let versions: Vec<String> = report
                .versions
                .iter()
                .map(|version| format!("{} {}", version.what, version.version))
                .collect();
            self.line(&format!("versions: {}", versions.join(", ")));
        }
    }

    fn scenario(&mut self, result: &ScenarioResult) {
        let word = match (result.passed, result.counts()) {
            (true, _) => self.ink.paint(Tone::Good, "passed"),
            (false, true) => self.ink.paint(Tone::Bad, "FAILED"),
            (false, false) => self.ink.paint(Tone::Warn, "INVALID"),
        };
        self.title(&format!("{}: {word}", result.title));
        self.line(&format!(
            "{} users from {}, {} requests in {}, {:.2} % failed; server {}",
            result.users,
            result.agents.join(", "),
            count(result.requests),
            duration(result.finished.duration_since(result.started)),
            result.error_rate_percent(),
            result.server.version,
        ));
        match result.storm.as_deref() {
            Some(figures) => {
                let told = storm::summary(figures);
                for fact in &told.facts {
                    self.line(&format!("{}: {}", fact.name, fact.text));
                }
                self.over_time(figures);
                self.calls("call", &told.calls);
                self.by_phase(&told.by_phase);
                self.errors(&told.errors);
            }
            None => {
                self.calls("action", &storm::action_rows(&result.actions));
                self.errors(&storm::error_samples(&result.actions));
            }
        }
        self.checks("", &result.checks);
        for note in &result.notes {
            self.line(&format!("note: {note}"));
        }
    }

    fn calls(&mut self, what: &str, calls: &[CallRow]) {
        let mut figures = table(&[
            what, "requests", "errors", "median", "p95", "p99", "slowest",
        ]);
        for column in figures.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        for call in calls {
            let ms = |value: &str| match call.measured {
                true => value.to_owned(),
                false => "-".to_owned(),
            };
            figures.add_row([
                call.name.to_owned(),
                call.count.clone(),
                count(call.failed),
                ms(&call.p50),
                ms(&call.p95),
                ms(&call.p99),
                ms(&call.max),
            ]);
        }
        self.table(&figures);
    }

    fn by_phase(&mut self, tables: &[PhaseTable]) {
        for by_phase in tables {
            let phases = by_phase.phases.iter().map(String::as_str);
            let header: Vec<&str> = std::iter::once("p95 by phase").chain(phases).collect();
            let mut figures = table(&header);
            for column in figures.column_iter_mut().skip(1) {
                column.set_cell_alignment(CellAlignment::Right);
            }
            for row in &by_phase.rows {
                let cells = row.cells.iter().map(String::as_str);
                figures.add_row(std::iter::once(row.name).chain(cells));
            }
            self.line("");
            self.table(&figures);
        }
    }

    fn errors(&mut self, errors: &[String]) {
        let word = self.ink.paint(Tone::Bad, "error");
        for error in errors {
            self.line(&format!("{word} {error}"));
        }
    }

    /// The charts of a storm, as far as a terminal can draw.
    fn over_time(&mut self, figures: &StormFigures) {
        for chart in over_time::charts_of(figures) {
            self.line("");
            self.line(chart.title);
            for (name, marks) in sparklines::marks(&chart, figures, SPARKLINE) {
                self.line(&format!("  {name:<17} {marks}"));
            }
            for spark in sparklines::sparklines(&chart, SPARKLINE) {
                let most = chart.unit.label(spark.most);
                self.line(&format!(
                    "  {:<17} {}  at most {most}",
                    spark.name, spark.blocks
                ));
            }
        }
        self.line("");
    }

    fn checks(&mut self, title: &str, checks: &[Check]) {
        if checks.is_empty() {
            return;
        }
        if !title.is_empty() {
            self.title(title);
        }
        for check in checks {
            let word = match check.pass {
                true => self.ink.paint(Tone::Good, "pass"),
                false => self.ink.paint(Tone::Bad, "FAIL"),
            };
            self.line(&format!("  {word}  {} ({})", check.name, check.detail));
        }
    }

    fn walk(&mut self, walk: &Walk) {
        self.title(&format!(
            "{}: {} to the end of its last step",
            walk.operation,
            duration(walk.duration())
        ));
        let phases: Vec<String> = walk
            .phases
            .iter()
            .map(|phase| {
                let took = phase.finished.duration_since(phase.started);
                format!("{} {}", phase.phase, duration(took))
            })
            .collect();
        if !phases.is_empty() {
            self.line(&format!("phases: {}", phases.join(", ")));
        }
        let mut longest: Vec<_> = walk.critical_path.iter().collect();
        longest.sort_by_key(|link| std::cmp::Reverse(link.took));
        let told = longest.get(LINKS.min(longest.len()).saturating_sub(1));
        let shortest = told.map_or(jiff::SignedDuration::ZERO, |link| link.took);
        let links: Vec<String> = walk
            .critical_path
            .iter()
            .filter(|link| link.took >= shortest)
            .take(LINKS)
            .map(|link| format!("{} {}", link.step, duration(link.took)))
            .collect();
        if !links.is_empty() {
            self.line(&format!("critical path: {}", links.join(" > ")));
        }
    }

    fn cost(&mut self, report: &Report) {
        let Some(cost) = &report.cost else { return };
        self.title("Cost on AWS");
        let bound = at_least(&cost.unpriced);
        self.line(&format!(
            "{bound}{} per hour, {} per month, at least {} however short (list prices of {})",
            dollars(cost.per_hour),
            dollars(cost.per_month),
            dollars(cost.at_least),
            cost.priced_on
        ));
        if !cost.unpriced.is_empty() {
            self.line(&format!(
                "without a known price: {}",
                cost.unpriced.join(", ")
            ));
        }
    }

    fn proof(&mut self, report: &Report) {
        if report.proof.is_empty() {
            return;
        }
        self.title("Checked for leftovers after teardown");
        for item in &report.proof {
            let word = match item.empty {
                true => self.ink.paint(Tone::Good, "none"),
                false => self.ink.paint(Tone::Bad, "LEFT"),
            };
            self.line(&format!("  {word}  {} ({})", item.what, item.detail));
        }
    }

    fn verdict(&mut self, report: &Report) {
        let (verdict, failures) = report.verdict();
        self.line("");
        for failure in &failures {
            let line = self.ink.paint(Tone::Bad, failure);
            self.line(&line);
        }
        let standin = match report.standin() {
            true => " (stand-in server, not Mattermost)",
            false => "",
        };
        let line = match verdict {
            Verdict::Passed => self.ink.paint(Tone::Good, "PASSED"),
            Verdict::Failed => self.ink.paint(Tone::Bad, "FAILED"),
            Verdict::Invalid => self.ink.paint(Tone::Warn, "INVALID"),
            Verdict::Unchecked => self.ink.paint(Tone::Warn, "NOT CHECKED"),
        };
        self.line(&format!("{line}{standin}"));
    }
}

fn plural(number: usize) -> &'static str {
    if number == 1 { "" } else { "s" }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(NOTHING)
        .set_style(TableComponent::HeaderLines, '─')
        .set_style(TableComponent::MiddleHeaderIntersections, '─')
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        // Colour is ours to decide, not the table's.
        .force_no_tty()
        .set_header(header.iter().map(Cell::new));
    table
}
