//! What a plan asks of an account's quotas, and whether it fits.
//!
//! Usage is counted by the services themselves.

use std::collections::BTreeMap;

use crate::blueprint::kinds::Quota;
use crate::blueprint::{Attributes, Blueprint, Step, UnreadableAttribute};
use crate::plan::{Action, Plan};
use crate::spec::catalog;

use super::findings::{Finding, FindingVerdict};

/// How much of a quota there is and how much is used, as far as it could be found out.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaFact {
    /// Which of the account's limits.
    pub quota: Quota,
    /// The most that the account may have; an error is why it is not known.
    pub limit: Result<f64, String>,
    /// What it has now; an error is why it is not known.
    pub used: Result<f64, String>,
}

/// What a plan adds to what is there, by quota.
///
/// # Errors
/// When a size of what exists cannot be read.
pub fn demands(
    blueprint: &Blueprint,
    plan: &Plan,
) -> Result<BTreeMap<Quota, f64>, UnreadableAttribute> {
    let mut demands: BTreeMap<Quota, f64> = BTreeMap::new();
    let mut search_nodes: Option<f64> = None;
    for change in &plan.changes {
        if !matches!(
            change.action,
            Action::Create | Action::Replace | Action::Update
        ) {
            continue;
        }
        let Some(Step::Resource(desired)) = blueprint.node(&change.address).map(|node| &node.step)
        else {
            continue;
        };
        let counted = |attributes: &Attributes| {
            let count = desired.kind().info().quotas;
            count(attributes, catalog()).map_err(|error| error.of(&change.address))
        };
        let held = match (&change.existing, change.action) {
            (Some(existing), Action::Replace | Action::Update) => counted(&existing.attributes)?,
            _ => Vec::new(),
        };
        for (quota, wanted) in counted(&desired.attributes())? {
            if quota == Quota::SearchNodesPerDomain {
                // Counted for the one domain, not for the account.
                search_nodes = Some(wanted);
                continue;
            }
            let had = match change.action {
                Action::Create => 0.0,
                // What is not reported has not changed either.
                _ => (held.iter().find(|(one, _)| *one == quota)).map_or(wanted, |(_, had)| *had),
            };
            *demands.entry(quota).or_default() += (wanted - had).max(0.0);
        }
    }
    demands.extend(search_nodes.map(|nodes| (Quota::SearchNodesPerDomain, nodes)));
    demands.retain(|_, more| *more > 0.0);
    Ok(demands)
}

/// Whether the account's quotas admit what is asked of them.
#[must_use]
pub fn evaluate_quotas(
    demands: &BTreeMap<Quota, f64>,
    facts: &[QuotaFact],
    region: &str,
) -> Vec<Finding> {
    demands
        .iter()
        .map(|(quota, more)| {
            let fact = facts.iter().find(|fact| fact.quota == *quota);
            evaluate(*quota, *more, fact, region)
        })
        .collect()
}

fn evaluate(quota: Quota, more: f64, fact: Option<&QuotaFact>, region: &str) -> Finding {
    let check = format!("quota: {}", quota.what());
    let (service, code) = quota.code();
    let (limit, used) = match fact.map(|fact| (&fact.limit, &fact.used)) {
        Some((Ok(limit), Ok(used))) => (*limit, *used),
        Some((Err(why), _) | (_, Err(why))) => return Finding::unknown(check, why),
        None => return Finding::unknown(check, "it was not asked for"),
    };
    let need = used + more;
    let detail = format!(
        "{} of {} used, {} more",
        figure(used),
        figure(limit),
        figure(more)
    );
    if need <= limit {
        return Finding::new(check, FindingVerdict::Pass, detail);
    }
    let at = quota.region(region);
    let desired = need.ceil();
    Finding::new(
        check,
        FindingVerdict::Refuse,
        format!("{detail}: {} too few", figure(need - limit)),
    )
    .with_remedies([
        format!(
            "aws service-quotas request-service-quota-increase --region {at} \
             --service-code {service} --quota-code {code} --desired-value {desired}"
        ),
        format!(
            "https://{at}.console.aws.amazon.com/servicequotas/home/services/{service}/quotas/{code}"
        ),
    ])
}

/// Whole numbers without a fraction, others with one digit.
fn figure(value: f64) -> String {
    let whole = value.round();
    if (value - whole).abs() < 0.05 {
        // The sum of nothing is minus zero, and shown as such.
        format!("{:.0}", whole + 0.0)
    } else {
        format!("{value:.1}")
    }
}

#[cfg(test)]
mod tests {
    use crate::blueprint::blueprint;
    use crate::plan::{Observed, Snapshot, State, plan};
    use crate::spec::{Library, Role};

    use super::*;

    #[test]
    fn a_new_rig_asks_for_all_its_cpus_and_a_resized_one_for_the_difference() {
        let library = Library::new(Some("no-such-directory".into()));
        let mut spec = library.architecture("1k").unwrap().example();
        let whole = blueprint(&spec, &[]);
        let empty = plan(&whole, &Snapshot::default());
        let all = demands(&whole, &empty).unwrap();
        let expected: u32 = spec
            .nodes
            .values()
            .map(|group| group.count * catalog().ec2.get(&group.instance_type).unwrap().vcpu)
            .sum();
        assert!((all[&Quota::StandardVcpus] - f64::from(expected)).abs() < 1e-9);
        assert!((all[&Quota::Vpcs] - 1.0).abs() < 1e-9);

        let resources = whole.resources().map(|(address, desired)| Observed {
            address: address.clone(),
            kind: desired.kind(),
            id: format!("id-of-{address}"),
            state: State::Ready,
            status: "available".to_owned(),
            attributes: desired.attributes(),
        });
        let snapshot = Snapshot {
            resources: resources.collect(),
        };
        assert!(
            demands(&whole, &plan(&whole, &snapshot))
                .unwrap()
                .is_empty()
        );

        let app = spec.nodes.get_mut(&Role::App).unwrap();
        let before = catalog().ec2.get(&app.instance_type).unwrap().vcpu;
        app.instance_type = "c7i.4xlarge".to_owned();
        let count = app.count;
        let larger = blueprint(&spec, &[]);
        let more = demands(&larger, &plan(&larger, &snapshot)).unwrap();
        let expected = f64::from(count * (16 - before));
        assert!(
            (more[&Quota::StandardVcpus] - expected).abs() < 1e-9,
            "{more:?}"
        );
        assert_eq!(more.len(), 1, "{more:?}");
    }

    #[test]
    fn a_quota_that_is_too_small_says_how_to_raise_it() {
        let demands = [(Quota::StandardVcpus, 24.0)].into();
        let fact = |limit: Result<f64, String>| QuotaFact {
            quota: Quota::StandardVcpus,
            limit,
            used: Ok(16.0),
        };
        let one = |limit| evaluate_quotas(&demands, &[fact(limit)], "eu-west-1").remove(0);
        let short = one(Ok(32.0));
        assert_eq!(short.verdict, FindingVerdict::Refuse);
        assert_eq!(figure(-0.0), "0");
        assert_eq!(short.detail, "16 of 32 used, 24 more: 8 too few");
        assert!(short.remedies[0].contains("--quota-code L-1216C47A --desired-value 40"));
        assert!(short.remedies[1].contains("eu-west-1.console.aws.amazon.com"));
        assert_eq!(one(Ok(40.0)).verdict, FindingVerdict::Pass);
        assert_eq!(
            one(Err("denied".to_owned())).verdict,
            FindingVerdict::Unknown
        );
    }
}
