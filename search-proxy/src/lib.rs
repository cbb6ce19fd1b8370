//! The search proxy: one address inside the VPC in front of the search domain, on its own hosts (the
//! hidden command `loadrig search-proxy`).
//!
//! Mattermost does not sign its requests. This program does, with the role of its host, so that the
//! domain's access policy can name that role; connections to the domain are kept open. Knows nothing of
//! environments, plans or the cloud's API: a file says what is in front of what. A crate of its own, so
//! that it is optimized in every build: each search passes through it.

mod budget;
mod config;
mod credentials;
mod error;
mod failure;
mod forward;
mod metrics;
mod outage;
mod request_body;
mod serve;
mod sign;
mod spool;

pub use config::SearchProxyConfig;
pub use credentials::{CredentialsSource, HostRoleCredentials};
pub use error::SearchProxyError;
pub use serve::{SearchProxy, run};
