//! Settings of what the server talks to beyond its own services.

use serde::{Deserialize, Serialize};

/// `EmailSettings`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct EmailSettings {
    pub enable_sign_up_with_email: bool,
    pub enable_sign_in_with_email: bool,
    pub enable_sign_in_with_username: bool,
    #[serde(rename = "SMTPServer")]
    pub smtp_server: String,
    /// Text, as in Mattermost.
    #[serde(rename = "SMTPPort")]
    pub smtp_port: String,
    /// Empty, `STARTTLS` or `TLS`.
    pub connection_security: String,
    #[serde(rename = "EnableSMTPAuth")]
    pub enable_smtp_auth: bool,
    #[serde(rename = "SMTPUsername")]
    pub smtp_username: String,
    #[serde(rename = "SMTPPassword")]
    pub smtp_password: String,
    /// Whether any certificate of the mail server is accepted.
    pub skip_server_certificate_verification: bool,
    /// Whom messages come from.
    pub feedback_email: String,
    pub feedback_name: String,
    pub reply_to_address: String,
}

impl Default for EmailSettings {
    fn default() -> Self {
        Self {
            enable_sign_up_with_email: true,
            enable_sign_in_with_email: true,
            enable_sign_in_with_username: true,
            smtp_server: String::new(),
            smtp_port: "10025".to_owned(),
            connection_security: String::new(),
            enable_smtp_auth: false,
            smtp_username: String::new(),
            smtp_password: String::new(),
            skip_server_certificate_verification: false,
            feedback_email: "test@example.com".to_owned(),
            feedback_name: String::new(),
            reply_to_address: "test@example.com".to_owned(),
        }
    }
}

/// `LdapSettings`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct LdapSettings {
    pub enable: bool,
    pub enable_sync: bool,
    pub ldap_server: String,
    pub ldap_port: u16,
    /// Empty, `STARTTLS` or `TLS`.
    pub connection_security: String,
    pub skip_certificate_verification: bool,
    /// Where people are found.
    #[serde(rename = "BaseDN")]
    pub base_dn: String,
    /// The account that searches.
    pub bind_username: String,
    pub bind_password: String,
    /// Who of those found may log in.
    pub user_filter: String,
}

impl Default for LdapSettings {
    fn default() -> Self {
        Self {
            enable: false,
            enable_sync: false,
            ldap_server: String::new(),
            ldap_port: 389,
            connection_security: String::new(),
            skip_certificate_verification: false,
            base_dn: String::new(),
            bind_username: String::new(),
            bind_password: String::new(),
            user_filter: String::new(),
        }
    }
}

/// `SamlSettings`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct SamlSettings {
    pub enable: bool,
    pub service_provider_identifier: String,
    #[serde(rename = "AssertionConsumerServiceURL")]
    pub assertion_consumer_service_url: String,
    pub idp_certificate_file: String,
    pub public_certificate_file: String,
    pub private_key_file: String,
}
