//! Amazon Web Services behind the engine's [`Cloud`]: what is desired to SDK calls, what
//! exists to a snapshot.
//!
//! The only module that names a type of the AWS SDK. One folder for each service. Knows
//! nothing of plans, hosts or the command line, and decides nothing: it carries out
//! one call and classifies what goes wrong. Waiting and repeating are the engine's business.

mod answer_status;
mod blockers;
mod client;
mod cloud;
mod connection;
pub mod credentials;
mod ec2;
mod elasticache;
mod elb;
mod error;
mod error_table;
mod iam;
mod idempotency;
mod leftovers;
#[cfg(target_os = "linux")]
pub mod local_cloud;
mod opensearch;
mod ownership;
mod pace;
mod preflight;
mod rds;
mod recent_changes;
mod request;
mod route53;
mod s3;
mod snapshot;
mod ssm;
mod tags;
mod unreachable;

pub use client::Aws;
pub use connection::Connection;
pub use error_table::{Refusal, class_by, class_of_code, refusals};
pub use s3::registry::Registry;
pub(crate) use unreachable::proxy_of;
