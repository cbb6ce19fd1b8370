//! The canary from beginning to end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::aws::{Aws, Registry};
use crate::blueprint::{Address, Blueprint, CanaryHost, blueprint_offline, canary, canary_spec};
use crate::diagnose::ExitCode;
use crate::engine::{
    Cloud as _, CloudError, Engine, Hosts, Poller, TaskError, Urgency, WalkReport,
};
use crate::events::{EventKind, Outcome};
use crate::plan::{Action, Inventory, Plan, Removal, plan};
use crate::spec::{CANARY_PREFIX, Spec};

use super::earlier::remove_earlier;
use super::host::{CanarySsh, HOST_DETAIL};
use super::limits::{limited, while_removing};
use super::probes;
use super::record::Records;
use super::result::{CanaryArea, CanaryCheck, CanaryReport, CanaryVerdict};
use super::spend;
use crate::ops::adapters::Adapters;
use crate::ops::confirm::{Confirm, Question};
use crate::ops::down::{gaps, leftovers, prove, remove_locked};
use crate::ops::error::{Declined, OpsError};
use crate::ops::lock::{Lock, LockOptions, LockPurpose};
use crate::ops::rig::{acting, note_calls, operators};
use crate::ops::run_dir::RunDir;
use crate::ops::session::Session;

/// How long a canary is tried before it is removed. With its removal it is to take less than three
/// minutes.
const TRIAL: Duration = Duration::from_secs(110);

/// The same with a host, which has to boot.
const TRIAL_WITH_HOST: Duration = Duration::from_mins(5);

/// After how long a host ends itself, should nobody be left who removes it.
const HOST_LIFETIME: Duration = Duration::from_mins(20);

/// How long lists may lag behind what was created.
const LISTED: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// How long after calls were cut off lists may not show what they did.
const SETTLE: Duration = Duration::from_secs(15);

/// The tag that tells a canary's resources from an environment's.
const TAG: &str = "loadrig:canary";

/// How to try an account.
#[derive(Clone, Debug, Default)]
pub struct DoctorOptions {
    /// What a host may cost, US dollars; without it there is none.
    pub spend: Option<f64>,
    /// How to get the locks of canaries.
    pub lock: LockOptions,
}

/// A name that no canary had: names of buckets that were deleted stay taken for an hour.
#[must_use]
pub fn new_canary_name() -> String {
    format!("{CANARY_PREFIX}{:06x}", rand::random::<u32>() & 0x00ff_ffff)
}

/// Who agreed to a canary agreed to its removal.
struct Agreed;

impl Confirm for Agreed {
    fn confirm(&self, _question: &Question<'_>) -> Result<(), Declined> {
        Ok(())
    }
}

/// Tries the account in which an environment is to be brought up.
///
/// # Errors
/// When nothing was created, because credentials are missing, the answer was no, or what an earlier
/// canary left cannot be removed; or when the lock was lost. All else is in the report.
pub async fn live(
    spec: &Spec,
    adapters: &dyn Adapters,
    run: &RunDir,
    options: &DoctorOptions,
    session: &Session<'_>,
) -> Result<CanaryReport, OpsError> {
    let name = new_canary_name();
    let hosts = CanarySsh {
        spec: canary_spec(spec, &name),
    };
    live_with(spec, &name, hosts, adapters, run, options, session).await
}

/// The same with a name of the caller's, and another way to the host.
///
/// # Errors
/// As [`live`].
pub async fn live_with<H: Hosts>(
    spec: &Spec,
    name: &str,
    hosts: H,
    adapters: &dyn Adapters,
    run: &RunDir,
    options: &DoctorOptions,
    session: &Session<'_>,
) -> Result<CanaryReport, OpsError> {
    let began = Instant::now();
    let cloud = adapters.cloud().await?;
    let account = cloud.account().await?;
    let mut spec = spec.clone();
    adapters.region().clone_into(&mut spec.region);
    let of_canary = canary_spec(&spec, name);
    let host = match options.spend {
        None => None,
        Some(limit) => {
            spend::check(&of_canary, HOST_LIFETIME, limit)?;
            Some(CanaryHost {
                operators: operators(&of_canary, adapters).await?,
                lifetime: HOST_LIFETIME,
            })
        }
    };
    let canary = Canary {
        graph: canary(&of_canary, host.as_ref()),
        environment: blueprint_offline(&spec),
        name,
        spec: &spec,
        cloud: &cloud,
        hosts: Arc::new(hosts),
        trial: host.as_ref().map_or(TRIAL, |_| TRIAL_WITH_HOST),
    };
    session.confirm.confirm(&Question::Canary {
        account: &account,
        canary: name,
        resources: canary.graph.resources().count(),
        spend: options.spend,
    })?;
    let session = Session {
        confirm: &Agreed,
        ..session.clone()
    };
    session.events.emit(EventKind::RunStarted {
        environment: name.to_owned(),
        operation: "doctor".to_owned(),
        run: run.name.clone(),
    });
    let mut report = CanaryReport {
        canary: name.to_owned(),
        environment: spec.name.clone(),
        registry: Registry::of(&cloud).await?.bucket().to_owned(),
        account: account.clone(),
        checks: vec![CanaryCheck::proved(
            CanaryArea::Account,
            "identity",
            acting(&cloud, &account),
        )],
        records: Vec::new(),
        created: 0,
        removed: 0,
        proof: Vec::new(),
        service_roles: Vec::new(),
        interrupted: false,
        took: Duration::ZERO,
    };
    let earlier = remove_earlier(&cloud, &options.lock, &session).await?;
    report.checks.extend(earlier);
    let done = canary.run(&mut report, run, options, &session).await;
    report.interrupted = *session.stop.borrow() > Urgency::None;
    report.took = began.elapsed();
    note_calls(&cloud, session.events);
    let ok = done.is_ok() && report.exit_code() == ExitCode::Done;
    session.events.emit(EventKind::RunFinished { ok });
    done.map(|()| report)
}

/// A canary and what it is for.
struct Canary<'a, H> {
    name: &'a str,
    spec: &'a Spec,
    cloud: &'a Arc<Aws>,
    /// What the canary is.
    graph: Blueprint,
    /// What the environment is.
    environment: Blueprint,
    /// The way to its host, if it has one.
    hosts: Arc<H>,
    /// How long it is tried.
    trial: Duration,
}

impl<H: Hosts> Canary<'_, H> {
    async fn run(
        &self,
        report: &mut CanaryReport,
        run: &RunDir,
        options: &DoctorOptions,
        session: &Session<'_>,
    ) -> Result<(), OpsError> {
        let mut records = Records::new(self.name);
        let account = &report.account;
        let permissions =
            probes::permissions(self.cloud, account, &self.spec.name, &self.environment);
        report.checks.extend(permissions.await);
        let purpose = LockPurpose {
            environment: self.name,
            operation: "doctor",
            run: &run.name,
        };
        let lock = Lock::take(self.cloud, purpose, &options.lock, session).await?;
        let done = self.run_locked(report, &mut records, session, &lock).await;
        lock.finish(done).await?;
        report
            .checks
            .extend(probes::not_tried(&self.environment, &self.graph));
        report.records = records.into_list();
        for record in &report.records {
            let file = format!("{}.json", record.id.replace(':', "-"));
            run.write(
                &file,
                &serde_json::to_string_pretty(record).unwrap_or_default(),
            )?;
        }
        Ok(())
    }

    /// Creates, tries and removes. Whatever fails before, the removal is made.
    async fn run_locked(
        &self,
        report: &mut CanaryReport,
        records: &mut Records,
        session: &Session<'_>,
        lock: &Lock,
    ) -> Result<(), OpsError> {
        self.trial(report, records, session, lock).await;
        if *session.stop.borrow() == Urgency::Now {
            let detail = "interrupted twice: what was created is not removed";
            let left = CanaryCheck::new(
                CanaryArea::Removal,
                self.name,
                CanaryVerdict::Failed,
                detail,
            );
            report.checks.push(left.with_remedy(self.remedy()));
            return Ok(());
        }
        let session = Session {
            stop: while_removing(&session.stop),
            ..session.clone()
        };
        let removed =
            remove_locked(self.cloud, self.name, Removal::default(), &session, lock).await;
        let area = CanaryArea::Removal;
        match removed {
            Ok(removed) => report.removed = removed,
            Err(error) => {
                let detail = error.to_string();
                let check = CanaryCheck::new(area, "removal", CanaryVerdict::Failed, detail);
                report.checks.push(check.with_remedy(self.remedy()));
            }
        }
        match prove(self.cloud, self.name, session.events).await {
            Ok(proof) => report.proof = proof,
            Err(error) => {
                let detail = error.to_string();
                let check = CanaryCheck::new(area, "leftovers", CanaryVerdict::Failed, detail);
                report.checks.push(check.with_remedy(self.remedy()));
                return Ok(());
            }
        }
        report.checks.push(self.proved(report));
        Ok(())
    }

    fn remedy(&self) -> String {
        let name = self.name;
        format!("the next `loadrig doctor --live` removes it; so does `loadrig down {name}`")
    }

    /// What the search for leftovers came to.
    fn proved(&self, report: &CanaryReport) -> CanaryCheck {
        let (area, check) = (CanaryArea::Removal, "leftovers");
        let places = report.proof.len();
        match (leftovers(&report.proof), gaps(&report.proof).count()) {
            (0, 0) => {
                let removed = report.removed;
                let detail =
                    format!("{removed} resources removed; nothing is left in {places} places");
                CanaryCheck::proved(area, check, detail)
            }
            (0, gaps) => {
                let detail =
                    format!("none found; {gaps} of {places} places could not be looked at");
                CanaryCheck::unknown(area, check, detail)
            }
            (left, _) => {
                let detail = format!("{left} are left");
                let check = CanaryCheck::new(area, check, CanaryVerdict::Failed, detail);
                check.with_remedy(self.remedy())
            }
        }
    }

    /// Creates the canary and tries what can be tried with it.
    async fn trial(
        &self,
        report: &mut CanaryReport,
        records: &mut Records,
        session: &Session<'_>,
        lock: &Lock,
    ) {
        let events = session.events;
        let (checks, created) = probes::service_roles(self.cloud, &self.environment, records).await;
        report.checks.extend(checks);
        report.service_roles = created;
        let phase = "canary".to_owned();
        events.emit(EventKind::PhaseStarted {
            phase: phase.clone(),
        });
        let stop = limited(&lock.stop(&session.stop), self.trial);
        match self.create(report, records, session, lock, &stop).await {
            Ok(inventory) if *stop.borrow() == Urgency::None => {
                let writes = probes::conditional_writes(self.cloud, &inventory, records);
                report.checks.extend(writes.await);
                let dry_runs = probes::dry_runs(
                    self.cloud,
                    self.name,
                    &inventory,
                    &self.environment,
                    records,
                );
                report.checks.extend(dry_runs.await);
            }
            Ok(_) => {}
            Err(error) => {
                let check = probes::failed(CanaryArea::Resources, "reading", &error, records);
                report.checks.push(check);
            }
        }
        events.emit(EventKind::PhaseFinished { phase });
        if *stop.borrow() == Urgency::Now && *session.stop.borrow() < Urgency::Now {
            // Calls were cut off: what they did may be listed late.
            sleep(SETTLE).await;
        }
    }

    /// Brings the canary up, and finds it again by its tags and names.
    async fn create(
        &self,
        report: &mut CanaryReport,
        records: &mut Records,
        session: &Session<'_>,
        lock: &Lock,
        stop: &watch::Receiver<Urgency>,
    ) -> Result<Inventory, CloudError> {
        let (first, _) = self.read().await?;
        let mut tags = self.spec.tags.clone();
        tags.insert(TAG.to_owned(), "true".to_owned());
        let events = session.events.clone();
        let engine = Arc::new(Engine {
            cloud: Arc::clone(self.cloud),
            poller: Poller::new(Arc::clone(self.cloud), self.name),
            hosts: Arc::clone(&self.hosts),
            environment: self.name.to_owned(),
            tags,
            operator_key: None,
            permit: lock.permit(),
            events,
        });
        let (walk, _) = engine.up(&self.graph, &first, stop.clone()).await;
        let created = walk.finished.iter().filter(|(step, finished)| {
            finished.outcome == Outcome::Created && self.graph.node(&Address::parse(step)).is_some()
        });
        report.created = created.count();
        report.checks.extend(steps(&walk, records));
        let until = Instant::now() + LISTED;
        loop {
            let (plan, inventory) = self.read().await?;
            let is_settled = plan.is_empty() || !walk.is_complete() || Instant::now() > until;
            if is_settled || *stop.borrow() > Urgency::None {
                if walk.is_complete() {
                    report.checks.push(found_again(&plan, records));
                }
                return Ok(inventory);
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    async fn read(&self) -> Result<(Plan, Inventory), CloudError> {
        let wanted = self.graph.adopted();
        let (mut snapshot, adopted) =
            futures::try_join!(self.cloud.snapshot(self.name), self.cloud.adopted(&wanted))?;
        snapshot.resources.extend(adopted);
        Ok((plan(&self.graph, &snapshot), Inventory::from(snapshot)))
    }
}

/// What became of each step.
fn steps(walk: &WalkReport, records: &mut Records) -> Vec<CanaryCheck> {
    let area = CanaryArea::Resources;
    let mut checks = Vec::new();
    for (step, finished) in &walk.finished {
        // What was there before was not tried.
        if finished.outcome == Outcome::Unchanged {
            continue;
        }
        let detail = match finished.outcome {
            Outcome::Applied => HOST_DETAIL.to_owned(),
            _ => finished.detail.clone().unwrap_or_default(),
        };
        checks.push(CanaryCheck::proved(area, step, detail));
    }
    for (step, error) in &walk.failed {
        checks.push(match call_of(error) {
            Some(error) => probes::failed(area, step, error, records),
            None => CanaryCheck::new(area, step, CanaryVerdict::Failed, error.to_string()),
        });
    }
    for (step, reason) in &walk.skipped {
        checks.push(CanaryCheck::unknown(area, step, reason));
    }
    checks
}

/// The failed call behind a step's failure.
fn call_of(error: &TaskError) -> Option<&CloudError> {
    let error: &(dyn std::error::Error + 'static) = error.as_ref();
    error.downcast_ref()
}

/// Whether a fresh look finds all of it, as it was asked for.
fn found_again(plan: &Plan, records: &mut Records) -> CanaryCheck {
    let (area, check) = (CanaryArea::Resources, "found again");
    let other: Vec<String> = plan
        .work()
        .map(|change| {
            let differences: Vec<String> = change
                .differences
                .iter()
                .map(|one| format!("{} is {}, not {}", one.attribute, one.old, one.new))
                .collect();
            format!("{}: {}", change.address, differences.join(", "))
        })
        .collect();
    if other.is_empty() {
        let count = plan.count(Action::Keep);
        let detail = format!("{count} resources by their tags and names, each as asked for");
        return CanaryCheck::proved(area, check, detail);
    }
    for change in plan.work() {
        let wanted = serde_json::json!({ "address": change.address });
        let found = serde_json::to_value(&change.differences).unwrap_or_default();
        records.answer("describe", wanted, found);
    }
    CanaryCheck::new(area, check, CanaryVerdict::Differs, other.join("; "))
}
