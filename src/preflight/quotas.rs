//! What a plan asks of an account's quotas, and whether it fits.
//!
//! Quota codes are those of the Service Quotas console (docs.aws.amazon.com/servicequotas);
//! usage is counted by the services themselves.

use std::collections::BTreeMap;

use crate::blueprint::{Blueprint, Desired, Step};
use crate::plan::{Action, Change, Plan};
use crate::spec::catalog;

use super::findings::{Finding, Verdict};

/// A quota that a plan can run into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Quota {
    StandardVcpus,
    Gp3StorageTib,
    Vpcs,
    InternetGateways,
    ElasticAddresses,
    SecurityGroups,
    DatabaseInstances,
    DatabaseStorageGib,
    SearchDomains,
    SearchNodesPerDomain,
    CacheNodes,
    Buckets,
    Roles,
    InstanceProfiles,
}

impl Quota {
    /// Service code and quota code.
    #[must_use]
    pub fn code(self) -> (&'static str, &'static str) {
        match self {
            Quota::StandardVcpus => ("ec2", "L-1216C47A"),
            Quota::Gp3StorageTib => ("ebs", "L-7A658B76"),
            Quota::Vpcs => ("vpc", "L-F678F1CE"),
            Quota::InternetGateways => ("vpc", "L-A4707A72"),
            Quota::ElasticAddresses => ("ec2", "L-0263D0A3"),
            Quota::SecurityGroups => ("vpc", "L-E79EC296"),
            Quota::DatabaseInstances => ("rds", "L-7B6409FD"),
            Quota::DatabaseStorageGib => ("rds", "L-7ADDB58A"),
            Quota::SearchDomains => ("es", "L-076D529E"),
            Quota::SearchNodesPerDomain => ("es", "L-6408ABDE"),
            Quota::CacheNodes => ("elasticache", "L-DFE45DF3"),
            Quota::Buckets => ("s3", "L-DC2B2D3D"),
            Quota::Roles => ("iam", "L-FE177D64"),
            Quota::InstanceProfiles => ("iam", "L-6E65F664"),
        }
    }

    /// As people know it.
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Quota::StandardVcpus => "vCPUs of running On-Demand Standard instances",
            Quota::Gp3StorageTib => "TiB of gp3 volumes",
            Quota::Vpcs => "VPCs",
            Quota::InternetGateways => "internet gateways",
            Quota::ElasticAddresses => "elastic addresses",
            Quota::SecurityGroups => "security groups",
            Quota::DatabaseInstances => "RDS instances",
            Quota::DatabaseStorageGib => "GiB of RDS storage",
            Quota::SearchDomains => "OpenSearch domains",
            Quota::SearchNodesPerDomain => "nodes of one OpenSearch domain",
            Quota::CacheNodes => "ElastiCache nodes",
            Quota::Buckets => "S3 buckets",
            Quota::Roles => "IAM roles",
            Quota::InstanceProfiles => "IAM instance profiles",
        }
    }

    /// IAM and S3 count for the whole account; their quotas are kept in one region.
    #[must_use]
    pub fn region(self, region: &str) -> &str {
        match self {
            Quota::Buckets | Quota::Roles | Quota::InstanceProfiles => "us-east-1",
            _ => region,
        }
    }
}

/// How much of a quota there is and how much is used, as far as it could be found out.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaFact {
    /// The quota.
    pub quota: Quota,
    /// The most that the account may have; an error is why it is not known.
    pub limit: Result<f64, String>,
    /// What it has now; an error is why it is not known.
    pub used: Result<f64, String>,
}

/// What a plan adds to what is there, by quota.
#[must_use]
pub fn demands(blueprint: &Blueprint, plan: &Plan) -> BTreeMap<Quota, f64> {
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
        for (quota, wanted) in weight(desired) {
            if quota == Quota::SearchNodesPerDomain {
                // Counted for the one domain, not for the account.
                search_nodes = Some(wanted);
                continue;
            }
            let had = match change.action {
                Action::Create => 0.0,
                _ => held(change, quota, wanted),
            };
            *demands.entry(quota).or_default() += (wanted - had).max(0.0);
        }
    }
    demands.extend(search_nodes.map(|nodes| (Quota::SearchNodesPerDomain, nodes)));
    demands.retain(|_, more| *more > 0.0);
    demands
}

/// What one resource weighs.
fn weight(desired: &Desired) -> Vec<(Quota, f64)> {
    match desired {
        Desired::Instance {
            instance_type,
            disk_gib,
            ..
        } => vec![
            (Quota::StandardVcpus, vcpus(instance_type)),
            (Quota::Gp3StorageTib, f64::from(*disk_gib) / 1024.0),
        ],
        Desired::Vpc { .. } => vec![(Quota::Vpcs, 1.0)],
        Desired::InternetGateway => vec![(Quota::InternetGateways, 1.0)],
        Desired::ElasticAddress => vec![(Quota::ElasticAddresses, 1.0)],
        Desired::SecurityGroup { .. } => vec![(Quota::SecurityGroups, 1.0)],
        Desired::Database { storage, .. } => vec![
            (Quota::DatabaseInstances, 1.0),
            (Quota::DatabaseStorageGib, f64::from(storage.gib)),
        ],
        Desired::ClusterInstance { .. } => vec![(Quota::DatabaseInstances, 1.0)],
        Desired::Search { nodes, .. } => vec![
            (Quota::SearchDomains, 1.0),
            (Quota::SearchNodesPerDomain, f64::from(*nodes)),
        ],
        Desired::Cache { nodes, .. } => vec![(Quota::CacheNodes, f64::from(*nodes))],
        Desired::Bucket { .. } => vec![(Quota::Buckets, 1.0)],
        Desired::Role { .. } => vec![(Quota::Roles, 1.0)],
        Desired::InstanceProfile { .. } => vec![(Quota::InstanceProfiles, 1.0)],
        // Their quotas are in the thousands, or per VPC, which is the environment's own.
        _ => vec![],
    }
}

/// What the resource that exists weighs already.
fn held(change: &Change, quota: Quota, wanted: f64) -> f64 {
    let Some(existing) = &change.existing else {
        return 0.0;
    };
    let number = |key: &str| existing.get(key).and_then(|text| text.parse::<f64>().ok());
    let held = match quota {
        Quota::StandardVcpus => existing.get("instance_type").map(vcpus),
        Quota::Gp3StorageTib => number("disk_gib").map(|gib| gib / 1024.0),
        Quota::DatabaseStorageGib => number("storage_gib"),
        Quota::CacheNodes => number("nodes"),
        _ => Some(1.0),
    };
    held.unwrap_or(wanted)
}

fn vcpus(instance_type: &str) -> f64 {
    catalog()
        .ec2
        .get(instance_type)
        .map_or(0.0, |kind| f64::from(kind.vcpu))
}

/// Whether the account's quotas admit what is asked of them.
#[must_use]
pub fn judge_quotas(
    demands: &BTreeMap<Quota, f64>,
    facts: &[QuotaFact],
    region: &str,
) -> Vec<Finding> {
    demands
        .iter()
        .map(|(quota, more)| {
            let fact = facts.iter().find(|fact| fact.quota == *quota);
            judge(*quota, *more, fact, region)
        })
        .collect()
}

fn judge(quota: Quota, more: f64, fact: Option<&QuotaFact>, region: &str) -> Finding {
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
        return Finding::new(check, Verdict::Pass, detail);
    }
    let at = quota.region(region);
    let desired = need.ceil();
    Finding::new(
        check,
        Verdict::Refuse,
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
    if (value - value.round()).abs() < 0.05 {
        format!("{value:.0}")
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
        let all = demands(&whole, &empty);
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
        assert!(demands(&whole, &plan(&whole, &snapshot)).is_empty());

        let app = spec.nodes.get_mut(&Role::App).unwrap();
        let before = catalog().ec2.get(&app.instance_type).unwrap().vcpu;
        app.instance_type = "c7i.4xlarge".to_owned();
        let count = app.count;
        let larger = blueprint(&spec, &[]);
        let more = demands(&larger, &plan(&larger, &snapshot));
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
        let one = |limit| judge_quotas(&demands, &[fact(limit)], "eu-west-1").remove(0);
        let short = one(Ok(32.0));
        assert_eq!(short.verdict, Verdict::Refuse);
        assert_eq!(short.detail, "16 of 32 used, 24 more: 8 too few");
        assert!(short.remedies[0].contains("--quota-code L-1216C47A --desired-value 40"));
        assert!(short.remedies[1].contains("eu-west-1.console.aws.amazon.com"));
        assert_eq!(one(Ok(40.0)).verdict, Verdict::Pass);
        assert_eq!(one(Err("denied".to_owned())).verdict, Verdict::Unknown);
    }
}
