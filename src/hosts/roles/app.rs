//! Application nodes: the Mattermost server, official or stand-in, by one bundle.

use std::time::Duration;

use secrecy::ExposeSecret;

use crate::hosts::bundle::Bundle;
use crate::hosts::bundle_error::BundleError;
use crate::hosts::digest::Digest;
use crate::hosts::facts::ServerPackage;
use crate::hosts::step::{BundleStep, File};

use super::Scene;
use super::config::{AUTHORITIES, LICENSE, config};

/// The user that the server runs as.
const USER: &str = "mattermost";
/// Where the server lives.
const HOME: &str = "/opt/mattermost";
/// Amazon's authorities of databases in every region.
const AUTHORITIES_URL: &str = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem";
/// How long a server may take to migrate an empty database and answer. One that crashes
/// over and over fails sooner.
const READY: Duration = Duration::from_mins(3);

pub(super) fn prepare(scene: &Scene<'_>, bundle: &mut Bundle) {
    let _ = bundle.push(BundleStep::fetched(
        "authorities",
        AUTHORITIES,
        AUTHORITIES_URL,
    ));
    let _ = bundle.push(BundleStep::user(USER, HOME));
    let server = match &scene.facts.payload.server {
        ServerPackage::Shipped(blob) => BundleStep::server_from_blob(USER, blob.clone()),
        ServerPackage::Fetched { url, sha256 } => {
            if sha256.is_none() {
                bundle.note(format!(
                    "{url} is fetched without a known SHA-256; set `mattermost.sha256` to pin it"
                ));
            }
            BundleStep::server_from_url(USER, url, sha256.as_deref())
        }
    };
    let _ = bundle.push(server);
}

pub(super) fn configure(scene: &Scene<'_>, bundle: &mut Bundle) -> Result<(), BundleError> {
    let secrets = &scene.facts.secrets;
    bundle.hide("database-password", secrets.database_password());
    if let Some(existing) = &scene.facts.payload.database {
        for dsn in std::iter::once(&existing.writer).chain(&existing.readers) {
            bundle.hide("data-source-name", dsn.clone());
        }
    }
    bundle.hide("at-rest-key", secrets.at_rest_key());
    bundle.hide("public-link-salt", secrets.public_link_salt());

    let unit = include_str!("../../../templates/app/mattermost.service");
    let unit = File::new("/etc/systemd/system/mattermost.service", unit);
    let unit = bundle.push(BundleStep::files(
        "unit",
        "write the server's unit",
        vec![unit],
    ));

    let path = format!("{HOME}/config/config.json");
    // The server writes its defaults, and what administrators change, into the same file.
    let config = File::new(path, config(scene)?).secret_of(USER).rewritten();
    let mut files = vec![config];
    if let Some(license) = &scene.facts.payload.license {
        bundle.hide("licence", license.clone());
        files.push(File::new(LICENSE, license.expose_secret()).secret_of(USER));
    }
    let config = bundle.push(BundleStep::files(
        "config",
        "write the server's configuration",
        files,
    ));

    let inputs = [unit, config, release(scene)];
    let _ = bundle.push(BundleStep::service(USER, &inputs, &[]));
    let ping = "http://localhost:8065/api/v4/system/ping?get_server_status=true";
    let _ = bundle.push(BundleStep::answers(USER, ping, READY));
    Ok(())
}

/// What was unpacked by the stage before: another release needs a restart.
fn release(scene: &Scene<'_>) -> Digest {
    match &scene.facts.payload.server {
        ServerPackage::Shipped(blob) => Digest::of(&[blob.sha256()]),
        ServerPackage::Fetched { url, sha256 } => {
            Digest::of(&[url, sha256.as_deref().unwrap_or("")])
        }
    }
}
