//! What a host would get, written to a directory for inspection.

use std::path::Path;
use std::sync::Arc;

use crate::blueprint::Stage;
use crate::hosts::render;
use crate::spec::{HostName, Spec};

use super::adapters::Adapters;
use super::payload::{facts, payload};
use super::rig::Rig;
use crate::ops::error::{BundleWriteError, OpsError};

/// Refuses a directory that holds something.
///
/// # Errors
/// When it does.
pub fn check_directory(out: &Path) -> Result<(), BundleWriteError> {
    if out
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some())
    {
        return Err(BundleWriteError::NotEmpty(out.to_owned()));
    }
    Ok(())
}

/// Writes both stages of a host's bundle, secrets blanked out.
///
/// # Errors
/// When the environment does not exist, or the directory cannot be written.
pub async fn write_bundle(
    spec: Spec,
    host: HostName,
    out: &Path,
    agent_program: Option<&Path>,
    adapters: &dyn Adapters,
) -> Result<(), OpsError> {
    check_directory(out)?;
    let rig = Rig::open(spec, adapters).await?;
    let inventory = rig.read().await?.inventory;
    let connected = rig.connect(&inventory).await?;
    let payload = Arc::new(payload(&rig.spec, agent_program)?);
    let facts = facts(&rig.spec, host, &inventory, &connected.secrets, &payload);
    for stage in [Stage::Prepare, Stage::Configure] {
        let bundle = render(&rig.spec, host, stage, &facts)?;
        bundle
            .write_to(&out.join(stage.as_str()))
            .map_err(|source| BundleWriteError::Write {
                path: out.to_owned(),
                source,
            })?;
    }
    Ok(())
}
