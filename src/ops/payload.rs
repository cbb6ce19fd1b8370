//! What bundles are rendered from: files of this machine, and facts about what exists.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use crate::blueprint::Address;
use crate::hosts::{DatabaseFacts, Dsns, Endpoint, Facts, HostFacts, HostFile, Payload, TlsFacts};
use crate::identity::{HalfYear, PrivateAuthority, Secrets};
use crate::plan::Inventory;
use crate::spec::{ProxyTls, Release, Role, Spec, catalog};

use super::{agent_program, standin};
use crate::ops::error::PayloadError;

/// Ports that PostgreSQL and Valkey listen on unless the resource says otherwise.
const POSTGRES: u16 = 5432;
const CACHE: u16 = 6379;

/// The files that go to hosts.
///
/// `named_agent` is the program for the agents; none means this one.
pub(super) fn payload(spec: &Spec, named_agent: Option<&Path>) -> Result<Payload, PayloadError> {
    let standin = match spec.mattermost.release {
        Release::Standin => Some(standin::tarball()?),
        _ => None,
    };
    // Agents and search proxies run this program.
    let program = match spec.count(Role::Agent) + spec.count(Role::SearchProxy) {
        0 => None,
        _ => Some(agent_program::agent_program(named_agent)?),
    };
    let mut payload = Payload::load(&spec.mattermost, standin.as_deref(), program.as_deref())?;
    let existing = spec.services.database.existing.as_ref();
    payload.database = existing.map(Dsns::load).transpose()?;
    payload.files = HostFile::load(&spec.extras)?;
    let tls = spec.tls.as_ref().map(TlsFacts::load).transpose()?;
    payload.tls = tls.flatten();
    Ok(payload)
}

/// What is known of an environment when a bundle is rendered.
pub(super) fn facts(
    spec: &Spec,
    inventory: &Inventory,
    secrets: &Secrets,
    payload: &Arc<Payload>,
) -> Facts {
    let hosts = spec
        .hosts()
        .into_iter()
        .filter_map(|name| {
            let instance_type = &spec.nodes.get(&name.role)?.instance_type;
            Some(HostFacts {
                name,
                private_ip: inventory.private_address(name)?,
                memory_gib: catalog()
                    .ec2
                    .get(instance_type)
                    .map_or(1, |shape| whole_gib(shape.gib)),
            })
        })
        .collect();
    Facts {
        hosts,
        away: BTreeSet::new(),
        database: own_database(spec, inventory),
        search_endpoint: inventory.endpoint(&Address::search()).map(str::to_owned),
        cache: endpoint(inventory, &Address::cache(), CACHE),
        entrance: inventory.entrance(spec),
        bucket: inventory
            .get(&Address::bucket())
            .map(|bucket| bucket.id.clone()),
        tls: tls(spec, inventory, secrets, payload),
        payload: Arc::clone(payload),
        secrets: secrets.clone(),
    }
}

/// The environment's own database, once its writer has an endpoint.
pub(super) fn own_database(spec: &Spec, inventory: &Inventory) -> Option<DatabaseFacts> {
    let writer = inventory.writer()?;
    let readers = inventory.readers(spec);
    // A restored database has those of its snapshot.
    let known = |key: &str| writer.text(key).unwrap_or("mattermost").to_owned();
    Some(DatabaseFacts {
        writer: endpoint(inventory, &writer.address, POSTGRES)?,
        readers: readers
            .iter()
            .filter_map(|address| endpoint(inventory, address, POSTGRES))
            .collect(),
        name: known("database"),
        user: known("user"),
    })
}

/// Where a managed service answers; `port` is its usual one.
fn endpoint(inventory: &Inventory, address: &Address, port: u16) -> Option<Endpoint> {
    let resource = inventory.get(address)?;
    Some(Endpoint {
        host: resource.text("endpoint")?.to_owned(),
        port: match resource.number("port").ok()? {
            Some(reported) => u16::try_from(reported).ok()?,
            None => port,
        },
    })
}

/// The authority that clients of the proxies have to trust, PEM; none where systems do already.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn authority(
    tls: &ProxyTls,
    environment: &str,
    secrets: &Secrets,
) -> Result<Option<String>, PayloadError> {
    if let Some(files) = TlsFacts::load(tls)? {
        return Ok(files.authority);
    }
    let authority = PrivateAuthority::derive(secrets, environment, &tls.host_name);
    Ok(authority.and_then(|authority| authority.certificate().ok()))
}

/// The certificate of the proxies: the files', or one of the environment's own authority.
pub(super) fn tls(
    spec: &Spec,
    inventory: &Inventory,
    secrets: &Secrets,
    payload: &Payload,
) -> Option<TlsFacts> {
    let tls = spec.tls.as_ref()?;
    if payload.tls.is_some() {
        return payload.tls.clone();
    }
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let half = HalfYear::of(i32::from(today.year()), today.month().unsigned_abs());
    let mut addresses = Vec::new();
    for proxy in spec.hosts_of(Role::Proxy) {
        let private = inventory.private_address(proxy)?;
        addresses.push(IpAddr::from(private));
    }
    let authority = PrivateAuthority::derive(secrets, &spec.name, &tls.host_name)?;
    let issued = authority.issue(&addresses, half);
    let issued = issued.inspect_err(|error| tracing::error!(%error, "cannot issue a certificate"));
    let issued = issued.ok()?;
    Some(TlsFacts {
        chain: issued.certificate,
        key: issued.key,
        authority: authority.certificate().ok(),
    })
}

/// Memory in whole GiB, at least one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the price table holds sizes from half a GiB to a few hundred"
)]
fn whole_gib(gib: f64) -> u32 {
    gib.max(1.0) as u32
}
