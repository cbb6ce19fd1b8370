//! What the server talks to beyond the environment: hosts, addresses, and where passwords stand.

use std::path::PathBuf;

use super::balancer::is_host_name;
use super::services::is_variable;
use super::{Checker, Origin};
use crate::spec::connection_shapes::{LdapShape, MailShape, MailboxShape, PushShape};
use crate::spec::shape::MattermostShape;
use crate::spec::{
    ConnectionSecurity, LdapServer, LicenseSource, MailServer, Mailbox, SecretSource,
    ServerConnections, ServiceAccount,
};

/// An account as a section of the file gives it, and the names of its keys there.
struct AccountKeys {
    section: &'static [&'static str],
    names: [&'static str; 3],
    username: Option<String>,
    env: Option<String>,
    file: Option<PathBuf>,
}

impl Checker<'_> {
    /// What the file says of the services of others; `None` when something is wrong with it.
    pub(super) fn connections(
        &mut self,
        shape: &MattermostShape,
        origin: &Origin<'_>,
    ) -> Option<ServerConnections> {
        let mail = shape.mail.clone().map(|mail| self.mail(mail, origin));
        let push = shape.push.clone().map(|push| self.push(push));
        let ldap = shape.ldap.clone().map(|ldap| self.ldap(ldap, origin));
        let saml = shape.saml.clone().map(|saml| self.saml(saml, origin));
        // Each is `Some(None)` where it stands there and is wrong.
        Some(ServerConnections {
            mail: mail.map_or(Some(None), |mail| mail.map(Some))?,
            push: push.map_or(Some(None), |push| push.map(Some))?,
            ldap: ldap.map_or(Some(None), |ldap| ldap.map(Some))?,
            saml: saml.map_or(Some(None), |saml| saml.map(Some))?,
        })
    }

    /// Refuses directories and identity providers where there is no license.
    pub(super) fn logins_need_license(
        &mut self,
        connections: &ServerConnections,
        license: &LicenseSource,
    ) {
        let parts = [
            ("ldap", connections.ldap.is_some(), "directories"),
            ("saml", connections.saml.is_some(), "identity providers"),
        ];
        for (key, is_there, what) in parts {
            if is_there && !license.is_licensed() {
                let problem = self.key_place(&["mattermost", key]).problem(
                    format!("`{key}` without a license"),
                    format!("expected none: the server talks to {what} with a license alone"),
                );
                self.report(problem);
            }
        }
    }

    fn mail(&mut self, shape: MailShape, origin: &Origin<'_>) -> Option<MailServer> {
        let security = shape.security.unwrap_or(ConnectionSecurity::Starttls);
        let server = self.host(&["mail"], shape.server);
        let from = self.address("from", shape.from.clone());
        let mut optional = |key, address: Option<String>| match address {
            None => Some(None),
            given => self.address(key, given).map(Some),
        };
        let reply_to = optional("reply_to", shape.reply_to);
        // Servers keep addresses in lower case.
        let administrator = optional("administrator", shape.administrator)
            .map(|address| address.map(|address| address.to_lowercase()));
        let mailbox = match shape.mailbox {
            None => Some(None),
            Some(mailbox) => self.mailbox(mailbox, origin).map(Some),
        };
        let account = self.account(
            AccountKeys {
                section: &["mail"],
                names: ["username", "password_env", "password_file"],
                username: shape.username,
                env: shape.password_env,
                file: shape.password_file,
            },
            origin,
        );
        if let (Some(Some(_)), ConnectionSecurity::None) = (&account, security) {
            let problem = self.place(&["mattermost", "mail", "security"]).problem(
                "a password over a connection that everybody can read",
                "expected `starttls` or `tls`",
            );
            self.report(problem);
            return None;
        }
        if let (Some(Some(_)), Some(None)) = (&mailbox, &administrator) {
            let problem = self.key_place(&["mattermost", "mail", "mailbox"]).problem(
                "`mailbox` without the address that it is the mailbox of",
                "expected `administrator` beside it",
            );
            self.report(problem);
            return None;
        }
        Some(MailServer {
            server: server?,
            port: shape.port.unwrap_or(match security {
                ConnectionSecurity::None => 25,
                ConnectionSecurity::Starttls => 587,
                ConnectionSecurity::Tls => 465,
            }),
            security,
            account: account?,
            from: from?,
            from_name: self.line("mail", "from_name", shape.from_name)?,
            reply_to: reply_to?,
            administrator: administrator?,
            mailbox: mailbox?,
        })
    }

    /// A mailbox; what is missing has been reported.
    fn mailbox(&mut self, shape: MailboxShape, origin: &Origin<'_>) -> Option<Mailbox> {
        let section = &["mail", "mailbox"];
        let server = self.host(section, shape.server);
        let authority = match shape.authority_file {
            None => Some(None),
            Some(path) => {
                let place = ["mattermost", "mail", "mailbox", "authority_file"];
                self.file(&place, &path, origin).map(Some)
            }
        };
        let account = self.account(
            AccountKeys {
                section,
                names: ["username", "password_env", "password_file"],
                username: shape.username,
                env: shape.password_env,
                file: shape.password_file,
            },
            origin,
        );
        Some(Mailbox {
            server: server?,
            port: shape.port.unwrap_or(993),
            account: account??,
            authority: authority?,
        })
    }

    fn push(&mut self, shape: PushShape) -> Option<String> {
        let server = shape.server?;
        let host = server.strip_prefix("https://");
        let host = host.and_then(|rest| rest.split(['/', ':']).next());
        if host.is_some_and(is_host_name) && !server.contains(char::is_whitespace) {
            return Some(server);
        }
        let problem = self.place(&["mattermost", "push", "server"]).problem(
            format!("`{server}` is not the URL of a push proxy"),
            "expected something like `https://global.push.mattermost.com`",
        );
        self.report(problem);
        None
    }

    fn ldap(&mut self, shape: LdapShape, origin: &Origin<'_>) -> Option<LdapServer> {
        let security = shape.security.unwrap_or(ConnectionSecurity::Tls);
        let server = self.host(&["ldap"], shape.server);
        let account = self.account(
            AccountKeys {
                section: &["ldap"],
                names: ["bind_username", "bind_password_env", "bind_password_file"],
                username: shape.bind_username,
                env: shape.bind_password_env,
                file: shape.bind_password_file,
            },
            origin,
        );
        let base_dn = self.line("ldap", "base_dn", shape.base_dn)?;
        let id = self.line("ldap", "id_attribute", shape.id_attribute)?;
        let username = self.line("ldap", "username_attribute", shape.username_attribute)?;
        let login_id = self.line("ldap", "login_id_attribute", shape.login_id_attribute)?;
        let email = self.line("ldap", "email_attribute", shape.email_attribute)?;
        let user_filter = self.line("ldap", "user_filter", shape.user_filter)?;
        Some(LdapServer {
            server: server?,
            port: shape.port.unwrap_or(match security {
                ConnectionSecurity::Tls => 636,
                ConnectionSecurity::None | ConnectionSecurity::Starttls => 389,
            }),
            security,
            base_dn: base_dn?,
            account: account?,
            user_filter,
            id_attribute: id?,
            login_id_attribute: login_id.or_else(|| username.clone())?,
            username_attribute: username?,
            email_attribute: email?,
        })
    }

    /// A host; one that is missing has been reported.
    fn host(&mut self, section: &[&str], name: Option<String>) -> Option<String> {
        let name = name?;
        if is_host_name(&name) || name.parse::<std::net::Ipv4Addr>().is_ok() {
            return Some(name);
        }
        let problem = self.place(&key_of(section, &["server"])).problem(
            format!("`{name}` is not a host name"),
            "expected a name or an address alone, without a scheme and a port",
        );
        self.report(problem);
        None
    }

    fn address(&mut self, key: &str, address: Option<String>) -> Option<String> {
        let address = address?;
        let parts = address.split_once('@');
        let is_plain = |c: char| c.is_ascii_graphic() && !"<>()[],;:\"\\@".contains(c);
        if parts.is_some_and(|(who, host)| {
            !who.is_empty() && who.chars().all(is_plain) && is_host_name(host)
        }) {
            return Some(address);
        }
        let problem = self.place(&["mattermost", "mail", key]).problem(
            format!("`{address}` is not an e-mail address"),
            "expected something like `chat@example.com`",
        );
        self.report(problem);
        None
    }

    /// Text on one line; the outer `None` is a problem.
    pub(super) fn line(
        &mut self,
        section: &str,
        key: &str,
        text: Option<String>,
    ) -> Option<Option<String>> {
        self.one_line(&["mattermost", section, key], text)
    }

    fn one_line(&mut self, key: &[&str], text: Option<String>) -> Option<Option<String>> {
        let Some(text) = text else { return Some(None) };
        if !text.is_empty() && !text.chars().any(char::is_control) {
            return Some(Some(text));
        }
        let problem = self.place(key).problem(
            format!("`{}` cannot have this value", key.join(".")),
            "expected text on one line",
        );
        self.report(problem);
        None
    }

    /// An account with its password, or neither; the outer `None` is a problem.
    fn account(
        &mut self,
        keys: AccountKeys,
        origin: &Origin<'_>,
    ) -> Option<Option<ServiceAccount>> {
        let section = keys.section;
        let [username, env, file] = keys.names;
        let [of_username, of_env, of_file] = keys.names.map(|key| key_of(section, &[key]));
        let password = match (keys.env, keys.file) {
            (None, None) => None,
            (Some(name), None) if is_variable(&name) => Some(SecretSource::Env(name)),
            (Some(_), None) => {
                // What stands here may well be the password itself.
                let problem = self.place(&of_env).problem(
                    "this is not the name of an environment variable",
                    "expected letters, digits and `_`",
                );
                self.report(problem.hint("the variable holds the password, the YAML its name"));
                return None;
            }
            (None, Some(path)) => {
                let path = self.file(&of_file, &path, origin)?;
                Some(SecretSource::File(path))
            }
            (Some(_), Some(_)) => {
                let problem = self.place(&of_file).problem(
                    format!("both `{env}` and `{file}`"),
                    "expected one of the two",
                );
                self.report(problem);
                return None;
            }
        };
        match (keys.username, password) {
            (None, None) => Some(None),
            (Some(username), Some(password)) => {
                let username = self.one_line(&of_username, Some(username))??;
                Some(Some(ServiceAccount { username, password }))
            }
            _ => {
                let problem = self.key_place(&key_of(section, &[])).problem(
                    "an account without its password, or a password without its account",
                    format!("expected `{username}`, and `{env}` or `{file}`"),
                );
                self.report(problem);
                None
            }
        }
    }
}

/// The path of a key in a section below `mattermost`.
fn key_of<'a>(section: &[&'a str], key: &[&'a str]) -> Vec<&'a str> {
    [&["mattermost"], section, key].concat()
}

#[cfg(test)]
mod tests {
    use crate::spec::check::sample::{load, only_problem};
    use crate::spec::{ConnectionSecurity, SecretSource};

    const LDAP: &str = "server: ldap.example.com, base_dn: 'dc=example,dc=com', id_attribute: entryUUID, \
                        username_attribute: uid, email_attribute: mail";

    #[test]
    fn ports_follow_from_the_protection() {
        let spec = load("mail: {server: smtp.example.com, from: chat@example.com}").unwrap();
        let mail = spec.mattermost.connections.mail.unwrap();
        assert_eq!(
            (mail.port, mail.security),
            (587, ConnectionSecurity::Starttls)
        );
        let spec = load(
            "mail: {server: 10.0.0.5, from: a@example.com, security: tls, username: u, password_env: P}",
        );
        let mail = spec.unwrap().mattermost.connections.mail.unwrap();
        assert_eq!(mail.port, 465);
        let account = mail.account.unwrap();
        assert_eq!(account.password, SecretSource::Env("P".to_owned()));
        let spec = load(
            "mail: {server: smtp.example.com, from: a@example.com, administrator: b@example.com, \
             mailbox: {server: imap.example.com, username: b, password_env: P}}",
        );
        let mail = spec.unwrap().mattermost.connections.mail.unwrap();
        assert_eq!(mail.mailbox.unwrap().port, 993);
        let spec = load(&format!("ldap: {{{LDAP}}}")).unwrap();
        let ldap = spec.mattermost.connections.ldap.unwrap();
        assert_eq!((ldap.port, ldap.login_id_attribute.as_str()), (636, "uid"));
    }

    #[test]
    fn hosts_addresses_and_urls_are_checked() {
        for (text, message) in [
            (
                "mail: {server: 'smtp.example.com:25', from: a@example.com}",
                "`smtp.example.com:25` is not a host name",
            ),
            (
                "mail: {server: smtp.example.com, from: Chat}",
                "`Chat` is not an e-mail address",
            ),
            (
                "push: {server: 'http://push.example.com'}",
                "`http://push.example.com` is not the URL of a push proxy",
            ),
            (
                "mail: {server: smtp.example.com}",
                "`mattermost.mail` lacks the key `from`",
            ),
        ] {
            assert_eq!(only_problem(text), message);
        }
    }

    #[test]
    fn passwords_stand_elsewhere_and_are_not_sent_in_the_clear() {
        let mail = "server: smtp.example.com, from: a@example.com";
        for (text, message) in [
            (
                "username: u",
                "an account without its password, or a password without its account",
            ),
            (
                "username: u, password_env: 'hunter 2'",
                "this is not the name of an environment variable",
            ),
            (
                "username: u, password_env: P, security: none",
                "a password over a connection that everybody can read",
            ),
            ("administrator: Ops", "`Ops` is not an e-mail address"),
            (
                "mailbox: {server: imap.example.com, username: u, password_env: P}",
                "`mailbox` without the address that it is the mailbox of",
            ),
            (
                "administrator: b@example.com, mailbox: {server: imap.example.com, username: u}",
                "an account without its password, or a password without its account",
            ),
            (
                "administrator: b@example.com, mailbox: {server: 'imaps://imap', username: u, password_env: P}",
                "`imaps://imap` is not a host name",
            ),
        ] {
            assert_eq!(only_problem(&format!("mail: {{{mail}, {text}}}")), message);
        }
        let unlicensed = format!("unlicensed: accept\n  ldap: {{{LDAP}}}");
        assert_eq!(only_problem(&unlicensed), "`ldap` without a license");
    }

    #[test]
    fn what_a_section_sets_is_refused_as_a_setting() {
        let message = only_problem("config: {EmailSettings: {SMTPServer: a}}");
        assert_eq!(message, "`EmailSettings.SMTPServer` is set by loadrig");
    }
}
