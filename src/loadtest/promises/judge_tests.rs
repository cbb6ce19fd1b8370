//! What nodes may say, and what it comes to.

use secrecy::SecretString;

use super::super::answers::ClusterNode;
use super::super::{PromiseNode, PromiseVerdict};
use super::*;
use crate::loadtest::{Admin, Password};
use crate::spec::LicensedPart;

pub(in crate::loadtest::promises) fn plan(licensed: bool) -> PromisePlan {
    let node = |index: u32| PromiseNode {
        name: format!("app-{index}"),
        address: format!("10.0.0.{index}"),
        url: String::new(),
        metrics_url: String::new(),
    };
    let nodes = if licensed { 2 } else { 1 };
    PromisePlan {
        environment: "demo".to_owned(),
        entrance: "http://10.0.0.9".to_owned(),
        route: None,
        nodes: (1..=nodes).map(node).collect(),
        admin: Admin {
            username: String::new(),
            password: Password::new(SecretString::from(String::new())),
        },
        license: match licensed {
            true => planned_license(),
            false => PlannedLicense::Unlicensed,
        },
        without: vec![LicensedPart::Cluster(2)],
        users: 1000,
        readers: u32::from(licensed),
        search: licensed,
        mail: None,
        ldap: None,
        job_server: None,
        plugins: Vec::new(),
        saml: None,
        settings: Ok(Vec::new()),
    }
}

fn now() -> Timestamp {
    "2026-11-29T12:00:00Z".parse().unwrap()
}

fn planned_license() -> PlannedLicense {
    let told = license(300);
    PlannedLicense::Known {
        id: told["Id"].clone(),
        summary: summary(&told).unwrap(),
    }
}

fn license(days: i64) -> BTreeMap<String, String> {
    let end = now().as_millisecond() + days * 24 * 3600 * 1000;
    [
        ("IsLicensed", "true"),
        ("Id", "planned"),
        ("SkuShortName", "enterprise"),
        ("Users", "1000"),
        ("ExpiresAt", &end.to_string()),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

fn unlicensed() -> BTreeMap<String, String> {
    [("IsLicensed".to_owned(), "false".to_owned())].into()
}

/// What nodes say when all is well.
fn well(plan: &PromisePlan) -> Vec<NodeAnswers> {
    let listed = plan.nodes.iter().map(|node| ClusterNode {
        version: "11.2.0".to_owned(),
        config_hash: "c".to_owned(),
        ipaddress: node.address.clone(),
        schema_version: "140".to_owned(),
    });
    let listed: Vec<ClusterNode> = listed.collect();
    let answers = plan.nodes.iter().map(|node| NodeAnswers {
        name: node.name.clone(),
        address: node.address.clone(),
        version: Ok("11.2.0.11.2.0".to_owned()),
        search_backend: "opensearch".to_owned(),
        license: Ok(license(300)),
        cluster: Ok(listed.clone()),
        search: Ok(()),
        metrics: Ok(400),
    });
    answers.collect()
}

/// The promises that are not kept.
fn faults(judged: &Judged) -> Vec<(PromiseVerdict, String)> {
    let faults = judged.promises.iter();
    let faults = faults.filter(|one| one.verdict != PromiseVerdict::Kept);
    faults
        .map(|one| (one.verdict, format!("{}: {}", one.name, one.detail)))
        .collect()
}

fn only_fault(plan: &PromisePlan, answers: &[NodeAnswers]) -> (PromiseVerdict, String) {
    let judged = judge(plan, answers, now());
    match faults(&judged).as_slice() {
        [one] => one.clone(),
        other => panic!("expected one fault, found {other:#?}"),
    }
}

#[test]
fn a_licensed_cluster_keeps_its_promises() {
    let plan = plan(true);
    let judged = judge(&plan, &well(&plan), now());
    assert_eq!(faults(&judged), []);
    assert_eq!(judged.promises.len(), 5);
    assert!(judged.clustered && judged.searchable && judged.uses_readers);
}

#[test]
fn a_missing_license_is_one_fault_with_its_consequences() {
    let plan = plan(true);
    let mut answers = well(&plan);
    for node in &mut answers {
        node.license = Ok(unlicensed());
        node.cluster = Ok(Vec::new());
        node.search = Err("HTTP 501".to_owned());
        node.metrics = Err("HTTP 404".to_owned());
    }
    let (verdict, text) = only_fault(&plan, &answers);
    assert_eq!(verdict, PromiseVerdict::Broken);
    assert_eq!(
        text,
        "license: as planned: no node has a license, so no cluster, no readers, no search backend, no metrics"
    );
    let judged = judge(&plan, &answers, now());
    assert!(!judged.clustered && !judged.searchable && !judged.uses_readers);
}

#[test]
fn a_node_without_the_license_is_named() {
    let plan = plan(true);
    let mut answers = well(&plan);
    answers[1].license = Ok(unlicensed());
    let (_, text) = only_fault(&plan, &answers);
    assert!(
        text.contains("no license on app-2, so no cluster"),
        "{text}"
    );
}

#[test]
fn a_node_with_another_license_than_the_planned_one_is_named_and_the_rest_is_judged() {
    let plan = plan(true);
    for (node, other) in [(0, "app-1"), (1, "app-2")] {
        let mut answers = well(&plan);
        let mut former = license(40);
        former.insert("Id".to_owned(), "former".to_owned());
        former.insert("SkuShortName".to_owned(), "professional".to_owned());
        answers[node].license = Ok(former);
        let (verdict, text) = only_fault(&plan, &answers);
        assert_eq!(verdict, PromiseVerdict::Broken);
        assert_eq!(
            text,
            format!(
                "license: as planned: {other} has another license, Professional for 1000 users until \
                 2027-01-08; planned is Enterprise for 1000 users until 2027-09-25"
            )
        );
        assert_eq!(judge(&plan, &answers, now()).promises.len(), 5);
    }
}

#[test]
fn a_planned_license_that_cannot_be_read_here_is_said_to_be_compared_with_nothing() {
    let mut plan = plan(true);
    plan.license = PlannedLicense::Unknown("`LICENSE` is not set".to_owned());
    let (verdict, text) = only_fault(&plan, &well(&plan));
    assert_eq!(verdict, PromiseVerdict::Doubtful);
    assert!(
        text.ends_with("not compared with the planned license: `LICENSE` is not set"),
        "{text}"
    );
    let mut answers = well(&plan);
    let mut renewed = license(600);
    renewed.insert("Id".to_owned(), "renewed".to_owned());
    answers[1].license = Ok(renewed);
    let (verdict, text) = only_fault(&plan, &answers);
    assert_eq!(verdict, PromiseVerdict::Broken);
    assert!(
        text.contains("app-1 has Enterprise for 1000 users until 2027-09-25, app-2 has"),
        "{text}"
    );
}

#[test]
fn a_planned_absence_is_kept_and_asks_for_nothing_more() {
    let plan = plan(false);
    let mut answers = well(&plan);
    answers[0].license = Ok(unlicensed());
    answers[0].cluster = Ok(Vec::new());
    answers[0].metrics = Err("HTTP 404".to_owned());
    let judged = judge(&plan, &answers, now());
    assert_eq!(faults(&judged), []);
    assert!(judged.searchable, "the database finds posts");
    let kept = judged.promises.iter().find(|one| one.name == LICENSE);
    assert_eq!(
        kept.map(|one| one.detail.as_str()),
        Some("no license, so 1 application node in place of 2")
    );
    let mut entry = license(300);
    entry.insert("SkuShortName".to_owned(), "entry".to_owned());
    answers[0].license = Ok(entry);
    assert_eq!(faults(&judge(&plan, &answers, now())), []);
    answers[0].license = Ok(license(300));
    let (verdict, text) = only_fault(&plan, &answers);
    assert_eq!(verdict, PromiseVerdict::Doubtful);
    assert!(text.contains("planned without one"), "{text}");
}

#[test]
fn a_license_that_ends_soon_is_doubtful() {
    let plan = plan(true);
    let mut answers = well(&plan);
    for node in &mut answers {
        node.license = Ok(license(12));
    }
    let (verdict, text) = only_fault(&plan, &answers);
    assert_eq!(verdict, PromiseVerdict::Doubtful);
    assert_eq!(
        text,
        "license: as planned: it ends in 12 days, on 2026-12-11"
    );
    for node in &mut answers {
        node.license = Ok(license(-2));
    }
    assert_eq!(only_fault(&plan, &answers).0, PromiseVerdict::Broken);
}

#[test]
fn a_license_for_fewer_users_than_the_size_is_doubtful() {
    let mut plan = plan(true);
    plan.users = 5000;
    let (verdict, text) = only_fault(&plan, &well(&plan));
    assert_eq!(verdict, PromiseVerdict::Doubtful);
    assert!(
        text.ends_with("it is for 1000 users, and the size for 5000"),
        "{text}"
    );
}

#[test]
fn a_node_that_others_do_not_know_is_named() {
    let plan = plan(true);
    let mut answers = well(&plan);
    if let Ok(listed) = &mut answers[0].cluster {
        listed.truncate(1);
    }
    let (_, text) = only_fault(&plan, &answers);
    assert!(
        text.contains("app-1 does not know app-2, so posts do not cross nodes"),
        "{text}"
    );
    assert!(!judge(&plan, &answers, now()).clustered);
}

#[test]
fn other_configurations_versions_and_backends_are_told() {
    let plan = plan(true);
    let mut answers = well(&plan);
    if let Ok(listed) = &mut answers[0].cluster {
        listed[1].config_hash = "other".to_owned();
    }
    assert!(
        only_fault(&plan, &answers)
            .1
            .contains("different configurations")
    );
    assert!(
        judge(&plan, &answers, now()).clustered,
        "they know each other"
    );

    let mut answers = well(&plan);
    answers[1].version = Ok("11.3.0.11.3.0".to_owned());
    let (_, text) = only_fault(&plan, &answers);
    assert!(text.contains("11.2.0.11.2.0 on app-1; 11.3.0"), "{text}");

    let mut answers = well(&plan);
    answers[1].search_backend = "database".to_owned();
    let (_, text) = only_fault(&plan, &answers);
    assert!(
        text.contains("app-2: the server searches in its database"),
        "{text}"
    );
    assert!(!judge(&plan, &answers, now()).searchable);
}

#[test]
fn metrics_that_do_not_answer_are_told() {
    let plan = plan(true);
    let mut answers = well(&plan);
    answers[0].metrics = Err("HTTP 404".to_owned());
    let (_, text) = only_fault(&plan, &answers);
    assert!(
        text.starts_with("metrics: every application node answers: app-1: HTTP 404"),
        "{text}"
    );
}
