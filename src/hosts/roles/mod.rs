//! What each role's bundles hold.
//!
//! `prepare` needs nothing but the host, `configure` the facts of those that the host
//! talks to. Pure but for the templates that are built in.

mod agent;
mod app;
mod bastion;
mod certificate;
mod common;
mod config;
mod extras;
mod job;
mod metrics;
mod nginx;
mod proxy;
mod saml;
mod search_proxy;
#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;

use crate::blueprint::Stage;
use crate::spec::{HostName, PlannedSetting, Role, Spec};

pub(super) use config::data_source_names;

use super::bundle::Bundle;
use super::bundle_error::BundleError;
use super::facts::{Facts, HostFacts};
use super::templates::Templates;

/// Renders the bundle of a host for a stage.
///
/// # Errors
/// When a fact is missing that the role needs at this stage.
pub fn render(
    spec: &Spec,
    host: HostName,
    stage: Stage,
    facts: &Facts,
) -> Result<Bundle, BundleError> {
    let scene = Scene {
        spec,
        host,
        facts,
        templates: Templates::new()?,
    };
    let mut bundle = Bundle::new(host, stage);
    match (stage, host.role) {
        (Stage::Prepare, _) => {
            common::prepare(&scene, &mut bundle);
            extras::before(&scene, &mut bundle);
            match host.role {
                Role::App | Role::Job => app::prepare(&scene, &mut bundle),
                Role::Agent | Role::SearchProxy => agent::prepare(&scene, &mut bundle),
                Role::Proxy | Role::Metrics | Role::Bastion => {}
            }
        }
        (Stage::Configure, Role::App) => app::configure(&scene, &mut bundle)?,
        (Stage::Configure, Role::Job) => job::configure(&scene, &mut bundle)?,
        (Stage::Configure, Role::Proxy) => proxy::configure(&scene, &mut bundle)?,
        (Stage::Configure, Role::SearchProxy) => search_proxy::configure(&scene, &mut bundle)?,
        (Stage::Configure, Role::Metrics) => metrics::configure(&scene, &mut bundle)?,
        (Stage::Configure, Role::Agent) => agent::configure(&scene, &mut bundle),
        (Stage::Configure, Role::Bastion) => bastion::configure(&mut bundle),
    }
    if stage == Stage::Configure {
        extras::after(&scene, &mut bundle);
        if host.role == Role::App && extras::has_after(&scene) {
            // They may restart the server, and what follows sends people to it.
            app::answers_again(&mut bundle);
        }
    }
    Ok(bundle)
}

/// The settings that the server of an application node is to run with, and who says so.
///
/// # Errors
/// When a fact is missing that they follow from.
pub fn planned_settings(
    spec: &Spec,
    host: HostName,
    facts: &Facts,
) -> Result<Vec<PlannedSetting>, BundleError> {
    config::planned(&Scene {
        spec,
        host,
        facts,
        templates: Templates::new()?,
    })
}

/// What a role is rendered from.
struct Scene<'a> {
    spec: &'a Spec,
    host: HostName,
    facts: &'a Facts,
    templates: Templates,
}

impl Scene<'_> {
    fn missing(&self, what: &'static str) -> BundleError {
        BundleError::Missing {
            host: self.host,
            what,
        }
    }

    /// Memory of the host, GiB; the smallest size while it is not known.
    fn memory_gib(&self) -> u32 {
        self.known(self.host).map_or(4, |host| host.memory_gib)
    }

    fn known(&self, name: HostName) -> Option<&HostFacts> {
        self.facts.hosts.iter().find(|host| host.name == name)
    }

    /// The address of the host itself.
    fn own_address(&self) -> Result<Ipv4Addr, BundleError> {
        self.known(self.host)
            .map(|host| host.private_ip)
            .ok_or_else(|| self.missing("the host's own address"))
    }

    /// Every host of a role that the spec names, in order.
    fn all_of(&self, role: Role, what: &'static str) -> Result<Vec<&HostFacts>, BundleError> {
        let hosts: Vec<&HostFacts> = (1..=self.spec.count(role))
            .map(|index| self.known(HostName { role, index }))
            .collect::<Option<_>>()
            .ok_or_else(|| self.missing(what))?;
        if hosts.is_empty() {
            return Err(self.missing(what));
        }
        Ok(hosts)
    }
}
