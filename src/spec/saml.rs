//! Logging in through an identity provider, by SAML.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretSource;

/// An identity provider, and how people look to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamlProvider {
    /// Where people log in.
    pub idp_url: String,
    /// The provider's own id, the issuer of what it says.
    pub idp_descriptor_url: String,
    /// Where its metadata is.
    pub idp_metadata_url: Option<String>,
    /// The certificate that it signs with, PEM.
    pub idp_certificate: PathBuf,
    /// The server's id there; none for the URL that people come back to.
    pub service_provider_id: Option<String>,
    /// What the provider encrypts for, and the server signs with.
    pub own: Option<SamlCertificate>,
    /// Whether the server signs what it asks.
    pub sign_requests: bool,
    /// Whether the provider's signature is checked.
    pub verify_signature: bool,
    /// What the attributes of people are called.
    pub attributes: SamlAttributes,
    /// What stands on the button.
    pub button_text: Option<String>,
}

/// The server's certificate for an identity provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamlCertificate {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// Where its private key is found, PEM.
    pub key: SecretSource,
}

/// What an identity provider calls the attributes of people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the server's")]
pub struct SamlAttributes {
    pub email: String,
    pub username: String,
    pub id: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub nickname: Option<String>,
    pub position: Option<String>,
    pub locale: Option<String>,
    /// `NAME=VALUE` of those who are guests.
    pub guest: Option<String>,
}

/// Logging in through an identity provider, by SAML.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SamlShape {
    /// Where people log in: the provider's SAML SSO URL.
    #[schemars(required, example = &"https://idp.example.com/sso/saml")]
    pub(crate) idp_url: Option<String>,
    /// The provider's own id, the issuer of what it says.
    #[schemars(required, example = &"https://idp.example.com/metadata")]
    pub(crate) idp_descriptor_url: Option<String>,
    /// Where its metadata is. Default: none.
    #[schemars(example = &"https://idp.example.com/metadata.xml")]
    pub(crate) idp_metadata_url: Option<String>,
    /// The certificate that the provider signs with, PEM (relative to this file).
    #[schemars(required, example = &"./idp.pem")]
    pub(crate) idp_certificate_file: Option<PathBuf>,
    /// The server's id at the provider. Default: the URL that people come back to.
    #[schemars(example = &"https://chat.example.com/login/sso/saml")]
    pub(crate) service_provider_id: Option<String>,
    /// The server's certificate, for which the provider encrypts what it says, PEM (relative to this file).
    /// Default: none, and nothing is encrypted.
    #[schemars(example = &"./saml.pem")]
    pub(crate) certificate_file: Option<PathBuf>,
    /// File with its private key, PEM (relative to this file).
    #[schemars(example = &"./saml.key")]
    pub(crate) key_file: Option<PathBuf>,
    /// Environment variable, on the operator's machine, that holds the key.
    #[schemars(example = &"SAML_KEY")]
    pub(crate) key_env: Option<String>,
    /// Whether the server signs what it asks; needs a certificate. Default: `false`.
    pub(crate) sign_requests: Option<bool>,
    /// Whether the provider's signature is checked. Default: `true`.
    pub(crate) verify_signature: Option<bool>,
    /// Attribute of the e-mail address.
    #[schemars(required, example = &"email")]
    pub(crate) email_attribute: Option<String>,
    /// Attribute of the user name.
    #[schemars(required, example = &"username")]
    pub(crate) username_attribute: Option<String>,
    /// Attribute that never changes. Default: that of `email_attribute`.
    #[schemars(example = &"id")]
    pub(crate) id_attribute: Option<String>,
    /// Attribute of the first name. Default: none.
    pub(crate) first_name_attribute: Option<String>,
    /// Attribute of the last name. Default: none.
    pub(crate) last_name_attribute: Option<String>,
    /// Attribute of the nickname. Default: none.
    pub(crate) nickname_attribute: Option<String>,
    /// Attribute of the position. Default: none.
    pub(crate) position_attribute: Option<String>,
    /// Attribute of the language. Default: none.
    pub(crate) locale_attribute: Option<String>,
    /// Who are guests, as `NAME=VALUE`. Default: nobody.
    #[schemars(example = &"usertype=guest")]
    pub(crate) guest_attribute: Option<String>,
    /// What stands on the button. Default: the server's own.
    #[schemars(example = &"Company login")]
    pub(crate) button_text: Option<String>,
}
