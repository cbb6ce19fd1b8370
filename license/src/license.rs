//! The license: what is in it, and how it is read from a file's bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::error::LicenseError;
use crate::features::Features;
use crate::key::{Issuer, SIGNATURE_BYTES};
use crate::tier::Sku;

/// Days that a server goes on with an expired license: `LicenseGracePeriod` in
/// `public/model/license.go`.
pub const GRACE_DAYS: i64 = 10;

pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A license as it was signed. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct License {
    /// 26 characters, another for each license.
    pub id: String,
    /// When it was made.
    #[serde(default)]
    pub issued_at: i64,
    /// From when it counts.
    #[serde(default)]
    pub starts_at: i64,
    /// Until when.
    #[serde(default)]
    pub expires_at: i64,
    /// Who bought it.
    #[serde(default)]
    pub customer: Option<Customer>,
    /// Seats and features.
    pub features: Features,
    /// The edition's name, for people.
    #[serde(default)]
    pub sku_name: String,
    /// The edition's name, for programs.
    #[serde(default)]
    pub sku_short_name: String,
    /// Made for trying the server out.
    #[serde(default)]
    pub is_trial: bool,
    /// Of an edition for governments.
    #[serde(default)]
    pub is_gov_sku: bool,
    /// Whether the server refuses more users than it has seats.
    #[serde(default)]
    pub is_seat_count_enforced: bool,
    /// Seats beyond the bought ones before users are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_users: Option<i64>,
    /// What is limited, for example the history of posts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// Who bought a license.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Customer {
    /// Their id with Mattermost.
    pub id: String,
    /// A person.
    pub name: String,
    /// That person's e-mail address.
    pub email: String,
    /// The company.
    pub company: String,
}

/// What a license limits; 0 is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// How many of the newest posts can be read.
    pub post_history: i64,
}

impl License {
    /// Reads a license as the server does, and tells who signed it. Line breaks
    /// anywhere are no part of it.
    ///
    /// # Errors
    /// When the text is no license, or nobody known signed it.
    pub fn read(text: &[u8]) -> Result<(Self, Issuer), LicenseError> {
        let (text, signature) = split(text)?;
        let issuer = Issuer::ALL
            .into_iter()
            .find(|issuer| issuer.signed(&text, &signature))
            .ok_or(LicenseError::Signature)?;
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(LicenseError::Text)?;
        if value.get("features").is_none_or(serde_json::Value::is_null) {
            return Err(LicenseError::Missing { field: "features" });
        }
        let license: Self = serde_json::from_value(value).map_err(LicenseError::Text)?;
        if license.features.users.is_none() {
            return Err(LicenseError::Missing {
                field: "features.users",
            });
        }
        Ok((license, issuer))
    }

    /// Reads a license that `wanted` has to have signed.
    ///
    /// # Errors
    /// As [`License::read`], and when another issuer signed it.
    pub fn read_signed_by(text: &[u8], wanted: Issuer) -> Result<Self, LicenseError> {
        let (license, signed) = Self::read(text)?;
        if signed == wanted {
            Ok(license)
        } else {
            Err(LicenseError::Issuer { signed, wanted })
        }
    }

    /// Whether it has ended at `now_ms`.
    pub fn is_expired(&self, now_ms: i64) -> bool {
        self.expires_at < now_ms
    }

    /// Whether it has begun at `now_ms`.
    pub fn is_started(&self, now_ms: i64) -> bool {
        self.starts_at < now_ms
    }

    /// Whether the server drops it at `now_ms`.
    pub fn is_past_grace_period(&self, now_ms: i64) -> bool {
        now_ms - self.expires_at > GRACE_DAYS * DAY_MS
    }

    /// Full days from `now_ms` to its end; negative after it.
    pub fn days_left(&self, now_ms: i64) -> i64 {
        (self.expires_at - now_ms).div_euclid(DAY_MS)
    }

    /// How many users it is for.
    pub fn seats(&self) -> i64 {
        self.features.users.unwrap_or(0)
    }

    /// The most users that the server lets in, where it counts them.
    pub fn user_limit(&self) -> Option<i64> {
        self.is_seat_count_enforced
            .then(|| self.seats() + self.extra_users.unwrap_or(0))
    }

    /// Its edition.
    pub fn sku(&self) -> Sku {
        Sku::new(&self.sku_short_name)
    }
}

/// The signed text and the signature.
fn split(text: &[u8]) -> Result<(Vec<u8>, Vec<u8>), LicenseError> {
    // Go's decoder passes over line breaks; an editor leaves spaces at the end.
    let text: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    if text.is_empty() {
        return Err(LicenseError::Empty);
    }
    let mut bytes = STANDARD.decode(text).map_err(LicenseError::Encoding)?;
    // As the server does, which decodes into a buffer that is too long.
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    if bytes.len() <= SIGNATURE_BYTES {
        return Err(LicenseError::Short { bytes: bytes.len() });
    }
    let signature = bytes.split_off(bytes.len() - SIGNATURE_BYTES);
    Ok((bytes, signature))
}
