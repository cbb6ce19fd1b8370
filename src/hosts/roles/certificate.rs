//! The certificate of a proxy that speaks TLS: shipped, or obtained on the proxy from an ACME server.
//!
//! With ACME each proxy has a key and a certificate of its own, so that no key leaves a host and no proxy
//! depends on another. The server's challenge arrives at any proxy; who does not know it passes it on.
//! What nginx starts with, and goes on with until there is a certificate, is one of the environment's own
//! authority. See `templates/proxy/certificate.sh`.

use std::net::Ipv4Addr;

use secrecy::ExposeSecret;

use crate::hosts::bundle::Bundle;
use crate::hosts::bundle_error::BundleError;
use crate::hosts::digest::Digest;
use crate::hosts::shell::quote;
use crate::hosts::step::{BundleStep, File};
use crate::spec::{Acme, ProxyTls, Role};

use super::Scene;

/// The service that obtains the first certificate.
const SERVICE: &str = "loadrig-certificate";
/// What all of it is done by.
const PROGRAM: &str = "/opt/loadrig/bin/certificate.sh";
/// The authorities of an ACME server that systems do not trust.
const ACME_AUTHORITY: &str = "/etc/nginx/tls/acme-authority.pem";

/// The files that nginx reads besides its configuration.
pub(super) fn files(
    scene: &Scene<'_>,
    bundle: &mut Bundle,
    tls: &ProxyTls,
) -> Result<Vec<File>, BundleError> {
    let facts = scene.facts.tls.as_ref();
    let facts = facts.ok_or_else(|| scene.missing("the certificate of the proxies"))?;
    bundle.hide("tls-key", facts.key.clone());
    let (directory, chain, key) = match tls.acme() {
        Some(_) => ("/etc/nginx/tls/placeholder", "fullchain.pem", "privkey.pem"),
        None => ("/etc/nginx/tls", "chain.pem", "key.pem"),
    };
    let mut files = vec![
        File::new(format!("{directory}/{chain}"), facts.chain.as_str()),
        // The master process reads it, as root.
        File::new(format!("{directory}/{key}"), facts.key.expose_secret()).secret_of("root"),
    ];
    if let Some(authority) = &facts.authority {
        files.push(File::new(
            format!("{directory}/authority.pem"),
            authority.as_str(),
        ));
    }
    Ok(files)
}

/// Private addresses of the other proxies that exist. Whoever comes later is told to those that are
/// there, by the engine.
pub(super) fn peers(scene: &Scene<'_>) -> Vec<Ipv4Addr> {
    let others = scene
        .spec
        .hosts_of(Role::Proxy)
        .filter(|other| *other != scene.host);
    others
        .filter_map(|other| Some(scene.known(other)?.private_ip))
        .collect()
}

/// Writes what certificates are obtained with, and leads nginx to the one that there is. Answers with the
/// digest of that where certificates are obtained.
pub(super) fn prepare(
    scene: &Scene<'_>,
    bundle: &mut Bundle,
    tls: &ProxyTls,
) -> Result<Option<Digest>, BundleError> {
    let Some(acme) = tls.acme() else {
        return Ok(None);
    };
    let mut files = vec![
        File::new(
            PROGRAM,
            include_str!("../../../templates/proxy/certificate.sh"),
        )
        .with_mode(0o755),
        File::new("/etc/loadrig/certificate.conf", configuration(tls, acme)),
        File::new(
            format!("/etc/systemd/system/{SERVICE}.service"),
            include_str!("../../../templates/proxy/loadrig-certificate.service"),
        ),
        File::new(
            "/etc/letsencrypt/renewal-hooks/deploy/60-loadrig",
            include_str!("../../../templates/proxy/certbot-hook.sh"),
        )
        .with_mode(0o755),
    ];
    if acme.authority.is_some() {
        let text = scene.facts.payload.acme_authority.as_deref();
        let text = text.ok_or_else(|| scene.missing("the authority of the ACME server"))?;
        files.push(File::new(ACME_AUTHORITY, text));
        files.push(File::new(
            "/etc/systemd/system/certbot.service.d/60-loadrig.conf",
            include_str!("../../../templates/proxy/certbot-authority.conf"),
        ));
    }
    let written = bundle.push(BundleStep::files(
        "certificate",
        "write what certificates are obtained with",
        files,
    ));
    let linked = BundleStep::command(
        "certificate-link",
        "lead nginx to the certificate that there is",
        &[PROGRAM, "link"],
    );
    let _ = bundle.push(linked.depends_on(&written));
    Ok(Some(written))
}

/// Obtains the first certificate, once nginx answers. It is no fault of the host where that does not work
/// yet: the name leads to the proxies only once somebody knows their addresses. A service goes on trying.
pub(super) fn obtain(bundle: &mut Bundle, acme: &Acme, written: &Digest) {
    let step = BundleStep::command(
        "first-certificate",
        &format!("obtain a certificate from {}", acme.directory),
        &[PROGRAM, "first"],
    );
    let _ = bundle.push(step.depends_on(written));
    let _ = bundle.push(BundleStep::service(
        SERVICE,
        std::slice::from_ref(written),
        &[],
    ));
}

/// What `certificate.sh` reads.
fn configuration(tls: &ProxyTls, acme: &Acme) -> String {
    // A certificate of another server, or for another name, is another one for certbot.
    let lineage = Digest::of(&[&tls.host_name, &acme.directory]);
    let lineage = format!("loadrig-{}", &lineage.as_str()[..8]);
    let authority = match acme.authority {
        Some(_) => ACME_AUTHORITY,
        None => "",
    };
    let settings = [
        ("name", tls.host_name.as_str()),
        ("email", acme.email.as_str()),
        ("directory", acme.directory.as_str()),
        ("lineage", lineage.as_str()),
        ("authority", authority),
    ];
    let lines = settings.map(|(key, value)| format!("{key}={}\n", quote(value)));
    format!("# Written by loadrig.\n{}", lines.concat())
}
