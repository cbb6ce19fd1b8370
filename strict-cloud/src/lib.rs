//! The strict cloud: stands between an AWS client and an emulator and adds what AWS does
//! and the emulator does not. It (a) refuses what AWS refuses, with AWS's codes; (b) lets
//! resources take their time and become visible late; (c) fails on purpose, by a seed.
//!
//! Calls that no rule knows are forwarded unchanged, so that any client can work through
//! it. The crate knows neither the names nor the tags of the programs that use it. Each
//! module says which AWS document its rules come from.
//!
//! [`StrictCloud::answer`] answers one [`Call`] in process. [`StrictCloud::serve`] is a thin
//! shell around it that listens on a socket. What stands behind is an [`Upstream`]: an
//! [`Emulator`] over HTTP, or anything else that answers calls.
//!
//! ```text
//!  socket ──► server ──┐
//!  in process ─────────┴► cloud ──► faults ──► tokens ──► rules ──► backend ──► upstream
//!                          │     (seed, buckets)      (ec2, rds, …)            (emulator)
//!                          └ observer                 ledger, clock
//! ```

mod account_profile;
mod backend;
mod buckets;
mod call;
mod clock;
mod cloud;
mod ec2;
mod elasticache;
mod elb;
mod emulator;
mod errors;
mod faults;
mod guardrails;
mod iam;
mod iam_linked;
mod ledger;
mod memory;
pub mod model;
mod offers;
mod opensearch;
mod promotion;
mod rds;
mod rds_changes;
mod rds_failover;
mod rds_groups;
mod refusals;
mod route53;
mod s3;
mod s3_buckets;
mod s3_deletions;
mod s3_expiration;
mod s3_path;
mod s3_versions;
mod server;
mod sts;
mod tokens;
mod upstream;
mod xml;

pub use account_profile::{AccountProfile, UnknownProfile};
pub use axum::body::{Body, to_bytes};
pub use call::{Call, WireProtocol};
pub use clock::Timing;
pub use cloud::{CallOutcome, Intervention, Moment, Observer, StrictCloud, StrictOptions};
pub use emulator::{Emulator, EmulatorError};
pub use faults::{Expiry, FaultPlan, Shortage};
pub use guardrails::Guardrail;
pub use memory::{AccountResource, AwsAccount, ForeignInterface, RareEvent, SharedAccount};
pub use refusals::{KnownRefusal, Meaning, known_refusals};
pub use upstream::{Upstream, UpstreamError};
