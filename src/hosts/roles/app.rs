//! Application nodes: the Mattermost server, official or stand-in, by one bundle. The job server has the
//! same server and the same variables.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::hosts::bundle::Bundle;
use crate::hosts::bundle_error::BundleError;
use crate::hosts::digest::Digest;
use crate::hosts::facts::ServerPackage;
use crate::hosts::plugins::PluginPackage;
use crate::hosts::step::{BundleStep, File};
use crate::identity::{ADMINISTRATOR, ADMINISTRATOR_EMAIL};
use crate::spec::{PluginSource, Role};

use super::config::{AUTHORITIES, DEFAULTS, defaults, variables};
use super::{Scene, extras, nginx, saml};

/// Succeeds when the server and what it depends on work.
const PING: &str = "http://localhost:8065/api/v4/system/ping?get_server_status=true";
/// The user that the server runs as.
const USER: &str = "mattermost";
/// The variables of the server's unit: its secrets are here, for root alone.
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
    let release = release(scene);
    let server = match &scene.facts.payload.server {
        ServerPackage::Shipped(blob) => BundleStep::server_from_blob(USER, &release, blob.clone()),
        ServerPackage::Fetched { url, sha256 } => {
            if sha256.is_none() {
                bundle.note(format!(
                    "{url} is fetched without a known SHA-256; set `mattermost.sha256` to pin it"
                ));
            }
            BundleStep::server_from_url(USER, &release, url, sha256.as_deref())
        }
    };
    let _ = bundle.push(server);
    let bundles = plugin_bundles(scene);
    if scene.host.role == Role::App && scene.host.index == 1 && !bundles.is_empty() {
        // Before the node changes: one that cannot be fetched is nothing that users should notice.
        let _ = bundle.push(BundleStep::plugin_bundles(&bundles));
    }
}

pub(super) fn configure(scene: &Scene<'_>, bundle: &mut Bundle) -> Result<(), BundleError> {
    let unit = include_str!("../../../templates/app/mattermost.service");
    let unit = File::new("/etc/systemd/system/mattermost.service", unit);
    let unit = bundle.push(BundleStep::files(
        "unit",
        "write the server's unit",
        vec![unit],
    ));
    let files = saml::files(scene, bundle)?;
    let environment = environment(scene, bundle)?;
    let release = bundle.push(BundleStep::switch(USER, &release(scene)));
    let inputs: Vec<Digest> = [unit, environment, release]
        .into_iter()
        .chain(files)
        .chain(extras::trusted(scene))
        .collect();
    let _ = bundle.push(BundleStep::service(USER, &inputs, &[]));
    let _ = bundle.push(BundleStep::answers_once_migrated(
        USER, PING, READY, MIGRATED,
    ));
    // All nodes have one database.
    if scene.host.index == 1 {
        administrator(scene, bundle);
        plugins(scene, bundle);
    }
    nginx::on_server_host(scene, bundle)
}

/// Waits for the server again, after commands of the operator's.
pub(super) fn answers_again(bundle: &mut Bundle) {
    let _ = bundle.push(BundleStep::answers_again(USER, PING, READY));
}

/// What the server reads from the host; gives the digest of what it has to be restarted for.
pub(super) fn environment(scene: &Scene<'_>, bundle: &mut Bundle) -> Result<Digest, BundleError> {
    // A server reads them with a new configuration alone, so that a change needs no restart.
    let defaults = BundleStep::files(
        "defaults",
        "write what a new configuration starts with",
        vec![File::new(DEFAULTS, defaults(scene))],
    );
    let _ = bundle.push(defaults.while_serving());
    let variables = File::new(ENVIRONMENT, variables(scene, bundle)?).secret_of("root");
    Ok(bundle.push(BundleStep::files(
        "environment",
        "write the server's environment variables",
        vec![variables],
    )))
}

/// The first account of a server administers it, so it is made here, before people reach the
/// server: the graph lets nothing in from outside until this host is configured.
fn administrator(scene: &Scene<'_>, bundle: &mut Bundle) {
    let password = scene.facts.secrets.admin_password();
    let mail = scene.spec.mattermost.connections.mail.as_ref();
    let address = mail.and_then(|mail| mail.administrator.as_ref());
    // As the server keeps addresses.
    let address = address.map(|address| address.to_lowercase());
    let account = json!({
        "username": ADMINISTRATOR,
        "email": address.as_deref().unwrap_or(ADMINISTRATOR_EMAIL),
        // Nobody need follow a link that is mailed there.
        "email_verified": true,
        "password": password.expose_secret(),
    });
    bundle.hide("administrator-password", password);
    let account = SecretString::from(account.to_string());
    let _ = bundle.push(BundleStep::administrator(
        ADMINISTRATOR,
        address.as_deref(),
        account,
    ));
}

/// The plugins of the environment. The server keeps their bundles in its file store, from where every node
/// has them, so one node is told. With none, those go that were there before.
fn plugins(scene: &Scene<'_>, bundle: &mut Bundle) {
    let plugins = &scene.facts.payload.plugins;
    let told: Vec<_> = plugins.iter().map(PluginPackage::told).collect();
    let fetched = plugin_bundles(scene);
    let blobs = plugins.iter().filter_map(|package| package.blob.clone());
    let told = SecretString::from(json!(told).to_string());
    let _ = bundle.push(BundleStep::plugins(told, &fetched, blobs.collect()));
}

/// The bundles that the host fetches: id of the plugin, SHA-256 and URL.
fn plugin_bundles<'a>(scene: &Scene<'a>) -> Vec<[&'a str; 3]> {
    let plugins = scene.facts.payload.plugins.iter();
    let fetched = plugins.filter_map(|package| match &package.plugin.source {
        PluginSource::Url { url, sha256 } => {
            Some([package.plugin.id.as_str(), sha256.as_str(), url.as_str()])
        }
        PluginSource::File { .. } => None,
    });
    fetched.collect()
}

/// What is unpacked in the first stage, and runs from the second on.
pub(super) fn release(scene: &Scene<'_>) -> Digest {
    match &scene.facts.payload.server {
        ServerPackage::Shipped(blob) => Digest::of(&[blob.sha256()]),
        ServerPackage::Fetched { url, sha256 } => {
            Digest::of(&[url, sha256.as_deref().unwrap_or("")])
        }
    }
}
