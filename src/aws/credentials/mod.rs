//! Where credentials come from, and how they are renewed.

mod mfa;
mod profile;
mod prompt;
mod renewal;
mod source;

pub use prompt::{NobodyToAsk, Prompt};

pub(in crate::aws) use renewal::Renewing;
pub use source::{CredentialMethod, CredentialSource};
