//! What bundles are rendered from: files of this machine, and facts about what exists.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use crate::blueprint::Address;
use crate::hosts::{
    DatabaseFacts, Dsns, Endpoint, Facts, HostFacts, HostFile, Payload, TlsFacts, acme_authority,
    balancer_authority,
};
use crate::identity::{HalfYear, PrivateAuthority, Secrets};
use crate::loadtest::EntranceRoute;
use crate::plan::{EntrancePlace, Inventory};
use crate::spec::{Alb, HostName, ProxyTls, Release, Role, Spec, TlsCertificate, catalog};

use super::{agent_program, standin};
use crate::ops::error::PayloadError;

/// Ports that PostgreSQL and Valkey listen on unless the resource says otherwise.
pub(super) const POSTGRES: u16 = 5432;
pub(super) const CACHE: u16 = 6379;

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
    payload.trust(&spec.authorities)?;
    let tls = spec.tls.as_ref().map(TlsFacts::load).transpose()?;
    payload.tls = tls.flatten();
    let authority = spec.tls.as_ref().map(acme_authority).transpose()?;
    payload.acme_authority = authority.flatten();
    Ok(payload)
}

/// What is known of an environment when a bundle of a host is rendered.
pub(super) fn facts(
    spec: &Spec,
    host: HostName,
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
        tls: tls(spec, host, inventory, secrets, payload),
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
pub(super) fn endpoint(inventory: &Inventory, address: &Address, port: u16) -> Option<Endpoint> {
    let resource = inventory.get(address)?;
    Some(Endpoint {
        host: resource.text("endpoint")?.to_owned(),
        port: match resource.number("port").ok()? {
            Some(reported) => u16::try_from(reported).ok()?,
            None => port,
        },
    })
}

/// Whom clients of the entrance have to trust.
#[derive(Clone, Debug, Default)]
pub(super) struct EntranceTrust {
    /// Authorities, PEM; none where systems trust the certificate already.
    pub(super) authority: Option<String>,
    /// Whether the system's authorities are trusted besides.
    pub(super) system: bool,
}

/// Whom clients of the proxies have to trust.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn trust(
    tls: &ProxyTls,
    environment: &str,
    secrets: &Secrets,
) -> Result<EntranceTrust, PayloadError> {
    let own = || {
        let authority = PrivateAuthority::derive(secrets, environment, &tls.host_name);
        authority.and_then(|authority| authority.certificate().ok())
    };
    Ok(match &tls.certificate {
        TlsCertificate::Private => EntranceTrust {
            authority: own(),
            system: false,
        },
        TlsCertificate::Files { .. } => EntranceTrust {
            authority: TlsFacts::load(tls)?.and_then(|facts| facts.authority),
            system: false,
        },
        // Until the server has issued one, proxies have a certificate of the environment's own.
        TlsCertificate::Acme(_) => {
            let theirs = acme_authority(tls)?;
            EntranceTrust {
                system: theirs.is_none(),
                authority: Some([own(), theirs].into_iter().flatten().collect()),
            }
        }
    })
}

/// Whom clients of the load balancer have to trust.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn balancer_trust(alb: &Alb) -> Result<EntranceTrust, PayloadError> {
    let authority = balancer_authority(alb)?;
    Ok(EntranceTrust {
        system: authority.is_none(),
        authority,
    })
}

/// How an entrance is reached where DNS need not know its name, and who is trusted there; nothing where its
/// URL says it all.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn entrance_route(
    spec: &Spec,
    place: &EntrancePlace,
    secrets: &Secrets,
) -> Result<Option<EntranceRoute>, PayloadError> {
    let Some(connect_to) = place.connect_to.clone() else {
        return Ok(None);
    };
    let trust = match (&spec.tls, spec.load_balancer.alb()) {
        (Some(tls), _) => trust(tls, &spec.name, secrets)?,
        (None, Some(alb)) => balancer_trust(alb)?,
        (None, None) => EntranceTrust::default(),
    };
    Ok(Some(EntranceRoute {
        connect_to,
        port: None,
        authority: trust.authority,
        system: trust.system,
    }))
}

/// The certificate of a proxy: the files', or one of the environment's own authority, with which a proxy
/// waits for one of an ACME server too. It names this proxy alone: with the others' addresses none could be
/// configured before all of them exist.
fn tls(
    spec: &Spec,
    host: HostName,
    inventory: &Inventory,
    secrets: &Secrets,
    payload: &Payload,
) -> Option<TlsFacts> {
    let tls = spec.tls.as_ref().filter(|_| host.role == Role::Proxy)?;
    if payload.tls.is_some() {
        return payload.tls.clone();
    }
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let half = HalfYear::of(i32::from(today.year()), today.month().unsigned_abs());
    let address = IpAddr::from(inventory.private_address(host)?);
    let authority = PrivateAuthority::derive(secrets, &spec.name, &tls.host_name)?;
    let issued = authority.issue(&[address], half);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_a_load_balancer_trust_its_authority_alone_or_the_system() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("authority.pem");
        let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(&file, pem).unwrap();
        let route = |authority: &str| {
            let yaml = format!(
                "architecture: 1k\nload_balancer: alb\nalb: {{certificate_arn: \
                 'arn:aws:acm:us-east-1:123456789012:certificate/a', host_name: chat.example.com\
                 {authority}}}\nsizes: {{nodes: {{proxy: {{count: 0}}}}}}\n",
            );
            let library = crate::spec::Library::new(Some("no-such-directory".into()));
            let spec = library.load_text("test", &yaml).unwrap();
            let place = EntrancePlace {
                url: "https://chat.example.com".to_owned(),
                connect_to: Some("demo.elb.amazonaws.com".to_owned()),
            };
            let secrets = Secrets::from_seed(&crate::identity::new_seed()).unwrap();
            entrance_route(&spec, &place, &secrets).unwrap().unwrap()
        };
        let known = route("");
        assert_eq!((known.authority, known.system), (None, true));
        let private = route(&format!(", authority_file: {}", file.display()));
        assert_eq!(
            (private.authority.as_deref(), private.system),
            (Some(pem), false)
        );
        assert_eq!(private.connect_to, "demo.elb.amazonaws.com");
    }
}
