//! The tests of resources before a second emulator, ministack: what passes on one emulator alone may
//! hold of that emulator and not of AWS. `LOADRIG_SECOND_EMULATOR` names its program; without it,
//! nothing is run.
//!
//! A test that needs what ministack lacks, or does otherwise than AWS documents, is listed with what
//! decides it. A new test of these modules has to be one or the other.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::common::emulator::OTHER;
use crate::common::text;

/// The modules of the tests.
const MODULES: &[&str] = &["aws::", "aws_data::", "network::", "survey::"];

/// What ministack 1.5.33 does otherwise, what AWS's documentation says, and the tests that need it.
const DIFFERENCES: &[(&str, &str, &[&str])] = &[
    (
        "a key pair is imported without its tags, and an environment's hosts have one",
        "ImportKeyPair, TagSpecification.N: \"The tags to apply to the imported key pair.\"",
        &[
            "aws::a_repeated_creation_finds_the_existing_resources",
            "aws::an_environment_is_created_found_and_removed_completely",
            "aws::opened::up_reverts_manual_security_changes",
            "aws_data::a_database_is_restored_from_a_snapshot_and_updated",
            "aws_data::a_gold_standard_is_protected_and_leaves_its_data_behind",
            "aws_data::an_aurora_cluster_is_created_updated_and_removed_with_a_final_snapshot",
            "aws_data::an_existing_database_is_neither_created_nor_removed",
            "aws_data::protected_data_is_not_removed_by_an_up_without_it",
            "aws_data::protection_changes_in_place",
            "network::a_load_balancer_is_created_repaired_and_removed",
            "network::an_adopted_network_is_used_and_not_changed",
            "network::dns_records_follow_their_targets",
        ],
    ),
    (
        "DescribeImages lists no image of Debian's account",
        "DescribeImages: \"The images available to you include public images\"",
        &[
            "aws::failures_are_classified",
            "survey::all_that_exists_is_listed_and_nothing_that_is_gone",
        ],
    ),
    (
        "a rule is revoked only together with those that it was authorized with",
        "RevokeSecurityGroupIngress: \"Each rule has a protocol, from and to ports, and source\"",
        &["aws::security_rules_converge_to_the_desired_set"],
    ),
    (
        "RDS knows no DescribeDBClusterAutomatedBackups",
        "Amazon RDS API Reference, actions: DescribeDBClusterAutomatedBackups",
        &["aws::proof::a_look_up_that_fails_leaves_a_gap_and_the_rest_is_proved"],
    ),
    (
        "a NAT gateway has no addresses",
        "NatGateway, NatGatewayAddressSet.N: \"the IP addresses and network interface associated\"",
        &[
            "network::agents_behind_nat_reach_a_public_load_balancer_by_the_gateways_address",
            "network::hosts_behind_nat_and_a_bastion_are_created_and_removed",
        ],
    ),
    (
        "an address does not tell the interface that it is associated with",
        "Address, networkInterfaceId: \"The ID of the network interface.\"",
        &["network::blockers::resources_that_use_an_address_are_named"],
    ),
];

fn run(arguments: &[&str], emulator: Option<&Path>) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments);
    if let Some(emulator) = emulator {
        command.env(OTHER, emulator);
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
        .flat_map(|(_, _, tests)| tests.iter().map(|test| (*test).to_owned()))
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
    let output = run(&arguments, Some(Path::new(&emulator)));
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
}
