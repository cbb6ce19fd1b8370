//! What the server talks to beyond the environment: mail, push notifications, a directory of people, an
//! identity provider.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SamlProvider, SecretSource};

/// The services of others that the server uses; each only where the environment names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerConnections {
    /// The mail server.
    pub mail: Option<MailServer>,
    /// The push proxy's URL.
    pub push: Option<String>,
    /// The directory that people log in from.
    pub ldap: Option<LdapServer>,
    /// The identity provider that people log in through.
    #[serde(default)]
    pub saml: Option<SamlProvider>,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionSecurity {
    /// Not at all.
    None,
    /// TLS after the first words.
    Starttls,
    /// TLS from the start.
    Tls,
}

impl ConnectionSecurity {
    /// As the server's configuration spells it.
    #[must_use]
    pub fn as_setting(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Starttls => "STARTTLS",
            Self::Tls => "TLS",
        }
    }
}

/// A mail server that takes messages of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailServer {
    /// Host name or address.
    pub server: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub security: ConnectionSecurity,
    /// The account; none for a server that asks for none.
    pub account: Option<ServiceAccount>,
    /// Address that messages come from.
    pub from: String,
    /// Name that messages come from.
    pub from_name: Option<String>,
    /// Address that answers go to.
    pub reply_to: Option<String>,
    /// Address of the administrator; none for one that nobody reads.
    #[serde(default)]
    pub administrator: Option<String>,
    /// The mailbox of that address.
    #[serde(default)]
    pub mailbox: Option<Mailbox>,
}

/// A mailbox that is read by IMAP, over TLS from the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// Host name or address.
    pub server: String,
    /// TCP port.
    pub port: u16,
    /// Whose it is.
    pub account: ServiceAccount,
    /// The authority of its certificate, PEM, where it is not one that systems trust.
    pub authority: Option<PathBuf>,
}

/// An account at a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceAccount {
    /// Its name.
    pub username: String,
    /// Where its password is found.
    pub password: SecretSource,
}

/// A directory of people, by LDAP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LdapServer {
    /// Host name or address.
    pub server: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub security: ConnectionSecurity,
    /// Where people are found.
    pub base_dn: String,
    /// The account that searches; none for a directory that anybody may search.
    pub account: Option<ServiceAccount>,
    /// Who of those found may log in, as an LDAP filter.
    pub user_filter: Option<String>,
    /// Attribute that never changes.
    pub id_attribute: String,
    /// Attribute that people log in with.
    pub login_id_attribute: String,
    /// Attribute of the user name.
    pub username_attribute: String,
    /// Attribute of the e-mail address.
    pub email_attribute: String,
}
