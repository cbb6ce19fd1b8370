//! The canary itself: created, tried and removed under its lock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::aws::Aws;
use crate::blueprint::{Address, Blueprint};
use crate::engine::{Cloud as _, CloudError, Engine, Hosts, Poller, Urgency};
use crate::events::{EventKind, Outcome};
use crate::plan::{Inventory, Plan, Removal, plan};
use crate::spec::Spec;

use super::limits::{limited, while_removing};
use super::probes;
use super::record::{RECORDS_FILE, Records, file_of};
use super::result::{CanaryArea, CanaryCheck, CanaryReport, CanaryVerdict};
use super::walked::{found_again, steps};
use crate::ops::down::{gaps, leftovers, prove, remove_locked};
use crate::ops::error::OpsError;
use crate::ops::lock::{Lock, LockOptions, LockPurpose};
use crate::ops::run_dir::RunDir;
use crate::ops::session::Session;

/// How long lists may lag behind what was created.
const LISTED: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// How long after calls were cut off lists may not show what they did.
const SETTLE: Duration = Duration::from_secs(15);

/// The tag that tells a canary's resources from an environment's.
const TAG: &str = "loadrig:canary";

/// A canary and what it is for.
pub(super) struct Canary<'a, H> {
    pub(super) name: &'a str,
    pub(super) spec: &'a Spec,
    pub(super) cloud: &'a Arc<Aws>,
    /// What the canary is.
    pub(super) graph: Blueprint,
    /// What the environment is.
    pub(super) environment: Blueprint,
    /// The way to its host, if it has one.
    pub(super) hosts: Arc<H>,
    /// How long it is tried.
    pub(super) patience: Duration,
}

impl<H: Hosts> Canary<'_, H> {
    /// Creates it under its lock, tries what can be tried with it, removes it.
    ///
    /// # Errors
    /// When the lock cannot be had or was lost, or a record cannot be written.
    pub(super) async fn run(
        &self,
        report: &mut CanaryReport,
        run: &RunDir,
        lock: &LockOptions,
        session: &Session<'_>,
    ) -> Result<(), OpsError> {
        let mut records = Records::new(self.name);
        let account = &report.account;
        let permissions = probes::permissions(self.cloud, account, self.spec, &self.environment);
        report.checks.extend(permissions.await);
        let purpose = LockPurpose {
            environment: self.name,
            operation: "doctor",
            run: &run.name,
        };
        let lock = Lock::take(self.cloud, purpose, lock, session).await?;
        let done = self.run_locked(report, &mut records, session, &lock).await;
        lock.finish(done).await?;
        report
            .checks
            .extend(probes::not_tried(&self.environment, &self.graph));
        report.records = records.into_list();
        if !report.records.is_empty() {
            run.write(RECORDS_FILE, &file_of(&report.records))?;
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
            Ok(outcome) => report.removed = outcome.removed,
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
        let stop = limited(&lock.stop(&session.stop), self.patience);
        match self.create(report, records, session, lock, &stop).await {
            Ok(inventory) if *stop.borrow() == Urgency::None => {
                let writes = probes::conditional_writes(self.cloud, &inventory, records);
                report.checks.extend(writes.await);
                let dry_runs = probes::dry_runs(
                    self.cloud,
                    self.name,
                    &inventory,
                    &self.environment,
                    self.tags(),
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
        let events = session.events.clone();
        let engine = Arc::new(Engine {
            cloud: Arc::clone(self.cloud),
            poller: Poller::new(Arc::clone(self.cloud), self.name),
            hosts: Arc::clone(&self.hosts),
            environment: self.name.to_owned(),
            tags: self.tags(),
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

    /// The user's tags and the canary's own.
    fn tags(&self) -> BTreeMap<String, String> {
        let mut tags = self.spec.tags.clone();
        tags.insert(TAG.to_owned(), "true".to_owned());
        tags
    }

    async fn read(&self) -> Result<(Plan, Inventory), CloudError> {
        let wanted = self.graph.adopted();
        let (mut snapshot, adopted) =
            futures::try_join!(self.cloud.snapshot(self.name), self.cloud.adopted(&wanted))?;
        snapshot.resources.extend(adopted);
        Ok((plan(&self.graph, &snapshot), Inventory::from(snapshot)))
    }
}
