//! nginx, wherever it runs: in front of the application nodes on proxies and, behind an application
//! load balancer, on the nodes themselves; and on the way to several search proxies.

use std::net::Ipv4Addr;

use tera::Context;

use crate::hosts::bundle::Bundle;
use crate::hosts::bundle_error::BundleError;
use crate::hosts::step::{BundleStep, File};
use crate::spec::{LoginGate, Role};

use super::{Scene, search_proxy};

/// The service that counts what the login gate does.
const GATE_METRICS: &str = "loadrig-login-gate-metrics";

/// Whether this host, which has the server, has an nginx of its own.
pub(super) fn is_on_server_host(scene: &Scene<'_>) -> bool {
    is_behind_balancer(scene) || has_search_relay(scene)
}

/// Whether a load balancer sends requests to this host. The job server takes none.
fn is_behind_balancer(scene: &Scene<'_>) -> bool {
    scene.host.role == Role::App && scene.spec.load_balancer.alb().is_some()
}

/// Whether application nodes reach the search proxies through their own host: Mattermost takes one
/// address, and one of several proxies has to be chosen that works. Go's dialer would try the
/// addresses of a name in turn and give each an equal share of 30 s, for each connection anew.
pub(super) fn has_search_relay(scene: &Scene<'_>) -> bool {
    scene.spec.search.nodes > 0 && scene.spec.count(Role::SearchProxy) > 1
}

/// What the site in front of the application nodes is rendered from.
pub(super) fn site(scene: &Scene<'_>, apps: &[Ipv4Addr]) -> Context {
    let mut context = Context::new();
    context.insert("apps", apps);
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
    context.insert("tls", &false);
    context.insert("acme", &false);
    context.insert("acme_peers", &false);
    context.insert("balancer", &false);
    context
}

/// The nginx of a host that has the server, if it has one.
pub(super) fn on_server_host(scene: &Scene<'_>, bundle: &mut Bundle) -> Result<(), BundleError> {
    if !is_on_server_host(scene) {
        return Ok(());
    }
    let mut files = Vec::new();
    let behind_balancer = is_behind_balancer(scene);
    if let Some(alb) = scene.spec.load_balancer.alb().filter(|_| behind_balancer) {
        // By this address, not by localhost: `X-Served-By` names the node with it.
        let mut context = site(scene, &[scene.own_address()?]);
        // Kept open for longer than the load balancer keeps them, which else may send a request
        // into a connection that is just being closed.
        context.insert("balancer", &(alb.idle_timeout + 15));
        files.push(rendered(scene, &context)?);
    }
    if has_search_relay(scene) {
        let proxies = scene.all_of(Role::SearchProxy, "the addresses of the search proxies")?;
        let addresses: Vec<Ipv4Addr> = proxies.iter().map(|host| host.private_ip).collect();
        let mut context = Context::new();
        context.insert("proxies", &addresses);
        context.insert("patience", &search_proxy::PATIENCE.as_secs());
        context.insert("passed_over", &search_proxy::PASSED_OVER.as_secs());
        let text = scene.templates.render("app/search-relay.conf", &context)?;
        files.push(File::new("/etc/nginx/conf.d/search-relay.conf", text));
    }
    install(bundle, files);
    if behind_balancer {
        gate_metrics(scene, bundle);
    }
    Ok(())
}

/// The site in front of the application nodes.
pub(super) fn rendered(scene: &Scene<'_>, context: &Context) -> Result<File, BundleError> {
    let text = scene.templates.render("proxy/mattermost.conf", context)?;
    Ok(File::new("/etc/nginx/conf.d/mattermost.conf", text))
}

/// An nginx with these files. A configuration that nginx does not take is never loaded.
pub(super) fn install(bundle: &mut Bundle, sites: Vec<File>) {
    let unit = bundle.push(BundleStep::files(
        "nginx-unit",
        "write what nginx's unit does besides",
        vec![nginx_unit()],
    ));
    let main = include_str!("../../../templates/proxy/nginx.conf");
    let mut files = vec![File::new("/etc/nginx/nginx.conf", main)];
    files.extend(sites);
    let config = bundle.push(BundleStep::checked_files(
        "nginx-config",
        "write and check nginx's configuration",
        files,
        &["nginx", "-q", "-t"],
    ));
    // Nothing of it needs a restart, which would cut requests and websockets: the unit is about starting and
    // stopping, and workers get new limits with the configuration.
    let _ = bundle.push(BundleStep::service("nginx", &[], &[unit, config]));
}

/// What the package's unit leaves out: limits, a restart after a crash, and time to answer when it stops.
fn nginx_unit() -> File {
    let text = include_str!("../../../templates/common/nginx-unit.conf");
    File::new("/etc/systemd/system/nginx.service.d/60-loadrig.conf", text)
}

/// Counts what the login gate does, for the node exporter.
pub(super) fn gate_metrics(scene: &Scene<'_>, bundle: &mut Bundle) {
    if LoginGate::of(scene.spec).limits().is_none() {
        return;
    }
    let program = include_str!("../../../templates/proxy/login-gate-metrics.sh");
    let unit = include_str!("../../../templates/proxy/loadrig-login-gate-metrics.service");
    let files = vec![
        File::new("/opt/loadrig/bin/login-gate-metrics.sh", program),
        File::new(format!("/etc/systemd/system/{GATE_METRICS}.service"), unit),
    ];
    let files = bundle.push(BundleStep::files(
        "gate-metrics",
        "write what counts for the login gate",
        files,
    ));
    let _ = bundle.push(BundleStep::service(GATE_METRICS, &[files], &[]));
}
