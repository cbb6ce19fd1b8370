//! The canary from beginning to end.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::aws::Registry;
use crate::blueprint::{CanaryHost, blueprint_offline, canary, canary_spec};
use crate::diagnose::ExitCode;
use crate::engine::{Cloud as _, Hosts, Urgency};
use crate::events::EventKind;
use crate::spec::{CANARY_PREFIX, Spec};

use super::earlier::remove_earlier;
use super::host::CanarySsh;
use super::result::{CanaryArea, CanaryCheck, CanaryReport};
use super::spend;
use super::trial::Canary;
use crate::ops::adapters::Adapters;
use crate::ops::confirm::{Confirm, Question};
use crate::ops::error::{Declined, OpsError};
use crate::ops::lock::LockOptions;
use crate::ops::rig::{describe_caller, note_calls, operators};
use crate::ops::run_dir::RunDir;
use crate::ops::session::Session;

/// How long a canary is tried before it is removed. With its removal it is to take less than three
/// minutes.
const TRIAL: Duration = Duration::from_secs(110);

/// The same with a host, which has to boot.
const TRIAL_WITH_HOST: Duration = Duration::from_mins(5);

/// After how long a host ends itself, should nobody be left who removes it.
const HOST_LIFETIME: Duration = Duration::from_mins(20);

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
    let hosts = CanarySsh::new(canary_spec(spec, &name));
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
        patience: host.as_ref().map_or(TRIAL, |_| TRIAL_WITH_HOST),
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
            describe_caller(&cloud, &account),
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
    let done = canary.run(&mut report, run, &options.lock, &session).await;
    report.interrupted = *session.stop.borrow() > Urgency::None;
    report.took = began.elapsed();
    note_calls(&cloud, session.events);
    let ok = done.is_ok() && report.exit_code() == ExitCode::Done;
    session.events.emit(EventKind::RunFinished { ok });
    done.map(|()| report)
}
