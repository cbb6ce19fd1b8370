//! Application nodes: the Mattermost server, official or stand-in, by one bundle.

use std::fmt::Write as _;
use std::time::Duration;

use secrecy::ExposeSecret;

use crate::hosts::bundle::Bundle;
use crate::hosts::bundle_error::BundleError;
use crate::hosts::digest::Digest;
use crate::hosts::facts::ServerPackage;
use crate::hosts::step::{BundleStep, File};
use crate::spec::ServiceEnvironment;

use super::Scene;
use super::config::{AUTHORITIES, config};

/// The user that the server runs as.
const USER: &str = "mattermost";
/// The variables of the server's unit; the license is one.
const ENVIRONMENT: &str = "/etc/mattermost/environment";
/// Where the server lives.
const HOME: &str = "/opt/mattermost";
/// Amazon's authorities of databases in every region.
const AUTHORITIES_URL: &str = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem";
/// How long a server may take to answer while it does nothing towards it. One that crashes over
/// and over fails sooner, and so does one whose database or file store does not work.
const READY: Duration = Duration::from_mins(3);
/// How long it may take with a migration of its database, as the unit's `TimeoutStartSec`.
const MIGRATED: Duration = Duration::from_hours(1);

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
    let config = bundle.push(BundleStep::files(
        "config",
        "write the server's configuration",
        vec![config],
    ));
    let environment = environment(scene, bundle);
    let environment = bundle.push(environment);

    let inputs = [unit, config, environment, release(scene)];
    let _ = bundle.push(BundleStep::service(USER, &inputs, &[]));
    let ping = "http://localhost:8065/api/v4/system/ping?get_server_status=true";
    let _ = bundle.push(BundleStep::answers_once_migrated(
        USER, ping, READY, MIGRATED,
    ));
    Ok(())
}

/// Writes the variables that the server reads at its start. A license in a variable counts before
/// one in the database, so that a renewed one counts after a restart; one in a file would be
/// looked at only by a server that never had any.
fn environment(scene: &Scene<'_>, bundle: &mut Bundle) -> BundleStep {
    let mut text = String::from("# Written by loadrig.\n");
    if scene.spec.mattermost.service_environment == ServiceEnvironment::Test {
        text.push_str("MM_SERVICEENVIRONMENT=test\n");
    }
    if let Some(license) = &scene.facts.payload.license {
        bundle.hide("license", license.text.clone());
        let _ = writeln!(text, "MM_LICENSE={}", license.text.expose_secret());
    }
    let file = File::new(ENVIRONMENT, text).secret_of("root");
    BundleStep::files(
        "environment",
        "write the server's environment variables",
        vec![file],
    )
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
