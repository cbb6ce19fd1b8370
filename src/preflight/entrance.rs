//! Whether people send their passwords over the internet in plain text, and whether the entrance gets its
//! certificate.

use crate::spec::{CloudTarget, LoadBalancer, Purpose, Role, Scheme, Spec};

use super::findings::{Finding, FindingVerdict};

/// Warns where the server is reached by plain HTTP at public addresses, and of a deployment that people
/// rely on without a name. At public addresses the YAML of such a deployment is refused already.
#[must_use]
pub fn evaluate_entrance(spec: &Spec) -> Option<Finding> {
    // The local cloud's addresses are this machine's own.
    if spec.cloud == CloudTarget::Local {
        return None;
    }
    let (is_plain, is_public, remedy) = match &spec.load_balancer {
        LoadBalancer::Nginx => (
            spec.tls.is_none(),
            spec.network.is_public(Role::Proxy),
            "`tls: {host_name: …, issuer: private}`, or `tls` with a certificate of yours",
        ),
        LoadBalancer::Alb(alb) => (
            alb.certificate.is_none(),
            alb.scheme == Scheme::Public,
            "`alb: {certificate_arn: …, host_name: …}`, or `alb: {scheme: internal}` over a VPN",
        ),
    };
    let detail = if !is_plain {
        return None;
    } else if is_public {
        "the server is reached by plain HTTP at public addresses, and passwords with it: \
         for simulated users alone"
    } else if spec.purpose == Purpose::GoldStandard {
        "people reach the server by plain HTTP, and `SiteURL`, which its mails and its apps lead to, is an \
         address that a new proxy or load balancer changes"
    } else {
        return None;
    };
    let finding = Finding::new("entrance", FindingVerdict::Warn, detail);
    Some(finding.with_remedies([remedy.to_owned()]))
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

    /// A VPC that has no public subnets.
    const NOTHING_PUBLIC: &str = "network: {layout: private, existing: {vpc: vpc-0a1b2c3d, \
                                  private_subnets: [subnet-0a1b2c3d, subnet-0b1c2d3e]}}\n\
                                  access: {operators: [10.0.0.0/8], seed_key: alias/aws/ssm}\n";

    fn finding(text: &str) -> Option<Finding> {
        let rig = "architecture: 1k\nmattermost: {release: 11.7.9, license_env: L}\n";
        let spec = Library::new(None).load_text("test", &format!("{rig}{text}"));
        let finding = evaluate_entrance(&spec.unwrap())?;
        assert_eq!(finding.verdict, FindingVerdict::Warn);
        Some(finding)
    }

    fn remedy(text: &str) -> Option<String> {
        finding(text)?.remedies.into_iter().next()
    }

    #[test]
    fn proxies_with_public_addresses_are_warned_of_unless_they_speak_tls() {
        for public in [
            "",
            // How operators reach SSH says nothing about the proxies.
            "access: {address: private}\n",
            "access: {address: private, operators: [203.0.113.0/24]}\n",
            "network: {layout: private}\n",
        ] {
            let found = finding(public).unwrap();
            assert!(found.detail.contains("at public addresses"), "{public}");
            assert!(found.remedies[0].contains("`tls:"), "{public}");
        }
        let tls = "tls: {host_name: chat.example.com, issuer: private}\n";
        assert_eq!(finding(tls), None);
        assert_eq!(finding(NOTHING_PUBLIC), None);
    }

    #[test]
    fn a_deployment_of_people_has_a_name_at_private_addresses_too() {
        let gold = format!("purpose: gold-standard\n{NOTHING_PUBLIC}");
        let found = finding(&gold).unwrap();
        assert!(found.detail.contains("`SiteURL`"), "{found:?}");
        assert!(found.remedies[0].contains("host_name"), "{found:?}");
        let named = format!("{gold}tls: {{host_name: chat.example.com, issuer: private}}\n");
        assert_eq!(finding(&named), None);
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
