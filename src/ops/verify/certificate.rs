//! What a proxy that speaks TLS is asked: whether clients get through by its name, and how long its
//! certificate lasts.

use std::net::IpAddr;

use crate::spec::{HostName, ProxyTls, TlsCertificate};

/// Where the files of the certificate are on a proxy.
const FILES: &str = "/etc/nginx/tls";
/// From so many days before its end a certificate is warned of, as licenses are.
const WARN_DAYS: u32 = 30;

/// Asks the proxy over TLS as clients do, by its name and with trust in its authority alone.
pub(super) fn answers(tls: &ProxyTls) -> String {
    let name = &tls.host_name;
    let trust = match &tls.certificate {
        TlsCertificate::Private
        | TlsCertificate::Files {
            authority: Some(_), ..
        } => format!("trust='--cacert {FILES}/authority.pem'"),
        TlsCertificate::Files {
            authority: None, ..
        } => "trust=".to_owned(),
        TlsCertificate::Acme(acme) => {
            let issued = match &acme.authority {
                Some(_) => format!("--cacert {FILES}/acme-authority.pem"),
                None => String::new(),
            };
            format!(
                "trust='{issued}'; [ \"$(readlink {FILES}/current)\" != placeholder ] || \
                 trust='--cacert {FILES}/placeholder/authority.pem'"
            )
        }
    };
    format!(
        "{trust}; curl -fsS -m 10 $trust --resolve {name}:443:127.0.0.1 -o /dev/null \
         -w 'TLS for {name}, HTTP %{{http_code}} after %{{time_total}} s' https://{name}/api/v4/system/ping"
    )
}

/// Looks at the certificate that the running nginx shows, which may be older than the one in its files.
pub(super) fn lasts(tls: &ProxyTls) -> String {
    let name = &tls.host_name;
    let seconds = WARN_DAYS * 24 * 60 * 60;
    let soon = match &tls.certificate {
        TlsCertificate::Acme(_) => renewed(),
        TlsCertificate::Private | TlsCertificate::Files { .. } => format!(
            "elif ! of -checkend {seconds} >/dev/null; then \
             echo \"warning: until $end, less than {WARN_DAYS} days, by $issuer\"; \
             else echo \"until $end, by $issuer\"; fi"
        ),
    };
    format!(
        "shown=$(openssl s_client -connect 127.0.0.1:443 -servername {name} </dev/null 2>/dev/null) && \
         of() {{ echo \"$shown\" | openssl x509 -noout \"$@\" 2>/dev/null; }} && \
         issuer=$(of -issuer -nameopt RFC2253 | cut -d= -f2-) && \
         time_of() {{ date -d \"$(of \"$1\" | cut -d= -f2)\" +%s; }} && \
         end=$(date -u -d \"@$(time_of -enddate)\" +%F) && \
         if ! of -checkend 0 >/dev/null; then echo \"it ended on $end\" >&2; false; {soon}"
    )
}

/// Whether an ACME server has issued it, and whether certbot renews it: it does in the last third of its
/// time, so in the last quarter it has failed for a while.
fn renewed() -> String {
    format!(
        "elif [ \"$(of -fingerprint)\" = \"$(openssl x509 -noout -fingerprint -in {FILES}/placeholder/fullchain.pem 2>/dev/null)\" ]; \
         then echo \"warning: $(cat /run/loadrig-certificate.why 2>/dev/null || echo 'none was issued yet'); until then it is \
         one of the environment's own authority\"; \
         elif ! systemctl is-active --quiet certbot.timer; then \
         echo \"warning: until $end, by $issuer; certbot.timer does not run, so nothing renews it\"; \
         elif [ \"$(systemctl show -p Result --value certbot.service)\" != success ]; then \
         echo \"warning: until $end, by $issuer; certbot.service failed when it ran last\"; \
         elif [ $((4 * ($(time_of -enddate) - $(date +%s)))) -lt $(($(time_of -enddate) - $(time_of -startdate))) ]; then \
         echo \"warning: until $end, by $issuer; certbot should have renewed it before\"; \
         else echo \"until $end, by $issuer, renewed by certbot.timer\"; fi"
    )
}

/// What to do about a certificate that ends, or was not issued.
pub(super) fn renewal(
    tls: &ProxyTls,
    environment: &str,
    host: HostName,
    proxies: &[IpAddr],
) -> String {
    match &tls.certificate {
        TlsCertificate::Private => {
            format!("`loadrig up {environment}` renews it, in each half-year")
        }
        TlsCertificate::Files { .. } => format!(
            "put a new certificate in place of `tls.certificate_file`, then `loadrig up {environment}` takes it \
             to the proxies"
        ),
        TlsCertificate::Acme(_) => {
            let proxies: Vec<String> = proxies.iter().map(IpAddr::to_string).collect();
            format!(
                "your DNS has to lead `{}` to {}; `loadrig ssh {environment} {host} -- sudo journalctl -u \
                 loadrig-certificate -u certbot` shows what the ACME server said, `sudo sh \
                 /opt/loadrig/bin/certificate.sh try` there tries a renewal",
                tls.host_name,
                proxies.join(" and ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn tls(certificate: TlsCertificate) -> ProxyTls {
        ProxyTls {
            host_name: "chat.example.com".to_owned(),
            certificate,
        }
    }

    fn lasting(days: i64) -> (bool, String) {
        looked_at(&tls(TlsCertificate::Private), days, "")
    }

    /// Runs the command where `openssl s_client` shows a certificate that ends in so many days, with
    /// programs of the host replaced; answers with its status and its last line.
    fn looked_at(tls: &ProxyTls, days: i64, programs: &str) -> (bool, String) {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        let end = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
        let end = end.to_zoned(jiff::tz::TimeZone::UTC);
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params =
            rcgen::CertificateParams::new(vec!["chat.example.com".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(rcgen::DnType::OrganizationName, "Test");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(
            end.year().into(),
            end.month().unsigned_abs(),
            end.day().unsigned_abs(),
        );
        std::fs::write(at("own.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        // In place of a server on port 443.
        let shim = format!(
            "openssl() {{ if [ \"$1\" = s_client ]; then cat {}; else command openssl \"$@\"; fi; }}\n",
            at("own.pem")
        );
        let script = shim + programs + &lasts(tls);
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        let text = if output.status.success() {
            output.stdout
        } else {
            output.stderr
        };
        let text = String::from_utf8(text).unwrap();
        (
            output.status.success(),
            text.lines().last().unwrap_or_default().to_owned(),
        )
    }

    #[test]
    fn a_certificate_is_warned_of_thirty_days_before_its_end() {
        let (ok, text) = lasting(60);
        assert!(
            ok && text.starts_with("until 2") && text.ends_with("by O=Test"),
            "{text}"
        );
        let (ok, text) = lasting(29);
        assert!(ok && text.starts_with("warning: until 2"), "{text}");
        let (ok, text) = lasting(-2);
        assert!(!ok && text.starts_with("it ended on 2"), "{text}");
    }

    #[test]
    fn a_certificate_that_nobody_renews_is_warned_of() {
        let acme = tls(TlsCertificate::Acme(crate::spec::Acme {
            email: "ops@corp.io".to_owned(),
            directory: crate::spec::Acme::LETS_ENCRYPT.to_owned(),
            authority: None,
        }));
        let timer = |active: &str, result: &str| {
            format!(
                "systemctl() {{ if [ $1 = is-active ]; then {active}; else echo {result}; fi; }}\n"
            )
        };
        let well = timer("true", "success");
        // Of about seven years that have passed, and ten that are left.
        let (ok, text) = looked_at(&acme, 3650, &well);
        assert!(
            ok && text.ends_with("by O=Test, renewed by certbot.timer"),
            "{text}"
        );
        let (ok, text) = looked_at(&acme, 60, &well);
        assert!(
            ok && text.ends_with("certbot should have renewed it before"),
            "{text}"
        );
        let (_, text) = looked_at(&acme, 3650, &timer("false", "success"));
        assert!(
            text.starts_with("warning: ") && text.contains("does not run"),
            "{text}"
        );
        let (_, text) = looked_at(&acme, 3650, &timer("true", "exit-code"));
        assert!(
            text.starts_with("warning: ") && text.contains("failed when it ran last"),
            "{text}"
        );
        let (ok, text) = looked_at(&acme, -2, &well);
        assert!(!ok && text.starts_with("it ended on"), "{text}");
    }

    #[test]
    fn only_the_authority_of_the_certificate_is_trusted() {
        assert!(answers(&tls(TlsCertificate::Private)).contains("--cacert"));
        let files = TlsCertificate::Files {
            certificate: "own.pem".into(),
            key: "own.key".into(),
            authority: None,
        };
        assert!(!answers(&tls(files)).contains("--cacert"));
    }
}
