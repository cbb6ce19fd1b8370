//! Why a plan is not carried out.

use crate::diagnose::{Diagnose, ExitCode};
use crate::plan::{at_least, missing_prices};
use crate::preflight::Finding;

/// Why a plan is not carried out.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PreflightError {
    /// It costs more than was allowed.
    #[error("`{environment}` costs {}${cost:.2} per hour, more than the ${} of `--max-cost`", at_least(unpriced), dollars(*limit))]
    TooExpensive {
        /// Name of the environment.
        environment: String,
        /// What it costs, US dollars per hour.
        cost: f64,
        /// What it costs something that is not known.
        unpriced: Vec<String>,
        /// What it may cost.
        limit: f64,
    },
    /// It may cost more than was allowed.
    #[error(
        "whether `{environment}` costs more than `--max-cost` cannot be told: no price is known in {region} for {}",
        unpriced.iter().map(|what| format!("`{what}`")).collect::<Vec<_>>().join(", ")
    )]
    CostUnknown {
        /// Name of the environment.
        environment: String,
        /// The region.
        region: String,
        /// What has no price there.
        unpriced: Vec<String>,
    },
    /// No price of the host of a canary is known.
    #[error(
        "what the canary's host costs in {region} is not known, so it is not held to `--spend`"
    )]
    CanaryCostUnknown {
        /// The region.
        region: String,
    },
    /// The host of a canary may cost more than was allowed.
    #[error("the canary's host may cost ${most:.3}, more than the ${limit} of `--spend`")]
    CanaryTooExpensive {
        /// What it may cost, US dollars.
        most: f64,
        /// What was allowed.
        limit: f64,
    },
    /// Findings refuse it.
    #[error("preflight refuses the plan{}", list(refused))]
    Refused {
        /// Those findings.
        refused: Vec<Finding>,
    },
    /// A change cannot be carried out.
    #[error("the plan cannot be carried out{}", .0.iter().map(|line| format!("\n  {line}")).collect::<String>())]
    Impossible(Vec<String>),
}

/// Cents, or as many digits as were given.
fn dollars(limit: f64) -> String {
    let cents = format!("{limit:.2}");
    if cents.parse::<f64>() == Ok(limit) {
        cents
    } else {
        limit.to_string()
    }
}

impl Diagnose for PreflightError {
    fn hints(&self) -> Vec<String> {
        match self {
            PreflightError::TooExpensive {
                environment,
                unpriced,
                ..
            } => missing_prices(unpriced)
                .into_iter()
                .chain([format!(
                    "nothing was changed; `loadrig plan {environment} --cost` shows the cost of each part"
                )])
                .collect(),
            PreflightError::CostUnknown { .. } => {
                vec!["nothing was changed; without `--max-cost` it goes on at any cost".to_owned()]
            }
            PreflightError::CanaryTooExpensive { .. }
            | PreflightError::CanaryCostUnknown { .. } => {
                vec!["nothing was changed; without `--spend` no host is launched".to_owned()]
            }
            PreflightError::Refused { refused } => {
                let mut hints: Vec<String> = refused
                    .iter()
                    .flat_map(|one| one.remedies.clone())
                    .collect();
                hints.push(
                    "nothing of the environment was changed; `--skip-preflight` continues in spite of these"
                        .to_owned(),
                );
                hints
            }
            PreflightError::Impossible(_) => {
                vec!["nothing was changed; each line says what prevents it".to_owned()]
            }
        }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            PreflightError::Impossible(_) => ExitCode::Failed,
            _ => ExitCode::Preflight,
        }
    }
}

fn list(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(|one| format!("\n  {}: {}", one.check, one.detail))
        .collect()
}
