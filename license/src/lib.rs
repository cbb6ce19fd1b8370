//! License files of Mattermost: reading, checking and, for the stand-in server,
//! signing them.
//!
//! A license is base64 of a JSON text followed by a 256-byte RSA signature of that
//! text (PKCS #1 v1.5 over SHA-512), as `channels/utils/license.go` of the server
//! has it. This crate knows neither loadrig nor the stand-in, and no clock: the time
//! is told to it.

mod client;
mod error;
mod features;
mod key;
mod license;
mod sign;
mod tier;

pub use client::{client_license, sanitized_client_license};
pub use error::LicenseError;
pub use features::{Feature, Features};
pub use key::{Issuer, SIGNATURE_BYTES};
pub use license::{Customer, GRACE_DAYS, License, Limits};
pub use sign::{sign_for_standin, standin_license};
pub use tier::{Sku, Tier};
