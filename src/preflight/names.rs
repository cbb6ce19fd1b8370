//! Names that somebody else's resource may already have.
//!
//! Some resources are found by a name of their own, unique in the account. One that another
//! program or person created under that name stops `up` in the middle: it is not the
//! environment's, so it is neither used nor removed.

use std::collections::BTreeMap;

use crate::blueprint::{Address, DatabaseRole, Kind};
use crate::identity::names::Names;
use crate::plan::{Action, Plan};

use super::findings::{Finding, FindingVerdict};

/// A name that a plan is about to give to a new resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NewName {
    /// The resource's address.
    pub address: Address,
    /// Decides which service is asked.
    pub kind: Kind,
    /// The name as the service has it.
    pub name: String,
}

/// Whether each name is taken by somebody else's resource, or why that is not known.
pub type TakenNames = BTreeMap<NewName, Result<bool, String>>;

/// The names that a plan's new resources get, of the kinds that are looked up by name. What is
/// made again after the environment's own is left out.
#[must_use]
pub fn new_names(plan: &Plan, environment: &str, account: &str, region: &str) -> Vec<NewName> {
    let names = Names::of(environment);
    plan.changes
        .iter()
        .filter(|change| {
            change.action == Action::Create
                && change.existing.is_none()
                && change.predecessors.is_empty()
        })
        .filter_map(|change| {
            let name = match change.kind {
                Kind::Role if change.address == Address::search_role() => names.search_role(region),
                Kind::Role => names.role(region),
                Kind::InstanceProfile if change.address == Address::search_profile() => {
                    names.search_role(region)
                }
                Kind::InstanceProfile => names.instance_profile(region),
                Kind::KeyPair => names.key_pair(),
                Kind::DatabaseCluster => names.database_cluster(),
                Kind::Database if change.address == Address::database(DatabaseRole::Writer) => {
                    names.database(DatabaseRole::Writer)
                }
                Kind::Bucket => names.bucket(account, region),
                Kind::Cache => names.cache(),
                Kind::Search => names.search(),
                Kind::LoadBalancer => names.load_balancer(),
                Kind::TargetGroup => names.target_group(),
                _ => return None,
            };
            Some(NewName {
                address: change.address.clone(),
                kind: change.kind,
                name,
            })
        })
        .collect()
}

/// What that means for the plan.
#[must_use]
pub fn evaluate_names(taken: &TakenNames) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut free = 0_usize;
    for (one, answer) in taken {
        let check = format!("name: {}", one.address);
        match answer {
            Ok(false) => free += 1,
            Ok(true) => findings.push(
                Finding::new(
                    check,
                    FindingVerdict::Refuse,
                    format!(
                        "`{}` exists and is not tagged as the environment's",
                        one.name
                    ),
                )
                .with_remedies([format!(
                    "rename or delete `{}` if it is yours, or give the environment another name",
                    one.name
                )]),
            ),
            Err(why) => findings.push(Finding::unknown(check, why.as_str())),
        }
    }
    if free > 0 {
        findings.push(Finding::new(
            "names",
            FindingVerdict::Pass,
            match free {
                1 => "1 name is free".to_owned(),
                many => format!("{many} names are free"),
            },
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use crate::blueprint::blueprint;
    use crate::plan::{Snapshot, plan};
    use crate::spec::Library;

    use super::*;

    #[test]
    fn a_name_that_is_taken_refuses_the_plan() {
        let spec = Library::new(None).architecture("1k").unwrap().example();
        let plan = plan(&blueprint(&spec, &[]), &Snapshot::default());
        let names = new_names(&plan, "perf", "123456789012", "us-east-1");
        let of = |kind| names.iter().find(|one| one.kind == kind).unwrap();
        assert_eq!(of(Kind::Role).name, "lr-perf-host-us-east-1");
        assert_eq!(of(Kind::KeyPair).name, "lr-perf-operator");
        let mut taken: TakenNames = names.iter().map(|one| (one.clone(), Ok(false))).collect();
        assert!(
            evaluate_names(&taken)
                .iter()
                .all(|one| one.verdict == FindingVerdict::Pass)
        );
        taken.insert(of(Kind::Role).clone(), Ok(true));
        let refused: Vec<Finding> = evaluate_names(&taken)
            .into_iter()
            .filter(|one| one.verdict == FindingVerdict::Refuse)
            .collect();
        assert_eq!(refused.len(), 1);
        assert!(refused[0].detail.contains("lr-perf-host-us-east-1"));
    }
}
