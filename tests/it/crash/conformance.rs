//! Holds the account in memory to the emulator that others wrote: the same life, by the same
//! adapter, has to look the same in both. So the sweep in memory cannot drift from what the
//! adapter meets elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use loadrig::engine::{Cloud as _, Observed, State};
use loadrig::spec::Spec;
use strict_cloud::{AccountProfile, SharedAccount};

use super::emulated::EmulatorLane;
use super::layouts::{RigLayout, layouts};
use super::link::{CloudBackend, ProcessLink};
use super::process::{End, Job, REGION, live, runtime};
use crate::connector;

/// The environment as the adapter sees it: what is told of each address.
type EnvironmentView = BTreeMap<String, BTreeMap<String, String>>;

/// What was seen in one life.
#[derive(Debug, Default)]
struct Life {
    /// The environment after each command.
    views: BTreeMap<&'static str, EnvironmentView>,
    /// The calls that each command changed something with.
    changes: BTreeMap<&'static str, BTreeSet<String>>,
}

/// Creates, changes and deletes a layout, and looks at it after each command. With
/// `lose_answers` the first answer to each kind of call that changes something is lost.
async fn live_through(layout: &RigLayout, backend: CloudBackend, lose_answers: bool) -> Life {
    let mut life = Life::default();
    let commands = [
        ("up", Job::Up(&layout.spec)),
        ("up with changes", Job::Up(&layout.changed)),
        ("down", Job::Down(&layout.changed)),
    ];
    for (command, job) in commands {
        let link = ProcessLink::new(backend.clone(), None);
        if lose_answers {
            link.lose_first_answers();
        }
        let end = live(&link, job).await;
        assert_eq!(
            end,
            End::Done,
            "{}: {command}, answers lost: {lose_answers}",
            layout.name
        );
        let calls = link.calls().into_iter();
        let changes = calls.filter(|call| !reads(call)).collect();
        life.changes.insert(command, changes);
        life.views
            .insert(command, look(&backend, &layout.spec).await);
    }
    life
}

fn reads(call: &str) -> bool {
    let action = call.split(':').nth(1).unwrap_or_default();
    ["Describe", "Get", "List", "Head", "GET "]
        .iter()
        .any(|verb| action.starts_with(verb))
}

/// What a fresh process sees: the bulk read and the read of each kind have to agree. (The
/// read of one kind knows others by their ids alone, so that attributes are not compared.)
async fn look(backend: &CloudBackend, spec: &Spec) -> EnvironmentView {
    // Long enough for what is on its way.
    tokio::time::sleep(super::sweep::SETTLED).await;
    let link = ProcessLink::new(backend.clone(), None);
    let aws = connector::connect(REGION, "AKIDLOOKS", link).await;
    let snapshot = aws.snapshot(&spec.name).await.expect("a snapshot");
    let kinds: BTreeSet<_> = snapshot.resources.iter().map(|one| one.kind).collect();
    for kind in kinds {
        let listed = aws.list(&spec.name, kind).await.expect("a list");
        let of_kind = snapshot.resources.iter().filter(|one| one.kind == kind);
        assert_eq!(listed.len(), of_kind.clone().count(), "{kind:?}");
        for one in of_kind {
            let other = listed.iter().find(|other| other.id == one.id);
            let other = other.unwrap_or_else(|| panic!("{} is not listed", one.address));
            assert_eq!(one.state, other.state, "{}", one.address);
        }
    }
    view(&snapshot.resources)
}

/// What is told of resources, with addresses in place of ids, which are drawn anew in each
/// account. Without what is gone: how long it is still listed is everybody's own affair.
fn view(resources: &[Observed]) -> EnvironmentView {
    let mut names: Vec<(&str, String)> = resources
        .iter()
        .map(|one| (one.id.as_str(), format!("<{}>", one.address)))
        .collect();
    // An id may be part of a longer one.
    names.sort_by_key(|(id, _)| std::cmp::Reverse(id.len()));
    let named = |value: String| {
        let names = names.iter();
        names.fold(value, |value, (id, name)| value.replace(id, name))
    };
    let live = resources.iter().filter(|one| one.state != State::Gone);
    live.map(|one| {
        let told = one.attributes.iter();
        let mut told: BTreeMap<String, String> = told
            .map(|(name, value)| (name.to_owned(), named(value.to_string())))
            .collect();
        told.insert("kind".to_owned(), format!("{:?}", one.kind));
        told.insert("state".to_owned(), format!("{:?}", one.state));
        (one.address.to_string(), told)
    })
    .collect()
}

/// Attributes whose values the provider draws or chooses.
const DRAWN: &[&str] = &[
    "created",
    "dns_name",
    "endpoint",
    "engine_version",
    "fingerprint",
    "host",
    "private_dns",
    "private_ip",
    "public_ip",
    "used",
];

/// What the emulator is known to tell otherwise than AWS: address and attribute.
const KNOWN: &[(&str, &str)] = &[
    // A replica has no backups unless they are asked for; moto copies its source's.
    ("database/reader", "backup_days"),
    // RDS chooses a zone of the subnet group; moto always has the first one.
    ("database", "zone"),
];

/// Calls that the adapter makes to one of the two alone, and why.
const KNOWN_CALLS: &[&str] = &[
    // moto asks for no service-linked role before a domain in a VPC.
    "iam:CreateServiceLinkedRole",
    // moto's new buckets have neither the tags of the call that creates them, nor encryption
    // and a block of public access, which AWS's have had since 2023.
    "s3:PUTBucket tagging",
    "s3:PUTBucket encryption",
    "s3:PUTBucket publicAccessBlock",
    // A launch that goes on without a profile that is seconds old is a rule of the account in
    // memory alone. Where the answer to the association is lost, the next attempt replaces it.
    "ec2:AssociateIamInstanceProfile",
    "ec2:ReplaceIamInstanceProfileAssociation",
    // Whether targets are still registered when their group goes depends on which is first.
    "elasticloadbalancing:DeregisterTargets",
];

/// In what two views differ. An attribute that one of them does not tell is not compared, as
/// a plan does not compare it either.
fn differences(one: &EnvironmentView, other: &EnvironmentView) -> Vec<String> {
    let mut found = Vec::new();
    let addresses: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    for address in addresses {
        let (Some(one), Some(other)) = (one.get(address), other.get(address)) else {
            found.push(format!("{address} exists in one of them alone"));
            continue;
        };
        for (name, value) in one {
            let other = other.get(name).unwrap_or(value);
            if value != other && !may_differ(address, name) {
                found.push(format!("{address}: {name}: {value} | {other}"));
            }
        }
    }
    found
}

fn may_differ(address: &str, attribute: &str) -> bool {
    let known = |(start, name): &(&str, &str)| address.starts_with(start) && attribute == *name;
    DRAWN.contains(&attribute) || KNOWN.iter().any(known)
}

/// What differs between two lives, with the command after which it does.
fn differences_of_lives(one: &Life, other: &Life) -> Vec<String> {
    let views = one.views.iter();
    views
        .flat_map(|(command, view)| {
            let found = differences(view, &other.views[command]).into_iter();
            found.map(move |what| format!("after {command}: {what}"))
        })
        .collect()
}

/// The calls that one of two lives alone changed something with.
fn differences_of_calls(one: &Life, other: &Life) -> Vec<String> {
    let changes = one.changes.iter();
    changes
        .flat_map(|(command, calls)| {
            let differ = calls.symmetric_difference(&other.changes[command]);
            let differ = differ.filter(|call| !KNOWN_CALLS.contains(&call.as_str()));
            differ.map(move |call| {
                let place = if calls.contains(call) {
                    "memory"
                } else {
                    "the emulator"
                };
                format!("{command}: {call} is made in {place} alone")
            })
        })
        .collect()
}

fn in_memory(layout: &RigLayout, lose_answers: bool) -> Life {
    runtime().block_on(async {
        let backend = CloudBackend::Memory(SharedAccount::new(layout.account.clone()));
        live_through(layout, backend, lose_answers).await
    })
}

fn emulated(lane: &EmulatorLane, layout: &RigLayout, lose_answers: bool) -> Life {
    runtime().block_on(async {
        let backend = CloudBackend::Emulated(lane.cloud().await);
        live_through(layout, backend, lose_answers).await
    })
}

#[test]
fn a_lost_answer_makes_no_difference() {
    for layout in layouts(AccountProfile::Used) {
        let (told, lost) = (in_memory(&layout, false), in_memory(&layout, true));
        let found = differences_of_lives(&told, &lost);
        assert!(found.is_empty(), "{}:\n{}", layout.name, found.join("\n"));
    }
}

#[test]
fn memory_account_and_emulator_behave_alike() {
    let lane = EmulatorLane::open();
    // What belongs to others is arranged in memory alone.
    let own = layouts(AccountProfile::Used)
        .into_iter()
        .filter(|layout| layout.outside.is_empty());
    for layout in own {
        for lose_answers in [false, true] {
            let memory = in_memory(&layout, lose_answers);
            let emulator = emulated(&lane, &layout, lose_answers);
            let mut found = differences_of_lives(&memory, &emulator);
            found.extend(differences_of_calls(&memory, &emulator));
            assert!(
                found.is_empty(),
                "{}, answers lost {lose_answers}:\n{}",
                layout.name,
                found.join("\n")
            );
        }
    }
}
