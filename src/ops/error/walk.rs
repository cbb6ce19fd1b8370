//! A walk over the graph that did not reach its end.

use std::time::Duration;

use crate::diagnose::{Diagnose, ExitCode, fold};
use crate::engine::{CloudError, TaskError, WalkReport};
use crate::plan::{RunningCost, Snapshot, running_cost};

/// How long the account may take to answer what is left: a walk often fails because it does not.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// What is left in the account after a walk that did not reach its end.
#[derive(Clone, Debug)]
pub enum Remains {
    /// The account was read.
    Known {
        /// How many resources exist.
        resources: usize,
        /// What they cost at list prices.
        cost: RunningCost,
    },
    /// It could not be read, or a size in it could not.
    Unknown(String),
}

impl Remains {
    /// From a reading of the account in a region.
    #[must_use]
    pub fn of(read: Result<Snapshot, CloudError>, region: &str) -> Self {
        let snapshot = match read {
            Ok(snapshot) => snapshot,
            Err(error) => return Remains::Unknown(error.to_string()),
        };
        let remaining = snapshot.resources.iter().filter(|r| !r.state.is_leaving());
        match running_cost(&snapshot, region) {
            Ok(cost) => Remains::Known {
                resources: remaining.count(),
                cost,
            },
            Err(error) => Remains::Unknown(error.to_string()),
        }
    }

    fn text(&self, environment: &str) -> String {
        match self {
            Remains::Known { resources: 0, .. } => format!("nothing of `{environment}` exists"),
            Remains::Known { resources, cost } => format!(
                "{resources} resources of `{environment}` exist; they cost {} per hour at AWS's list prices{}",
                cost.text(),
                cost.missing()
                    .map_or_else(String::new, |text| format!("; {text}"))
            ),
            Remains::Unknown(why) => format!(
                "what exists could not be read ({why}): `loadrig status {environment}` shows it and what it costs"
            ),
        }
    }
}

/// A walk over the graph that did not reach its end.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// The user stopped it, and nothing failed.
    #[error("interrupted: {done} steps done, {not_done} not")]
    Interrupted {
        /// `up` or `down`.
        operation: &'static str,
        /// Name of the environment.
        environment: String,
        /// How many steps finished.
        done: usize,
        /// How many did not.
        not_done: usize,
        /// What is in the account now.
        remains: Remains,
        /// Nodes that users are not served by until the next `up`.
        left_out: Vec<String>,
    },
    /// Steps failed.
    #[error(
        "{operation} of `{environment}`: {done} steps done, {} failed, {not_done} not reached{}",
        failed.len(),
        list(failed)
    )]
    Failed {
        /// `up` or `down`.
        operation: &'static str,
        /// Name of the environment.
        environment: String,
        /// How many steps finished.
        done: usize,
        /// How many were not reached.
        not_done: usize,
        /// The steps that failed, each with its reason.
        failed: Vec<(String, TaskError)>,
        /// What is in the account now.
        remains: Remains,
        /// Nodes that users are not served by until the next `up`.
        left_out: Vec<String>,
    },
}

impl Diagnose for WalkError {
    fn hints(&self) -> Vec<String> {
        let (WalkError::Interrupted {
            operation,
            environment,
            remains,
            left_out,
            ..
        }
        | WalkError::Failed {
            operation,
            environment,
            remains,
            left_out,
            ..
        }) = self;
        let nothing = matches!(remains, Remains::Known { resources: 0, .. });
        let mut next = match (*operation, nothing) {
            ("down", true) => format!("`loadrig down {environment}` looks for leftovers again"),
            (_, true) => format!("`loadrig {operation} {environment}` starts anew"),
            _ => format!("`loadrig {operation} {environment}` continues where this stopped"),
        };
        if *operation != "down" && !nothing {
            next.push_str(&format!(
                "; `loadrig down {environment}` removes everything"
            ));
        }
        let mut hints = vec![];
        if let WalkError::Failed { failed, .. } = self {
            let said = failed.iter().flat_map(|(step, error)| {
                let hints = error.hints().into_iter();
                hints.map(|hint| (step.clone(), hint))
            });
            hints.extend(fold(said).into_iter().map(|one| match one.names.len() {
                1 => one.text,
                // Which of the calls it names differs from step to step.
                many if one.text.contains("credentials lack") => {
                    format!("{} (and {} more steps)", one.text, many - 1)
                }
                _ => one.text,
            }));
        }
        if !left_out.is_empty() {
            let names: Vec<String> = left_out.iter().map(|host| format!("`{host}`")).collect();
            let verb = if names.len() == 1 { "gets" } else { "get" };
            hints.push(format!(
                "{} {verb} no requests until `loadrig up {environment}` has come to its end",
                names.join(", ")
            ));
        }
        hints.push(remains.text(environment));
        hints.push(next);
        hints
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            WalkError::Interrupted { .. } => ExitCode::Interrupted,
            WalkError::Failed { failed, .. } => failed
                .iter()
                .map(|(_, error)| error.exit_code())
                .rfind(|code| *code != ExitCode::Failed)
                .unwrap_or(ExitCode::Failed),
        }
    }
}

fn list(failed: &[(String, TaskError)]) -> String {
    let said = failed
        .iter()
        .map(|(step, error)| (step.clone(), error.to_string()));
    let lines = fold(said).into_iter().map(|one| {
        let others = one.others();
        let others = others.map_or_else(String::new, |text| format!("\n      {text}"));
        format!("\n  {}: {}{others}", one.first(), one.text)
    });
    lines.collect()
}

impl WalkError {
    /// What a walk came to; `read` reads the account where it did not reach its end.
    ///
    /// # Errors
    /// When it was interrupted or a step failed.
    pub async fn check(
        report: WalkReport,
        environment: &str,
        region: &str,
        operation: &'static str,
        read: impl Future<Output = Result<Snapshot, CloudError>>,
    ) -> Result<WalkReport, Self> {
        if report.is_complete() {
            return Ok(report);
        }
        let remains = match tokio::time::timeout(READ_TIMEOUT, read).await {
            Ok(read) => Remains::of(read, region),
            Err(_) => Remains::Unknown(format!("no answer within {} s", READ_TIMEOUT.as_secs())),
        };
        let environment = environment.to_owned();
        let (done, not_done) = (report.finished.len(), report.skipped.len());
        let left_out = report.left_out;
        if report.interrupted && report.failed.is_empty() {
            return Err(WalkError::Interrupted {
                operation,
                environment,
                done,
                not_done,
                remains,
                left_out,
            });
        }
        Err(WalkError::Failed {
            operation,
            environment,
            done,
            not_done,
            failed: report.failed,
            remains,
            left_out,
        })
    }
}
