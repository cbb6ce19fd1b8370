//! The services' published models, and what they say of a call: requests are held to them before
//! any rule is asked, and answers that are made here are held to them in tests.
//!
//! The models are `strict-cloud/models/*.json`, written by `cargo xtask models` from botocore's.
//! Knows no rule of a service beyond its model; pure but for the models, which are read once.
//!
//! ```text
//!  request ──► route (which operation) ──► decode (form, JSON, XML) ──► check ──► refusal
//!  answer  ────────────────────────────► answer (decode, unknown and mistyped members)
//! ```

mod answer;
mod check;
mod decode;
mod refusal;
mod request;
mod route;
mod shapes;
#[cfg(test)]
mod tests;
mod write;
mod xml;

pub use answer::{answer_violations, read_answer};
pub(crate) use refusal::held_to_model;
pub use shapes::{ModelOperation, ServiceModel};
pub use write::write_request;

use std::fmt;

/// Name of the header that a refusal by the model bears, with what was wrong: a test's client
/// can tell it from a refusal by a rule.
pub const VIOLATION_HEADER: &str = "x-strict-cloud-violation";

/// Which part of the model is violated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViolatedRule {
    /// The model has no such member.
    Unknown,
    /// It is of another type, which the model names.
    Type(String),
    /// It has to be there.
    Required,
    /// It is none of these.
    Enumeration(Vec<String>),
    /// It does not match this pattern.
    Pattern(String),
    /// It is shorter than this.
    Shortest(u64),
    /// It is longer than this.
    Longest(u64),
    /// It is less than this.
    Least(String),
    /// It is more than this.
    Most(String),
}

/// One thing that is not as the model has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelViolation {
    /// Where, in names of the model, as in `Tags.1.Key`.
    pub member: String,
    /// What it violates.
    pub rule: ViolatedRule,
    /// What is there; empty if nothing is.
    pub value: String,
    /// Whether it stands in the body; otherwise in path, query or headers.
    pub in_body: bool,
}

impl fmt::Display for ModelViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { member, value, .. } = self;
        match &self.rule {
            ViolatedRule::Unknown => write!(f, "`{member}` is unknown (`{value}`)"),
            ViolatedRule::Type(expected) => write!(f, "`{member}` is no {expected}: `{value}`"),
            ViolatedRule::Required => write!(f, "`{member}` is missing"),
            ViolatedRule::Enumeration(values) => {
                let some = values
                    .iter()
                    .take(6)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join(", ");
                let more = if values.len() > 6 { ", ..." } else { "" };
                write!(f, "`{member}` is `{value}`, none of {some}{more}")
            }
            ViolatedRule::Pattern(pattern) => {
                write!(f, "`{member}` is `{value}`, which does not match {pattern}")
            }
            ViolatedRule::Shortest(least) => {
                write!(f, "`{member}` is shorter than {least}: `{value}`")
            }
            ViolatedRule::Longest(most) => write!(f, "`{member}` is longer than {most}: `{value}`"),
            ViolatedRule::Least(least) => write!(f, "`{member}` is {value}, less than {least}"),
            ViolatedRule::Most(most) => write!(f, "`{member}` is {value}, more than {most}"),
        }
    }
}
