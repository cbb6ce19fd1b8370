//! The job server: the Mattermost server as it runs jobs and takes no requests.

use std::time::Duration;

use crate::hosts::bundle::Bundle;
use crate::hosts::bundle_error::BundleError;
use crate::hosts::step::{BundleStep, File};

use super::Scene;
use super::app;
use super::extras;
use super::nginx;

/// The unit of the service.
const UNIT: &str = "mattermost-jobserver";
/// What it logs once it has its database and its license, just before it takes jobs. It has no port
/// that tells.
const STARTED: &str = "Starting Mattermost job server";
/// How long it may take. Application nodes have migrated the database before.
const READY: Duration = Duration::from_mins(3);

pub(super) fn configure(scene: &Scene<'_>, bundle: &mut Bundle) -> Result<(), BundleError> {
    let unit = include_str!("../../../templates/job/mattermost-jobserver.service");
    let unit = File::new(format!("/etc/systemd/system/{UNIT}.service"), unit);
    let unit = bundle.push(BundleStep::files(
        "unit",
        "write the job server's unit",
        vec![unit],
    ));
    let environment = app::environment(scene, bundle)?;
    let release = bundle.push(BundleStep::switch(UNIT, &app::release(scene)));
    // It asks for search while it starts.
    nginx::on_server_host(scene, bundle)?;
    let inputs: Vec<_> = [unit, environment, release]
        .into_iter()
        .chain(extras::trusted(scene))
        .collect();
    let _ = bundle.push(BundleStep::service(UNIT, &inputs, &[]));
    let _ = bundle.push(BundleStep::started(UNIT, STARTED, READY));
    Ok(())
}
