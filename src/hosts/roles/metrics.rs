//! Metrics hosts: Prometheus, scraping every host and every application node.

use std::time::Duration;

use serde::Serialize;
use tera::Context;

use crate::hosts::bundle::Bundle;
use crate::hosts::bundle_error::BundleError;
use crate::hosts::facts::HostFacts;
use crate::hosts::step::{BundleStep, File};
use crate::spec::Role;

use super::Scene;

/// A host to scrape.
#[derive(Serialize)]
struct ScrapeTarget {
    name: String,
    role: &'static str,
    address: String,
}

impl ScrapeTarget {
    fn of(host: &HostFacts) -> Self {
        Self {
            name: host.name.to_string(),
            role: host.name.role.as_str(),
            address: host.private_ip.to_string(),
        }
    }
}

pub(super) fn configure(scene: &Scene<'_>, bundle: &mut Bundle) -> Result<(), BundleError> {
    let mut hosts = Vec::new();
    for name in scene.spec.hosts() {
        let host = scene.known(name);
        let host = host.ok_or_else(|| scene.missing("the address of every host"))?;
        hosts.push(ScrapeTarget::of(host));
    }
    let is_server = |role: &str| {
        [Role::App, Role::Job]
            .iter()
            .any(|one| one.as_str() == role)
    };
    let servers: Vec<&ScrapeTarget> = hosts.iter().filter(|host| is_server(host.role)).collect();
    let mut context = Context::new();
    context.insert("environment", &scene.spec.name);
    context.insert("hosts", &hosts);
    context.insert("servers", &servers);
    // A server without a license has no metrics.
    context.insert("licensed", &scene.spec.mattermost.license.is_licensed());
    let search: Vec<&ScrapeTarget> = hosts
        .iter()
        .filter(|host| host.role == Role::SearchProxy.as_str())
        .collect();
    context.insert("search_proxies", &search);
    let config = scene.templates.render("metrics/prometheus.yml", &context)?;
    let config = File::new("/etc/prometheus/prometheus.yml", config);
    let check = [
        "promtool",
        "check",
        "config",
        "/etc/prometheus/prometheus.yml",
    ];
    let config = bundle.push(BundleStep::checked_files(
        "config",
        "write and check Prometheus's configuration",
        vec![config],
        &check,
    ));
    let defaults = include_str!("../../../templates/metrics/prometheus.default");
    let defaults = File::new("/etc/default/prometheus", defaults);
    let defaults = bundle.push(BundleStep::files(
        "defaults",
        "write Prometheus's options",
        vec![defaults],
    ));
    let _ = bundle.push(BundleStep::service("prometheus", &[defaults], &[config]));
    let ready = "http://localhost:9090/-/ready";
    let _ = bundle.push(BundleStep::answers(
        "prometheus",
        ready,
        Duration::from_mins(1),
    ));
    Ok(())
}
