//! What else can go wrong: two deaths, hands in the account, strangers in the way.

use std::collections::BTreeMap;

use loadrig::engine::FailureClass;
use loadrig::identity::names::Names;
use loadrig::spec::Spec;
use proptest::prelude::*;

use super::account::{ADDRESS, Account, ENVIRONMENT, Ms, Texts};
use super::fleet::{End, Job, later, leftovers, run, run_with, size, still_to_do, unaccounted};
use super::memory::{ACCOUNT, REGION};
use super::wire::{Hand, Kill, Side};

/// So long after a death, at the least, the next process starts.
const LATER: Ms = 15_000;

const NAME: &str = "perf";

fn spec() -> Spec {
    size("1k", NAME)
}

fn standing(spec: &Spec) -> Account {
    let account = run(Account::new(), Job::Up(spec), None).done();
    later(account.expect("up"), 60_000)
}

/// Up until nothing is left to do, twice at the most, then down: nothing may be left.
fn repair(account: Account, spec: &Spec, rounds: usize) -> Result<(), String> {
    let mut account = account;
    for _ in 0..rounds {
        let left = run(account, Job::Up(spec), None);
        account = later(left.account, 60_000);
        if left.end == End::Done && still_to_do(&account, spec).is_empty() {
            break;
        }
    }
    let mut wrong = unaccounted(&account, spec);
    wrong.extend(still_to_do(&account, spec));
    if !wrong.is_empty() {
        return Err(wrong.join("; "));
    }
    gone(account, spec)
}

fn gone(account: Account, spec: &Spec) -> Result<(), String> {
    let account = run(account, Job::Down(&spec.name), None).done()?;
    let left = leftovers(&later(account, 60_000));
    if left.is_empty() {
        Ok(())
    } else {
        Err(left.join(", "))
    }
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Before), Just(Side::After)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_repair_that_is_killed_too_is_repaired(
        first in 0_usize..300,
        second in 0_usize..300,
        sides in (side(), side()),
        downward in any::<(bool, bool)>(),
        wait in LATER..200_000,
    ) {
        let spec = spec();
        let down = Job::Down(NAME);
        let job = |downward| if downward { down } else { Job::Up(&spec) };
        let start = if downward.0 { standing(&spec) } else { Account::new() };
        let kill = |call, side| Some(Kill { call, side });
        let one = run(start, job(downward.0), kill(first, sides.0));
        let two = run(later(one.account, wait), job(downward.1), kill(second, sides.1));
        let account = later(two.account, wait);
        prop_assert_eq!(repair(account.clone(), &spec, 1), Ok(()));
        prop_assert_eq!(gone(account, &spec), Ok(()));
    }

    /// Without a lock nobody waits: a second run may then have to clear up after the first.
    #[test]
    fn a_restart_before_lists_are_true_is_cleared_up_by_the_next_run(
        call in 0_usize..300,
        side in side(),
        wait in 0_u64..3_000,
    ) {
        let spec = spec();
        let dead = run(Account::new(), Job::Up(&spec), Some(Kill { call, side }));
        prop_assert_eq!(repair(later(dead.account, wait), &spec, 3), Ok(()));
    }

    /// Somebody removes one of our things while we look elsewhere, or during a run.
    #[test]
    fn what_is_removed_behind_our_back_is_made_again(pick in any::<prop::sample::Index>()) {
        let spec = spec();
        let mut account = standing(&spec);
        let removable: Vec<(&'static str, String)> = account
            .alive()
            .filter(|t| matches!(t.sort, "instance" | "db" | "domain" | "key-pair" | "bucket"))
            .map(|t| (t.sort, t.id.clone()))
            .collect();
        let (sort, id) = pick.get(&removable);
        account.end(sort, id);
        prop_assert_eq!(repair(later(account, 120_000), &spec, 1), Ok(()));
    }

    #[test]
    fn what_is_removed_during_a_run_is_made_again_by_the_next(
        at in 0_usize..120,
        pick in any::<prop::sample::Index>(),
    ) {
        let spec = spec();
        let hand: Hand = Box::new(move |account: &mut Account| {
            let ours: Vec<(&'static str, String)> = account
                .alive()
                .filter(|t| matches!(t.sort, "instance" | "key-pair" | "role" | "route-table"))
                .filter(|t| t.gone.is_none())
                .map(|t| (t.sort, t.id.clone()))
                .collect();
            if !ours.is_empty() {
                let (sort, id) = pick.get(&ours).clone();
                account.end(sort, &id);
            }
        });
        let left = run_with(Account::new(), Job::Up(&spec), None, [(at, hand)].into());
        prop_assert_eq!(repair(later(left.account, 120_000), &spec, 2), Ok(()));
    }
}

fn ours(account: &Account, sort: &str) -> String {
    let found = account.alive().find(|thing| thing.sort == sort);
    found.expect("it stands").id.clone()
}

fn failure(account: Account) -> (String, Account) {
    let left = run(account, Job::Down(NAME), None);
    match left.end {
        End::Failed(message) => (message, left.account),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stranger_in_our_subnet_is_named_and_nothing_of_it_touched() {
    let mut account = standing(&spec());
    let (subnet, group) = (ours(&account, "subnet"), ours(&account, "security-group"));
    let stranger = account.put_interface(
        &Texts::new(),
        "i-0stranger",
        &subnet,
        &group,
        "put here by hand",
        "",
    );
    let began = account.now;
    let (message, account) = failure(account);
    for part in [&stranger, "put here by hand", "i-0stranger", "in the way"] {
        assert!(message.contains(part), "{message}");
    }
    // Well before the twenty minutes that interfaces of services may take.
    assert!(account.now - began < 6 * 60_000, "{}", account.now - began);
    assert!(account.living("eni", &stranger).is_some());
    // Everything that does not hang on it is gone; once it is away the rest goes too.
    assert!(account.alive().all(|thing| thing.sort != "instance"));
    let mut account = account;
    account.end("eni", &stranger);
    gone(later(account, 60_000), &spec()).expect("nothing in the way");
}

#[test]
fn a_rule_of_a_strangers_group_is_named() {
    let mut account = standing(&spec());
    let (vpc, ours) = (ours(&account, "vpc"), ours(&account, "security-group"));
    let theirs = account
        .create_group(Texts::new(), &vpc, "theirs")
        .expect("made");
    account.rules.push(super::account::RuleRow {
        group: theirs.clone(),
        port: "tcp/443".to_owned(),
        from: ours,
    });
    let (message, account) = failure(account);
    assert!(message.contains(&theirs), "{message}");
    assert!(account.living("security-group", &theirs).is_some());
    assert_eq!(account.rules_of(&[theirs]).len(), 1);
}

/// Tag, account and name must all match: what only has our name is not ours.
#[test]
fn what_only_has_our_name_is_refused_and_not_touched() {
    let names = Names::of(NAME);
    let group = "sweep-only";
    let cases = [
        ("bucket", names.bucket(ACCOUNT, REGION)),
        ("role", names.role("us-east-1")),
        ("profile", names.instance_profile("us-east-1")),
        ("key-pair", names.key_pair()),
        ("parameter", names.seed()),
        ("db-subnets", names.database_subnets()),
        ("db-parameters", names.database_parameters(false)),
        (
            "db",
            names.database(loadrig::blueprint::DatabaseRole::Writer),
        ),
        ("domain", names.search()),
    ];
    for (sort, name) in cases {
        let mut account = Account::new();
        let tags: Texts = [("owner".to_owned(), group.to_owned())].into();
        account.put(sort, name.clone(), tags.clone());
        let before = account.living(sort, &name).cloned().expect("put");
        let mut account = later(account, 60_000);
        let left = run(account.clone(), Job::Up(&spec()), None);
        let End::Failed(message) = &left.end else {
            panic!("{sort}: {:?}", left.end);
        };
        assert!(message.contains("ForeignResource"), "{sort}: {message}");
        account = later(left.account, 60_000);
        let down = run(account, Job::Down(NAME), None);
        assert_eq!(down.end, End::Done, "{sort}");
        let after = later(down.account, 60_000);
        assert_eq!(leftovers(&after), [format!("{sort} {name}")], "{sort}");
        let kept = after.living(sort, &name).expect("not touched");
        assert_eq!((&kept.tags, &kept.attrs), (&before.tags, &before.attrs));
    }
}

#[test]
fn another_environments_things_are_left_alone() {
    let other = size("1k", "other");
    let account = later(
        run(standing(&spec()), Job::Up(&other), None)
            .done()
            .expect("up"),
        60_000,
    );
    let account = run(account, Job::Down(NAME), None).done().expect("down");
    let account = later(account, 60_000);
    assert_eq!(unaccounted(&account, &other), Vec::<String>::new());
    assert_eq!(still_to_do(&account, &other), Vec::<String>::new());
}

/// Of twins the one that the others live in stays, whatever their ids and ages.
#[test]
fn the_twin_that_is_in_use_stays() {
    let spec = spec();
    for _ in 0..4 {
        let mut account = standing(&spec);
        let vpc = ours(&account, "vpc");
        for _ in 0..3 {
            let tags = [(ENVIRONMENT, NAME), (ADDRESS, "vpc")];
            let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
            let cidr = spec.network.cidr.to_string();
            account.create_vpc(tags.into(), &cidr).expect("made");
        }
        let account = later(account, 60_000);
        let account = run(account, Job::Up(&spec), None).done().expect("up");
        assert!(account.living("vpc", &vpc).is_some());
        assert_eq!(
            unaccounted(&later(account, 60_000), &spec),
            Vec::<String>::new()
        );
    }
}

#[test]
fn a_zone_without_capacity_is_passed_over_and_the_next_plan_is_empty() {
    let mut spec = spec();
    spec.nodes.values_mut().for_each(|group| group.count = 1);
    let mut account = Account::new();
    let kinds: Vec<String> = spec
        .nodes
        .values()
        .map(|g| g.instance_type.clone())
        .collect();
    let zone = account.zones[0].clone();
    account.scarce = kinds.into_iter().map(|kind| (kind, zone.clone())).collect();
    let account = run(account, Job::Up(&spec), None).done().expect("up");
    let account = later(account, 60_000);
    assert_eq!(still_to_do(&account, &spec), Vec::<String>::new());
    assert_eq!(unaccounted(&account, &spec), Vec::<String>::new());
}

#[test]
fn no_capacity_anywhere_is_told_as_such() {
    let spec = spec();
    let mut account = Account::new();
    account.scarce = spec
        .nodes
        .values()
        .map(|group| (group.instance_type.clone(), String::new()))
        .collect();
    let left = run(account, Job::Up(&spec), None);
    let End::Failed(message) = left.end else {
        panic!("{:?}", left.end);
    };
    assert!(
        message.contains("InsufficientInstanceCapacity"),
        "{message}"
    );
    let class = loadrig::aws::class_of_code("InsufficientInstanceCapacity");
    assert_eq!(class, Some(FailureClass::Capacity));
    gone(later(left.account, 60_000), &spec).expect("what was made goes");
}

/// Nobody's hands: kept so that a plain run stays the yardstick of the others.
#[test]
fn an_undisturbed_run_leaves_nothing_to_do() {
    let spec = spec();
    let left = run_with(Account::new(), Job::Up(&spec), None, BTreeMap::new());
    assert_eq!(left.end, End::Done);
    assert_eq!(repair(later(left.account, 60_000), &spec, 1), Ok(()));
}
