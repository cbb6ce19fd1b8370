//! Hosts over SSH: what each role needs, rendered, shipped and applied.
//!
//! The only module that names the SSH library. Knows nothing of clouds: addresses and
//! endpoints come to it as facts.

mod agent;
mod apply;
mod authorities;
mod blob;
mod bundle;
mod bundle_error;
mod connect;
mod digest;
mod dsn;
mod error;
mod extras;
mod facts;
mod inspect;
mod keyring;
mod license;
mod passwords;
mod plugins;
mod psql;
mod roles;
mod saml;
mod serving;
mod session;
mod shell;
mod step;
mod templates;
mod texts;

pub use apply::Applied;
pub use authorities::authority_certificates;
pub use blob::Blob;
pub use bundle::Bundle;
pub use bundle_error::BundleError;
pub use digest::Digest;
pub use dsn::Dsns;
pub use error::HostError;
pub use extras::HostFile;
pub use facts::{
    DatabaseFacts, Endpoint, Facts, HostFacts, Payload, ServerPackage, TlsFacts, acme_authority,
    balancer_authority,
};
pub use inspect::{FileMode, HostInspection, UnitState};
pub use keyring::{Keyring, SshLogin, operator_public_key, public_key_file};
pub use license::ServerLicense;
pub use passwords::{PasswordProblem, ServerPasswords, mailbox_authority, read_password};
pub use plugins::PluginPackage;
pub use psql::PsqlDatabase;
pub use roles::{planned_settings, render};
pub use saml::SamlFiles;
pub use serving::Comparison;
pub use session::{Listen, Output, OutputLines, SshSession};
pub use shell::script_command;
pub use step::{BundleStep, File};
