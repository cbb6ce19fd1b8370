//! What `up` would do, what it costs, and what prevents it. Changes nothing.

use std::path::PathBuf;

use crate::blueprint::{Address, Blueprint, Step, blueprint_offline};
use crate::engine::{Account, CloudError};
use crate::plan::{self, Action, Cost, Plan, RunningCost, cost, running_cost};
use crate::preflight::{Finding, evaluate_seed};
use crate::report::plan_diagram;
use crate::spec::{HostName, Library, Spec, is_size_like};

use super::adapters::Adapters;
use super::files::write;
use super::findings::offline_findings;
use super::host_changes::{HostChange, HostComparison, host_changes};
use super::local_files;
use super::preflight::{check_cost_limit, check_findings, preflight};
use super::rig::{Rig, RigState};
use super::saved_plan::{check_overwrite, save};
use crate::ops::error::{OpsError, SavedPlanError};

/// How to plan.
#[derive(Clone, Debug, Default)]
pub struct PlanOptions {
    /// Where to save the plan.
    pub out: Option<PathBuf>,
    /// Where to draw it.
    pub diagram: Option<PathBuf>,
    /// Whether quotas, offers and permissions are left unchecked.
    pub skip_preflight: bool,
    /// Whether hosts that exist are compared, over SSH.
    pub compare_hosts: bool,
}

/// A plan with what was found out beside it.
#[derive(Clone, Debug)]
pub struct PlanReview {
    /// What it is for.
    pub spec: Spec,
    /// What should be.
    pub blueprint: Blueprint,
    /// What differs.
    pub plan: Plan,
    /// The account it was compared with; `None` for an offline plan.
    pub account: Option<Account>,
    /// Who acts where, for people.
    pub place: String,
    /// What it costs as planned.
    pub cost: Cost,
    /// What runs now costs, US dollars per hour.
    pub now: Option<RunningCost>,
    /// What the preflight found.
    pub findings: Vec<Finding>,
    /// What would change on hosts that exist; `None` where they were not asked.
    pub host_changes: Option<Vec<HostChange>>,
}

/// What happens to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostWork {
    /// Its instance is new: the whole bundle is applied.
    Bootstrap,
    /// Its instance stays: the bundle is compared, and applied where it differs.
    Check,
}

impl HostWork {
    /// As JSON has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            HostWork::Bootstrap => "bootstrap",
            HostWork::Check => "check",
        }
    }
}

/// An environment of a name or file, or a size as an environment of defaults; and whether it
/// was a size.
///
/// # Errors
/// When there is neither, or it is invalid.
pub fn spec_or_size(library: &Library, name: &str) -> Result<(Spec, bool), OpsError> {
    let name_of_size = name.to_owned();
    // A size that does not exist is answered with those that are nearest to it.
    let is_size = library.resolve(name).is_none()
        && !library.environment_names().contains(&name_of_size)
        && (library.architecture_names().contains(&name_of_size) || is_size_like(name));
    let spec = if is_size {
        library.architecture(name)?.example()
    } else {
        library.load(name)?
    };
    Ok((spec, is_size))
}

/// Plans without an account: everything is to be created.
///
/// # Errors
/// When the plan is to be saved: it could not be carried out.
pub fn plan_offline(spec: Spec, options: &PlanOptions) -> Result<PlanReview, OpsError> {
    if options.out.is_some() {
        return Err(SavedPlanError::Offline.into());
    }
    local_files::check(&spec)?;
    let blueprint = blueprint_offline(&spec);
    let plan = plan::plan_offline(&blueprint);
    let unchecked = plan.changes.iter().filter(|c| c.action == Action::Keep);
    let unchecked =
        unchecked.map(|change| Finding::unknown(change.address.to_string(), change.reason.clone()));
    let findings = offline_findings(&spec).into_iter().chain(unchecked);
    let findings = findings.chain(evaluate_seed(&spec, &spec.region));
    let findings = findings.collect();
    let review = PlanReview {
        cost: price(&spec)?,
        spec,
        blueprint,
        plan,
        account: None,
        place: "not compared with an account".to_owned(),
        now: None,
        findings,
        host_changes: None,
    };
    review.draw(options)?;
    Ok(review)
}

/// Plans against the account.
///
/// # Errors
/// When the account cannot be read, or a file not be written.
pub async fn plan_online(
    spec: Spec,
    options: &PlanOptions,
    adapters: &dyn Adapters,
) -> Result<PlanReview, OpsError> {
    if let Some(file) = &options.out {
        check_overwrite(file)?;
    }
    local_files::check(&spec)?;
    let rig = Rig::open(spec, adapters).await?;
    let reading = rig.read().await?;
    let findings = if options.skip_preflight {
        Vec::new()
    } else {
        preflight(&rig, &reading).await
    };
    if let Some(file) = &options.out {
        save(&rig, &reading.plan, file)?;
    }
    let hosts = match options.compare_hosts {
        true => Some(host_changes(&rig, &reading, kept_hosts(&reading)).await),
        false => None,
    };
    let review = PlanReview::of(&rig, reading, findings, hosts)?;
    review.draw(options)?;
    Ok(review)
}

/// What an environment costs, at list prices.
///
/// # Errors
/// When a planned size cannot be read.
pub fn price(spec: &Spec) -> Result<Cost, CloudError> {
    Ok(cost(spec)?)
}

/// The hosts whose instance stays.
pub(super) fn kept_hosts(state: &RigState) -> Vec<HostName> {
    let work = host_work(&state.blueprint, &state.plan).into_iter();
    let kept = work.filter(|(_, work)| *work == HostWork::Check);
    kept.map(|(host, _)| host).collect()
}

fn host_work(blueprint: &Blueprint, plan: &Plan) -> Vec<(HostName, HostWork)> {
    let mut work: Vec<(HostName, HostWork)> = Vec::new();
    for node in &blueprint.nodes {
        let Step::Host { host, .. } = node.step else {
            continue;
        };
        if work.iter().any(|(known, _)| *known == host) {
            continue;
        }
        let instance = Address::instance(host);
        let stays = plan.changes.iter().any(|change| {
            let stays = matches!(change.action, Action::Keep | Action::Update);
            change.address == instance && stays
        });
        let what = match stays {
            true => HostWork::Check,
            false => HostWork::Bootstrap,
        };
        work.push((host, what));
    }
    work
}

impl PlanReview {
    pub(super) fn of(
        rig: &Rig,
        reading: RigState,
        preflight: Vec<Finding>,
        host_changes: Option<Vec<HostChange>>,
    ) -> Result<Self, CloudError> {
        let mut findings = offline_findings(&rig.spec);
        findings.extend(preflight);
        findings.sort_by_key(|finding| finding.verdict);
        Ok(Self {
            cost: price(&rig.spec)?,
            spec: rig.spec.clone(),
            now: Some(running_cost(&reading.snapshot, &rig.account.region)?),
            blueprint: reading.blueprint,
            plan: reading.plan,
            account: Some(rig.account.clone()),
            place: rig.describe_caller(),
            findings,
            host_changes,
        })
    }

    fn draw(&self, options: &PlanOptions) -> Result<(), OpsError> {
        if let Some(file) = &options.diagram {
            write(file, &plan_diagram(&self.spec, &self.blueprint, &self.plan))?;
        }
        Ok(())
    }

    /// Whether `up` would carry it out.
    ///
    /// # Errors
    /// When its cost or a finding prevents that.
    pub fn check(&self, max_cost: Option<f64>) -> Result<(), OpsError> {
        check_cost_limit(&self.spec, &self.cost, max_cost)?;
        check_findings(&self.findings)?;
        Ok(())
    }

    /// What happens to each host of the blueprint.
    #[must_use]
    pub fn host_work(&self) -> Vec<(HostName, HostWork)> {
        host_work(&self.blueprint, &self.plan)
    }

    /// Whether hosts that exist differ from the YAML, as far as they were compared.
    #[must_use]
    pub fn hosts_differ(&self) -> bool {
        let changes = self.host_changes.iter().flatten();
        let mut comparisons = changes.map(|change| &change.comparison);
        comparisons.any(|one| matches!(one, HostComparison::Differs { .. }))
    }
}
