//! The lease against a store in memory, on a virtual clock: who may hold it, and when.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use loadrig::diagnose::{Diagnose, ExitCode};
use loadrig::engine::{
    AcquireOptions, CloudError, Condition, FailureClass, HeldLease, Holder, LeaseStore, LockError,
    ObjectVersion, Permit, Timestamped, take_back_lease,
};
use tokio::time::{Instant, sleep};

const ENVIRONMENT: &str = "perf";

/// What happens to a call of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mishap {
    /// It does not arrive.
    Before,
    /// It arrives, its answer does not.
    After,
    /// It takes so many seconds to arrive: repeated by the SDK, it was answered at last.
    Late(u64),
}

/// Content and version by name.
type Stored = BTreeMap<String, (String, u64)>;

/// The objects, shared by all who use the store.
#[derive(Debug)]
struct Objects {
    /// With the number of the last version.
    stored: Mutex<(Stored, u64)>,
    began: Instant,
    /// The store's clock has nothing to do with anybody's.
    epoch: Timestamp,
}

impl Objects {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            stored: Mutex::default(),
            began: Instant::now(),
            epoch: "2001-02-03T04:05:06Z".parse().expect("a time"),
        })
    }

    /// Whole seconds, as S3 tells them.
    fn now(&self) -> Timestamp {
        let now = self.epoch + self.began.elapsed();
        Timestamp::from_second(now.as_second()).expect("in range")
    }

    fn owner(&self) -> Option<String> {
        let stored = self.stored.lock().expect("no panic");
        let (content, _) = stored.0.values().next()?;
        let lease: serde_json::Value = serde_json::from_str(content).expect("JSON");
        Some(lease["owner"].as_str().expect("owner").to_owned())
    }
}

/// One operator's way to the store.
#[derive(Debug)]
struct Line {
    objects: Arc<Objects>,
    latency: Duration,
    calls: Mutex<usize>,
    mishaps: BTreeMap<usize, Mishap>,
    /// While this is set nothing arrives.
    cut: Mutex<bool>,
}

impl Line {
    fn new(objects: &Arc<Objects>, latency: u64) -> Self {
        Self {
            objects: Arc::clone(objects),
            latency: Duration::from_millis(latency),
            calls: Mutex::default(),
            mishaps: BTreeMap::new(),
            cut: Mutex::default(),
        }
    }

    async fn call<T>(
        &self,
        effect: impl FnOnce(&Objects) -> T,
    ) -> Result<Timestamped<T>, CloudError> {
        let number = {
            let mut calls = self.calls.lock().expect("no panic");
            *calls += 1;
            *calls - 1
        };
        let mishap = self.mishaps.get(&number).copied();
        sleep(self.latency).await;
        if let Some(Mishap::Late(seconds)) = mishap {
            sleep(Duration::from_secs(seconds)).await;
        }
        if *self.cut.lock().expect("no panic") || mishap == Some(Mishap::Before) {
            return Err(unreachable_store());
        }
        let value = effect(&self.objects);
        let at = self.objects.now();
        sleep(self.latency).await;
        if mishap == Some(Mishap::After) {
            return Err(unreachable_store());
        }
        Ok(Timestamped { value, at })
    }
}

fn unreachable_store() -> CloudError {
    CloudError {
        class: FailureClass::Transient,
        ..CloudError::without_answer("s3:PutObject", "locks", "NoAnswer", "cut")
    }
}

impl LeaseStore for Line {
    async fn get(
        &self,
        name: &str,
    ) -> Result<Timestamped<Option<(String, ObjectVersion)>>, CloudError> {
        let name = name.to_owned();
        self.call(move |objects| {
            let stored = objects.stored.lock().expect("no panic");
            let found = stored.0.get(&name);
            found.map(|(content, version)| (content.clone(), ObjectVersion(version.to_string())))
        })
        .await
    }

    async fn put(
        &self,
        name: &str,
        content: String,
        condition: Condition,
    ) -> Result<Timestamped<Option<ObjectVersion>>, CloudError> {
        let name = name.to_owned();
        self.call(move |objects| {
            let mut stored = objects.stored.lock().expect("no panic");
            let (map, count) = &mut *stored;
            let now = map.get(&name).map(|(_, version)| version.to_string());
            let holds = match condition {
                Condition::Absent => now.is_none(),
                Condition::Is(version) => now == Some(version.0),
            };
            holds.then(|| {
                *count += 1;
                map.insert(name, (content, *count));
                ObjectVersion(count.to_string())
            })
        })
        .await
    }

    async fn delete(&self, name: &str, version: &ObjectVersion) -> Result<(), CloudError> {
        let (name, version) = (name.to_owned(), version.clone());
        let answer = self.call(move |objects| {
            let mut stored = objects.stored.lock().expect("no panic");
            if stored.0.get(&name).map(|(_, v)| v.to_string()) == Some(version.0) {
                stored.0.remove(&name);
            }
        });
        answer.await.map(|_| ())
    }
}

fn holder(owner: &str) -> Holder {
    Holder {
        owner: owner.to_owned(),
        pid: 1,
        job: None,
        operation: "up".to_owned(),
        run: "run".to_owned(),
        nonce: format!("nonce of {owner}"),
    }
}

async fn take(line: &Arc<Line>, owner: &str, patience: u64) -> Result<HeldLease<Line>, LockError> {
    let options = AcquireOptions {
        patience: Duration::from_secs(patience),
        ..AcquireOptions::default()
    };
    let line = Arc::clone(line);
    HeldLease::acquire(line, ENVIRONMENT, holder(owner), &options, |_| {}).await
}

fn on_a_virtual_clock(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(test);
}

fn both_may(one: &Permit, other: &Permit) -> bool {
    one.check().is_ok() && other.check().is_ok()
}

#[test]
fn two_concurrent_operators_get_the_lease_one_after_the_other() {
    let mut cases = 0;
    for latency in [5, 40, 300] {
        for late in (0..1_500).step_by(25) {
            cases += 1;
            on_a_virtual_clock(async {
                let objects = Objects::new();
                let alice = Arc::new(Line::new(&objects, 60));
                let bob = Arc::new(Line::new(&objects, latency));
                let (first, second) = tokio::join!(take(&alice, "alice", 0), async {
                    sleep(Duration::from_millis(late)).await;
                    take(&bob, "bob", 0).await
                });
                let (winner, refused, loser) = match (first, second) {
                    (Ok(held), Err(error)) => (held, error, (&bob, "bob")),
                    (Err(error), Ok(held)) => (held, error, (&alice, "alice")),
                    (first, second) => panic!("{first:?} {second:?} at {latency}/{late}"),
                };
                assert_eq!(refused.exit_code(), ExitCode::Locked);
                let owner = winner.lease().holder.owner;
                assert!(refused.to_string().contains(&owner), "{refused}");
                assert!(refused.hints().iter().any(|h| h.contains("--break-lock")));
                winner.release(true).await.expect("released");
                let next = take(loser.0, loser.1, 0).await.expect("free by now");
                next.permit().check().expect("it holds");
            });
        }
    }
    println!("{cases} cases of two operators at once");
}

#[test]
fn a_waiting_operator_gets_the_lease_when_it_is_released() {
    on_a_virtual_clock(async {
        let objects = Objects::new();
        let alice = take(&Arc::new(Line::new(&objects, 50)), "alice", 0).await;
        let alice = alice.expect("free");
        let bob = Arc::new(Line::new(&objects, 50));
        let (bob, ()) = tokio::join!(take(&bob, "bob", 600), async {
            sleep(Duration::from_secs(200)).await;
            alice.permit().check().expect("renewed all the time");
            alice.release(true).await.expect("released");
        });
        assert_eq!(bob.expect("its turn").lease().holder.owner, "bob");
    });
}

/// A process that dies at any of its calls to the store, on either side.
#[test]
fn the_lease_of_a_dead_holder_expires_and_is_never_held_twice() {
    let mut cases = 0;
    for dies_after in (0..70_000_u64).step_by(450) {
        cases += 1;
        on_a_virtual_clock(async {
            let objects = Objects::new();
            let line = Arc::new(Line::new(&objects, 90));
            let dying = async {
                let held = take(&line, "alice", 0).await.expect("free");
                let permit = held.permit();
                let dead = sleep(Duration::from_millis(dies_after));
                dead.await;
                drop(held);
                permit
            };
            // Dropped in the middle of whatever it does.
            let limit = Duration::from_millis(dies_after + 1);
            let permit = tokio::time::timeout(limit, dying).await.ok();
            let died = Instant::now();
            let bob = Arc::new(Line::new(&objects, 90));
            let bob = take(&bob, "bob", 200).await.expect("in the end");
            if let Some(permit) = permit {
                assert!(!both_may(&permit, &bob.permit()), "{dies_after}");
            }
            let waited = died.elapsed();
            assert!(waited < Duration::from_secs(85), "{waited:?}");
            assert_eq!(objects.owner().as_deref(), Some("bob"));
        });
    }
    println!("{cases} deaths of a holder");
}

#[test]
fn a_paused_owner_stops_before_another_starts_and_cannot_write_again() {
    for pause in (0..120).step_by(7) {
        on_a_virtual_clock(async {
            let objects = Objects::new();
            let line = Arc::new(Line::new(&objects, 70));
            let alice = take(&line, "alice", 0).await.expect("free");
            sleep(Duration::from_secs(pause)).await;
            *line.cut.lock().expect("no panic") = true;
            let bob = Arc::new(Line::new(&objects, 70));
            let bob = tokio::spawn(async move { take(&bob, "bob", 300).await.expect("later") });
            let permit = alice.permit();
            while !bob.is_finished() {
                sleep(Duration::from_millis(100)).await;
            }
            let bob = bob.await.expect("no panic");
            assert!(!both_may(&permit, &bob.permit()));
            assert_eq!(alice.lost().await.exit_code(), ExitCode::Locked);
            // It comes back, and finds the door closed.
            *line.cut.lock().expect("no panic") = false;
            alice
                .release(true)
                .await
                .expect("nothing of its own is left");
            assert_eq!(objects.owner().as_deref(), Some("bob"));
            bob.permit().check().expect("undisturbed");
            assert!(bob.lease().fence > 0);
        });
    }
}

#[test]
fn a_lease_that_was_left_stays_for_its_time_without_a_holder() {
    on_a_virtual_clock(async {
        let objects = Objects::new();
        let line = || Arc::new(Line::new(&objects, 50));
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let alice = take(&line(), "alice", 0).await.expect("free");
        sleep(minutes(3)).await;
        alice.leave(minutes(30)).await.expect("left");
        sleep(minutes(20)).await;
        let refused = take(&line(), "bob", 0)
            .await
            .expect_err("left to something");
        assert_eq!(refused.exit_code(), ExitCode::Locked);
        let said = refused.to_string();
        assert!(said.contains("that alice started"), "{said}");
        assert!(refused.hints()[0].contains("--attach"));
        // Whoever waits gets it when it ends, and has the time in which calls settle behind it.
        let bob = take(&line(), "bob", 3_600).await.expect("in the end");
        assert!(objects.now() >= objects.epoch + minutes(33));
        bob.release(true).await.expect("released");

        let alice = take(&line(), "alice", 0).await.expect("free");
        alice.leave(minutes(30)).await.expect("left");
        let back = |run: &'static str| {
            let line = line();
            async move { take_back_lease(&*line, ENVIRONMENT, run).await }
        };
        back("another").await.expect("not its own");
        assert_eq!(objects.owner().as_deref(), Some("alice"));
        back("run").await.expect("its own");
        assert_eq!(objects.owner(), None);
        // A lease that is held is nobody's to take back.
        let alice = take(&line(), "alice", 0).await.expect("free");
        back("run").await.expect("held");
        alice.permit().check().expect("undisturbed");
    });
}

#[test]
fn a_lease_can_be_left_although_the_answer_is_lost() {
    // Calls: read, write, then read and write to leave it.
    for call in [2, 3] {
        for mishap in [Mishap::Before, Mishap::After] {
            on_a_virtual_clock(async {
                let objects = Objects::new();
                let mut line = Line::new(&objects, 80);
                line.mishaps.insert(call, mishap);
                let alice = take(&Arc::new(line), "alice", 0).await.expect("free");
                let left = alice.leave(Duration::from_mins(10)).await;
                assert_eq!(
                    left.is_ok(),
                    (call, mishap) == (3, Mishap::After),
                    "{left:?}"
                );
                sleep(Duration::from_mins(2)).await;
                let bob = take(&Arc::new(Line::new(&objects, 80)), "bob", 0).await;
                assert_eq!(bob.is_err(), left.is_ok(), "what was said is what is");
            });
        }
    }
}

#[test]
fn lost_responses_do_not_break_the_lease() {
    let mut cases = 0;
    for call in 0..8 {
        for mishap in [Mishap::Before, Mishap::After] {
            cases += 1;
            on_a_virtual_clock(async {
                let objects = Objects::new();
                let mut line = Line::new(&objects, 80);
                line.mishaps.insert(call, mishap);
                let alice = take(&Arc::new(line), "alice", 0).await.expect("repeated");
                let permit = alice.permit();
                for _ in 0..200 {
                    sleep(Duration::from_secs(1)).await;
                    permit
                        .check()
                        .unwrap_or_else(|e| panic!("{call} {mishap:?}: {e}"));
                }
                alice.release(true).await.expect("released");
                assert_eq!(objects.owner(), None, "{call} {mishap:?}");
            });
        }
    }
    println!("{cases} lost answers");
}

#[test]
fn a_slow_response_does_not_make_a_live_lease_look_expired() {
    for late in [1, 19, 41, 59, 120, 180] {
        on_a_virtual_clock(async {
            let objects = Objects::new();
            let line = Arc::new(Line::new(&objects, 60));
            let alice = take(&line, "alice", 0).await.expect("free");
            sleep(Duration::from_secs(30)).await;
            let mut slow = Line::new(&objects, 60);
            slow.mishaps.insert(0, Mishap::Late(late));
            let refused = take(&Arc::new(slow), "bob", 0).await.expect_err("held");
            assert!(matches!(refused, LockError::Held { .. }), "{refused}");
            alice.permit().check().expect("it holds");
        });
    }
}

#[test]
fn a_broken_lock_stops_its_owner_before_the_breaker_starts() {
    let unanswered = [None, Some(Mishap::After), Some(Mishap::Late(30))];
    let all = (0..60)
        .step_by(3)
        .flat_map(|after| unanswered.map(|mishap| (after, mishap)))
        .flat_map(|(after, mishap)| [false, true].map(|cut| (after, mishap, cut)));
    for (after, mishap, cut) in all {
        on_a_virtual_clock(async {
            let objects = Objects::new();
            let line = Arc::new(Line::new(&objects, 60));
            let alice = take(&line, "alice", 0).await.expect("free");
            sleep(Duration::from_secs(after)).await;
            // Alice works on, and cannot reach the store.
            *line.cut.lock().expect("no panic") = cut;
            let mut bob = Line::new(&objects, 60);
            // His first two calls are looks.
            bob.mishaps.extend(mishap.map(|mishap| (2, mishap)));
            let bob = Arc::new(bob);
            let refused = take(&bob, "bob", 0).await.expect_err("held");
            let LockError::Held { lease, .. } = refused else {
                panic!("{refused}");
            };
            let options = AcquireOptions {
                patience: Duration::ZERO,
                break_nonce: Some(lease.holder.nonce),
                ..AcquireOptions::default()
            };
            let bob = HeldLease::acquire(bob, ENVIRONMENT, holder("bob"), &options, |_| {});
            let bob = bob.await.expect("broken");
            let case = format!("after {after} s, {mishap:?}, cut {cut}");
            assert!(alice.permit().check().is_err(), "{case}");
            if !cut {
                let loss = alice.loss().expect("noticed").to_string();
                assert!(loss.contains("bob"), "{case}: {loss}");
            }
            let holds = bob.permit().check();
            holds.unwrap_or_else(|error| panic!("{case}: {error}"));
        });
    }
}

#[test]
fn after_an_unclean_end_the_next_run_waits_for_consistency() {
    on_a_virtual_clock(async {
        let objects = Objects::new();
        let alice = take(&Arc::new(Line::new(&objects, 60)), "alice", 0).await;
        alice.expect("free").release(false).await.expect("marked");
        let ended = Instant::now();
        let again = take(&Arc::new(Line::new(&objects, 60)), "bob", 0).await;
        again
            .expect("without patience")
            .permit()
            .check()
            .expect("it holds");
        let waited = ended.elapsed().as_secs();
        assert!((13..=20).contains(&waited), "{waited}");
    });
}

#[test]
fn an_object_that_is_not_a_lease_is_not_overwritten() {
    on_a_virtual_clock(async {
        let objects = Objects::new();
        let line = Arc::new(Line::new(&objects, 10));
        let name = format!("locks/{ENVIRONMENT}.json");
        line.put(&name, "{}".to_owned(), Condition::Absent)
            .await
            .expect("stored");
        let error = take(&line, "alice", 0).await.expect_err("not a lease");
        assert!(matches!(error, LockError::Unreadable { .. }), "{error}");
    });
}
