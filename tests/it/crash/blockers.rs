//! What others have in the environment's network or keep of its databases: `down` names it, changes
//! nothing of it, and finishes once it is gone.

use loadrig::engine::{Cloud as _, LeftoverCheck};
use loadrig::spec::Spec;
use strict_cloud::{AwsAccount, ForeignInterface, SharedAccount};

use super::foreign_calls::{call, create, delete, id_of};
use super::layouts::{account, named};
use super::link::{CloudBackend, ProcessLink};
use super::outcome::later;
use super::process::{End, Job, REGION, run, runtime};
use super::sweep::SETTLED;
use crate::connector;

const NAME: &str = "perf";
const ACCESS: &str = "access: { operators: [198.51.100.7/32] }";

fn standing(spec: &Spec) -> AwsAccount {
    let account = run(account(), Job::Up(spec)).done();
    later(account.expect("up"), SETTLED)
}

/// What the proof finds, place by place, where it finds anything.
fn left(account: &AwsAccount) -> Vec<(String, Vec<String>)> {
    let proof: Vec<LeftoverCheck> = runtime().block_on(async {
        let shared = SharedAccount::new(account.clone());
        let link = ProcessLink::new(CloudBackend::Memory(shared), None);
        let aws = connector::connect(REGION, "AKIDCRASH", link).await;
        aws.find_leftovers(NAME).await.expect("a proof")
    });
    let found = proof.into_iter().filter(|look| !look.left.is_empty());
    found.map(|look| (look.at, look.left)).collect()
}

/// Interfaces of services that are not the environment's: GuardDuty's agents, a function, a database.
#[test]
fn interfaces_of_others_services_are_named_with_what_removes_them() {
    let spec = named(NAME, &format!("architecture: 1k\n{ACCESS}\n"));
    let standing = standing(&spec);
    let (vpc, subnet) = (id_of(&standing, "vpc"), id_of(&standing, "subnet"));
    let guardduty = format!("GuardDutyManagedSecurityGroup-{vpc}");
    for (group, description, requester, kind, remedy) in [
        (
            guardduty.as_str(),
            "VPC Endpoint Interface vpce-0f00",
            "amazon-aws",
            "vpc_endpoint",
            "delete its VPC endpoint and its security group",
        ),
        (
            "functions",
            "AWS Lambda VPC ENI-report-5f00",
            "amazon-aws",
            "lambda",
            "of a Lambda function",
        ),
        (
            "theirs",
            "RDSNetworkInterface",
            "amazon-rds",
            "interface",
            "created by amazon-rds",
        ),
    ] {
        let mut account = standing.clone();
        let fields = [
            "GroupDescription=theirs",
            &format!("GroupName={group}"),
            &format!("VpcId={vpc}"),
        ];
        let group = create(
            &mut account,
            "ec2",
            "CreateSecurityGroup",
            "groupId",
            &fields,
        );
        let interface = account.put_interface(&ForeignInterface {
            subnet: &subnet,
            groups: std::slice::from_ref(&group),
            description,
            requester,
            kind,
        });
        let interface = interface.expect("a subnet");
        let began = account.now();
        let left = run(account, Job::Down(&spec));
        let End::Failed(message) = left.end else {
            panic!("{description}: {:?}", left.end);
        };
        for part in [interface.as_str(), description, remedy] {
            assert!(message.contains(part), "{part}: {message}");
        }
        let mut account = left.account;
        // Well before the twenty minutes that interfaces of the environment's services may take.
        let took = account.now().duration_since(began);
        assert!(took.as_secs() < 6 * 60, "{description}: {took}");
        account.take_interface(&interface);
        delete(&mut account, "security group", &group);
        let down = run(later(account, SETTLED), Job::Down(&spec)).done();
        let account = later(down.expect("nothing is in the way"), SETTLED);
        assert_eq!(account.resources(), [], "{description}");
    }
}

/// Deletes what has data by hand, with what becomes of its automated backups.
fn delete_by_hand(account: &mut AwsAccount, kind: &str, action: &str, backups: &str) {
    let found = account.resources().into_iter();
    let ids: Vec<String> = found
        .filter(|one| one.kind == kind)
        .map(|one| one.id)
        .collect();
    assert!(!ids.is_empty(), "no {kind}");
    for id in ids {
        let fields = [
            "SkipFinalSnapshot=true",
            backups,
            &format!("{}Identifier={id}", action.trim_start_matches("Delete")),
        ];
        let said = call(account, "rds", action, &fields);
        assert!(said.contains(&format!("<{action}Response")), "{said}");
    }
    *account = later(account.clone(), SETTLED);
}

/// Backups cost money until their time is over, and nothing else shows that they are there.
#[test]
fn backups_that_somebody_kept_are_named_by_the_proof() {
    let (goes, stays) = (
        "DeleteAutomatedBackups=true",
        "DeleteAutomatedBackups=false",
    );
    let left_after_down = |account: AwsAccount, spec: &Spec| {
        let account = run(account, Job::Down(spec)).done().expect("down");
        left(&later(account, SETTLED))
    };
    let aurora = "database: { engine: aurora-postgresql }";
    let spec = named(NAME, &format!("architecture: 10k\n{ACCESS}\n{aurora}\n"));
    let mut account = standing(&spec);
    delete_by_hand(&mut account, "database", "DeleteDBInstance", goes);
    delete_by_hand(&mut account, "database cluster", "DeleteDBCluster", stays);
    let place = "Aurora automated backups".to_owned();
    assert_eq!(
        left_after_down(account, &spec),
        [(place, vec!["lr-perf-db".to_owned()])]
    );
}
