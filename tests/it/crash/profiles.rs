//! The account has a past: what holds in the account that everybody imagines holds under every
//! profile, too. `up` comes to its end, or ends early with a clear cause, and `down` leaves
//! nothing: at AWS's pace, after kills, and under failures drawn from a seed.

use std::collections::BTreeSet;

use loadrig::spec::Spec;
use strict_cloud::{
    AccountProfile, AwsAccount, FaultPlan, SharedAccount, StrictCloud, StrictOptions, Timing,
};

use super::layouts::{RigLayout, SCALE, layouts, named, tags};
use super::link::{CloudBackend, ProcessLink};
use super::outcome::{later, leftovers, still_to_do, unaccounted};
use super::process::{End, Job, REGION, live_as, run, runtime};
use super::sweep::{Expected, LATER, SETTLED};
use super::sweep_profile;

/// The profiles that `PROFILE` names: one, several, or `all`.
pub fn asked_for() -> Vec<AccountProfile> {
    let names = std::env::var("PROFILE").unwrap_or_default();
    match names.as_str() {
        "" => vec![AccountProfile::Used],
        "all" => AccountProfile::ALL.to_vec(),
        names => names
            .split(',')
            .map(|name| name.parse().unwrap_or_else(|error| panic!("{error}")))
            .collect(),
    }
}

/// What commands come to under a profile.
pub fn expected(profile: AccountProfile) -> Expected {
    const ORGANISATION: &str = "with an explicit deny in a service control policy";
    const IDENTITY: &str = "with an explicit deny in an identity-based policy";
    match profile {
        AccountProfile::Used
        | AccountProfile::Fresh
        | AccountProfile::Propagation
        | AccountProfile::Enterprise => Expected::Converges { runs: 1 },
        AccountProfile::EnterpriseRegion => Expected::BothEnd(ORGANISATION),
        AccountProfile::EnterpriseMfa | AccountProfile::EnterpriseAddress => {
            Expected::BothEnd(IDENTITY)
        }
        AccountProfile::EnterpriseNetwork | AccountProfile::EnterpriseRoles => {
            Expected::UpEnds(ORGANISATION)
        }
        // A launch is repeated at once; a replica, a cache and a domain by a run each.
        AccountProfile::Failing => Expected::Converges { runs: 4 },
        AccountProfile::FailingHost => {
            Expected::UpEnds("EC2 says: the instance status check of `i-")
        }
        AccountProfile::FailingStorage => Expected::UpEnds("storage-full"),
        AccountProfile::EnterpriseBoundary => Expected::UpEnds(IDENTITY),
        AccountProfile::EnterpriseKey => Expected::UpEnds("Client error on launch"),
    }
}

/// Profiles apart from the one that all other tests are about.
fn others() -> impl Iterator<Item = AccountProfile> {
    let all = AccountProfile::ALL.iter().copied();
    all.filter(|profile| *profile != AccountProfile::Used)
}

/// A layout for samples: one with a load balancer where roles and lists are late or missing.
fn sampled(profile: AccountProfile) -> Vec<RigLayout> {
    let name = match profile {
        AccountProfile::Fresh | AccountProfile::Propagation => "balancer",
        _ => "cache",
    };
    let all = layouts(profile).into_iter();
    all.filter(|layout| layout.name == name).collect()
}

#[test]
fn sampled_kills_are_repaired_under_each_profile() {
    for profile in others() {
        sweep_profile(profile, &sampled(profile), Some(1));
    }
}

/// Everything takes as long as on AWS, and is waited for no longer than its budget.
#[test]
fn environments_come_and_go_at_the_pace_of_each_profile() {
    let access = "access: { operators: [198.51.100.7/32] }";
    let balancer = "load_balancer: alb\nnetwork: { layout: bastion, private_dns: true }\n\
                    alb: { scheme: internal }\nsizes: { nodes: { proxy: { count: 0 } }, \
                    cache: { nodes: 2, instance_type: cache.m7g.large } }";
    for profile in AccountProfile::ALL {
        let Expected::Converges { runs } = expected(*profile) else {
            continue;
        };
        let tags = tags(*profile);
        let spec = named(
            "past",
            &format!("architecture: 2k\n{access}\n{balancer}\n{tags}"),
        );
        let mut account = AwsAccount::of_profile(*profile, REGION, 1.0);
        let mut end = End::Killed;
        for _ in 0..runs {
            let left = run(account, Job::Up(&spec));
            (account, end) = (later(left.account, LATER), left.end);
            if end == End::Done {
                break;
            }
        }
        assert_eq!(end, End::Done, "{}, after {runs} runs", profile.name());
        let standing = account;
        let standing = later(standing, SETTLED);
        complete(&standing, &spec).unwrap_or_else(|what| panic!("{}: {what}", profile.name()));
        let gone = run(standing, Job::Down(&spec)).done();
        let gone = gone.unwrap_or_else(|what| panic!("{}: {what}", profile.name()));
        let left = leftovers(&later(gone, SETTLED), &BTreeSet::new());
        assert_eq!(left, Vec::<String>::new(), "{}", profile.name());
    }
}

/// Whether an account holds one environment and nothing else, and its next plan is empty.
pub fn complete(account: &AwsAccount, spec: &Spec) -> Result<(), String> {
    let mut wrong = unaccounted(account, spec, &BTreeSet::new());
    wrong.extend(still_to_do(account, spec));
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("; ")),
    }
}

/// How often a command is repeated at the most.
const ATTEMPTS: usize = 10;

/// Runs commands under the failures of a seed, each until it succeeds. `up` is repeated until the
/// next plan is empty, too.
fn under_faults(profile: AccountProfile, seed: u64, spec: &Spec) -> Result<(), String> {
    let shared = SharedAccount::new(AwsAccount::of_profile(profile, REGION, SCALE));
    runtime().block_on(async {
        let shared = shared.clone();
        let cloud = StrictCloud::new(StrictOptions {
            timing: Timing::Aws,
            scale: SCALE,
            faults: Some(FaultPlan::of_seed(seed, REGION)),
            ..StrictOptions::models(shared.clone())
        });
        let mut keys = 0;
        for job in [Job::Up(spec), Job::Down(spec)] {
            let saying = match (expected(profile), job) {
                (Expected::UpEnds(saying), Job::Up(_)) | (Expected::BothEnd(saying), _) => {
                    Some(saying)
                }
                _ => None,
            };
            let mut last = String::from("not done");
            for _ in 0..ATTEMPTS {
                let link = ProcessLink::new(CloudBackend::Emulated(cloud.clone()), None);
                link.hosts_are_in(shared.clone());
                keys += 1;
                match (
                    live_as(&link, &format!("AKIDFAULTS{keys}"), job).await,
                    saying,
                ) {
                    (End::Done, None) => last.clear(),
                    (End::Failed(text), Some(saying)) if text.contains(saying) => last.clear(),
                    (other, _) => last = format!("{other:?}"),
                }
                tokio::time::sleep(LATER).await;
                if last.is_empty() && saying.is_none() && matches!(job, Job::Up(_)) {
                    last = next_plan(&shared, spec).await;
                }
                if last.is_empty() {
                    break;
                }
            }
            if !last.is_empty() {
                let word = if matches!(job, Job::Up(_)) {
                    "up"
                } else {
                    "down"
                };
                return Err(format!("stuck in {word}: {last}"));
            }
        }
        Ok(())
    })?;
    let left = leftovers(&later(shared.account(), SETTLED), &BTreeSet::new());
    match left.is_empty() {
        true => Ok(()),
        false => Err(format!("orphans: {}", left.join(", "))),
    }
}

/// What the next `up` would do, asked without failures.
async fn next_plan(shared: &SharedAccount, spec: &Spec) -> String {
    let link = ProcessLink::new(CloudBackend::Memory(shared.clone()), None);
    super::process::work_left(&link, spec).await.join("; ")
}

fn sweep_faults(profiles: impl IntoIterator<Item = AccountProfile>, seeds: std::ops::Range<u64>) {
    let yaml = "architecture: 1k\naccess: { operators: [198.51.100.7/32] }\n\
                sizes: { cache: { nodes: 1, instance_type: cache.m7g.large } }\n";
    let mut wrong = Vec::new();
    let mut cases = 0;
    for profile in profiles {
        let spec = named("past", &format!("{yaml}{}", tags(profile)));
        for seed in seeds.clone() {
            cases += 1;
            if let Err(what) = under_faults(profile, seed, &spec) {
                wrong.push(format!("{}: seed {seed}: {what}", profile.name()));
            }
        }
    }
    super::say(&format!("{cases} cases, {} wrong", wrong.len()));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn runs_complete_under_injected_failures_under_each_profile() {
    sweep_faults(others(), 1..3);
}

#[test]
#[ignore = "takes minutes: `make fault-sweep PROFILE=all`"]
fn fault_sweep() {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let first = number("FIRST_SEED").unwrap_or(1);
    sweep_faults(asked_for(), first..first + number("SEEDS").unwrap_or(200));
}

/// Whoever reads about the profiles reads about every one.
#[test]
fn every_profile_is_documented() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/strict-cloud.md");
    let text = std::fs::read_to_string(page).expect("the page");
    for profile in AccountProfile::ALL {
        let row = format!("| `{}` |", profile.name());
        assert!(text.contains(&row), "{} has no row", profile.name());
        assert!(!profile.about().is_empty());
    }
}
