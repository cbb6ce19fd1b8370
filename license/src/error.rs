//! Why a text is no license.

use crate::key::Issuer;

/// Why a text is no license.
#[derive(Debug, thiserror::Error)]
pub enum LicenseError {
    /// Not base64.
    #[error("it is not base64 text")]
    Encoding(#[source] base64::DecodeError),
    /// Nothing is in it.
    #[error("it is empty")]
    Empty,
    /// Shorter than a signature.
    #[error("it has {bytes} bytes, too few for a license and its signature")]
    Short {
        /// How many there are.
        bytes: usize,
    },
    /// Signed by none of the known keys, or changed since.
    #[error("its signature is not valid: nobody known signed it, or it was changed")]
    Signature,
    /// Signed by another issuer than the one that counts here.
    #[error("it is {}, and {} is needed", signed.license(), wanted.license())]
    Issuer {
        /// Who signed it.
        signed: Issuer,
        /// Who should have.
        wanted: Issuer,
    },
    /// Signed, but the text is not a license.
    #[error("its signed text is no license")]
    Text(#[source] serde_json::Error),
    /// The server refuses a license without this field.
    #[error("it says nothing of `{field}`, without which the server refuses it")]
    Missing {
        /// The field's name.
        field: &'static str,
    },
}
