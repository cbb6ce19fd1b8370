//! Declarative YAML (reference architectures and environments) to validated types.
//!
//! Knows nothing of AWS clients, SSH or the clock; only files and values.
//!
//! ```text
//! text -> document (tree with places) -> reader (against the schema) -> merge -> check -> Spec
//! ```

mod architecture;
mod balancer;
mod catalog;
mod check;
mod connection_shapes;
mod connections;
mod document;
mod edition;
mod embedded;
mod file;
mod foreign;
mod found;
mod gold_standard;
mod hashing;
mod host_extras;
mod init;
mod known_release;
mod library;
mod license_summary;
mod load;
mod login_cost;
mod login_gate;
mod measured_hash;
mod merge;
mod model;
mod network;
mod overlaid;
mod plan_down;
mod plugins;
mod prices;
mod problem;
mod reader;
pub mod regions;
mod reserved_paths;
mod saml;
mod schema;
mod server_config;
mod service_shapes;
mod services;
mod shape;
mod suggest;
mod tls;
mod values;

pub use architecture::Architecture;
pub use balancer::{Alb, BalancerKind, Certificate, LoadBalancer, Scheme};
pub use catalog::{Arch, Catalog, InstanceType, Table, catalog};
pub use connections::{
    ConnectionSecurity, LdapServer, MailServer, Mailbox, ServerConnections, ServiceAccount,
};
pub use edition::{LicenseSource, LicensedPart, ServiceEnvironment, UNLICENSED_USERS};
pub(crate) use file::{PathCheck, has_top_level_key, read_yaml, top_level_word};
pub(crate) use found::{read_file, read_limited};
pub use hashing::{HashCost, PasswordHash};
pub use host_extras::{ExtraFile, HostExtras};
pub use init::{InitError, InitFiles};
pub use library::{Checked, Library};
pub use license_summary::{LicenseSummary, LicenseWarning, license_day, without_license};
pub use login_cost::LoginCost;
pub use login_gate::{GateLimits, GateSetting, LoginGate};
pub use measured_hash::{HashTimeSource, MeasuredHashTime};
pub use model::*;
pub use network::{ExistingNetwork, Layout, Nat, Network, ZonePlacement};
pub use overlaid::OverlaidEnvironment;
pub use plugins::{PluginSource, ServerPlugin};
pub use prices::{HOURS_PER_MONTH, Price, PriceSource, PricedItem, Prices};
pub(crate) use problem::SourceText;
pub use problem::{Problem, SpecErrors};
pub(crate) use reader::{DURATION, LONGEST, SHORTEST};
pub(crate) use regions::is_region_shaped;
#[cfg(test)]
pub(crate) use reserved_paths::reserved;
pub use saml::{SamlAttributes, SamlCertificate, SamlProvider};
pub(crate) use schema::generate as schema_of;
pub use schema::{architecture_schema, environment_schema};
pub use server_config::{
    CONNECTION_SETTINGS, KnownSettings, OWNED_SETTINGS, OwnedSetting, PURPOSE_SETTINGS,
    PlannedSetting, PlannedValue, PurposeSetting, ServerConfig, SettingKind, SettingMaster,
    SettingSource, SettingValue, known_settings, setting_text, setting_variable,
};
pub(crate) use server_config::{config_schema, is_secret_setting};
pub use services::{
    CacheEngine, CacheService, DatabaseEngine, DatabaseService, ExistingDatabase, FilesService,
    Masters, Protection, Purpose, STRIPED_GIB, STRIPED_IOPS, STRIPED_MIBPS, SearchService,
    SecretSource, Services, VolumePerformance, search_zones,
};
pub(crate) use shape::CertificateIssuer;
pub(crate) use suggest::{is_size_like, or_expected};
pub use tls::{Acme, ProxyTls, TlsCertificate};
pub(crate) use values::name_fault;
pub use values::{CANARY_PREFIX, is_canary};
