//! Whether people send their passwords over the internet in plain text, and whether the entrance gets its
//! certificate.

use crate::spec::{AddressKind, CloudTarget, LoadBalancer, Role, Scheme, Spec};

use super::findings::{Finding, FindingVerdict};

/// Warns where the server is reached by plain HTTP at public addresses. For a deployment that
/// people rely on the YAML is refused already.
#[must_use]
pub fn evaluate_entrance(spec: &Spec) -> Option<Finding> {
    // The local cloud's addresses are this machine's own.
    if spec.cloud == CloudTarget::Local {
        return None;
    }
    let (is_public, remedy) = match &spec.load_balancer {
        LoadBalancer::Nginx => (
            spec.tls.is_none() && spec.access.address == AddressKind::Public,
            "`tls: {host_name: …, issuer: private}`, or `access: {address: private}` over a VPN",
        ),
        LoadBalancer::Alb(alb) => (
            alb.certificate.is_none() && alb.scheme == Scheme::Public,
            "`alb: {certificate_arn: …, host_name: …}`, or `alb: {scheme: internal}` over a VPN",
        ),
    };
    is_public.then(|| {
        let detail = "the server is reached by plain HTTP at public addresses, and passwords with it: \
                      for simulated users alone";
        Finding::new("entrance", FindingVerdict::Warn, detail).with_remedies([remedy.to_owned()])
    })
}

/// Certificates that Let's Encrypt issues for one name in a week
/// (<https://letsencrypt.org/docs/rate-limits/>, "New Certificates per Exact Set of Identifiers").
const CERTIFICATES_A_WEEK: u32 = 5;

/// Warns of more proxies than Let's Encrypt issues certificates for: each has one of its own.
#[must_use]
pub fn evaluate_issuer(spec: &Spec) -> Option<Finding> {
    let acme = spec.tls.as_ref()?.acme()?;
    let proxies = spec.count(Role::Proxy);
    (acme.is_lets_encrypt() && proxies > CERTIFICATES_A_WEEK).then(|| {
        let detail = format!(
            "{proxies} proxies ask for a certificate each, and Let's Encrypt issues {CERTIFICATES_A_WEEK} in a week for \
             one name: the others wait"
        );
        let remedy = "fewer proxies, or a certificate of yours (`tls.certificate_file`)".to_owned();
        Finding::new("certificate", FindingVerdict::Warn, detail).with_remedies([remedy])
    })
}

#[cfg(test)]
mod tests {
    use crate::spec::Library;

    use super::*;

    fn remedy(text: &str) -> Option<String> {
        let rig = "architecture: 1k\nmattermost: {release: 11.7.9, license_env: L}\n";
        let spec = Library::new(None).load_text("test", &format!("{rig}{text}"));
        let finding = evaluate_entrance(&spec.unwrap())?;
        assert_eq!(finding.verdict, FindingVerdict::Warn);
        finding.remedies.into_iter().next()
    }

    #[test]
    fn proxies_are_warned_of_unless_they_speak_tls_or_are_private() {
        assert!(remedy("").is_some_and(|text| text.contains("`tls:")));
        assert_eq!(remedy("access: {address: private}\n"), None);
        let tls = "tls: {host_name: chat.example.com, issuer: private}\n";
        assert_eq!(remedy(tls), None);
    }

    #[test]
    fn more_proxies_than_certificates_are_warned_of() {
        let spec = |proxies: u32| {
            let text = format!(
                "architecture: 1k\nsizes: {{nodes: {{proxy: {{count: {proxies}}}}}}}\n\
                 tls: {{host_name: chat.corp.io, issuer: acme, acme: {{email: a@corp.io, agree_to_terms: true}}}}\n"
            );
            Library::new(None).load_text("test", &text).unwrap()
        };
        assert_eq!(evaluate_issuer(&spec(5)), None);
        let warned = evaluate_issuer(&spec(6)).unwrap();
        assert!(warned.detail.starts_with("6 proxies"), "{warned:?}");
    }

    #[test]
    fn a_load_balancer_is_warned_of_unless_it_has_a_certificate_or_is_internal() {
        let with = |alb: &str| {
            remedy(&format!(
                "load_balancer: alb\nsizes: {{nodes: {{proxy: {{count: 0}}}}}}\nalb: {alb}\n"
            ))
        };
        assert!(with("{}").is_some_and(|text| text.contains("`alb:")));
        assert_eq!(with("{scheme: internal}"), None);
        let arn = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d";
        let certificate = format!("{{certificate_arn: '{arn}', host_name: chat.example.com}}");
        assert_eq!(with(&certificate), None);
    }
}
