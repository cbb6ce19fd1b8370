//! Plans in files: `up` carries out what was saved and nothing else.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use crate::plan::{Bound, Difference, NOTHING, Plan, SavedPlan};
use crate::spec::read_limited;

use super::files;
use super::rig::Rig;
use crate::ops::error::{FileError, OpsError, SavedPlanError};

/// Larger than any plan: that of the largest size has less than 2 MiB.
const LARGEST_PLAN: u64 = 32 << 20;

/// A saved plan, as read from its file.
#[derive(Clone, Debug)]
pub struct SavedPlanFile {
    path: PathBuf,
    saved: SavedPlan,
}

/// Refuses to write a plan over a file that holds something else.
///
/// # Errors
/// When it does.
pub fn check_overwrite(file: &Path) -> Result<(), FileError> {
    files::check_overwrite(file, "a saved plan", LARGEST_PLAN, SavedPlan::is_one)
}

/// Writes a plan, with all that it depends on, to a file.
///
/// # Errors
/// When it cannot be written.
pub fn save(rig: &Rig, plan: &Plan, file: &Path) -> Result<(), OpsError> {
    let text = serde_json::to_string_pretty(&bind(rig, plan)).map_err(SavedPlanError::Encode)?;
    files::write(file, &text)?;
    Ok(())
}

impl SavedPlanFile {
    /// Reads a file, once: it may be a pipe.
    ///
    /// # Errors
    /// When it cannot be read, or is no plan.
    pub fn read(file: &Path, environment: &str) -> Result<Self, SavedPlanError> {
        let text = read_limited(file, LARGEST_PLAN).and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::InvalidData, "not text"))
        });
        let text = text.map_err(|source| SavedPlanError::Read {
            path: file.to_owned(),
            environment: environment.to_owned(),
            source,
        })?;
        let saved = SavedPlan::parse(&text).map_err(|reason| SavedPlanError::Unreadable {
            path: file.to_owned(),
            environment: environment.to_owned(),
            reason,
        })?;
        let path = file.to_owned();
        Ok(Self { path, saved })
    }

    /// Refuses when the plan is not the one of the file.
    ///
    /// # Errors
    /// When YAML or inventory changed since: with what changed.
    pub(super) fn check(&self, rig: &Rig, plan: &Plan) -> Result<(), SavedPlanError> {
        let moved = self.saved.moved(&bind(rig, plan));
        if moved.is_empty() {
            return Ok(());
        }
        Err(SavedPlanError::Stale {
            path: self.path.clone(),
            environment: rig.spec.name.clone(),
            changed: described(&moved),
        })
    }
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
