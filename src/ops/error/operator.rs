//! Why the operator's address is not known.

use std::net::IpAddr;

use crate::diagnose::Diagnose;

/// AWS's own service that answers with the address it was asked from.
pub(in crate::ops) const CHECK_IP: &str = "https://checkip.amazonaws.com";

/// Why the operator's address is not known.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The service did not answer.
    #[error("cannot find your address: `{CHECK_IP}` does not answer{}: {cause}", through(proxy.as_deref()))]
    Ask {
        /// The proxy in use.
        proxy: Option<String>,
        /// The plain cause.
        cause: String,
    },
    /// It answered with something else.
    #[error("cannot find your address: {CHECK_IP} answered `{0}`, not an IPv4 address")]
    NoAddress(String),
    /// The system has no route to the environment's network.
    #[error("cannot find your address: there is no route to `{network}`")]
    NoRoute {
        /// Address range of the environment's network.
        network: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The route goes over IPv6.
    #[error("cannot find your address: the route to `{network}` is IPv6 (`{address}`)")]
    Ipv6 {
        /// Address range of the environment's network.
        network: String,
        /// Local address of that route.
        address: IpAddr,
    },
}

fn through(proxy: Option<&str>) -> String {
    proxy.map_or_else(String::new, |proxy| format!(" through the proxy `{proxy}`"))
}

impl Diagnose for OperatorError {
    fn hints(&self) -> Vec<String> {
        vec!["list the ranges that may reach SSH and the web under `access.operators`".to_owned()]
    }
}
