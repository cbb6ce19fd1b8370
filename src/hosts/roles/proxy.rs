//! Proxies: nginx in front of the application nodes, with the published settings.

use std::net::Ipv4Addr;
use std::time::Duration;

use secrecy::ExposeSecret;

use crate::hosts::bundle::Bundle;
use crate::hosts::bundle_error::BundleError;
use crate::hosts::step::{BundleStep, File};
use crate::spec::Role;

use super::Scene;
use super::nginx;

pub(super) fn configure(scene: &Scene<'_>, bundle: &mut Bundle) -> Result<(), BundleError> {
    let apps = nodes_in_service(scene)?;
    let mut context = nginx::site(scene, &apps);
    let mut files = Vec::new();
    if let Some(tls) = &scene.spec.tls {
        context.insert("tls", &tls.host_name);
        files = certificate(scene, bundle)?;
    }
    files.push(nginx::rendered(scene, &context)?);
    nginx::install(bundle, files);
    nginx::gate_metrics(scene, bundle);
    let _ = bundle.push(BundleStep::listens(
        "nginx",
        "http://localhost/",
        Duration::from_secs(30),
    ));
    Ok(())
}

/// The addresses of the application nodes that get requests.
fn nodes_in_service(scene: &Scene<'_>) -> Result<Vec<Ipv4Addr>, BundleError> {
    let missing = || scene.missing("the addresses of the application nodes");
    let mut addresses = Vec::new();
    for node in scene.spec.hosts_of(Role::App) {
        if !scene.facts.away.contains(&node) {
            addresses.push(scene.known(node).ok_or_else(missing)?.private_ip);
        }
    }
    if addresses.is_empty() {
        return Err(missing());
    }
    Ok(addresses)
}

/// The files of the certificate.
fn certificate(scene: &Scene<'_>, bundle: &mut Bundle) -> Result<Vec<File>, BundleError> {
    let tls = scene.facts.tls.as_ref();
    let tls = tls.ok_or_else(|| scene.missing("the certificate of the proxies"))?;
    bundle.hide("tls-key", tls.key.clone());
    let mut files = vec![
        File::new("/etc/nginx/tls/chain.pem", tls.chain.as_str()),
        // The master process reads it, as root.
        File::new("/etc/nginx/tls/key.pem", tls.key.expose_secret()).secret_of("root"),
    ];
    if let Some(authority) = &tls.authority {
        files.push(File::new(
            "/etc/nginx/tls/authority.pem",
            authority.as_str(),
        ));
    }
    Ok(files)
}
