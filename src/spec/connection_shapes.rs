//! The shapes of what the server talks to beyond the environment.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::ConnectionSecurity;

/// The mail server that takes the server's messages.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailShape {
    /// Host name or address.
    #[schemars(required, example = &"smtp.example.com")]
    pub(crate) server: Option<String>,
    /// TCP port. Default: 587 with `starttls`, 465 with `tls`, 25 with `none`.
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) port: Option<u16>,
    /// How the connection is protected. Default: `starttls`.
    pub(crate) security: Option<ConnectionSecurity>,
    /// The account at the mail server. Default: none.
    #[schemars(example = &"chat")]
    pub(crate) username: Option<String>,
    /// Environment variable, on the operator's machine, that holds its password.
    #[schemars(example = &"SMTP_PASSWORD")]
    pub(crate) password_env: Option<String>,
    /// File that holds it (relative to this file).
    #[schemars(example = &"./smtp.password")]
    pub(crate) password_file: Option<PathBuf>,
    /// Address that messages come from.
    #[schemars(required, example = &"chat@example.com")]
    pub(crate) from: Option<String>,
    /// Name that messages come from. Default: the name of the site.
    #[schemars(example = &"Chat")]
    pub(crate) from_name: Option<String>,
    /// Address that answers go to. Default: that of `from`.
    #[schemars(example = &"help@example.com")]
    pub(crate) reply_to: Option<String>,
    /// Address of the administrator, the account `sysadmin`, whom `verify` has the server write to. Default: one that
    /// nobody reads.
    #[schemars(example = &"operations@example.com")]
    pub(crate) administrator: Option<String>,
    /// The mailbox of that address, in which `verify` looks for the message. Default: none, and it does not look.
    pub(crate) mailbox: Option<MailboxShape>,
}

/// A mailbox that is read by IMAP, over TLS from the start.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailboxShape {
    /// Host name or address.
    #[schemars(required, example = &"imap.example.com")]
    pub(crate) server: Option<String>,
    /// TCP port. Default: 993.
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) port: Option<u16>,
    /// The account there.
    #[schemars(required, example = &"operations@example.com")]
    pub(crate) username: Option<String>,
    /// Environment variable, on the operator's machine, that holds its password.
    #[schemars(example = &"MAILBOX_PASSWORD")]
    pub(crate) password_env: Option<String>,
    /// File that holds it (relative to this file).
    #[schemars(example = &"./mailbox.password")]
    pub(crate) password_file: Option<PathBuf>,
    /// The authority that signed its certificate, PEM (relative to this file). Default: those of the operator's
    /// machine.
    #[schemars(example = &"./authority.pem")]
    pub(crate) authority_file: Option<PathBuf>,
}

/// The push proxy, which hands notifications to Apple and Google.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PushShape {
    /// Its URL: one of Mattermost's, or your own.
    #[schemars(required, example = &"https://global.push.mattermost.com")]
    pub(crate) server: Option<String>,
}

/// A directory of people, by LDAP.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LdapShape {
    /// Host name or address.
    #[schemars(required, example = &"ldap.example.com")]
    pub(crate) server: Option<String>,
    /// TCP port. Default: 636 with `tls`, otherwise 389.
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) port: Option<u16>,
    /// How the connection is protected. Default: `tls`.
    pub(crate) security: Option<ConnectionSecurity>,
    /// Where people are found.
    #[schemars(required, example = &"ou=people,dc=example,dc=com")]
    pub(crate) base_dn: Option<String>,
    /// The account that searches. Default: none, for a directory that anybody may search.
    #[schemars(example = &"cn=chat,dc=example,dc=com")]
    pub(crate) bind_username: Option<String>,
    /// Environment variable, on the operator's machine, that holds its password.
    #[schemars(example = &"LDAP_PASSWORD")]
    pub(crate) bind_password_env: Option<String>,
    /// File that holds it (relative to this file).
    #[schemars(example = &"./ldap.password")]
    pub(crate) bind_password_file: Option<PathBuf>,
    /// Who of those found may log in, as an LDAP filter. Default: everybody.
    #[schemars(example = &"(objectClass=person)")]
    pub(crate) user_filter: Option<String>,
    /// Attribute that never changes.
    #[schemars(required, example = &"entryUUID")]
    pub(crate) id_attribute: Option<String>,
    /// Attribute that people log in with. Default: that of `username_attribute`.
    #[schemars(example = &"uid")]
    pub(crate) login_id_attribute: Option<String>,
    /// Attribute of the user name.
    #[schemars(required, example = &"uid")]
    pub(crate) username_attribute: Option<String>,
    /// Attribute of the e-mail address.
    #[schemars(required, example = &"mail")]
    pub(crate) email_attribute: Option<String>,
}
