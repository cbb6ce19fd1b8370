//! Plans in files: `up` carries out what was saved and nothing else.

use std::path::{Path, PathBuf};

use crate::diagnose::{Diagnose, ExitCode};
use crate::plan::{Bound, Difference, NOTHING, Plan, SavedPlan};

use super::error::OpsError;
use super::files::write;
use super::rig::Rig;

/// Of what changed since a plan was saved, so many lines are shown.
const CHANGES_SHOWN: usize = 40;

/// Why a saved plan is not written, or not carried out.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    /// The file exists and holds something else.
    #[error("`{}` exists and is not a saved plan", .0.display())]
    OtherFile(PathBuf),
    /// A plan that was not compared with an account.
    #[error("an offline plan cannot be carried out, so it is not saved")]
    Offline,
    /// The plan cannot be encoded.
    #[error("cannot encode the plan")]
    Encode(#[source] serde_json::Error),
    /// The file cannot be read.
    #[error("cannot read the plan `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The environment.
        environment: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no plan of this program.
    #[error("`{}` is not a plan that can be carried out: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The environment.
        environment: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something changed since.
    #[error(
        "the plan `{}` is stale; these changed since it was saved{}",
        path.display(),
        lines(changed)
    )]
    Stale {
        /// The file.
        path: PathBuf,
        /// The environment.
        environment: String,
        /// What changed, a line each.
        changed: Vec<String>,
    },
}

fn lines(changed: &[String]) -> String {
    let shown = changed.iter().take(CHANGES_SHOWN);
    let mut text: String = shown.map(|line| format!("\n  {line}")).collect();
    if changed.len() > CHANGES_SHOWN {
        text.push_str(&format!("\n  and {} more", changed.len() - CHANGES_SHOWN));
    }
    text
}

impl Diagnose for SavedPlanError {
    fn hints(&self) -> Vec<String> {
        vec![match self {
            SavedPlanError::OtherFile(_) => {
                "pass another name to `--out`, or remove the file".to_owned()
            }
            SavedPlanError::Offline => "omit `--offline`, and name an environment".to_owned(),
            SavedPlanError::Encode(_) => "report this".to_owned(),
            SavedPlanError::Read { environment, .. }
            | SavedPlanError::Unreadable { environment, .. }
            | SavedPlanError::Stale { environment, .. } => format!(
                "nothing was changed; save it again: `loadrig plan {environment} --out FILE`"
            ),
        }]
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            SavedPlanError::OtherFile(_) | SavedPlanError::Offline => ExitCode::Usage,
            _ => ExitCode::Failed,
        }
    }
}

/// Refuses to write a plan over a file that holds something else.
///
/// # Errors
/// When it does.
pub fn check_overwrite(file: &Path) -> Result<(), SavedPlanError> {
    let Ok(content) = std::fs::read(file) else {
        // Whether it can be written shows when it is.
        return Ok(());
    };
    if content.is_empty() || SavedPlan::is_one(&content) {
        return Ok(());
    }
    Err(SavedPlanError::OtherFile(file.to_owned()))
}

/// Writes a plan, with all that it depends on, to a file.
///
/// # Errors
/// When it cannot be written.
pub fn save(rig: &Rig, plan: &Plan, file: &Path) -> Result<(), OpsError> {
    let text = serde_json::to_string_pretty(&bind(rig, plan)).map_err(SavedPlanError::Encode)?;
    write(file, &text)?;
    Ok(())
}

/// Refuses when the plan is not the one of the file.
///
/// # Errors
/// When the file is no plan, or YAML or inventory changed since: with what changed.
pub fn check_saved_plan(rig: &Rig, plan: &Plan, file: &Path) -> Result<(), SavedPlanError> {
    let environment = rig.spec.name.clone();
    let text = std::fs::read_to_string(file).map_err(|source| SavedPlanError::Read {
        path: file.to_owned(),
        environment: environment.clone(),
        source,
    })?;
    let saved = SavedPlan::parse(&text).map_err(|reason| SavedPlanError::Unreadable {
        path: file.to_owned(),
        environment: environment.clone(),
        reason: reason.to_string(),
    })?;
    let moved = saved.moved(&bind(rig, plan));
    if moved.is_empty() {
        return Ok(());
    }
    Err(SavedPlanError::Stale {
        path: file.to_owned(),
        environment,
        changed: described(&moved),
    })
}

fn bind(rig: &Rig, plan: &Plan) -> SavedPlan {
    let operators: Vec<String> = rig.operators.iter().map(ToString::to_string).collect();
    let bound = Bound {
        account: rig.account.id.clone(),
        region: rig.account.region.clone(),
        environment: rig.spec.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    SavedPlan::new(bound, &rig.spec, &operators, plan)
}

/// What changed, a line each. The attributes of a resource that came or went are left out:
/// that it did says it all.
fn described(moved: &[Difference]) -> Vec<String> {
    let is_whole = |one: &&Difference| {
        !one.attribute.contains(' ') && [one.old.as_str(), &one.new].contains(&NOTHING)
    };
    let whole: Vec<&str> = moved
        .iter()
        .filter(is_whole)
        .map(|one| one.attribute.as_str())
        .collect();
    moved
        .iter()
        .filter(|one| {
            let of = one.attribute.split_once(' ').map(|(name, _)| name);
            of.is_none_or(|name| !whole.contains(&name))
        })
        .map(|one| {
            let flat = |text: &str| text.replace('\n', ", ");
            format!("{}: {} → {}", one.attribute, flat(&one.old), flat(&one.new))
        })
        .collect()
}
