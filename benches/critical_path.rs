//! How close `up` comes to its critical path when AWS takes its usual time.
//!
//! The real engine walks the real graph on a virtual clock; the cloud behind it takes as
//! long as AWS typically does, and hosts take as long as their steps usually do. Beside the
//! engine's time stands what no scheduler can beat, the longest chain of those times, and what
//! the order of the peers would take at best: provision everything, then bootstrap.
//! Prints a table in Markdown. `cargo bench --profile dev --bench critical_path`.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints what it measured, and panics where it cannot"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use loadrig::blueprint::{Address, Attributes, Blueprint, Kind, Step, blueprint};
use loadrig::engine::{
    Account, Blocker, Cloud, CloudError, Engine, HostRequest, Hosts, LeftoverCheck, Observed,
    Poller, Request, Snapshot, State, TaskError, Urgency,
};
use loadrig::events::{Events, Outcome};
use loadrig::plan::plan;
use loadrig::spec::Library;
use secrecy::SecretString;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// How long a create call takes before AWS answers: 1.5 s for RunInstances, well below a
/// second for most others (docs of the figures: `KindInfo::typical_seconds`).
fn call(kind: Kind) -> Duration {
    Duration::from_millis(match kind {
        Kind::Instance => 1500,
        _ => 400,
    })
}

/// A cloud that only takes time.
#[derive(Default)]
struct Slow {
    made: Mutex<BTreeMap<Address, (Observed, Instant)>>,
    calls: AtomicUsize,
}

impl Slow {
    fn seen(&self, kind: Kind) -> Vec<Observed> {
        let made = self.made.lock().expect("no panic before");
        made.values()
            .filter(|(one, _)| one.kind == kind)
            .map(|(one, ready)| {
                let mut one = one.clone();
                one.state = if Instant::now() < *ready {
                    State::Pending
                } else {
                    State::Ready
                };
                one
            })
            .collect()
    }

    async fn called(&self, time: Duration) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        sleep(time).await;
    }
}

impl Cloud for Slow {
    async fn account(&self) -> Result<Account, CloudError> {
        Ok(Account {
            id: "123456789012".to_owned(),
            arn: String::new(),
            region: "us-east-1".to_owned(),
        })
    }

    async fn snapshot(&self, _environment: &str) -> Result<Snapshot, CloudError> {
        Ok(Snapshot::default())
    }

    async fn create(&self, request: Request<'_>) -> Result<Observed, CloudError> {
        let kind = request.desired.kind();
        self.called(call(kind)).await;
        let one = Observed {
            address: request.address.clone(),
            kind,
            id: request.address.to_string(),
            state: State::Pending,
            status: "pending".to_owned(),
            attributes: Attributes::default(),
        };
        let ready = Instant::now() + Duration::from_secs(kind.info().typical_seconds);
        let mut made = self.made.lock().expect("no panic before");
        made.insert(request.address.clone(), (one.clone(), ready));
        Ok(one)
    }

    async fn update(
        &self,
        request: Request<'_>,
        _existing: &Observed,
    ) -> Result<Observed, CloudError> {
        self.create(request).await
    }

    async fn list(&self, _environment: &str, kind: Kind) -> Result<Vec<Observed>, CloudError> {
        self.called(Duration::from_millis(200)).await;
        Ok(self.seen(kind))
    }

    async fn delete(&self, _environment: &str, _existing: &Observed) -> Result<(), CloudError> {
        Ok(())
    }

    async fn blockers(
        &self,
        _environment: &str,
        _existing: &Observed,
    ) -> Result<Vec<Blocker>, CloudError> {
        Ok(Vec::new())
    }

    async fn seed(&self, _environment: &str) -> Result<Option<SecretString>, CloudError> {
        use base64::Engine as _;
        let seed = base64::prelude::BASE64_STANDARD.encode([7_u8; 32]);
        Ok(Some(seed.into()))
    }

    async fn environments(&self) -> Result<BTreeSet<String>, CloudError> {
        Ok(BTreeSet::new())
    }

    async fn find_leftovers(&self, _environment: &str) -> Result<Vec<LeftoverCheck>, CloudError> {
        Ok(vec![])
    }
}

/// Hosts whose steps take their usual time.
struct Usual;

impl Hosts for Usual {
    async fn apply(&self, request: HostRequest) -> Result<Outcome, TaskError> {
        let step = Step::Host {
            host: request.host,
            stage: request.stage,
        };
        sleep(Duration::from_secs(step.typical_seconds())).await;
        Ok(Outcome::Applied)
    }
}

/// The least time that a step can take.
fn least(step: &Step) -> Duration {
    let call = match step {
        Step::Resource(desired) => call(desired.kind()),
        Step::Host { .. } => Duration::ZERO,
    };
    call + Duration::from_secs(step.typical_seconds())
}

/// The longest chain; with a barrier, no host step starts before every resource stands.
fn longest(blueprint: &Blueprint, barrier: bool) -> Duration {
    let mut ends: BTreeMap<&Address, Duration> = BTreeMap::new();
    let mut resources = Duration::ZERO;
    for hosts in [false, true] {
        for node in &blueprint.nodes {
            if matches!(node.step, Step::Host { .. }) != hosts {
                continue;
            }
            let before = node.after.iter().filter_map(|after| ends.get(after)).max();
            let mut start = before.copied().unwrap_or_default();
            if hosts && barrier {
                start = start.max(resources);
            }
            let end = start + least(&node.step);
            if !hosts {
                resources = resources.max(end);
            }
            ends.insert(&node.address, end);
        }
    }
    ends.into_values().max().unwrap_or_default()
}

/// The engine's time and how many calls it took.
async fn up(blueprint: &Blueprint) -> (Duration, usize) {
    let cloud = Arc::new(Slow::default());
    let engine = Arc::new(Engine {
        poller: Poller::new(Arc::clone(&cloud), "bench"),
        cloud: Arc::clone(&cloud),
        hosts: Arc::new(Usual),
        environment: "bench".to_owned(),
        tags: BTreeMap::new(),
        operator_key: None,
        permit: loadrig::engine::Permit::default(),
        events: Events::default(),
    });
    let (_keep, stop) = watch::channel(Urgency::None);
    let start = Instant::now();
    let todo = plan(blueprint, &Snapshot::default());
    let (report, _) = engine.up(blueprint, &todo, stop).await;
    assert!(report.is_complete(), "{:?}", report.failed);
    (start.elapsed(), cloud.calls.load(Ordering::Relaxed))
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    println!(
        "| size | hosts | critical path | loadrig's `up` | of the critical path | provision all, then bootstrap | create and list calls |\n|---|---|---|---|---|---|---|"
    );
    for size in ["1k", "10k", "50k", "200k"] {
        let spec = Library::new(None)
            .architecture(size)
            .expect("the size ships")
            .example();
        let graph = blueprint(&spec, &[]);
        let (took, calls) = runtime.block_on(up(&graph));
        let path = longest(&graph, false);
        let phases = longest(&graph, true);
        println!(
            "| {size} | {} | {:.0} s | {:.0} s | {:.3} × | {:.0} s | {calls} |",
            spec.hosts().len(),
            path.as_secs_f64(),
            took.as_secs_f64(),
            took.as_secs_f64() / path.as_secs_f64(),
            phases.as_secs_f64(),
        );
    }
}
