//! How a host is against what loadrig did on it, and against what it would do now: one round trip, and
//! nothing is changed.

use super::bundle::Bundle;
use super::error::HostError;
use super::session::SshSession;
use super::shell::quote;
use super::step::BundleStep;

/// Asks the host.
const INSPECT: &str = concat!(
    include_str!("../../templates/look.sh"),
    include_str!("../../templates/inspect.sh")
);

/// What a host says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostInspection {
    /// Whether a bundle was not applied to its end, or never.
    pub is_unfinished: bool,
    /// How many files are as loadrig wrote them.
    pub same_files: usize,
    /// Files that somebody wrote to since loadrig did.
    pub changed_files: Vec<String>,
    /// Files that somebody removed.
    pub missing_files: Vec<String>,
    /// Files with other permissions than they were written with.
    pub modes: Vec<FileMode>,
    /// The services that loadrig started.
    pub units: Vec<UnitState>,
    /// Services that work by another configuration than their files hold.
    pub behind: Vec<String>,
    /// Titles of the planned steps that are not applied as planned.
    pub differing_steps: Vec<String>,
    /// Whether applying them may keep users from being served meanwhile, as far as steps and what an
    /// unfinished bundle left can tell.
    pub may_interrupt: bool,
    /// Units that applying them would restart.
    pub restarts: Vec<String>,
    /// Units that applying them would reload.
    pub reloads: Vec<String>,
}

/// A file's permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMode {
    /// Where it is.
    pub path: String,
    /// Its permissions, octal.
    pub seen: String,
    /// Those that it was written with, octal.
    pub written: String,
}

/// How a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitState {
    /// Name of the unit.
    pub name: String,
    /// systemd's word, such as `active`.
    pub state: String,
    /// Whether it starts at boot.
    pub starts_at_boot: bool,
    /// What systemd says of a start that failed.
    pub reason: Option<String>,
}

impl UnitState {
    /// Whether it runs.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state == "active"
    }
}

impl HostInspection {
    /// Whether applying the planned bundles would change anything.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.is_unfinished || !self.differing_steps.is_empty() || !self.is_untouched()
    }

    /// Whether users are served all the while that the planned bundles are applied.
    #[must_use]
    pub fn serves_meanwhile(&self) -> bool {
        !self.may_interrupt
            && self.is_untouched()
            && self.restarts.is_empty()
            && self.reloads.is_empty()
    }

    /// Whether files and services are as the last bundles left them.
    fn is_untouched(&self) -> bool {
        self.changed_files.is_empty()
            && self.missing_files.is_empty()
            && self.modes.is_empty()
            && self.behind.is_empty()
            && self
                .units
                .iter()
                .all(|unit| unit.is_active() && unit.starts_at_boot)
    }

    /// Takes a line of `templates/inspect.sh`; answers whether it was the last.
    fn line(&mut self, planned: &[Bundle], line: &str) -> bool {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut words = rest.splitn(3, ' ');
        let mut next = || words.next().unwrap_or_default().to_owned();
        match word {
            "unfinished" => self.is_unfinished = true,
            "unsettled" => self.may_interrupt = true,
            "same" => self.same_files += 1,
            "changed" => self.changed_files.push(rest.to_owned()),
            "missing" => self.missing_files.push(rest.to_owned()),
            "mode" => self.modes.push(FileMode {
                seen: next(),
                written: next(),
                path: next(),
            }),
            "unit" => self.units.push(UnitState {
                name: next(),
                state: next(),
                starts_at_boot: next() == "yes",
                reason: None,
            }),
            "reason" => {
                let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
                let unit = self.units.iter_mut().find(|unit| unit.name == name);
                if let Some(unit) = unit {
                    unit.reason = Some(text.to_owned());
                }
            }
            "behind" => self.behind.push(rest.to_owned()),
            "differs" => {
                let (stage, name) = (next(), next());
                let bundle = planned.iter().find(|one| one.stage().as_str() == stage);
                let title = bundle.map_or(name.as_str(), |bundle| bundle.title(&name));
                self.differing_steps.push(title.to_owned());
                let step = bundle.and_then(|bundle| bundle.step(&name));
                self.may_interrupt |= !step.is_some_and(BundleStep::is_while_serving);
            }
            // Files and steps may both be a reason.
            "restarts" if !self.restarts.iter().any(|unit| unit == rest) => {
                self.restarts.push(rest.to_owned());
            }
            "reloads" => self.reloads.push(rest.to_owned()),
            _ => {}
        }
        word == "done"
    }
}

impl SshSession {
    /// Compares the host with what loadrig did on it, and with planned bundles; without any, steps are
    /// not compared.
    ///
    /// # Errors
    /// When the connection ends, or the host cannot be asked.
    pub async fn inspect(&self, planned: &[Bundle]) -> Result<HostInspection, HostError> {
        let command = format!("sudo -n sh -c {}", quote(INSPECT));
        let output = self.run_with_input(&command, questions(planned)).await?;
        let mut inspection = HostInspection::default();
        let mut is_complete = false;
        for line in output.text().lines() {
            is_complete = inspection.line(planned, line);
        }
        if output.success() && is_complete {
            return Ok(inspection);
        }
        Err(HostError::Command {
            environment: self.environment().to_owned(),
            host: self.host(),
            doing: "say how it is".to_owned(),
            status: output.status,
            detail: output.complaint(),
        })
    }
}

/// What the host is asked about planned bundles, a line each.
fn questions(planned: &[Bundle]) -> String {
    let mut text = String::new();
    for bundle in planned {
        let stage = bundle.stage().as_str();
        for step in bundle.steps() {
            text += &format!("step {stage} {} {}\n", step.name(), step.digest());
            if let Some(service) = step.service_inputs() {
                let (restart, reload) = (&service.restart, &service.reload);
                text += &format!("service {} {restart} {reload}\n", service.unit);
            }
        }
    }
    text
}
