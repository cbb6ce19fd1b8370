//! Proxies: nginx in front of the application nodes, with the published settings.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::hosts::bundle::Bundle;
use crate::hosts::bundle_error::BundleError;
use crate::hosts::step::BundleStep;
use crate::spec::{ProxyTls, Role};

use super::nginx;
use super::{Scene, certificate};

pub(super) fn configure(scene: &Scene<'_>, bundle: &mut Bundle) -> Result<(), BundleError> {
    let apps = nodes_in_service(scene)?;
    let mut context = nginx::site(scene, &apps);
    let mut files = Vec::new();
    let mut obtained = None;
    if let Some(tls) = &scene.spec.tls {
        context.insert("tls", &tls.host_name);
        if tls.acme().is_some() {
            context.insert("acme", &true);
            let peers = certificate::peers(scene);
            if !peers.is_empty() {
                context.insert("acme_peers", &peers);
            }
        }
        obtained = certificate::prepare(scene, bundle, tls)?;
        files = certificate::files(scene, bundle, tls)?;
    }
    files.push(nginx::rendered(scene, &context)?);
    nginx::install(bundle, files);
    nginx::gate_metrics(scene, bundle);
    let _ = bundle.push(BundleStep::listens(
        "nginx",
        "http://localhost/",
        Duration::from_secs(30),
    ));
    let acme = scene.spec.tls.as_ref().and_then(ProxyTls::acme);
    if let (Some(acme), Some(written)) = (acme, obtained) {
        certificate::obtain(bundle, acme, &written);
    }
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
