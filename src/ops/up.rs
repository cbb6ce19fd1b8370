//! Brings an environment to its YAML: plan, ask, provision, bootstrap, verify.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;

use crate::engine::{Cloud as _, Urgency};
use crate::events::EventKind;
use crate::plan::{Action, Inventory};
use crate::spec::{Role, Spec};

use super::adapters::Adapters;
use super::agent_program::agent_program;
use super::confirm::Question;
use super::findings::offline_findings;
use super::host_changes::host_changes;
use super::hosts::NoHosts;
use super::local_files;
use super::lock::{Lock, LockOptions, LockPurpose};
use super::plan::{PlanReview, kept_hosts, price};
use super::preflight::{
    check_cost_limit, check_findings, check_plan, preflight, settle_zones, unaccepted,
    unknown_checks,
};
use super::rig::{Rig, note_calls};
use super::run_dir::RunDir;
use super::saved_plan::SavedPlanFile;
use super::session::Session;
use super::standin::check_program;
use super::verify::{RigCheck, verify};
use super::{certificate, license, passwords};
use crate::ops::error::{OpsError, WalkError};

/// How to bring an environment up.
#[derive(Clone, Debug, Default)]
pub struct UpOptions {
    /// How long a host may take to answer and to apply a stage of its bundle.
    pub host_timeout: Option<Duration>,
    /// Whether hosts are left alone.
    pub resources_only: bool,
    /// The program for agent hosts, a build of loadrig for them; none means this one.
    pub agent_program: Option<PathBuf>,
    /// A saved plan; nothing else is carried out.
    pub saved_plan: Option<SavedPlanFile>,
    /// The most that the environment may cost, US dollars per hour.
    pub max_cost: Option<f64>,
    /// Whether quotas, offers and permissions are left unchecked.
    pub skip_preflight: bool,
    /// Checks that need not be made, by name; `all` for any.
    pub accept_unchecked: Vec<String>,
    /// How to get the environment's lock.
    pub lock: LockOptions,
}

/// What `up` came to.
#[derive(Clone, Debug)]
#[must_use = "checks may have failed: `is_ok` tells"]
pub struct UpReport {
    /// Whether anything was changed.
    pub changed: bool,
    /// What was checked afterwards; nothing where hosts were left alone.
    pub checks: Vec<RigCheck>,
    /// What exists now.
    pub inventory: Inventory,
    /// Where people find the server.
    pub url: Option<String>,
}

impl UpReport {
    /// Whether every check passed.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.checks.iter().all(|check| check.pass)
    }
}

/// Opens the rig that `up` works on.
///
/// # Errors
/// When a file that it needs cannot be used, credentials are missing, or the operator's address
/// cannot be found.
pub async fn open(
    spec: Spec,
    options: &UpOptions,
    adapters: &dyn Adapters,
) -> Result<Rig, OpsError> {
    if !options.resources_only {
        license::require(&spec)?;
        passwords::require(&spec)?;
        local_files::check(&spec)?;
        check_program(&spec)?;
        if spec.count(Role::Agent) > 0 {
            agent_program(options.agent_program.as_deref())?;
        }
    }
    license::check(&spec)?;
    if let Some(problem) = certificate::problem(&spec) {
        return Err(problem.into());
    }
    let mut rig = Rig::open(spec, adapters).await?;
    if let Some(timeout) = options.host_timeout {
        rig.host_timeout = timeout;
    }
    rig.resources_only = options.resources_only;
    rig.agent_program.clone_from(&options.agent_program);
    Ok(rig)
}

/// Takes the lock, plans, asks, walks and verifies.
///
/// # Errors
/// When anything of that fails; what exists then stays, and the next run continues.
pub async fn up(
    rig: &Rig,
    run: &RunDir,
    options: &UpOptions,
    session: &Session<'_>,
) -> Result<UpReport, OpsError> {
    let events = session.events;
    events.emit(EventKind::RunStarted {
        environment: rig.spec.name.clone(),
        operation: "up".to_owned(),
        run: run.name.clone(),
    });
    check_cost_limit(&rig.spec, &price(&rig.spec)?, options.max_cost)?;
    let purpose = LockPurpose {
        environment: &rig.spec.name,
        operation: "up",
        run: &run.name,
    };
    let lock = Lock::take(&rig.cloud, purpose, &options.lock, session).await?;
    let done = provision(rig, run, options, session, &lock).await;
    let provisioned = match lock.finish(done).await {
        Ok(provisioned) => provisioned,
        Err(error) => {
            events.emit(EventKind::RunFinished { ok: false });
            return Err(error);
        }
    };
    let report = finish(rig, session, provisioned).await?;
    events.emit(EventKind::RunFinished { ok: report.is_ok() });
    Ok(report)
}

/// What a walk came to.
pub(super) struct Provisioned {
    changed: bool,
    /// What the walk left, as far as it saw it.
    inventory: Inventory,
}

/// Plans, asks and walks, under the lock.
pub(super) async fn provision(
    rig: &Rig,
    run: &RunDir,
    options: &UpOptions,
    session: &Session<'_>,
    lock: &Lock,
) -> Result<Provisioned, OpsError> {
    let events = session.events;
    let reading = rig.read().await?;
    if let Some(file) = &options.saved_plan {
        file.check(rig, &reading.plan)?;
    }
    run.write(
        "plan.json",
        &serde_json::to_string_pretty(&reading.plan).unwrap_or_default(),
    )?;
    check_plan(&reading.plan)?;
    let findings = if reading.plan.is_empty() {
        Vec::new()
    } else if options.skip_preflight {
        settle_zones(rig, &reading).await;
        Vec::new()
    } else {
        preflight(rig, &reading).await
    };
    check_findings(&findings)?;
    // Application nodes that change are restarted: whoever agrees should know.
    let hosts = match !rig.resources_only && session.confirm.is_asked() {
        true => Some(host_changes(rig, &reading, kept_hosts(&reading)).await),
        false => None,
    };
    let review = PlanReview::of(rig, reading, findings, hosts)?;
    if review.plan.is_empty() && review.hosts_differ() {
        session.confirm.confirm(&Question::Apply(&review))?;
    }
    if review.plan.is_empty() {
        // Nobody is asked, so nobody has been told.
        for finding in offline_findings(&rig.spec) {
            events.note(format!("{}: {}", finding.check, finding.detail));
        }
    } else {
        session.confirm.confirm(&Question::Apply(&review))?;
        if !review.findings.is_empty() {
            for name in unknown_checks(&review.findings, &options.accept_unchecked) {
                events.note(format!(
                    "accepted as unchecked, but no check has this name: `{name}`"
                ));
            }
        }
        let unchecked = unaccepted(&review.findings, &options.accept_unchecked);
        if !unchecked.is_empty() {
            session.confirm.confirm(&Question::Unchecked(&unchecked))?;
        }
        events.note(format!(
            "{} to create, {} to update, {} to replace, {} to delete",
            review.plan.count(Action::Create),
            review.plan.count(Action::Update),
            review.plan.count(Action::Replace),
            review.plan.count(Action::Delete)
        ));
    }
    walk(rig, &review, session, lock).await
}

async fn walk(
    rig: &Rig,
    review: &PlanReview,
    session: &Session<'_>,
    lock: &Lock,
) -> Result<Provisioned, OpsError> {
    let events = session.events;
    let stop: watch::Receiver<Urgency> = lock.stop(&session.stop);
    events.emit(EventKind::PhaseStarted {
        phase: "provision".to_owned(),
    });
    let (report, shared) = if rig.resources_only {
        let engine = rig.engine(NoHosts, events.clone(), lock.permit()).await?;
        engine.up(&review.blueprint, &review.plan, stop).await
    } else {
        let hosts = rig.hosts()?;
        let engine = rig.engine(hosts, events.clone(), lock.permit()).await?;
        engine.up(&review.blueprint, &review.plan, stop).await
    };
    events.emit(EventKind::PhaseFinished {
        phase: "provision".to_owned(),
    });
    note_calls(&rig.cloud, events);
    let read = rig.cloud.snapshot(&rig.spec.name);
    let report = WalkError::check(report, &rig.spec.name, &rig.account.region, "up", read).await?;
    Ok(Provisioned {
        changed: report.changed(),
        inventory: shared.inventory(),
    })
}

/// Verifies what the walk left, by one look at the account.
pub(super) async fn finish(
    rig: &Rig,
    session: &Session<'_>,
    provisioned: Provisioned,
) -> Result<UpReport, OpsError> {
    let (checks, inventory) = if rig.resources_only {
        (Vec::new(), provisioned.inventory)
    } else {
        let reading = rig.read().await?;
        (
            verify(rig, &reading, session.events).await?,
            reading.inventory,
        )
    };
    Ok(UpReport {
        changed: provisioned.changed,
        checks,
        url: inventory.url(&rig.spec),
        inventory,
    })
}
