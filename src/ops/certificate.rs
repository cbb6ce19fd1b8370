//! Whether clients will accept the certificate that an environment names: checked before anything is
//! created, by the same library and rules that agents and `verify` connect with.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{CertificateError, Error, RootCertStore};
use secrecy::ExposeSecret as _;

use crate::hosts::{TlsFacts, acme_authority, balancer_authority};
use crate::preflight::{Finding, FindingVerdict};
use crate::spec::{Alb, ProxyTls, Spec};

use super::error::CertificateRefusal;
use super::key_pair::{KeyPairFault, certificates, check_pair};

const CERTIFICATE: &str = "tls.certificate_file";
pub(super) const AUTHORITY: &str = "tls.authority_file";
pub(super) const BALANCER_AUTHORITY: &str = "alb.authority_file";

/// The longest authority of a load balancer, bytes: agents are given it within a command.
const LONGEST_AUTHORITY: usize = 64 << 10;

/// From so long before its end a certificate is warned of.
const WARN: Duration = Duration::from_hours(30 * 24);

/// What is wrong with the certificate or the authority that the environment names, if it names one.
pub(super) fn problem(spec: &Spec) -> Option<CertificateRefusal> {
    let checked = match (&spec.tls, spec.load_balancer.alb()) {
        (Some(tls), _) => check_at(tls, UnixTime::now()),
        (None, Some(alb)) => check_balancer(alb),
        (None, None) => Ok(()),
    };
    checked.err()
}

/// The certificate itself is in AWS; what can be looked at is whom to trust.
fn check_balancer(alb: &Alb) -> Result<(), CertificateRefusal> {
    let Some(text) = balancer_authority(alb)? else {
        return Ok(());
    };
    if text.len() > LONGEST_AUTHORITY {
        let reason = format!(
            "it has {} KiB, and may have {}: the authority alone belongs there",
            text.len() >> 10,
            LONGEST_AUTHORITY >> 10
        );
        return Err(content(BALANCER_AUTHORITY, &reason));
    }
    authority_verifier(BALANCER_AUTHORITY, &text).map(|_| ())
}

/// Warns of a certificate that ends soon.
pub(super) fn findings(spec: &Spec) -> Vec<Finding> {
    let Some(tls) = &spec.tls else {
        return Vec::new();
    };
    let then = UnixTime::since_unix_epoch(Duration::from_secs(UnixTime::now().as_secs()) + WARN);
    match (check_at(tls, UnixTime::now()), check_at(tls, then)) {
        (Ok(()), Err(CertificateRefusal::NotNow(text))) => {
            let detail = format!("the certificate of the proxies {text}");
            let finding = Finding::new("certificate", FindingVerdict::Warn, detail);
            vec![finding.with_remedies([
                "put a new one in place of the files, then `loadrig up` takes it to the proxies"
                    .to_owned(),
            ])]
        }
        _ => Vec::new(),
    }
}

fn check_at(tls: &ProxyTls, now: UnixTime) -> Result<(), CertificateRefusal> {
    match TlsFacts::load(tls)? {
        Some(facts) => check(&facts, &tls.host_name, now),
        // One of an ACME server comes about on the proxies; what can be looked at is whom to trust.
        None => match acme_authority(tls)? {
            Some(text) => authority_verifier(AUTHORITY, &text).map(|_| ()),
            None => Ok(()),
        },
    }
}

fn check(facts: &TlsFacts, host_name: &str, now: UnixTime) -> Result<(), CertificateRefusal> {
    let chain = certificates(&facts.chain).map_err(|fault| pair_refusal(CERTIFICATE, fault))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let Some((own, issuers)) = chain.split_first() else {
        return Err(content(CERTIFICATE, "it is empty"));
    };
    check_pair(own, facts.key.expose_secret(), &provider)
        .map_err(|fault| pair_refusal(CERTIFICATE, fault))?;
    let verifier: Arc<dyn ServerCertVerifier> = match &facts.authority {
        Some(text) => authority_verifier(AUTHORITY, text)?,
        None => Arc::new(
            rustls_platform_verifier::Verifier::new(provider)
                .map_err(|error| CertificateRefusal::Invalid(error.to_string()))?,
        ),
    };
    let name = ServerName::try_from(host_name.to_owned())
        .map_err(|error| CertificateRefusal::Invalid(error.to_string()))?;
    match verifier.verify_server_cert(own, issuers, &name, &[], now) {
        Ok(_) => Ok(()),
        Err(Error::InvalidCertificate(error)) => {
            Err(refusal(error, host_name, facts.authority.is_some()))
        }
        Err(error) => Err(CertificateRefusal::Invalid(error.to_string())),
    }
}

/// `key` of the YAML names the certificates.
fn pair_refusal(key: &'static str, fault: KeyPairFault) -> CertificateRefusal {
    match fault {
        KeyPairFault::Encrypted => CertificateRefusal::EncryptedKey,
        KeyPairFault::OtherKey => CertificateRefusal::OtherKey,
        KeyPairFault::Key(reason) => content("tls.key_file", &reason),
        KeyPairFault::Certificate(reason) => content(key, &reason),
    }
}

/// Trusts the authorities in `text` alone; `key` of the YAML names the file.
fn authority_verifier(
    key: &'static str,
    text: &str,
) -> Result<Arc<dyn ServerCertVerifier>, CertificateRefusal> {
    let unusable = |error: &dyn std::fmt::Display| content(key, &error.to_string());
    let mut roots = RootCertStore::empty();
    let authorities = certificates(text).map_err(|fault| pair_refusal(key, fault))?;
    for certificate in authorities {
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| unusable(&error))?;
    Ok(verifier)
}

fn content(key: &'static str, reason: &str) -> CertificateRefusal {
    CertificateRefusal::Content {
        key,
        reason: reason.to_owned(),
    }
}

fn refusal(error: CertificateError, wanted: &str, has_authority: bool) -> CertificateRefusal {
    match error {
        CertificateError::ExpiredContext { not_after, .. } => {
            CertificateRefusal::NotNow(format!("ended on {}", day(not_after)))
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            CertificateRefusal::NotNow(format!("begins on {}", day(not_before)))
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            CertificateRefusal::OtherName {
                presented: match presented.is_empty() {
                    true => "no name at all (clients ignore its common name)".to_owned(),
                    false => presented.join(", "),
                },
                wanted: wanted.to_owned(),
            }
        }
        CertificateError::InvalidPurposeContext { .. } => {
            CertificateRefusal::OtherPurpose(error.to_string())
        }
        // A stranger's authority may have the right one's name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            CertificateRefusal::UnknownIssuer {
                authority: match has_authority {
                    true => "the authority in `tls.authority_file`",
                    false => "an authority that this machine trusts",
                },
            }
        }
        CertificateError::Other(cause) if cause.to_string().contains("CaUsedAsEndEntity") => {
            CertificateRefusal::UnknownIssuer {
                authority: "a server: its first certificate is an authority's",
            }
        }
        other => CertificateRefusal::Invalid(other.to_string()),
    }
}

fn day(time: UnixTime) -> String {
    match Timestamp::from_second(time.as_secs() as i64) {
        Ok(time) => time.strftime("%F").to_string(),
        Err(_) => "a day that no calendar has".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
        KeyUsagePurpose,
    };
    use secrecy::SecretString;

    use super::*;

    const NAME: &str = "chat.example.com";

    struct TestAuthority {
        pem: String,
        issuer: Issuer<'static, KeyPair>,
    }

    fn authority() -> TestAuthority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).unwrap().pem();
        TestAuthority {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    fn server(names: &[&str]) -> CertificateParams {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params
    }

    fn issued(params: &CertificateParams, by: &TestAuthority) -> TlsFacts {
        let key = KeyPair::generate().unwrap();
        TlsFacts {
            chain: params.signed_by(&key, &by.issuer).unwrap().pem(),
            key: SecretString::from(key.serialize_pem()),
            authority: Some(by.pem.clone()),
        }
    }

    fn refused(facts: &TlsFacts) -> String {
        match check(facts, NAME, UnixTime::now()) {
            Ok(()) => "accepted".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_clients_accept_is_accepted() {
        let authority = authority();
        assert_eq!(refused(&issued(&server(&[NAME]), &authority)), "accepted");
        let wildcard = issued(&server(&["*.example.com"]), &authority);
        assert_eq!(refused(&wildcard), "accepted");
    }

    #[test]
    fn what_clients_refuse_is_refused_with_the_reason() {
        let ca = authority();
        let other = issued(&server(&["other.example.com"]), &ca);
        let text = refused(&other);
        assert!(
            text.contains("other.example.com") && text.contains(NAME),
            "{text}"
        );
        let nameless = refused(&issued(&server(&[]), &ca));
        assert!(nameless.contains("no name at all"), "{nameless}");

        let mut over = server(&[NAME]);
        over.not_before = rcgen::date_time_ymd(2020, 1, 1);
        over.not_after = rcgen::date_time_ymd(2020, 2, 1);
        let text = refused(&issued(&over, &ca));
        assert_eq!(text, "the certificate ended on 2020-02-01");
        let mut early = server(&[NAME]);
        early.not_before = rcgen::date_time_ymd(2090, 1, 1);
        early.not_after = rcgen::date_time_ymd(2091, 1, 1);
        let text = refused(&issued(&early, &ca));
        assert_eq!(text, "the certificate begins on 2090-01-01");

        let mut client = server(&[NAME]);
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let text = refused(&issued(&client, &ca));
        assert!(text.contains("not for servers"), "{text}");

        let good = issued(&server(&[NAME]), &ca);
        let stranger = TlsFacts {
            authority: Some(authority().pem),
            ..good.clone()
        };
        let text = refused(&stranger);
        assert!(text.contains("does not lead to"), "{text}");
        let reversed = TlsFacts {
            chain: format!("{}{}", ca.pem, good.chain),
            ..good.clone()
        };
        assert_ne!(refused(&reversed), "accepted");
    }

    #[test]
    fn a_key_that_nginx_cannot_use_is_refused() {
        let ca = authority();
        let good = issued(&server(&[NAME]), &ca);
        let other = TlsFacts {
            key: SecretString::from(KeyPair::generate().unwrap().serialize_pem()),
            ..good.clone()
        };
        assert_eq!(
            refused(&other),
            "`tls.key_file` is not the key of `tls.certificate_file`"
        );
        let encrypted =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let encrypted = TlsFacts {
            key: SecretString::from(encrypted),
            ..good
        };
        assert!(refused(&encrypted).contains("is encrypted"));
    }

    /// What is said of a file with this text as `alb.authority_file`.
    fn of_balancer(text: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("authority.pem");
        std::fs::write(&file, text).unwrap();
        let yaml = format!(
            "architecture: 1k\nload_balancer: alb\nalb: {{certificate_arn: \
             'arn:aws:acm:us-east-1:123456789012:certificate/a', host_name: {NAME}, \
             authority_file: {}}}\nsizes: {{nodes: {{proxy: {{count: 0}}}}}}\n",
            file.display()
        );
        let library = crate::spec::Library::new(Some("no-such-directory".into()));
        let spec = library.load_text("test", &yaml).unwrap();
        match problem(&spec) {
            None => "accepted".to_owned(),
            Some(error) => crate::diagnose::with_causes(&error),
        }
    }

    #[test]
    fn the_authority_of_a_load_balancer_is_looked_at() {
        let ca = authority().pem;
        assert_eq!(of_balancer(&ca), "accepted");
        assert_eq!(of_balancer(&format!("{ca}{ca}")), "accepted");
        let text = of_balancer("not PEM");
        assert!(text.contains("has no PEM block `CERTIFICATE`"), "{text}");
        let useless = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let text = of_balancer(useless);
        assert!(
            text.starts_with("`alb.authority_file` is of no use"),
            "{text}"
        );
        let text = of_balancer(&ca.repeat(200));
        assert!(text.contains("KiB, and may have 64"), "{text}");
    }
}
