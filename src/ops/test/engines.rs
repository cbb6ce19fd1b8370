//! The engines that there are: the one place that tells them apart.

use crate::loadtest::{Scenario, StormOverrides};
use crate::ops::error::{OpsError, TestError};

use super::engine::{DetachedEngine, FoundRun, LoadEngine, TestSite};
use super::smoke::SmokeEngine;
use super::storm::{StormEngine, find_storm_run};

/// The engine of a scenario, some of which is changed.
///
/// # Errors
/// When the scenario cannot be changed so.
pub(super) fn engine_of(
    scenario: Scenario,
    changes: &StormOverrides,
) -> Result<Box<dyn LoadEngine>, OpsError> {
    Ok(match scenario {
        Scenario::Smoke(scenario) if *changes == StormOverrides::default() => {
            Box::new(SmokeEngine(*scenario))
        }
        Scenario::Smoke(scenario) => return Err(TestError::NoStorm(scenario.name).into()),
        Scenario::Storm(scenario) => Box::new(StormEngine(scenario.with(changes)?)),
    })
}

/// The run that is on the hosts of a rig, and its engine: the one that goes on, or the last one as
/// long as its result is there.
///
/// # Errors
/// When there is none, or hosts cannot be asked.
pub(super) async fn find_run(
    site: TestSite<'_>,
) -> Result<(Box<dyn DetachedEngine>, FoundRun), OpsError> {
    let storm = find_storm_run(site).await?;
    let Some((engine, found)) = storm else {
        return Err(TestError::NoRun {
            environment: site.rig.spec.name.clone(),
        }
        .into());
    };
    Ok((Box::new(engine), found))
}
