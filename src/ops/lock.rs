//! The lock of an environment, around every command that changes it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::aws::{Aws, Registry};
use crate::diagnose::ExitCode;
use crate::engine::{
    Asking, Claim, Held, Lease, LockError, Permit, Urgency, described, held_for_break,
};
use crate::events::Events;

use crate::cli::App;
use crate::cli::args::LockArgs;
use crate::cli::failure::Failure;

/// How long giving the lock back may take; it ends by itself when it is not given back.
const GOODBYE: Duration = Duration::from_secs(10);

/// How long a lease whose holder died on this machine is waited for: its life and the time
/// until all that the holder did can be seen.
const ORPHANED: Duration = Duration::from_secs(120);

/// What a command wants the lock for.
#[derive(Clone, Copy, Debug)]
pub struct Purpose<'a> {
    /// The environment.
    pub environment: &'a str,
    /// `up`, `down`, `test` …
    pub operation: &'a str,
    /// The run.
    pub run: &'a str,
}

/// The lock, held.
pub struct Lock {
    held: Held<Registry>,
    permit: Permit,
    events: Events,
}

impl Lock {
    /// Takes the lock, after waiting or asking as the flags say. Makes the registry where it
    /// is missing.
    ///
    /// # Errors
    /// When somebody else holds it, the answer is no, or the registry cannot be used.
    pub async fn take(
        app: &App,
        cloud: &Arc<Aws>,
        purpose: Purpose<'_>,
        args: &LockArgs,
        events: &Events,
        stop: &watch::Receiver<Urgency>,
    ) -> Result<Self, Failure> {
        let mut stop = stop.clone();
        tokio::select! {
            taken = Self::take_in_peace(app, cloud, purpose, args, events) => taken,
            _ = stop.wait_for(|urgency| *urgency > Urgency::None) => Err(Failure::new(
                "interrupted before the lock was taken",
                "nothing was changed",
            )
            .with_code(ExitCode::Interrupted)),
        }
    }

    async fn take_in_peace(
        app: &App,
        cloud: &Arc<Aws>,
        purpose: Purpose<'_>,
        args: &LockArgs,
        events: &Events,
    ) -> Result<Self, Failure> {
        let unusable = |cause| LockError::Unavailable {
            environment: purpose.environment.to_owned(),
            cause,
        };
        let registry = Registry::of(cloud).await.map_err(unusable)?;
        registry.ensure().await.map_err(unusable)?;
        let store = Arc::new(registry);
        let claim = claim(purpose)?;
        let mut asking = Asking {
            // Who breaks a lock does not wait for it first.
            patience: match args.break_lock {
                Some(_) => Duration::ZERO,
                None => args.lock_timeout.unwrap_or_default(),
            },
            break_of: None,
        };
        loop {
            let told = |text: String| events.note(text);
            let (store, mine) = (Arc::clone(&store), claim.clone());
            match Held::take(store, purpose.environment, mine, &asking, told).await {
                Ok(held) => {
                    return Ok(Self {
                        permit: held.permit(),
                        held,
                        events: events.clone(),
                    });
                }
                Err(LockError::Held { lease, .. })
                    if asking.patience.is_zero()
                        && args.break_lock.is_none()
                        && died_here(&lease.claim, &claim) =>
                {
                    events.note(format!(
                        "process {} of this machine held the lock and is gone: waiting for its lease to end",
                        lease.claim.pid
                    ));
                    asking.patience = ORPHANED;
                }
                Err(LockError::Held { lease, now }) if asking.break_of.is_none() => {
                    let Some(named) = &args.break_lock else {
                        return Err(LockError::Held { lease, now }.into());
                    };
                    confirm_break(app, named, &lease, &described(&lease, now))?;
                    asking.break_of = Some(lease.claim.nonce.clone());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What steps check before they change anything.
    #[must_use]
    pub fn permit(&self) -> Permit {
        self.permit.clone()
    }

    /// How urgently to stop: as the user wants, and at once when the lock is lost.
    #[must_use]
    pub fn stop(&self, user: &watch::Receiver<Urgency>) -> watch::Receiver<Urgency> {
        let mut user = user.clone();
        let lost = self.held.lost();
        let events = self.events.clone();
        let (tell, stop) = watch::channel(*user.borrow());
        tokio::spawn(async move {
            tokio::pin!(lost);
            loop {
                tokio::select! {
                    error = &mut lost => {
                        events.note(error.to_string());
                        let _nobody_waits = tell.send(Urgency::Now);
                        return;
                    }
                    changed = user.changed() => {
                        if changed.is_err() {
                            break;
                        }
                        let urgency = *user.borrow_and_update();
                        if tell.send(urgency).is_err() {
                            return;
                        }
                    }
                    () = tell.closed() => return,
                }
            }
            // Nobody can interrupt any more; the lock can still be lost.
            tokio::select! {
                error = &mut lost => {
                    events.note(error.to_string());
                    let _nobody_waits = tell.send(Urgency::Now);
                }
                () = tell.closed() => {}
            }
        });
        stop
    }

    /// Gives the lock back. What was lost on the way outweighs what came of it.
    ///
    /// # Errors
    /// The work's own, or that the lock was lost.
    pub async fn finish<T>(self, result: Result<T, Failure>) -> Result<T, Failure> {
        if let Some(loss) = self.held.loss() {
            let mut failure = Failure::from(loss);
            if let Err(other) = result {
                failure.message.push_str(&format!("\n{}", other.message));
                failure.hints.extend(other.hints);
            }
            return Err(failure);
        }
        // What was cut off may still show up for some seconds.
        let clean = result.is_ok() || !self.permit.was_used();
        let given = tokio::time::timeout(GOODBYE, self.held.release(clean)).await;
        if !matches!(given, Ok(Ok(()))) {
            self.events
                .note("the lock could not be given back; it ends by itself within a minute");
        }
        result
    }
}

/// Says what breaking a lock means, and wants to hear its owner's name.
fn confirm_break(app: &App, named: &str, lease: &Lease, described: &str) -> Result<(), Failure> {
    let owner = &lease.claim.owner;
    let text = format!(
        "`{}` is locked by {described}.\n\
         Breaking the lock does not stop that run at once. If it still works, it notices when it \
         renews its lease, or stops when that would have ended; this run waits for it, {} s at the \
         most. Calls that it has in flight take effect all the same. \
         Do this when you know that it is gone, or when it must not go on.",
        lease.environment,
        held_for_break().as_secs(),
    );
    if !named.is_empty() && named != owner {
        return Err(Failure::new(
            format!("the lock is not `{named}`'s but `{owner}`'s; it was not broken"),
            format!("look who holds it, then `--break-lock={owner}`"),
        )
        .with_code(ExitCode::Locked));
    }
    if named == owner && app.global.yes {
        app.printer.say(&text);
        return Ok(());
    }
    if app.global.yes {
        app.printer.say(&text);
        return Err(Failure::new(
            "the lock was not broken: `--yes` alone does not say whose it is",
            format!("`--yes --break-lock={owner}` breaks it without a question"),
        )
        .with_code(ExitCode::Locked));
    }
    app.confirm(&text, &format!("Break the lock of `{owner}`?"))
}

fn claim(purpose: Purpose<'_>) -> Result<Claim, Failure> {
    Ok(Claim {
        owner: owner(),
        pid: std::process::id(),
        job: job(),
        operation: purpose.operation.to_owned(),
        run: purpose.run.to_owned(),
        nonce: format!("{:032x}", rand::random::<u128>()),
    })
}

/// Whether the lock's holder was a process of this user on this machine that is no more.
/// Where that cannot be told it is `false`: the holder then counts as alive.
fn died_here(holder: &Claim, me: &Claim) -> bool {
    cfg!(target_os = "linux")
        && holder.owner == me.owner
        && !std::path::Path::new(&format!("/proc/{}", holder.pid)).exists()
}

/// `user@host`, as far as the machine tells.
fn owner() -> String {
    let user = ["USER", "LOGNAME", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        // Jobs of cron and containers have none of them; some users have no name either.
        .or_else(|| said_by("id", "-un"))
        .or_else(|| said_by("id", "-u").map(|id| format!("uid-{id}")))
        .unwrap_or_else(|| "unknown".to_owned());
    let host = said_by("uname", "-n").unwrap_or_else(|| "unknown".to_owned());
    format!("{user}@{host}")
}

/// The line that a program of the system prints.
fn said_by(program: &str, argument: &str) -> Option<String> {
    let output = std::process::Command::new(program)
        .arg(argument)
        .stderr(std::process::Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!line.is_empty()).then_some(line)
}

/// The page of the job on a build server, if this runs in one.
fn job() -> Option<String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let github = || {
        Some(format!(
            "{}/{}/actions/runs/{}",
            variable("GITHUB_SERVER_URL")?,
            variable("GITHUB_REPOSITORY")?,
            variable("GITHUB_RUN_ID")?
        ))
    };
    github()
        .or_else(|| variable("CI_JOB_URL"))
        .or_else(|| variable("BUILD_URL"))
}
