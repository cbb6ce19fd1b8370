//! Proxies: nginx in front of the application nodes, with the published settings.

use std::net::Ipv4Addr;
use std::time::Duration;

use secrecy::ExposeSecret;
use tera::Context;

use crate::hosts::bundle::Bundle;
use crate::hosts::bundle_error::BundleError;
use crate::hosts::step::{BundleStep, File};
use crate::spec::{LoginGate, Role};

use super::Scene;
use super::common::nginx_limits;

pub(super) fn configure(scene: &Scene<'_>, bundle: &mut Bundle) -> Result<(), BundleError> {
    let apps = nodes_in_service(scene)?;
    let mut context = Context::new();
    context.insert("apps", &apps);
    // As Mattermost's own load tests size it.
    let large = scene.memory_gib() >= 32;
    context.insert("cache_zone", if large { "50m" } else { "10m" });
    context.insert("cache_size", if large { "16g" } else { "3g" });
    let gate = LoginGate::of(scene.spec);
    if let Some(limits) = gate.limits() {
        context.insert("gate", limits);
        context.insert("gate_configured", &limits.as_configured());
    } else {
        context.insert("gate", &false);
    }
    let mut files = Vec::new();
    if let Some(tls) = &scene.spec.tls {
        context.insert("tls", &tls.host_name);
        files = certificate(scene, bundle)?;
    } else {
        context.insert("tls", &false);
    }
    let site = scene.templates.render("proxy/mattermost.conf", &context)?;
    files.push(File::new("/etc/nginx/conf.d/mattermost.conf", site));
    nginx(bundle, files);
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

/// An nginx with one site. A configuration that nginx does not take is never loaded.
fn nginx(bundle: &mut Bundle, site: Vec<File>) {
    let unit = bundle.push(BundleStep::files(
        "unit",
        "raise nginx's limits",
        vec![nginx_limits()],
    ));
    let main = include_str!("../../../templates/proxy/nginx.conf");
    let mut files = vec![File::new("/etc/nginx/nginx.conf", main)];
    files.extend(site);
    let config = bundle.push(BundleStep::files(
        "config",
        "write nginx's configuration",
        files,
    ));
    let test = BundleStep::command(
        "test",
        "check nginx's configuration",
        &["nginx", "-q", "-t"],
    );
    let _ = bundle.push(test.depends_on(&config));
    let _ = bundle.push(BundleStep::service("nginx", &[unit], &[config]));
}
