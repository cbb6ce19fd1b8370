//! What a prediction takes, from the YAML to the answer with every change that helps: it is meant to be
//! asked while people wait, within a second. `cargo bench --bench predict`.
#![expect(clippy::expect_used, reason = "a bench panics where it cannot measure")]

use divan::Bencher;
use loadrig::loadtest::{Scenario, StormOverrides, StormScenario};
use loadrig::ops::predict::{predict, predict_returns, storm_of, with_official_server};
use loadrig::spec::{Library, Spec};

fn main() {
    divan::main();
}

fn size(name: &str) -> Spec {
    let library = Library::new(None);
    let mut spec = library
        .architecture(name)
        .expect("it is built in")
        .example();
    with_official_server(&mut spec);
    spec
}

/// A scenario with so many users.
fn scenario(name: &str, users: u32) -> StormScenario {
    let scenario = Scenario::find(name).expect("it is built in");
    let users = Some(users);
    let changes = StormOverrides {
        users,
        ..StormOverrides::default()
    };
    let storm = storm_of(&scenario).expect("it is a storm");
    storm.with(&changes).expect("enough users")
}

/// 15,000 users within 15 minutes.
#[divan::bench(args = ["1k", "10k", "15k", "50k"], sample_count = 10)]
fn login_storm(bencher: Bencher<'_, '_>, name: &str) {
    let (spec, storm) = (size(name), scenario("login-storm", 15_000));
    bencher.bench(|| predict(&spec, &storm, None).expect("a prediction"));
}

/// As many as a scenario may have, on the largest size.
#[divan::bench(sample_count = 10)]
fn largest_login_storm(bencher: Bencher<'_, '_>) {
    let (spec, storm) = (size("200k"), scenario("login-storm", 250_000));
    bencher.bench(|| predict(&spec, &storm, None).expect("a prediction"));
}

#[divan::bench(args = ["reconnect-storm", "rolling-restart", "node-loss"], sample_count = 10)]
fn returns(bencher: Bencher<'_, '_>, name: &str) {
    let (spec, storm) = (size("15k"), scenario(name, 15_000));
    bencher.bench(|| predict_returns(&spec, &storm, None).expect("a prediction"));
}
