//! Which availability zones an environment's subnets are in.
//!
//! A zone has to offer everything that the plan puts into it. Where a subnet exists, its zone is
//! taken: an environment never moves. Where the YAML names the zones, they are checked and not chosen.

use std::collections::{BTreeMap, BTreeSet};

use crate::blueprint::{Blueprint, Desired, Step};
use crate::plan::Inventory;

use super::findings::{Finding, FindingVerdict};
use super::offers::{Offers, Wants, Zones};

/// The zones that a plan needs, by the index of the subnets in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZoneNeeds {
    /// Those of subnets that exist.
    pub existing: BTreeMap<u8, String>,
    /// Those that the YAML names.
    pub named: BTreeMap<u8, String>,
    /// Those that are to be chosen.
    pub open: Vec<u8>,
}

impl ZoneNeeds {
    /// Reads them from what should be and what exists.
    #[must_use]
    pub fn of(blueprint: &Blueprint, inventory: &Inventory) -> Self {
        let mut needs = Self::default();
        let mut all = BTreeMap::new();
        for node in &blueprint.nodes {
            let Step::Resource(Desired::Subnet(subnet)) = &node.step else {
                continue;
            };
            all.insert(subnet.zone, subnet.zone_name.clone());
            let existing = inventory.get(&node.address);
            if let Some(zone) = existing.and_then(|found| found.text("zone")) {
                needs.existing.insert(subnet.zone, zone.to_owned());
            }
        }
        for (index, name) in all {
            if needs.existing.contains_key(&index) {
                continue;
            }
            match name {
                Some(name) => {
                    needs.named.insert(index, name);
                }
                None => needs.open.push(index),
            }
        }
        needs
    }

    /// Whether any zone has to be chosen or checked.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.open.is_empty() && self.named.is_empty()
    }
}

/// Chooses the zones that are open: the first ones by name that offer all that is wanted at their index.
///
/// Where there are not enough of them, the first by name are taken, and the finding refuses.
#[must_use]
pub fn choose_zones(needs: &ZoneNeeds, wants: &Wants, offers: &Offers) -> (Zones, Vec<Finding>) {
    let mut zones = needs.existing.clone();
    zones.extend(needs.named.clone());
    if needs.is_settled() {
        return (zones, Vec::new());
    }
    let usable = match &offers.zones {
        Ok(usable) => usable,
        Err(why) => return (zones, vec![Finding::unknown(CHECK, why)]),
    };
    // A zone that offers all is right for what is added later, too.
    let all: BTreeSet<u8> = wants.instances.values().flatten().copied().collect();
    let complete = assign(&needs.open, &zones, usable, &|index, zone| {
        let mut indexes = all.iter().chain([&index]);
        indexes.all(|index| missing(*index, zone, wants, offers).is_empty())
    });
    let complete = complete.or_else(|| {
        assign(&needs.open, &zones, usable, &|index, zone| {
            missing(index, zone, wants, offers).is_empty()
        })
    });
    let chosen = complete.clone();
    let chosen = chosen.or_else(|| assign(&needs.open, &zones, usable, &|_, _| true));
    let Some(chosen) = chosen else {
        return (zones, vec![too_few(needs, usable)]);
    };
    zones.extend(chosen);
    let findings = match complete {
        Some(_) => checked(needs, &zones, wants, offers),
        None => vec![none_suits(usable, wants, offers)],
    };
    (zones, findings)
}

const CHECK: &str = "zones";

/// The first zones by name that suit the indexes, each zone once.
fn assign(
    open: &[u8],
    taken: &Zones,
    usable: &[String],
    suits: &dyn Fn(u8, &str) -> bool,
) -> Option<Zones> {
    let Some((index, rest)) = open.split_first() else {
        return Some(Zones::new());
    };
    let is_free = |zone: &&String| !taken.values().any(|other| other == *zone);
    usable
        .iter()
        .filter(is_free)
        .filter(|zone| suits(*index, zone))
        .find_map(|zone| {
            let mut taken = taken.clone();
            taken.insert(*index, zone.clone());
            let mut found = assign(rest, &taken, usable, suits)?;
            found.insert(*index, zone.clone());
            Some(found)
        })
}

/// What is wanted in the subnets of an index and not offered in a zone. What could not be found out
/// counts as offered: its own finding says so.
fn missing(index: u8, zone: &str, wants: &Wants, offers: &Offers) -> Vec<String> {
    let lacks = |zones: Option<&BTreeSet<String>>| zones.is_some_and(|zones| !zones.contains(zone));
    let hosts = wants.instances.iter().filter(|(kind, zones)| {
        let offered = offers.instances.get(*kind);
        zones.contains(&index) && lacks(offered.and_then(|offered| offered.as_ref().ok()))
    });
    let hosts = hosts.map(|(kind, _)| kind.clone());
    let databases = wants.databases.iter().filter(|wanted| {
        let offered = offers.databases.get(*wanted);
        let offered = offered.and_then(|offered| offered.as_ref().ok());
        // Where no zones are told, nothing is known of them.
        let zones = offered.and_then(|offered| offered.as_ref().map(|offer| &offer.zones));
        lacks(zones.filter(|zones| !zones.is_empty()))
    });
    let databases = databases.map(|wanted| wanted.class.clone());
    let search = wants.search.iter().filter(|(kind, version, ..)| {
        let offered = offers.search_zones.get(&(kind.clone(), version.clone()));
        let zones = offered.and_then(|offered| offered.as_ref().ok());
        lacks(zones.filter(|zones| !zones.is_empty()))
    });
    let search = search.map(|(kind, ..)| kind.clone());
    let mut all: Vec<String> = hosts.chain(databases).chain(search).collect();
    all.sort();
    all.dedup();
    all
}

/// What is known of zones that are settled: refuses where the YAML names one that lacks something.
fn checked(needs: &ZoneNeeds, zones: &Zones, wants: &Wants, offers: &Offers) -> Vec<Finding> {
    let usable = offers.zones.as_deref().unwrap_or_default();
    let mut wrong = Vec::new();
    for (index, zone) in &needs.named {
        let lacks = missing(*index, zone, wants, offers);
        if !usable.contains(zone) {
            wrong.push(format!("{zone} is no usable zone of the region"));
        } else if !lacks.is_empty() {
            wrong.push(format!("{zone} does not offer {}", lacks.join(", ")));
        }
    }
    if !wrong.is_empty() {
        let finding = Finding::new(CHECK, FindingVerdict::Refuse, wrong.join("; "));
        return vec![
            finding.with_remedies([
                "other zones in `network.availability_zones`, or none: loadrig chooses them then"
                    .to_owned(),
            ]),
        ];
    }
    let names: Vec<&str> = zones.values().map(String::as_str).collect();
    let unknown = offers.search_zones.iter().filter_map(|((kind, _), zones)| {
        let why = zones.as_ref().err()?;
        Some(Finding::unknown(format!("{CHECK}: {kind}"), why))
    });
    let chosen = Finding::new(
        CHECK,
        FindingVerdict::Pass,
        format!(
            "{}: no type of hosts, databases or search nodes is known to be missing there; of caches \
             and load balancers AWS lists no zones",
            names.join(", ")
        ),
    );
    unknown.chain([chosen]).collect()
}

fn too_few(needs: &ZoneNeeds, usable: &[String]) -> Finding {
    let count = needs.open.len() + needs.named.len() + needs.existing.len();
    let detail = format!(
        "{count} zones are needed, and the region has {} usable ones",
        usable.len()
    );
    Finding::new(CHECK, FindingVerdict::Refuse, detail)
        .with_remedies(["a smaller `network.zones`".to_owned()])
}

fn none_suits(usable: &[String], wants: &Wants, offers: &Offers) -> Finding {
    let indexes: Vec<u8> = wants.instances.values().flatten().copied().collect();
    let lacks = usable.iter().filter_map(|zone| {
        let mut lacks: Vec<String> = indexes
            .iter()
            .chain(&[0])
            .flat_map(|index| missing(*index, zone, wants, offers))
            .collect();
        lacks.sort();
        lacks.dedup();
        (!lacks.is_empty()).then(|| format!("{zone} lacks {}", lacks.join(", ")))
    });
    let lacks: Vec<String> = lacks.collect();
    let detail = format!("too few zones offer everything: {}", lacks.join("; "));
    Finding::new(CHECK, FindingVerdict::Refuse, detail)
        .with_remedies(["other types in `sizes`, or a smaller `network.zones`".to_owned()])
}

#[cfg(test)]
mod tests {
    use super::super::offers::{DatabaseOffer, DatabaseWant};
    use super::*;

    const ZONES: [&str; 4] = ["eu-west-1a", "eu-west-1b", "eu-west-1c", "eu-west-1d"];

    fn database() -> DatabaseWant {
        DatabaseWant {
            engine: "postgres",
            class: "db.r7g.large".to_owned(),
            version: "17".to_owned(),
        }
    }

    fn wants() -> Wants {
        Wants {
            instances: [
                ("c7i.large".to_owned(), [0, 1].into()),
                ("m7i.large".to_owned(), [0].into()),
            ]
            .into(),
            databases: [database()].into(),
            ..Wants::default()
        }
    }

    fn offers(lacking: &[(&str, &str)]) -> Offers {
        let offered = |kind: &str| {
            let there = |zone: &&&str| !lacking.contains(&(kind, **zone));
            let zones = ZONES.iter().filter(there);
            zones.map(|zone| (*zone).to_owned()).collect()
        };
        Offers {
            zones: Ok(ZONES.map(str::to_owned).into()),
            instances: ["c7i.large", "m7i.large"]
                .map(|kind| (kind.to_owned(), Ok(offered(kind))))
                .into(),
            databases: [(
                database(),
                Ok(Some(DatabaseOffer {
                    versions: 3,
                    zones: offered("db.r7g.large"),
                })),
            )]
            .into(),
            ..Offers::default()
        }
    }

    fn choose(needs: &ZoneNeeds, lacking: &[(&str, &str)]) -> (Vec<String>, FindingVerdict) {
        let (zones, findings) = choose_zones(needs, &wants(), &offers(lacking));
        let verdict = findings
            .first()
            .map_or(FindingVerdict::Pass, |one| one.verdict);
        (zones.into_values().collect(), verdict)
    }

    fn open(indexes: &[u8]) -> ZoneNeeds {
        ZoneNeeds {
            open: indexes.into(),
            ..ZoneNeeds::default()
        }
    }

    #[test]
    fn zones_that_lack_a_service_are_passed_over() {
        let pass = FindingVerdict::Pass;
        let zones = |names: [&str; 2]| names.map(str::to_owned).to_vec();
        let two = open(&[0, 1]);
        let (a, b, c) = (ZONES[0], ZONES[1], ZONES[2]);
        assert_eq!(choose(&two, &[]), (zones([a, b]), pass));
        assert_eq!(choose(&two, &[("db.r7g.large", a)]), (zones([b, c]), pass));
        assert_eq!(choose(&two, &[("c7i.large", b)]), (zones([a, c]), pass));
        assert_eq!(choose(&two, &[("m7i.large", a)]), (zones([b, c]), pass));
        // The first index alone needs this type: where too few zones have all, the second does without.
        let most = [("m7i.large", a), ("m7i.large", c), ("m7i.large", ZONES[3])];
        assert_eq!(choose(&two, &most), (zones([b, a]), pass));
    }

    #[test]
    fn subnets_that_exist_keep_their_zones() {
        let needs = ZoneNeeds {
            existing: [(0, ZONES[1].to_owned())].into(),
            open: vec![1],
            ..ZoneNeeds::default()
        };
        let (zones, verdict) = choose(&needs, &[("db.r7g.large", ZONES[1])]);
        assert_eq!(zones, [ZONES[1], ZONES[0]]);
        assert_eq!(verdict, FindingVerdict::Pass);
    }

    #[test]
    fn too_few_zones_are_refused_with_what_each_lacks() {
        let lacking = [("db.r7g.large", ZONES[0]), ("c7i.large", ZONES[1])];
        let lacking = [lacking[0], lacking[1], ("c7i.large", ZONES[2])];
        let (_, findings) = choose_zones(&open(&[0, 1]), &wants(), &offers(&lacking));
        assert_eq!(findings[0].verdict, FindingVerdict::Refuse);
        assert_eq!(
            findings[0].detail,
            "too few zones offer everything: eu-west-1a lacks db.r7g.large; \
             eu-west-1b lacks c7i.large; eu-west-1c lacks c7i.large"
        );
        let (_, findings) = choose_zones(&open(&[0, 1, 2, 3, 4]), &wants(), &offers(&[]));
        assert!(
            findings[0].detail.contains("5 zones are needed"),
            "{findings:?}"
        );
    }

    #[test]
    fn named_zones_are_checked() {
        let named = |zone: &str| ZoneNeeds {
            named: [(0, zone.to_owned()), (1, ZONES[3].to_owned())].into(),
            ..ZoneNeeds::default()
        };
        let (zones, verdict) = choose(&named(ZONES[2]), &[]);
        assert_eq!(
            (zones[0].as_str(), verdict),
            (ZONES[2], FindingVerdict::Pass)
        );
        let lacking = [("db.r7g.large", ZONES[2])];
        let (_, findings) = choose_zones(&named(ZONES[2]), &wants(), &offers(&lacking));
        assert_eq!(findings[0].verdict, FindingVerdict::Refuse);
        assert_eq!(findings[0].detail, "eu-west-1c does not offer db.r7g.large");
        assert_eq!(choose(&named("eu-west-1f"), &[]).1, FindingVerdict::Refuse);
    }
}
