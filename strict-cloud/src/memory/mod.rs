//! An AWS account in memory that answers on the wire: a parsed HTTP request in, an HTTP answer
//! out. No sockets, no tasks, no clock of its own.
//!
//! The whole account is one value, [`AwsAccount`]. It can be cloned in the middle of anything, so a
//! client can be killed at every call it makes and each death continued in several ways, at the
//! price of a clone. It covers the operations that provision servers, databases, load balancers
//! and their like, not all of AWS: an operation, a parameter or a filter that it does not know is
//! refused, never ignored.
//!
//! ```text
//!  Call ──► account (time passes) ──► ec2 │ rds │ elb │ … ──► Reply
//!                    │                       │
//!                 schedule ◄─── what happens later (running, available, gone)
//! ```
//!
//! Sources: the API references of the services; where they leave a code or a state open, answers
//! that AWS was recorded to give.

mod account;
mod ec2;
mod elasticache;
mod elb;
mod form;
mod iam;
mod lag;
mod opensearch;
#[cfg(test)]
mod profile_tests;
mod rare;
mod rds;
mod refusing;
mod route53;
mod s3;
mod schedule;
mod servicequotas;
mod ssm;
mod sts;
#[cfg(test)]
mod tests;
mod upstream;
mod writer;

pub use account::{AccountResource, AwsAccount};
pub use ec2::ForeignInterface;
pub use rare::RareEvent;
pub use upstream::SharedAccount;
