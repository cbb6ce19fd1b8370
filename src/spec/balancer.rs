//! What stands in front of the application nodes.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kind of load balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BalancerKind {
    /// nginx on the proxy hosts, with Mattermost's published settings.
    #[default]
    Nginx,
    /// An application load balancer of AWS.
    Alb,
}

/// Who can reach an application load balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// It has public addresses; its security group says who may use them.
    #[default]
    Public,
    /// It has private addresses only.
    Internal,
}

impl Scheme {
    /// As it stands in plans.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Public => "public",
            Scheme::Internal => "internal",
        }
    }
}

/// What stands in front of the application nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoadBalancer {
    /// nginx on the proxy hosts.
    #[default]
    Nginx,
    /// An application load balancer.
    Alb(Alb),
}

impl LoadBalancer {
    /// The application load balancer, if it is one.
    #[must_use]
    pub fn alb(&self) -> Option<&Alb> {
        match self {
            LoadBalancer::Nginx => None,
            LoadBalancer::Alb(alb) => Some(alb),
        }
    }
}

/// An application load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alb {
    /// Who can reach it.
    pub scheme: Scheme,
    /// With a certificate it speaks HTTPS on port 443, without one HTTP on port 80.
    pub certificate: Option<Certificate>,
    /// Seconds after which a connection on which nothing happens is closed.
    pub idle_timeout: u32,
}

impl Alb {
    /// The one port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        match self.certificate {
            Some(_) => 443,
            None => 80,
        }
    }
}

/// A certificate and the name that it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// ARN of the certificate in AWS Certificate Manager.
    pub arn: String,
    /// The name that people use, led to the load balancer by their own DNS.
    pub host_name: String,
    /// The authority, PEM, where it is not one that systems trust.
    pub authority: Option<PathBuf>,
}
