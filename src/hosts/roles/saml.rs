//! Logging in through an identity provider: its files in the database.

use crate::hosts::bundle::Bundle;
use crate::hosts::bundle_error::BundleError;
use crate::hosts::digest::Digest;
use crate::hosts::step::BundleStep;

use super::Scene;
use super::config::writer;

/// Brings the files into the database, before the server looks for them. Every node does: they start at
/// the same time, and any of them may be first.
pub(super) fn files(scene: &Scene<'_>, bundle: &mut Bundle) -> Result<Option<Digest>, BundleError> {
    let Some(files) = &scene.facts.payload.saml else {
        return Ok(None);
    };
    if let Some((_, key)) = &files.own {
        bundle.hide("saml-key", key.clone());
    }
    let statements = files.statements(&writer(scene)?);
    let statements =
        statements.ok_or_else(|| scene.missing("a data source name of the database"))?;
    Ok(Some(bundle.push(BundleStep::database_files(statements))))
}
