//! In which zones hosts and services are placed: those of a rig in one, as load tests are published, those of
//! what people rely on in all of them; and nothing that exists moves.

use std::collections::BTreeSet;

use loadrig::blueprint::{Address, Blueprint, Desired, blueprint, kinds};
use loadrig::plan::{Action, Observed, Snapshot, State, plan};
use loadrig::spec::{Library, Spec, ZonePlacement};

const GOLD: &str = "purpose: gold-standard\ntls: {host_name: chat.example.com, issuer: private}\n";

fn load(more: &str) -> Result<Spec, String> {
    let library = Library::new(Some("no-such-directory".into()));
    let text = format!("architecture: 15k\n{more}");
    let loaded = library.load_text("perf", &text);
    loaded.map_err(|errors| errors.to_string())
}

fn spec(more: &str) -> Spec {
    load(more).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The letters of the zones that hosts are placed in.
fn zones_of_hosts(blueprint: &Blueprint) -> String {
    let subnets = blueprint.resources().filter_map(|(_, one)| one.subnet());
    let letters: BTreeSet<char> = subnets
        .filter_map(|subnet| subnet.as_str().chars().last())
        .collect();
    letters.into_iter().collect()
}

fn databases(blueprint: &Blueprint) -> Vec<Option<String>> {
    let zones = blueprint.resources().filter_map(|(_, one)| match one {
        Desired::Database(kinds::DatabaseInstance { zone, .. })
        | Desired::ClusterInstance(kinds::ClusterInstance { zone, .. }) => Some(zone),
        _ => None,
    });
    zones
        .map(|zone| zone.as_ref().map(ToString::to_string))
        .collect()
}

fn subnets_of_search(blueprint: &Blueprint) -> usize {
    let domains = blueprint.resources().filter_map(|(_, one)| match one {
        Desired::Search(domain) => Some(domain.subnets.len()),
        _ => None,
    });
    domains.sum()
}

#[test]
fn a_rig_is_placed_in_one_zone_and_has_subnets_for_its_services_in_two() {
    let one = Some("subnet/private-a".to_owned());
    for engine in ["postgres", "aurora-postgresql"] {
        let rig = blueprint(&spec(&format!("database: {{engine: {engine}}}")), &[]);
        assert_eq!(zones_of_hosts(&rig), "a");
        assert_eq!(databases(&rig), [one.clone(), one.clone()], "{engine}");
        assert_eq!(subnets_of_search(&rig), 1);
        let second = Address::parse("subnet/private-b");
        assert!(rig.node(&second).is_some(), "RDS asks for two");
    }
    // A standby is in another zone.
    let rig = blueprint(&spec("database: {multi_az: true}"), &[]);
    assert_eq!(databases(&rig), [None, one]);
}

#[test]
fn what_people_rely_on_and_who_sets_the_zones_has_all_of_them() {
    for (more, zones, of_search) in [
        (GOLD, "ab", 2),
        ("network: {zones: 2}", "ab", 2),
        ("network: {zones: 3}", "abc", 2),
        ("network: {placement: all-zones}", "ab", 2),
        ("network: {zones: 3, placement: one-zone}", "a", 1),
    ] {
        let all = blueprint(&spec(more), &[]);
        assert_eq!(zones_of_hosts(&all), zones, "{more}");
        assert_eq!(subnets_of_search(&all), of_search, "{more}");
        let is_one = zones == "a";
        assert!(databases(&all).iter().all(|zone| zone.is_some() == is_one));
    }
    let one = spec(&format!("{GOLD}network: {{placement: one-zone}}"));
    assert_eq!(one.network.placement, ZonePlacement::OneZone);
}

#[test]
fn data_nodes_are_counted_by_zones_where_they_are_spread() {
    let odd = "sizes: {search: {nodes: 3}}\n";
    assert_eq!(subnets_of_search(&blueprint(&spec(odd), &[])), 1);
    let refused = load(&format!("{odd}network: {{zones: 2}}")).unwrap_err();
    assert!(
        refused.contains("3 data nodes cannot be spread over 2 zones"),
        "{refused}"
    );
}

/// An environment of before rigs were placed in one zone.
#[test]
fn an_environment_that_is_spread_stays_as_it_is() {
    let spread = blueprint(&spec("network: {placement: all-zones}"), &[]);
    let snapshot = Snapshot {
        resources: spread
            .resources()
            .map(|(address, desired)| Observed {
                address: address.clone(),
                kind: desired.kind(),
                id: format!("id-of-{address}"),
                state: State::Ready,
                status: "available".to_owned(),
                attributes: desired.attributes(),
            })
            .collect(),
    };
    let now = plan(&blueprint(&spec(""), &[]), &snapshot);
    let work: Vec<String> = now
        .work()
        .map(|change| format!("{}: {}", change.address, change.reason))
        .collect();
    assert_eq!(work, [""; 0]);
    // One more host is placed where new ones are.
    let grown = blueprint(&spec("sizes: {nodes: {app: {count: 3}}}"), &[]);
    let created = plan(&grown, &snapshot);
    assert_eq!(created.count(Action::Create), 1);
    assert_eq!(created.count(Action::Replace), 0);
}
