//! Which actions a plan takes, and whether the principal may take them.

use std::collections::{BTreeMap, BTreeSet};

use crate::blueprint::Kind;
use crate::blueprint::kinds::{Grant, GrantUse};
use crate::plan::{Action, Plan};

use super::findings::{Finding, FindingVerdict};
use super::policy::{Scope, Statement, gather};

/// What the check cannot see, whatever it says.
pub const BLIND_SPOTS: &str = "service control policies with conditions, session policies and \
     policies of the resources themselves are not part of the simulation";

/// What the principal was found to be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Simulated: the actions that are refused, each with the reason.
    Simulated {
        /// Refused actions.
        refused: BTreeMap<String, String>,
    },
    /// Simulation was not possible; these actions were tried as a dry run.
    DryRun {
        /// Why it could not be simulated.
        why: String,
        /// Each action that was tried, and whether it is allowed.
        tried: BTreeMap<String, bool>,
    },
    /// The account's root user.
    Root,
}

/// How a reason ends that an organisation's policy gave.
pub const BY_ORGANISATION: &str = " by the organisation";

/// The statements whose actions a plan takes.
#[must_use]
pub fn needed(plan: &Plan, scope: &Scope) -> Vec<Statement> {
    let mut uses: BTreeSet<(Kind, GrantUse)> = BTreeSet::new();
    for change in &plan.changes {
        let accesses: &[GrantUse] = match change.action {
            Action::Keep | Action::Refuse => &[],
            Action::Create => &[GrantUse::Create],
            Action::Update => &[GrantUse::Update],
            Action::Replace => &[GrantUse::Update, GrantUse::Delete, GrantUse::Create],
            Action::Delete => &[GrantUse::Delete],
        };
        uses.extend(accesses.iter().map(|access| (change.kind, *access)));
    }
    let taken: Vec<&Grant> = uses
        .iter()
        .flat_map(|(kind, access)| {
            let grants = kind.info().grants.iter();
            grants.filter(move |grant| grant.is_for(*access))
        })
        .collect();
    gather(&taken, scope)
}

/// Whether the principal may do all of it.
#[must_use]
pub fn evaluate_permissions(
    needed: &[Statement],
    allowed: &Result<Allowed, String>,
    environment: &str,
) -> Vec<Finding> {
    let actions: BTreeSet<&str> = needed.iter().flat_map(|one| one.actions.clone()).collect();
    if actions.is_empty() {
        return Vec::new();
    }
    let check = "permissions";
    match allowed {
        Ok(Allowed::Root) => vec![Finding::new(
            check,
            FindingVerdict::Pass,
            "the account's root user may do everything",
        )],
        Ok(Allowed::Simulated { refused }) if refused.is_empty() => vec![Finding::new(
            check,
            FindingVerdict::Pass,
            format!("{} actions are allowed ({BLIND_SPOTS})", actions.len()),
        )],
        Ok(Allowed::Simulated { refused }) => {
            vec![missing(refused, actions.len(), environment)]
        }
        Ok(Allowed::DryRun { why, tried }) => {
            let refused: BTreeMap<String, String> = tried
                .iter()
                .filter(|(_, allowed)| !**allowed)
                .map(|(action, _)| (action.clone(), "refused in a dry run".to_owned()))
                .collect();
            let mut findings = Vec::new();
            if !refused.is_empty() {
                findings.push(missing(&refused, tried.len(), environment));
            }
            let unknown = actions
                .iter()
                .filter(|action| !tried.contains_key(**action))
                .count();
            findings.push(Finding::unknown(
                check,
                format!(
                    "{} of {} actions tried as a dry run, {unknown} not checked: {why}",
                    actions.len() - unknown,
                    actions.len()
                ),
            ));
            findings
        }
        Err(why) => vec![Finding::unknown(check, why)],
    }
}

fn missing(refused: &BTreeMap<String, String>, of: usize, environment: &str) -> Finding {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (action, reason) in refused {
        by_reason.entry(reason).or_default().push(action);
    }
    let list: Vec<String> = by_reason
        .iter()
        .map(|(reason, actions)| format!("{} ({reason})", actions.join(", ")))
        .collect();
    Finding::new(
        "permissions",
        FindingVerdict::Refuse,
        format!(
            "{} of {of} actions {} missing: {}",
            refused.len(),
            if refused.len() == 1 { "is" } else { "are" },
            list.join("; ")
        ),
    )
    .with_remedies(remedies(refused, environment))
}

/// What the organisation denies, no policy of the account can grant.
fn remedies(refused: &BTreeMap<String, String>, environment: &str) -> Vec<String> {
    let is_denied = |reason: &&String| reason.ends_with(BY_ORGANISATION);
    let denied = refused.values().filter(is_denied).count();
    let mut remedies = Vec::new();
    if denied < refused.len() {
        remedies.push(format!(
            "`loadrig iam-policy {environment}` prints the policy that grants them"
        ));
    }
    if denied > 0 {
        remedies.push(
            "what the organisation denies, only who administers its policies can allow".to_owned(),
        );
    }
    remedies
}

#[cfg(test)]
mod tests {
    use crate::blueprint::blueprint;
    use crate::plan::{Snapshot, plan, plan_down};
    use crate::spec::Library;

    use super::*;

    fn scope() -> Scope {
        Scope::new("123456789012", "us-east-1", "perf")
    }

    #[test]
    fn only_permissions_of_planned_actions_are_checked() {
        let library = Library::new(Some("no-such-directory".into()));
        let spec = library.architecture("1k").unwrap().example();
        let blueprint = blueprint(&spec, &[]);
        let create = needed(&plan(&blueprint, &Snapshot::default()), &scope());
        let actions: BTreeSet<&str> = create.iter().flat_map(|one| one.actions.clone()).collect();
        for action in [
            "ec2:RunInstances",
            "ec2:CreateTags",
            "iam:PassRole",
            "rds:CreateDBInstance",
        ] {
            assert!(actions.contains(action), "{action}");
        }
        for action in [
            "ec2:TerminateInstances",
            "rds:DeleteDBInstance",
            "ec2:DescribeVpcs",
        ] {
            assert!(!actions.contains(action), "{action}");
        }
        assert!(needed(&plan_down(&Snapshot::default()), &scope()).is_empty());
    }

    #[test]
    fn missing_and_unchecked_actions_are_listed() {
        let library = Library::new(Some("no-such-directory".into()));
        let spec = library.architecture("1k").unwrap().example();
        let plan = plan(&blueprint(&spec, &[]), &Snapshot::default());
        let needed = needed(&plan, &scope());
        let refused = [("rds:CreateDBInstance".to_owned(), "implicitDeny".to_owned())];
        let simulated = Ok(Allowed::Simulated {
            refused: refused.into(),
        });
        let findings = evaluate_permissions(&needed, &simulated, "perf");
        assert_eq!(findings[0].verdict, FindingVerdict::Refuse);
        assert!(
            findings[0]
                .detail
                .contains("rds:CreateDBInstance (implicitDeny)")
        );

        let denied = ["rds:CreateDBInstance", "ec2:CreateVpc"];
        let refused = denied.map(|action| (action.to_owned(), "implicitDeny".to_owned()));
        let simulated = Ok(Allowed::Simulated {
            refused: refused.into(),
        });
        let findings = evaluate_permissions(&needed, &simulated, "perf");
        assert!(
            findings[0]
                .detail
                .ends_with("missing: ec2:CreateVpc, rds:CreateDBInstance (implicitDeny)"),
            "{findings:?}"
        );

        let dry = Ok(Allowed::DryRun {
            why: "iam:SimulatePrincipalPolicy is denied".to_owned(),
            tried: [("ec2:CreateVpc".to_owned(), true)].into(),
        });
        let findings = evaluate_permissions(&needed, &dry, "perf");
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].verdict, FindingVerdict::Unknown);
        assert!(findings[0].detail.contains("1 of"), "{findings:?}");
    }
}
