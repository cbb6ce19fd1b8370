//! What planning costs, without any I/O: spec to graph, graph against what exists, and the
//! expected time, at sizes far beyond the largest architecture. The cost of each instance
//! must not grow with their number. `cargo bench --bench planner`.
#![expect(clippy::expect_used, reason = "a bench panics where it cannot measure")]

use divan::Bencher;
use divan::counter::ItemsCount;
use loadrig::blueprint::{Blueprint, Desired, blueprint};
use loadrig::plan::{Observed, Snapshot, State, expected, plan};
use loadrig::spec::{Library, Role, Spec};

fn main() {
    divan::main();
}

/// The 50k size with so many application nodes instead of its own.
fn spec(instances: u32) -> Spec {
    let library = Library::new(None);
    let mut spec = library
        .architecture("50k")
        .expect("it is built in")
        .example();
    for group in spec.nodes.values_mut() {
        group.count = group.count.min(1);
    }
    if let Some(group) = spec.nodes.get_mut(&Role::App) {
        group.count = instances;
    }
    spec
}

/// A snapshot in which everything is as planned.
fn settled(blueprint: &Blueprint) -> Snapshot {
    let observe = |(at, (address, desired)): (usize, (_, &Desired))| Observed {
        address: Clone::clone(address),
        kind: desired.kind(),
        id: format!("id-{at:08}"),
        state: State::Ready,
        status: "available".to_owned(),
        attributes: desired.attributes(),
    };
    Snapshot {
        resources: blueprint.resources().enumerate().map(observe).collect(),
    }
}

const INSTANCES: [u32; 5] = [10, 100, 500, 1000, 2000];

#[divan::bench(args = INSTANCES)]
fn spec_to_graph(bencher: Bencher<'_, '_>, instances: u32) {
    let spec = spec(instances);
    bencher
        .counter(ItemsCount::new(instances))
        .bench(|| blueprint(&spec, &[]));
}

#[divan::bench(args = INSTANCES)]
fn nothing_to_do(bencher: Bencher<'_, '_>, instances: u32) {
    let blueprint = blueprint(&spec(instances), &[]);
    let snapshot = settled(&blueprint);
    assert!(plan(&blueprint, &snapshot).is_empty());
    bencher
        .counter(ItemsCount::new(instances))
        .bench(|| plan(&blueprint, &snapshot));
}

#[divan::bench(args = INSTANCES)]
fn everything_to_do(bencher: Bencher<'_, '_>, instances: u32) {
    let blueprint = blueprint(&spec(instances), &[]);
    bencher
        .counter(ItemsCount::new(instances))
        .bench(|| plan(&blueprint, &Snapshot::default()));
}

#[divan::bench(args = INSTANCES)]
fn expected_time(bencher: Bencher<'_, '_>, instances: u32) {
    let blueprint = blueprint(&spec(instances), &[]);
    let plan = plan(&blueprint, &Snapshot::default());
    bencher
        .counter(ItemsCount::new(instances))
        .bench(|| expected(&blueprint, &plan));
}
