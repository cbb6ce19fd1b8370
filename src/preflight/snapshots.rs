//! Whether the snapshots that databases are to be restored from exist and fit.

use std::collections::{BTreeMap, BTreeSet};

use crate::blueprint::{Blueprint, Desired, Step};
use crate::plan::{Action, Plan};

use super::findings::{Finding, FindingVerdict};

/// A snapshot that a plan restores a database from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Restore {
    /// Its id or ARN.
    pub snapshot: String,
    /// Whether it has to be an Aurora cluster's.
    pub cluster: bool,
    /// Major PostgreSQL version that it has to have.
    pub version: String,
}

/// What RDS reports about a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restorable {
    /// For example `available`.
    pub status: String,
    /// For example `postgres`.
    pub engine: String,
    /// For example `15.8`.
    pub version: String,
    /// Whether it is encrypted.
    pub encrypted: bool,
}

/// What was found of each; nothing where there is no such snapshot, an error where it could not
/// be looked for.
pub type Restorables = BTreeMap<Restore, Result<Option<Restorable>, String>>;

/// The snapshots that a plan restores databases from.
#[must_use]
pub fn restores(blueprint: &Blueprint, plan: &Plan) -> BTreeSet<Restore> {
    let created = plan.changes.iter().filter(|c| c.action == Action::Create);
    created
        .filter_map(|change| match &blueprint.node(&change.address)?.step {
            Step::Resource(Desired::Database(database)) => Some(Restore {
                snapshot: database.snapshot.clone()?,
                cluster: false,
                version: database.version.clone(),
            }),
            Step::Resource(Desired::DatabaseCluster(cluster)) => Some(Restore {
                snapshot: cluster.snapshot.clone()?,
                cluster: true,
                version: cluster.version.clone(),
            }),
            _ => None,
        })
        .collect()
}

/// Whether each can be restored.
#[must_use]
pub fn evaluate_restores(found: &Restorables) -> Vec<Finding> {
    found
        .iter()
        .map(|(wanted, found)| evaluate(wanted, found))
        .collect()
}

fn evaluate(wanted: &Restore, found: &Result<Option<Restorable>, String>) -> Finding {
    let check = format!("snapshot: {}", wanted.snapshot);
    let (engine, list) = match wanted.cluster {
        true => ("aurora-postgresql", "aws rds describe-db-cluster-snapshots"),
        false => ("postgres", "aws rds describe-db-snapshots"),
    };
    let refused = |why: String| {
        Finding::new(&check, FindingVerdict::Refuse, why).with_remedies([
            format!("`{list}` lists those of the account and region"),
            "name another one in `database.snapshot`, or none".to_owned(),
        ])
    };
    let snapshot = match found {
        Err(why) => return Finding::unknown(check, why),
        Ok(None) if wanted.snapshot.starts_with("arn:") => {
            return Finding::unknown(
                check,
                "it is not listed: another account's has to be shared with this one",
            );
        }
        Ok(None) => return refused("there is none of this name in this account and region".into()),
        Ok(Some(snapshot)) => snapshot,
    };
    let major = snapshot.version.split('.').next().unwrap_or_default();
    if snapshot.engine != engine {
        refused(format!(
            "it is one of `{}`, not of `{engine}`",
            snapshot.engine
        ))
    } else if major != wanted.version {
        refused(format!(
            "it has PostgreSQL {}, not {}",
            snapshot.version, wanted.version
        ))
    } else if snapshot.status != "available" {
        refused(format!("it is `{}`, not available", snapshot.status))
    } else if !snapshot.encrypted {
        refused(
            "it is not encrypted, and neither would be what is made from it; copy it with a key"
                .into(),
        )
    } else {
        Finding::new(
            check,
            FindingVerdict::Pass,
            format!("PostgreSQL {}", snapshot.version),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_has_to_be_there_and_to_fit() {
        let wanted = Restore {
            snapshot: "last".to_owned(),
            cluster: false,
            version: "15".to_owned(),
        };
        let fits = Restorable {
            status: "available".to_owned(),
            engine: "postgres".to_owned(),
            version: "15.8".to_owned(),
            encrypted: true,
        };
        let verdict = |found| evaluate(&wanted, &found).verdict;
        assert_eq!(verdict(Ok(Some(fits.clone()))), FindingVerdict::Pass);
        assert_eq!(verdict(Ok(None)), FindingVerdict::Refuse);
        assert_eq!(verdict(Err("denied".to_owned())), FindingVerdict::Unknown);
        for change in [
            |one: &mut Restorable| one.status = "creating".to_owned(),
            |one: &mut Restorable| one.engine = "mysql".to_owned(),
            |one: &mut Restorable| one.version = "16.1".to_owned(),
            |one: &mut Restorable| one.encrypted = false,
        ] {
            let mut other = fits.clone();
            change(&mut other);
            assert_eq!(
                verdict(Ok(Some(other.clone()))),
                FindingVerdict::Refuse,
                "{other:?}"
            );
        }
    }
}
