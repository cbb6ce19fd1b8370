//! Certificates by ACME: whether the account is complete, and whether the server can come to the proxies.

use std::path::PathBuf;

use super::balancer::is_host_name;
use super::{Around, Checker};
use crate::spec::shape::{AcmeShape, EnvironmentFile};
use crate::spec::{Acme, CloudTarget, TlsCertificate};

/// Ends of names that no public DNS has (RFC 6761, RFC 6762, RFC 8375, and ICANN's reservation of `internal`).
const NOT_PUBLIC: [&str; 8] = [
    "internal",
    "local",
    "localhost",
    "test",
    "example",
    "invalid",
    "home.arpa",
    "example.com",
];

impl Checker<'_> {
    /// The account at the ACME server.
    pub(super) fn acme(
        &mut self,
        shape: Option<&AcmeShape>,
        authority: Option<PathBuf>,
    ) -> Option<Acme> {
        let Some(shape) = shape else {
            let problem = self.key_place(&["tls", "issuer"]).problem(
                "`issuer: acme` without an account",
                "expected `acme: {email: …, agree_to_terms: true}` beside it",
            );
            self.report(problem);
            return None;
        };
        let directory = shape.directory.as_deref().unwrap_or(Acme::LETS_ENCRYPT);
        let mut well = true;
        if !is_directory(directory) {
            well = false;
            let problem = self.place(&["tls", "acme", "directory"]).problem(
                format!("`{directory}` is not the URL of an ACME server's directory"),
                format!("expected something like `{}`", Acme::LETS_ENCRYPT),
            );
            self.report(problem);
        }
        // One that is missing has been reported.
        let email = shape.email.clone();
        if let Some(email) = email.as_deref().filter(|email| !is_email(email)) {
            well = false;
            let problem = self.place(&["tls", "acme", "email"]).problem(
                format!("`{email}` is not an e-mail address"),
                "expected something like `operations@example.com`",
            );
            self.report(problem);
        }
        if shape.agree_to_terms == Some(false) {
            well = false;
            let problem = self.place(&["tls", "acme", "agree_to_terms"]).problem(
                "an ACME server issues nothing to who does not agree to its terms of use",
                "expected `true`",
            );
            self.report(problem.hint(
                "Let's Encrypt's are at https://letsencrypt.org/repository/; `issuer: private` needs no one's",
            ));
        }
        shape.agree_to_terms.filter(|_| well)?;
        Some(Acme {
            email: email?,
            directory: directory.to_owned(),
            authority,
        })
    }

    /// Whether the ACME server finds the proxies: Let's Encrypt comes from the internet, by a name in public
    /// DNS. A server of one's own may stand anywhere.
    pub(super) fn acme_reaches(
        &mut self,
        file: &EnvironmentFile,
        certificate: Option<&TlsCertificate>,
        host_name: Option<&str>,
    ) -> bool {
        let Some(TlsCertificate::Acme(acme)) = certificate else {
            return true;
        };
        if !acme.is_lets_encrypt() {
            return true;
        }
        let hint = "`issuer: private` needs nobody outside; `acme.directory` may name an ACME server of your own";
        if let Some(name) = host_name.filter(|name| !is_public_name(name)) {
            let problem = self.place(&["tls", "host_name"]).problem(
                format!("`{name}` is no name in public DNS, where Let's Encrypt looks for it"),
                "expected a name in a domain of yours",
            );
            self.report(problem.hint(hint));
            return false;
        }
        let problem = if file.cloud == Some(CloudTarget::Local) {
            self.key_place(&["tls", "issuer"]).problem(
                "Let's Encrypt does not reach the local cloud",
                "expected `issuer: private`, or `acme.directory`",
            )
        } else if !Around::of(file).public_subnets {
            self.key_place(&["tls", "issuer"]).problem(
                "Let's Encrypt does not reach proxies without public addresses",
                "expected `issuer: private`, `certificate_file`, or `network.existing.public_subnets`",
            )
        } else {
            return true;
        };
        self.report(problem.hint(hint));
        false
    }
}

/// What reaches shell scripts on hosts besides consists of plain characters.
fn is_directory(url: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/%".contains(&byte);
    let rest = url.strip_prefix("https://").unwrap_or_default();
    rest.starts_with(|first: char| first.is_ascii_alphanumeric()) && rest.bytes().all(plain)
}

fn is_email(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._+".contains(&byte);
    text.split_once('@').is_some_and(|(who, host)| {
        !who.is_empty() && !who.starts_with('-') && who.bytes().all(plain) && is_host_name(host)
    })
}

fn is_public_name(name: &str) -> bool {
    let is_below = |end: &&str| {
        let before = name.strip_suffix(*end);
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    !NOT_PUBLIC.iter().any(is_below)
}

#[cfg(test)]
mod tests {
    use crate::spec::{Acme, Library, Spec, TlsCertificate};

    fn load(tls: &str, more: &str) -> Result<Spec, Vec<String>> {
        let text = format!("architecture: 1k\n{more}tls: {{{tls}}}\n");
        let loaded = Library::new(None).load_text("test", &text);
        loaded.map_err(|errors| {
            let problems = errors.problems.into_iter();
            problems.map(|problem| problem.message).collect()
        })
    }

    const ACCOUNT: &str = "acme: {email: ops@corp.io, agree_to_terms: true}";

    fn refused(tls: &str, more: &str) -> String {
        load(tls, more).unwrap_err().join("; ")
    }

    #[test]
    fn an_account_is_enough_for_lets_encrypt() {
        let spec = load(
            &format!("host_name: chat.corp.io, issuer: acme, {ACCOUNT}"),
            "",
        );
        let spec = spec.unwrap();
        let tls = spec.tls.unwrap();
        assert_eq!(
            tls.certificate,
            TlsCertificate::Acme(Acme {
                email: "ops@corp.io".to_owned(),
                directory: Acme::LETS_ENCRYPT.to_owned(),
                authority: None,
            })
        );
        assert!(tls.acme().is_some_and(Acme::is_lets_encrypt));
    }

    #[test]
    fn an_account_is_complete_or_refused() {
        let with = |acme: &str| {
            refused(
                &format!("host_name: chat.corp.io, issuer: acme, acme: {{{acme}}}"),
                "",
            )
        };
        let said = with("email: ops@corp.io, agree_to_terms: false");
        assert!(said.contains("terms of use"), "{said}");
        let said = with("email: ops@corp.io");
        assert!(said.contains("agree_to_terms"), "{said}");
        let said = with("email: '$(id)@corp.io', agree_to_terms: true");
        assert!(said.contains("is not an e-mail address"), "{said}");
        let said = with("email: ops@corp.io, agree_to_terms: true, directory: 'http://x/y'");
        assert!(said.contains("is not the URL"), "{said}");
        let said = refused("host_name: chat.corp.io, issuer: acme", "");
        assert!(said.contains("without an account"), "{said}");
        let said = refused(
            &format!("host_name: chat.corp.io, issuer: private, {ACCOUNT}"),
            "",
        );
        assert!(said.contains("not asked"), "{said}");
    }

    #[test]
    fn lets_encrypt_has_to_find_the_proxies() {
        let tls = format!("host_name: chat.corp.io, issuer: acme, {ACCOUNT}");
        let said = refused(&tls.replace("corp.io,", "corp.internal,"), "");
        assert!(said.contains("no name in public DNS"), "{said}");
        let said = refused(&tls.replace("chat.corp.io", "192.0.2.1"), "");
        assert!(said.contains("is an address"), "{said}");
        let said = refused(&tls, "cloud: local\n");
        assert!(said.contains("does not reach the local cloud"), "{said}");
        let inside = "network: {layout: private, existing: {vpc: vpc-0a1b2c3d4e5f60718, private_subnets: \
                      [subnet-0a1b2c3d4e5f60718, subnet-0a1b2c3d4e5f60719]}}\n";
        let said = refused(&tls, inside);
        assert!(said.contains("without public addresses"), "{said}");
        let said = refused(
            &tls,
            "load_balancer: alb\nsizes: {nodes: {proxy: {count: 0}, agent: {count: 0}}}\n",
        );
        assert!(said.contains("`tls` without proxies"), "{said}");
    }

    #[test]
    fn a_server_of_ones_own_may_stand_anywhere() {
        let own = "acme: {email: ops@corp.io, agree_to_terms: true, directory: 'https://acme.corp.internal:9000/dir'}";
        let tls = format!("host_name: chat.corp.internal, issuer: acme, {own}");
        assert!(load(&tls, "cloud: local\n").is_ok());
        let staging = Acme {
            email: String::new(),
            directory: "https://acme-staging-v02.api.letsencrypt.org/directory".to_owned(),
            authority: None,
        };
        assert!(staging.is_lets_encrypt());
        let other = Acme {
            directory: "https://letsencrypt.org.evil.net/directory".to_owned(),
            ..staging
        };
        assert!(!other.is_lets_encrypt());
    }
}
