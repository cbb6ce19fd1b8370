//! Where credentials come from, and how they are renewed.

mod mfa;
mod renewal;
mod source;

pub(in crate::aws) use renewal::Renewing;
pub use renewal::{NobodyToAsk, Prompt};
pub use source::{Source, Way};
