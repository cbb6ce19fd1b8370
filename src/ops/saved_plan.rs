//! Plans in files: `up` carries out what was saved and nothing else.

use std::path::Path;

use crate::plan::{Bound, Difference, NOTHING, Plan, SavedPlan};

use super::files::write;
use super::rig::Rig;
use crate::ops::error::{OpsError, SavedPlanError};

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

/// Refuses a file that no plan can be read from: before anybody is asked for credentials.
///
/// # Errors
/// When it cannot be read, or is no plan.
pub fn check_readable(file: &Path, environment: &str) -> Result<(), SavedPlanError> {
    read(file, environment).map(|_| ())
}

fn read(file: &Path, environment: &str) -> Result<SavedPlan, SavedPlanError> {
    let text = std::fs::read_to_string(file).map_err(|source| SavedPlanError::Read {
        path: file.to_owned(),
        environment: environment.to_owned(),
        source,
    })?;
    SavedPlan::parse(&text).map_err(|reason| SavedPlanError::Unreadable {
        path: file.to_owned(),
        environment: environment.to_owned(),
        reason: reason.clone(),
    })
}

/// Refuses when the plan is not the one of the file.
///
/// # Errors
/// When the file is no plan, or YAML or inventory changed since: with what changed.
pub fn check_saved_plan(rig: &Rig, plan: &Plan, file: &Path) -> Result<(), SavedPlanError> {
    let environment = rig.spec.name.clone();
    let saved = read(file, &environment)?;
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
