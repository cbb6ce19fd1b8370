//! The lock over HTTP: the registry's bucket and its conditional writes, on an emulator.

use std::sync::Arc;
use std::time::Duration;

use crate::common::Moto;
use loadrig::aws::Registry;
use loadrig::diagnose::{Diagnose, ExitCode};
use loadrig::engine::{
    AcquireOptions, Condition, HeldLease, Holder, LeaseStore, LockError, ObjectVersion, Urgency,
    delete_expired_lease, read_lease,
};
use loadrig::events::Events;
use loadrig::ops::error::Declined;
use loadrig::ops::lock::{Lock, LockOptions, LockPurpose};
use loadrig::ops::{Confirm, OpsError, Question, Session};

fn holder(owner: &str) -> Holder {
    Holder {
        owner: owner.to_owned(),
        pid: std::process::id(),
        job: Some("https://ci.example/7".to_owned()),
        operation: "up".to_owned(),
        run: "run".to_owned(),
        nonce: format!("nonce of {owner}"),
    }
}

async fn take(registry: &Arc<Registry>, owner: &str) -> Result<HeldLease<Registry>, LockError> {
    let options = AcquireOptions::default();
    HeldLease::acquire(
        Arc::clone(registry),
        "perf",
        holder(owner),
        &options,
        |_| {},
    )
    .await
}

async fn registry(moto: &Moto) -> Arc<Registry> {
    let cloud = Arc::new(moto.cloud().await);
    Arc::new(Registry::of(&cloud).await.expect("an account"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registry_is_created_once_and_removed_with_its_contents() {
    let moto = Moto::start();
    let registry = registry(&moto).await;
    assert_eq!(registry.bucket(), "loadrig-registry-123456789012-us-east-1");
    assert!(!registry.exists().await.expect("a look"));
    // Without a bucket there is no lock: nothing is silently taken for free.
    let error = read_lease(&*registry, "perf").await.expect_err("no bucket");
    assert!(matches!(error, LockError::Unavailable { .. }), "{error}");
    assert!(registry.ensure().await.expect("made"));
    assert!(!registry.ensure().await.expect("there already"));
    let held = take(&registry, "alice@one").await.expect("free");
    assert_eq!(
        registry.objects().await.expect("listed"),
        ["locks/perf.json"]
    );
    // A lock that somebody holds keeps it from being removed.
    let error = delete_expired_lease(&*registry, "perf")
        .await
        .expect_err("held");
    assert!(matches!(error, LockError::Held { .. }), "{error}");
    let error = registry.remove().await.expect_err("not empty");
    assert_eq!(error.code, "BucketNotEmpty");
    held.release(true).await.expect("released");
    delete_expired_lease(&*registry, "perf")
        .await
        .expect("nothing there");
    registry.remove().await.expect("removed");
    assert!(!registry.exists().await.expect("a look"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_operators_get_the_lock_one_after_the_other() {
    let moto = Moto::start();
    // Two machines: nothing in common but the account.
    let (one, two) = tokio::join!(registry(&moto), registry(&moto));
    one.ensure().await.expect("made");
    let (first, second) = tokio::join!(take(&one, "alice@one"), take(&two, "bob@two"));
    let (winner, refused, loser) = match (first, second) {
        (Ok(held), Err(error)) => (held, error, (&two, "bob@two")),
        (Err(error), Ok(held)) => (held, error, (&one, "alice@one")),
        (first, second) => panic!("{first:?} {second:?}"),
    };
    assert_eq!(refused.exit_code(), ExitCode::Locked);
    let text = refused.to_string();
    assert!(text.contains(&winner.lease().holder.owner), "{text}");
    assert!(text.contains("https://ci.example/7"), "{text}");
    let (lease, now) = read_lease(&*one, "perf")
        .await
        .expect("a look")
        .expect("held");
    assert!(lease.expires_at > now);
    winner.permit().check().expect("it holds");
    winner.release(true).await.expect("released");
    let next = take(loser.0, loser.1).await.expect("free by now");
    next.permit().check().expect("it holds");
}

#[tokio::test(flavor = "multi_thread")]
async fn conditional_writes_and_deletes_are_honoured() {
    let moto = Moto::start();
    let registry = registry(&moto).await;
    registry.ensure().await.expect("made");
    let put = async |text: &str, condition: Condition| {
        let answer = registry.put("locks/x.json", text.to_owned(), condition);
        answer.await.expect("an answer").value
    };
    let stale = Condition::Is(ObjectVersion(
        "\"0123456789abcdef0123456789abcdef\"".to_owned(),
    ));
    // Nothing can be replaced that is not there.
    assert_eq!(put("a", stale.clone()).await, None);
    let first = put("a", Condition::Absent).await.expect("written");
    assert_eq!(put("b", Condition::Absent).await, None);
    let second = put("b", Condition::Is(first.clone())).await;
    let second = second.expect("written");
    assert_eq!(put("c", Condition::Is(first.clone())).await, None);
    // An owner of the past cannot remove what is not its own any more.
    registry
        .delete("locks/x.json", &first)
        .await
        .expect("an answer");
    let found = registry.get("locks/x.json").await.expect("an answer");
    assert_eq!(found.value, Some(("b".to_owned(), second.clone())));
    registry
        .delete("locks/x.json", &second)
        .await
        .expect("an answer");
    let found = registry.get("locks/x.json").await.expect("an answer");
    assert_eq!(found.value, None);
    let apart = jiff::Timestamp::now().duration_since(found.at).abs();
    assert!(apart < jiff::SignedDuration::from_secs(60), "{apart}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_registry_nothing_is_changed() {
    let moto = Moto::start();
    let registry = registry(&moto).await;
    drop(moto);
    let limit = Duration::from_mins(2);
    let error = tokio::time::timeout(limit, registry.exists()).await;
    let error = error.expect("in time").expect_err("nobody answers");
    assert!(error.class.is_passing(), "{error}");
}

/// The program as another operator would run it.
fn loadrig(moto: &Moto, arguments: &[&str]) -> std::process::Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_loadrig"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("AWS_ACCESS_KEY_ID", "AKIDTEST")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("NO_COLOR", "1")
        .env_remove("LOADRIG_HOME")
        .env_remove("AWS_PROFILE")
        .args(["--endpoint-url", moto.endpoint()])
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .output()
        .expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_exit_with_5_and_name_the_lock_holder() {
    let moto = Moto::start();
    let registry = registry(&moto).await;
    registry.ensure().await.expect("made");
    let held = take(&registry, "alice@one").await.expect("free");

    let output = loadrig(&moto, &["--yes", "down", "perf"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{said}");
    for part in [
        "alice@one",
        "up",
        "--lock-timeout",
        "--break-lock=alice@one",
    ] {
        assert!(said.contains(part), "`{part}` in {said}");
    }
    // Breaking wants to know whose lock it is.
    for flag in ["--break-lock", "--break-lock=bob@two"] {
        let output = loadrig(&moto, &["--yes", "down", "perf", flag]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(5), "{said}");
        assert!(said.contains("alice@one"), "{said}");
    }
    let output = loadrig(&moto, &["--yes", "registry", "remove"]);
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    let output = loadrig(&moto, &["registry", "show"]);
    let shown = text(&output.stdout);
    assert!(shown.contains("`perf` is locked by alice@one"), "{shown}");
    let output = loadrig(&moto, &["list"]);
    let listed = text(&output.stdout);
    let row = listed.lines().find(|line| line.contains("perf"));
    let row = row.unwrap_or_else(|| panic!("{listed}{}", text(&output.stderr)));
    assert!(row.trim_end().ends_with("alice@one (up)"), "{row}");
    assert!(
        listed.lines().all(|line| line.chars().count() <= 100),
        "{listed}"
    );
    held.permit().check().expect("undisturbed");

    held.release(true).await.expect("released");
    let output = loadrig(&moto, &["--yes", "down", "perf"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let printed = text(&output.stdout);
    assert!(printed.contains("stays on purpose"), "{printed}");
    assert_eq!(
        registry.objects().await.expect("listed"),
        Vec::<String>::new()
    );
    let output = loadrig(&moto, &["--yes", "registry", "remove"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!registry.exists().await.expect("a look"));
}

/// Takes the lock as an operation does.
async fn take_over(
    cloud: &Arc<loadrig::aws::Aws>,
    calls_end_with_process: bool,
) -> Result<Lock, OpsError> {
    let (_never, stop) = tokio::sync::watch::channel(Urgency::None);
    let session = Session {
        events: &Events::default(),
        stop,
        confirm: &Nobody,
    };
    let purpose = LockPurpose {
        environment: "perf",
        operation: "down",
        run: "down",
    };
    let options = LockOptions {
        calls_end_with_process,
        ..LockOptions::default()
    };
    Lock::take(cloud, purpose, &options, &session).await
}

struct Nobody;

impl Confirm for Nobody {
    fn confirm(&self, question: &Question<'_>) -> Result<(), Declined> {
        panic!("asked: {question:?}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn the_lock_of_a_killed_process_is_waited_for_only_where_its_calls_may_go_on() {
    let moto = Moto::start();
    let cloud = Arc::new(moto.cloud().await);
    let registry = registry(&moto).await;
    registry.ensure().await.expect("made");
    let mut ended = std::process::Command::new("true")
        .spawn()
        .expect("a process");
    ended.wait().expect("its end");
    let user = whoami::username().expect("a user");
    let machine = whoami::hostname().expect("a name");
    let killed = Holder {
        pid: ended.id(),
        ..holder(&format!("{user}@{machine}"))
    };
    let options = AcquireOptions::default();
    let store = Arc::clone(&registry);
    let held = HeldLease::acquire(store, "perf", killed, &options, |_| {}).await;
    // Not given back: its holder was killed.
    let _abandoned = held.expect("free");

    let limit = Duration::from_secs(5);
    let remote = tokio::time::timeout(limit, take_over(&cloud, false)).await;
    assert!(
        remote.is_err(),
        "on AWS its last calls may still take effect"
    );
    let local = tokio::time::timeout(limit, take_over(&cloud, true)).await;
    let lock = local.expect("at once").expect("taken over");
    lock.permit().check().expect("usable at once");
    lock.finish(Ok(())).await.expect("given back");
}
