//! The environments that are killed: each shape of a rig that has resources of its own.

use std::collections::BTreeSet;

use loadrig::spec::{Library, Spec};

use strict_cloud::{AccountProfile, AwsAccount};

use super::foreign_calls::{call, create};
use super::outcome::ids;
use super::process::REGION;

/// One environment in two sizes, and the account that it is made in.
pub struct RigLayout {
    /// What it is called in the summary.
    pub name: &'static str,
    /// As it is first.
    pub spec: Spec,
    /// As it is changed to.
    pub changed: Spec,
    /// What is there before anything is created.
    pub account: AwsAccount,
    /// Ids of what belongs to others.
    pub outside: BTreeSet<String>,
}

/// Each is `NAME.yaml` and `NAME-changed.yaml` in `tests/fixtures/crash`.
const OWN: &[&str] = &["public", "private", "balancer", "cache", "aurora"];

/// Every layout in an account of a profile, or those that `LAYOUT` names.
pub fn layouts(profile: AccountProfile) -> Vec<RigLayout> {
    let account = || AwsAccount::of_profile(profile, REGION, SCALE);
    let spec = |yaml: &str| spec(&format!("{yaml}{}", tags(profile)));
    let own = OWN.iter().map(|name| RigLayout {
        name,
        spec: spec(&yaml(name)),
        changed: spec(&yaml(&format!("{name}-changed"))),
        account: account(),
        outside: BTreeSet::new(),
    });
    let wanted = std::env::var("LAYOUT").unwrap_or_default();
    own.chain([adopted(profile, spec)])
        .filter(|layout| wanted.is_empty() || wanted.split(',').any(|name| name == layout.name))
        .collect()
}

/// The tags that an account of a profile asks for, as YAML.
pub fn tags(profile: AccountProfile) -> String {
    match profile {
        AccountProfile::Enterprise => {
            format!(
                "tags: {{ {}: load-tests }}\n",
                AccountProfile::MANDATORY_TAG
            )
        }
        _ => String::new(),
    }
}

/// Times are a fortieth of AWS's: what lies between is more polls.
pub const SCALE: f64 = 0.025;

/// An empty account that nobody restricts.
pub fn account() -> AwsAccount {
    AwsAccount::new(REGION, SCALE)
}

fn yaml(name: &str) -> String {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/crash");
    std::fs::read_to_string(format!("{directory}/{name}.yaml"))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// An environment of this YAML.
fn spec(yaml: &str) -> Spec {
    named("crash", yaml)
}

/// An environment of this name and YAML.
pub fn named(name: &str, yaml: &str) -> Spec {
    Library::new(Some("no-such-directory".into()))
        .load_text(name, yaml)
        .unwrap_or_else(|problems| panic!("{yaml}{problems}"))
}

/// In a VPC that is there already and belongs to somebody else.
fn adopted(profile: AccountProfile, spec: impl Fn(&str) -> Spec) -> RigLayout {
    let mut account = AwsAccount::of_profile(profile, REGION, SCALE);
    // The network is older than the policies.
    account.lift_guardrails();
    let vpc = create(
        &mut account,
        "ec2",
        "CreateVpc",
        "vpcId",
        &["CidrBlock=10.9.0.0/16"],
    );
    let of_vpc = format!("VpcId={vpc}");
    for attribute in ["EnableDnsSupport", "EnableDnsHostnames"] {
        let value = format!("{attribute}.Value=true");
        call(
            &mut account,
            "ec2",
            "ModifyVpcAttribute",
            &[&of_vpc, &value],
        );
    }
    let mut subnets = Vec::new();
    for (number, zone) in [(0, "a"), (1, "b"), (2, "a"), (3, "b")] {
        let range = format!("CidrBlock=10.9.{number}.0/24");
        let zone = format!("AvailabilityZone={REGION}{zone}");
        subnets.push(create(
            &mut account,
            "ec2",
            "CreateSubnet",
            "subnetId",
            &[&of_vpc, &range, &zone],
        ));
    }
    let places = ["PUBLIC-A", "PUBLIC-B", "PRIVATE-A", "PRIVATE-B"];
    let filled = |name: &str| {
        let yaml = yaml(name).replace("VPC", &vpc);
        let places = places.iter().zip(&subnets);
        spec(&places.fold(yaml, |yaml, (place, id)| yaml.replace(place, id)))
    };
    // They have no policies, and their failures would come twice.
    let failing = [AccountProfile::Failing, AccountProfile::FailingHost];
    if !failing.contains(&profile) {
        account.become_profile(profile);
    }
    RigLayout {
        name: "adopted",
        spec: filled("adopted"),
        changed: filled("adopted-changed"),
        outside: ids(&account),
        account,
    }
}
