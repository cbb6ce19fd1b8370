//! What AWS refuses and what each refusal means: a row per code or message, a file per service.
//!
//! Each row names its source. A modelled error of an operation that we call has a row; what
//! has none is unknown and is reported with its text. The strict cloud answers with these
//! errors in tests.

mod common;
mod ec2;
mod elasticache;
mod elb;
mod iam;
mod lookup;
mod opensearch;
mod rds;
mod route53;
mod row;
mod s3;
mod service_quotas;
mod ssm;

pub use lookup::{class_by, class_of_code, refusals};
pub(in crate::aws) use lookup::{class_of_refusal, is_throttling};
pub use row::Row as Refusal;
