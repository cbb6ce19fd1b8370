//! Whether the region's zones offer what a plan asks for.

use std::collections::{BTreeMap, BTreeSet};

use crate::blueprint::kinds::{AURORA, POSTGRES};
use crate::blueprint::{Blueprint, Desired, Step};
use crate::plan::{Action, Plan};

use super::findings::{Finding, FindingVerdict};

/// What the nodes of a search domain are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SearchRole {
    /// They hold data.
    Data,
    /// They lead the cluster.
    Master,
}

impl SearchRole {
    /// As OpenSearch Service calls it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Master => "master",
        }
    }
}

/// A class of databases that a plan creates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DatabaseWant {
    /// The value of `engine` at RDS.
    pub engine: &'static str,
    /// For example `db.r7g.large`.
    pub class: String,
    /// Major version.
    pub version: String,
}

/// Names of zones, by the index of the subnets in them.
pub type Zones = BTreeMap<u8, String>;

/// What a plan wants to be offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Instance types of hosts that are to be created, with the zones that they are for: the
    /// indexes of their subnets.
    pub instances: BTreeMap<String, BTreeSet<u8>>,
    /// Classes of databases that are to be created.
    pub databases: BTreeSet<DatabaseWant>,
    /// Type, engine version, role and number of search nodes.
    pub search: BTreeSet<(String, String, SearchRole, u32)>,
}

/// What the region offers, as far as it could be found out; errors are why it is not known.
#[derive(Clone, Debug)]
pub struct Offers {
    /// Names of the region's usable zones, in order.
    pub zones: Result<Vec<String>, String>,
    /// Zones that offer each instance type.
    pub instances: BTreeMap<String, Result<BTreeSet<String>, String>>,
    /// The machine image of hosts.
    pub image: Option<Result<String, String>>,
    /// What there is of each database class; nothing where nothing at all is listed of it.
    pub databases: BTreeMap<DatabaseWant, Result<Option<DatabaseOffer>, String>>,
    /// The most nodes of each search type and role: none where it is not offered.
    pub search: BTreeMap<(String, String, SearchRole), Result<u32, String>>,
    /// Zones that offer each search type of an engine version; empty where AWS does not tell.
    pub search_zones: BTreeMap<(String, String), Result<BTreeSet<String>, String>>,
}

impl Default for Offers {
    fn default() -> Self {
        Self {
            zones: Err("it was not asked for".to_owned()),
            instances: BTreeMap::new(),
            image: None,
            databases: BTreeMap::new(),
            search: BTreeMap::new(),
            search_zones: BTreeMap::new(),
        }
    }
}

/// What there is of a database class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseOffer {
    /// With how many versions of the wanted major version.
    pub versions: usize,
    /// In which zones with one of them; empty where AWS does not tell.
    pub zones: BTreeSet<String>,
}

/// What a plan creates or changes.
#[must_use]
pub fn wants(blueprint: &Blueprint, plan: &Plan) -> Wants {
    let mut wants = Wants::default();
    let changes = plan.changes.iter().filter(|change| {
        matches!(
            change.action,
            Action::Create | Action::Replace | Action::Update
        )
    });
    for change in changes {
        let Some(Step::Resource(desired)) = blueprint.node(&change.address).map(|node| &node.step)
        else {
            continue;
        };
        match desired {
            Desired::Instance(instance) => {
                let subnet = blueprint.node(&instance.subnet).map(|node| &node.step);
                let zone = match subnet {
                    Some(Step::Resource(Desired::Subnet(subnet))) => Some(subnet.zone),
                    _ => None,
                };
                let zones = wants.instances.entry(instance.instance_type.clone());
                zones.or_default().extend(zone);
            }
            Desired::Database(database) => {
                wants.databases.insert(DatabaseWant {
                    engine: POSTGRES,
                    class: database.class.clone(),
                    version: database.version.clone(),
                });
            }
            Desired::ClusterInstance(instance) => {
                let cluster = blueprint.node(&instance.cluster).map(|node| &node.step);
                if let Some(Step::Resource(Desired::DatabaseCluster(cluster))) = cluster {
                    wants.databases.insert(DatabaseWant {
                        engine: AURORA,
                        class: instance.class.clone(),
                        version: cluster.version.clone(),
                    });
                }
            }
            Desired::Search(domain) => {
                let masters = domain.masters.as_ref();
                let masters =
                    masters.map(|one| (&one.instance_type, SearchRole::Master, one.count));
                let data = (&domain.instance_type, SearchRole::Data, domain.nodes);
                for (kind, role, count) in std::iter::once(data).chain(masters) {
                    let wanted = (kind.clone(), domain.version.clone(), role, count);
                    wants.search.insert(wanted);
                }
            }
            _ => {}
        }
    }
    wants
}

/// Whether everything that is wanted is offered, with subnets in `zones`.
#[must_use]
pub fn evaluate_offers(wants: &Wants, offers: &Offers, zones: &Zones) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (kind, indexes) in &wants.instances {
        findings.push(instance(kind, indexes, offers, zones));
    }
    if !wants.instances.is_empty() {
        findings.push(image(offers));
    }
    for wanted in &wants.databases {
        let DatabaseWant {
            engine,
            class,
            version,
        } = wanted;
        let product = if *engine == AURORA {
            "Aurora PostgreSQL"
        } else {
            "PostgreSQL"
        };
        let check = format!("offer: {class} for {product} {version}");
        let remedy = format!(
            "aws rds describe-orderable-db-instance-options --engine {engine} \
             --db-instance-class {class} --query 'OrderableDBInstanceOptions[].EngineVersion'"
        );
        findings.push(match offers.databases.get(wanted) {
            Some(Ok(Some(DatabaseOffer { versions: 0, .. }))) => Finding::new(
                check,
                FindingVerdict::Refuse,
                "only offered for other versions",
            )
            .with_remedies([remedy]),
            Some(Ok(Some(offer))) => Finding::new(
                check,
                FindingVerdict::Pass,
                format!("offered, with {} minor versions", offer.versions),
            ),
            Some(Ok(None)) => {
                let detail = "nothing is listed of this class in this region";
                Finding::new(check, FindingVerdict::Warn, detail).with_remedies([remedy])
            }
            Some(Err(why)) => Finding::unknown(check, why),
            None => Finding::unknown(check, "it was not asked for"),
        });
    }
    for (kind, version, role, nodes) in &wants.search {
        let check = match role {
            SearchRole::Data => format!("offer: {nodes} {kind} of {version}"),
            SearchRole::Master => format!("offer: {nodes} {kind} of {version} as masters"),
        };
        let offered = offers.search.get(&(kind.clone(), version.clone(), *role));
        findings.push(match offered {
            Some(Ok(0)) => Finding::new(
                check,
                FindingVerdict::Refuse,
                "not offered for this version and role",
            )
            .with_remedies([format!(
                "aws opensearch list-instance-type-details --engine-version {version}"
            )]),
            Some(Ok(most)) if nodes > most => Finding::new(
                check,
                FindingVerdict::Refuse,
                format!("at most {most} nodes of this type"),
            ),
            Some(Ok(most)) => {
                Finding::new(check, FindingVerdict::Pass, format!("at most {most} nodes"))
            }
            Some(Err(why)) => Finding::unknown(check, why),
            None => Finding::unknown(check, "it was not asked for"),
        });
    }
    findings
}

fn instance(kind: &str, indexes: &BTreeSet<u8>, offers: &Offers, zones: &Zones) -> Finding {
    let check = format!("offer: {kind}");
    let offered = match offers.instances.get(kind) {
        Some(Ok(offered)) => offered,
        Some(Err(why)) => return Finding::unknown(check, why),
        None => return Finding::unknown(check, "it was not asked for"),
    };
    let names = |list: &mut dyn Iterator<Item = &String>| {
        list.map(String::as_str).collect::<Vec<_>>().join(", ")
    };
    if offered.is_empty() {
        return Finding::new(
            check,
            FindingVerdict::Refuse,
            "no zone of this region offers it",
        )
        .with_remedies(["another type, in `sizes.nodes` of the environment's YAML".to_owned()]);
    }
    let missing: Vec<&String> = indexes
        .iter()
        .filter_map(|index| zones.get(index))
        .filter(|zone| !offered.contains(*zone))
        .collect();
    if missing.is_empty() {
        let detail = format!("offered in {}", names(&mut offered.iter()));
        return Finding::new(check, FindingVerdict::Pass, detail);
    }
    Finding::new(
        check,
        FindingVerdict::Refuse,
        format!(
            "not offered in {}, only in {}",
            names(&mut missing.into_iter()),
            names(&mut offered.iter())
        ),
    )
    .with_remedies(["another type, or other zones".to_owned()])
}

fn image(offers: &Offers) -> Finding {
    let check = "image: Debian 12 for x86_64";
    match &offers.image {
        Some(Ok(id)) => Finding::new(check, FindingVerdict::Pass, id),
        Some(Err(why)) => Finding::new(check, FindingVerdict::Refuse, why),
        None => Finding::unknown(check, "it was not asked for"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(offered: &[&str]) -> Finding {
        let zones = [(0, "eu-west-1a".to_owned()), (1, "eu-west-1b".to_owned())].into();
        let offers = Offers {
            instances: [(
                "c7i.large".to_owned(),
                Ok(offered.iter().map(|zone| (*zone).to_owned()).collect()),
            )]
            .into(),
            ..Offers::default()
        };
        instance("c7i.large", &[0, 1].into(), &offers, &zones)
    }

    #[test]
    fn a_type_has_to_be_offered_in_each_zone_that_it_is_for() {
        assert_eq!(
            verdict(&["eu-west-1a", "eu-west-1b"]).verdict,
            FindingVerdict::Pass
        );
        let half = verdict(&["eu-west-1a", "eu-west-1c"]);
        assert_eq!(half.verdict, FindingVerdict::Refuse);
        assert!(
            half.detail.contains("not offered in eu-west-1b"),
            "{half:?}"
        );
        assert_eq!(verdict(&[]).verdict, FindingVerdict::Refuse);
    }

    #[test]
    fn a_search_type_has_to_be_offered_for_its_role() {
        let (kind, version) = ("m7g.large.search".to_owned(), "OpenSearch_2.19".to_owned());
        let key = |role| (kind.clone(), version.clone(), role);
        let wanted = |role| (kind.clone(), version.clone(), role, 3);
        let wants = Wants {
            search: [wanted(SearchRole::Data), wanted(SearchRole::Master)].into(),
            ..Wants::default()
        };
        let offers = Offers {
            search: [
                (key(SearchRole::Data), Ok(80)),
                (key(SearchRole::Master), Ok(0)),
            ]
            .into(),
            ..Offers::default()
        };
        let findings = evaluate_offers(&wants, &offers, &Zones::new());
        let verdicts: Vec<_> = findings.iter().map(|one| one.verdict).collect();
        assert_eq!(verdicts, [FindingVerdict::Pass, FindingVerdict::Refuse]);
        assert!(findings[1].check.contains("as masters"), "{findings:?}");
    }
}
