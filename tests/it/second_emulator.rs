//! The tests of resources before a second emulator, ministack: what passes on one emulator alone may
//! hold of that emulator and not of AWS. `LOADRIG_SECOND_EMULATOR` names its program; without it,
//! nothing is run.
//!
//! Where ministack answers otherwise than AWS documents, `tests/fixtures/second-emulator` changes it, with
//! the page that decides it. A test that needs what it lacks altogether is listed here. A new test of these
//! modules has to pass there or be listed, and so has every kind of resource.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use loadrig::blueprint::Kind;

use crate::common::emulator::{KINDS, OTHER};
use crate::common::text;

/// The modules of the tests.
const MODULES: &[&str] = &["aws::", "aws_data::", "network::", "survey::"];

/// What ministack 1.5.33 lacks or does otherwise even with the changes of
/// `tests/fixtures/second-emulator/sitecustomize.py`, what AWS's documentation says, and the tests that
/// need it.
const DIFFERENCES: &[(&str, &str, &[&str])] = &[
    (
        "EC2 knows no ModifyInstanceAttribute",
        "Amazon EC2 API Reference, actions: ModifyInstanceAttribute",
        &[
            "aws::opened::up_reverts_manual_security_changes",
            "aws_data::a_gold_standard_is_protected_and_leaves_its_data_behind",
            "aws_data::an_aurora_cluster_is_created_updated_and_removed_with_a_final_snapshot",
            "aws_data::protection_changes_in_place",
        ],
    ),
    (
        "IAM knows no UploadServerCertificate",
        "IAM API Reference, actions: UploadServerCertificate",
        &["network::a_load_balancer_is_created_repaired_and_removed"],
    ),
];

/// Kinds that none of the tests that pass creates one by one, with the reason.
const NOT_CREATED: &[(&str, &[Kind])] = &[
    (
        "its tests need ModifyInstanceAttribute",
        &[Kind::DatabaseCluster, Kind::DatabaseClusterParameters],
    ),
    (
        "its test needs UploadServerCertificate",
        &[
            Kind::LoadBalancer,
            Kind::Listener,
            Kind::TargetGroup,
            Kind::Targets,
        ],
    ),
    (
        "the engine creates and removes it in tests of `network::` that pass",
        &[
            Kind::Zone,
            Kind::Records,
            Kind::ElasticAddress,
            Kind::NatGateway,
            Kind::Adopted,
            Kind::Endpoint,
        ],
    ),
];

fn run(arguments: &[&str], emulator: Option<(&Path, &Path)>) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments);
    if let Some((emulator, kinds)) = emulator {
        command.env(OTHER, emulator).env(KINDS, kinds);
    }
    let output = command.output().unwrap();
    text(&output.stdout)
}

/// Every test of the modules.
fn tests() -> BTreeSet<String> {
    let listed = run(&["--list"], None);
    let names = listed
        .lines()
        .filter_map(|line| line.strip_suffix(": test"));
    names
        .filter(|name| MODULES.iter().any(|module| name.starts_with(module)))
        .map(str::to_owned)
        .collect()
}

#[test]
fn resources_behave_alike_before_a_second_emulator() {
    let differing: BTreeSet<String> = DIFFERENCES
        .iter()
        .flat_map(|(_, _, tests)| tests.iter())
        .map(|test| (*test).to_owned())
        .collect();
    let all = tests();
    let stale: Vec<_> = differing.difference(&all).collect();
    assert!(stale.is_empty(), "no such tests: {stale:?}");
    let Some(emulator) = std::env::var_os("LOADRIG_SECOND_EMULATOR") else {
        println!("not run: set LOADRIG_SECOND_EMULATOR");
        return;
    };
    let same: Vec<&str> = all.difference(&differing).map(String::as_str).collect();
    let mut arguments = vec!["--exact", "--test-threads", "4"];
    arguments.extend(&same);
    let files = tempfile::tempdir().unwrap();
    let kinds = files.path().join("kinds");
    let output = run(&arguments, Some((Path::new(&emulator), &kinds)));
    let failed: Vec<&str> = same
        .iter()
        .copied()
        .filter(|test| !output.contains(&format!("test {test} ... ok")))
        .collect();
    assert!(failed.is_empty(), "{failed:#?}\n{output}");
    println!("{} tests pass on {}", same.len(), emulator.display());
    for (what, documented, tests) in DIFFERENCES {
        println!("{} not: {what}; {documented}", tests.len());
    }
    let created = std::fs::read_to_string(kinds).unwrap();
    let created: BTreeSet<&str> = created.lines().collect();
    let mut unaccounted = Vec::new();
    for kind in Kind::ALL {
        let why = NOT_CREATED.iter().find(|(_, kinds)| kinds.contains(&kind));
        let is_created = created.contains(format!("{kind:?}").as_str());
        match (is_created, why) {
            (true, None) => println!("{kind:?}: created, found, removed"),
            (false, Some((why, _))) => println!("{kind:?}: not one by one: {why}"),
            _ => unaccounted.push(kind),
        }
    }
    assert!(unaccounted.is_empty(), "{unaccounted:?}");
}
