//! What else can go wrong: two deaths, somebody else's hands in the account, strangers in the
//! way, no capacity.

use std::collections::BTreeSet;
use std::time::Duration;

use loadrig::engine::FailureClass;
use loadrig::identity::names::Names;
use loadrig::spec::Spec;
use proptest::prelude::*;
use strict_cloud::{AwsAccount, Shortage};

use super::foreign_calls::{DELETABLE, call, create, delete, id_of, send};
use super::layouts::{account, named};
use super::link::{Kill, Side};
use super::outcome::{ADDRESS, ENVIRONMENT, later, leftovers, still_to_do, unaccounted};
use super::process::{End, Fate, Job, REGION, run, run_with};
use super::sweep::{LATER, SETTLED};

const NAME: &str = "perf";
const ACCOUNT: &str = "123456789012";

fn spec() -> Spec {
    named(
        NAME,
        "architecture: 1k\naccess: { operators: [198.51.100.7/32] }\n",
    )
}

fn standing(spec: &Spec) -> AwsAccount {
    let account = run(account(), Job::Up(spec)).done();
    later(account.expect("up"), SETTLED)
}

/// Up until nothing is left to do, so often at the most, then down: nothing may be left.
fn repair(account: AwsAccount, spec: &Spec, rounds: usize) -> Result<(), String> {
    let mut account = account;
    for _ in 0..rounds {
        let left = run(account, Job::Up(spec));
        account = later(left.account, SETTLED);
        if left.end == End::Done && still_to_do(&account, spec).is_empty() {
            break;
        }
    }
    let mut wrong = unaccounted(&account, spec, &BTreeSet::new());
    wrong.extend(still_to_do(&account, spec));
    if !wrong.is_empty() {
        return Err(wrong.join("; "));
    }
    down(account, spec)
}

fn down(account: AwsAccount, spec: &Spec) -> Result<(), String> {
    let account = run(account, Job::Down(spec)).done()?;
    let left = leftovers(&later(account, SETTLED), &BTreeSet::new());
    if left.is_empty() {
        Ok(())
    } else {
        Err(left.join(", "))
    }
}

fn killed(account: AwsAccount, job: Job<'_>, call: usize, side: Side) -> AwsAccount {
    let fate = Fate {
        kill: Some(Kill { call, side }),
        ..Fate::default()
    };
    run_with(account, job, fate).account
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Before), Just(Side::After)]
}

fn seconds(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_secs)
}

/// Deletes one of the environment's resources, if there is one to delete.
fn delete_one(account: &mut AwsAccount, pick: prop::sample::Index, kinds: &[&str]) {
    let resources = account.resources().into_iter();
    let ours: Vec<_> = resources
        .filter(|one| kinds.contains(&one.kind) && !one.leaving)
        .collect();
    if !ours.is_empty() {
        let one = pick.get(&ours);
        delete(account, one.kind, &one.id);
    }
}

proptest! {
    // Each case is four to six commands; PROPTEST_CASES asks for more.
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_repair_that_is_killed_too_is_repaired(
        first in 0_usize..220,
        second in 0_usize..220,
        sides in (side(), side()),
        downward in any::<(bool, bool)>(),
        wait in seconds(15..200),
    ) {
        let spec = spec();
        let job = |downward| if downward { Job::Down(&spec) } else { Job::Up(&spec) };
        let start = if downward.0 { standing(&spec) } else { account() };
        let one = later(killed(start, job(downward.0), first, sides.0), wait);
        let two = later(killed(one, job(downward.1), second, sides.1), wait);
        prop_assert_eq!(repair(two.clone(), &spec, 1), Ok(()));
        prop_assert_eq!(down(two, &spec), Ok(()));
    }

    /// Without a lock nobody waits: a second run may then have to clear up after the first.
    #[test]
    fn a_restart_before_lists_converge_is_repaired_by_the_next_run(
        call in 0_usize..220,
        side in side(),
        wait in seconds(0..3),
    ) {
        let spec = spec();
        let dead = later(killed(account(), Job::Up(&spec), call, side), wait);
        prop_assert_eq!(repair(dead, &spec, 3), Ok(()));
    }

    #[test]
    fn resources_deleted_outside_loadrig_are_created_again(pick in any::<prop::sample::Index>()) {
        let spec = spec();
        let mut account = standing(&spec);
        delete_one(&mut account, pick, DELETABLE);
        prop_assert_eq!(repair(later(account, SETTLED), &spec, 1), Ok(()));
    }

    #[test]
    fn resources_deleted_during_a_run_are_created_by_the_next(
        at in 0_usize..120,
        pick in any::<prop::sample::Index>(),
    ) {
        let spec = spec();
        let fate = Fate {
            interference: Some((at, Box::new(move |account: &mut AwsAccount| {
                delete_one(account, pick, &["instance", "key pair"]);
            }))),
            ..Fate::default()
        };
        let left = run_with(account(), Job::Up(&spec), fate);
        prop_assert_eq!(repair(later(left.account, SETTLED), &spec, 2), Ok(()));
    }
}

fn down_fails(account: AwsAccount, spec: &Spec) -> (String, AwsAccount) {
    let left = run(account, Job::Down(spec));
    match left.end {
        End::Failed(message) => (message, left.account),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_foreign_instance_in_our_subnet_is_named_and_not_changed() {
    let spec = spec();
    let mut account = standing(&spec);
    let (subnet, group) = (id_of(&account, "subnet"), id_of(&account, "security group"));
    let fields = [
        "ImageId=ami-0aaaaaaaaaaaaaaa1",
        "InstanceType=t3.small",
        "MinCount=1",
        "MaxCount=1",
        "NetworkInterface.1.DeviceIndex=0",
        &format!("NetworkInterface.1.SubnetId={subnet}"),
        &format!("NetworkInterface.1.SecurityGroupId.1={group}"),
    ];
    let stranger = create(&mut account, "ec2", "RunInstances", "instanceId", &fields);
    let began = account.now();
    let (message, mut account) = down_fails(account, &spec);
    for part in [stranger.as_str(), "in the way"] {
        assert!(message.contains(part), "{message}");
    }
    // Well before the twenty minutes that interfaces of services may take.
    let took = account.now().duration_since(began);
    assert!(took.as_secs() < 6 * 60, "{took}");
    // Everything that does not depend on it is gone; once it is away the rest goes too.
    let resources = account.resources();
    let instances = resources.iter().filter(|one| one.kind == "instance");
    assert_eq!(
        instances.map(|one| &one.id).collect::<Vec<_>>(),
        [&stranger]
    );
    delete(&mut account, "instance", &stranger);
    down(later(account, SETTLED), &spec).expect("nothing in the way");
}

#[test]
fn a_rule_of_a_foreign_group_is_named_and_not_changed() {
    let spec = spec();
    let mut account = standing(&spec);
    let (vpc, ours) = (id_of(&account, "vpc"), id_of(&account, "security group"));
    let fields = [
        "GroupName=theirs",
        "GroupDescription=theirs",
        &format!("VpcId={vpc}"),
    ];
    let theirs = create(
        &mut account,
        "ec2",
        "CreateSecurityGroup",
        "groupId",
        &fields,
    );
    let fields = [
        &format!("GroupId={theirs}"),
        "IpPermissions.1.IpProtocol=tcp",
        "IpPermissions.1.FromPort=443",
        "IpPermissions.1.ToPort=443",
        &format!("IpPermissions.1.Groups.1.GroupId={ours}"),
    ];
    call(
        &mut account,
        "ec2",
        "AuthorizeSecurityGroupIngress",
        &fields,
    );
    let (message, mut account) = down_fails(later(account, SETTLED), &spec);
    assert!(message.contains(&theirs), "{message}");
    let group = format!("GroupId.1={theirs}");
    let kept = call(&mut account, "ec2", "DescribeSecurityGroups", &[&group]);
    assert!(kept.contains(&ours), "{kept}");
}

/// Creates a resource as somebody else.
type Put = Box<dyn Fn(&mut AwsAccount)>;

/// Tag, account and name must all match: what only has our name is not ours.
#[test]
fn a_foreign_resource_of_our_name_is_refused_and_not_changed() {
    let spec = spec();
    let names = Names::of(NAME);
    let json = [
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", "AmazonSSM.PutParameter"),
    ];
    let form = |service: &'static str, action: &'static str, fields: Vec<String>| -> Put {
        Box::new(move |account| {
            let (key, value) = match service {
                "rds" => ("Tags.Tag.1.Key=owner", "Tags.Tag.1.Value=they"),
                "iam" => ("Tags.member.1.Key=owner", "Tags.member.1.Value=they"),
                _ => (
                    "TagSpecification.1.Tag.1.Key=owner",
                    "TagSpecification.1.Tag.1.Value=they",
                ),
            };
            let fields = fields.iter().map(String::as_str);
            let fields: Vec<&str> = fields.chain([key, value]).collect();
            call(account, service, action, &fields);
        })
    };
    let bucket = names.bucket(ACCOUNT, REGION);
    let parameter = serde_json::json!({"Name": names.seed(), "Value": "theirs", "Type": "SecureString",
        "Tags": [{"Key": "owner", "Value": "they"}]});
    let cases: Vec<(&str, Put)> = vec![
        (
            "bucket",
            Box::new(move |account| {
                send(account, "s3", "PUT", &format!("/{bucket}"), &[], "");
                *account = later(account.clone(), LATER);
                let tags = "<Tagging><TagSet><Tag><Key>owner</Key><Value>they</Value></Tag></TagSet></Tagging>";
                send(
                    account,
                    "s3",
                    "PUT",
                    &format!("/{bucket}?tagging"),
                    &[],
                    tags,
                );
            }),
        ),
        (
            "parameter",
            Box::new(move |account| {
                send(account, "ssm", "POST", "/", &json, &parameter.to_string());
            }),
        ),
        (
            "role",
            form(
                "iam",
                "CreateRole",
                vec![
                    format!("RoleName={}", names.role(REGION)),
                    "AssumeRolePolicyDocument={}".to_owned(),
                ],
            ),
        ),
        (
            "instance profile",
            form(
                "iam",
                "CreateInstanceProfile",
                vec![format!(
                    "InstanceProfileName={}",
                    names.instance_profile(REGION)
                )],
            ),
        ),
        (
            "key pair",
            form(
                "ec2",
                "ImportKeyPair",
                vec![
                    format!("KeyName={}", names.key_pair()),
                    "PublicKeyMaterial=c3NoLWVkMjU1MTkgQUFBQQ==".to_owned(),
                    "TagSpecification.1.ResourceType=key-pair".to_owned(),
                ],
            ),
        ),
        (
            "database parameters",
            form(
                "rds",
                "CreateDBParameterGroup",
                vec![
                    format!("DBParameterGroupName={}", names.database_parameters(false)),
                    "DBParameterGroupFamily=postgres15".to_owned(),
                    "Description=theirs".to_owned(),
                ],
            ),
        ),
    ];
    for (kind, put) in cases {
        let mut account = account();
        put(&mut account);
        let account = later(account, SETTLED);
        let before = account.resources();
        let left = run(account, Job::Up(&spec));
        let End::Failed(message) = &left.end else {
            panic!("{kind}: {:?}", left.end);
        };
        assert!(message.contains("ForeignResource"), "{kind}: {message}");
        let left = run(later(left.account, SETTLED), Job::Down(&spec));
        assert_eq!(left.end, End::Done, "{kind}");
        let after = later(left.account, SETTLED).resources();
        assert_eq!(after, before, "{kind}");
    }
}

#[test]
fn resources_of_another_environment_are_not_changed() {
    let other = named(
        "other",
        "architecture: 1k\naccess: { operators: [198.51.100.7/32] }\n",
    );
    let both = run(standing(&spec()), Job::Up(&other)).done().expect("up");
    let account = run(later(both, SETTLED), Job::Down(&spec())).done();
    let account = later(account.expect("down"), SETTLED);
    assert_eq!(
        unaccounted(&account, &other, &BTreeSet::new()),
        Vec::<String>::new()
    );
    assert_eq!(still_to_do(&account, &other), Vec::<String>::new());
}

/// Of twins the one that the others live in stays, whatever their ids and ages.
#[test]
fn the_twin_that_is_in_use_stays() {
    let spec = spec();
    let mut account = standing(&spec);
    let vpc = id_of(&account, "vpc");
    for _ in 0..3 {
        let fields = [
            format!("CidrBlock={}", spec.network.cidr),
            "TagSpecification.1.ResourceType=vpc".to_owned(),
            format!("TagSpecification.1.Tag.1.Key={ENVIRONMENT}"),
            format!("TagSpecification.1.Tag.1.Value={NAME}"),
            format!("TagSpecification.1.Tag.2.Key={ADDRESS}"),
            "TagSpecification.1.Tag.2.Value=vpc".to_owned(),
        ];
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        create(&mut account, "ec2", "CreateVpc", "vpcId", &fields);
    }
    let account = run(account, Job::Up(&spec)).done().expect("up");
    let account = later(account, SETTLED);
    assert_eq!(id_of(&account, "vpc"), vpc);
    assert_eq!(
        unaccounted(&account, &spec, &BTreeSet::new()),
        Vec::<String>::new()
    );
}

/// `up` where there is no capacity for some of the instances.
fn up_with_shortage(spec: &Spec, shortage: Shortage) -> (End, AwsAccount) {
    let mut account = account();
    account.lack_capacity(shortage);
    let left = run(account, Job::Up(spec));
    (left.end, left.account)
}

#[test]
fn a_zone_without_capacity_is_skipped_and_the_next_plan_is_empty() {
    let spec = spec();
    let shortage = Shortage {
        zone: Some(format!("{REGION}a")),
        ..Shortage::default()
    };
    let (end, account) = up_with_shortage(&spec, shortage);
    assert_eq!(end, End::Done);
    let account = later(account, SETTLED);
    assert_eq!(still_to_do(&account, &spec), Vec::<String>::new());
    assert_eq!(
        unaccounted(&account, &spec, &BTreeSet::new()),
        Vec::<String>::new()
    );
}

#[test]
fn no_capacity_anywhere_is_reported_and_the_rest_is_removed() {
    let spec = spec();
    let (end, account) = up_with_shortage(&spec, Shortage::default());
    let End::Failed(message) = end else {
        panic!("{end:?}");
    };
    let code = "InsufficientInstanceCapacity";
    assert!(message.contains(code), "{message}");
    let class = loadrig::aws::class_of_code(code);
    assert_eq!(class, Some(FailureClass::Capacity));
    down(later(account, LATER), &spec).expect("what was created goes");
}

/// Nobody's hands: kept so that a plain run stays the yardstick of the others.
#[test]
fn an_undisturbed_run_leaves_nothing_to_do() {
    let spec = spec();
    let account = run(account(), Job::Up(&spec)).done().expect("up");
    assert_eq!(repair(later(account, SETTLED), &spec, 1), Ok(()));
}
