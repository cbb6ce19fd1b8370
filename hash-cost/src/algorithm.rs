//! The hashes, as the servers compute them, and how the libraries that compute them here compare.

use std::hint::black_box;
use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use serde::{Deserialize, Serialize};

/// A hash that servers check passwords with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimedHash {
    /// PBKDF2-HMAC-SHA256 with 600,000 iterations by Go's library: Mattermost 11.0 and later.
    Pbkdf2,
    /// bcrypt at cost 10 by Go's library: Mattermost before 11.0.
    Bcrypt,
    /// PBKDF2 with 600,000 iterations by aws-lc: the stand-in server.
    Standin,
}

/// Iterations of PBKDF2.
const ITERATIONS: u32 = 600_000;
/// Cost of bcrypt: two to this power are its rounds.
const BCRYPT_COST: u32 = 10;
/// A whole hash takes as many of the pieces that are timed: a short piece is more likely to have the
/// processor for itself, and both hashes do the same over and over.
const PIECES: u32 = 10;
const BCRYPT_PIECES_LOG2: u32 = 3;
const PASSWORD: &[u8] = b"Passw0rd!";
const SALT: [u8; 16] = [7; 16];

/// What Go takes for a hash, over what the library here does.
#[derive(Clone, Copy, Debug)]
struct GoFactor {
    with_sha: f64,
    without_sha: f64,
}

/// Go 1.26 `crypto/pbkdf2` over aws-lc.
const PBKDF2_FACTOR: GoFactor = GoFactor {
    with_sha: 1.37,
    without_sha: 1.14,
};
/// Go's `golang.org/x/crypto/bcrypt` over the crate `bcrypt`.
const BCRYPT_FACTOR: f64 = 0.98;

impl TimedHash {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pbkdf2, Self::Bcrypt, Self::Standin];

    /// Computes one piece of a hash.
    pub(crate) fn compute_piece(self) {
        match self {
            Self::Bcrypt => {
                // The password has no zero byte and is short: there is no error to have.
                let cost = BCRYPT_COST - BCRYPT_PIECES_LOG2;
                let _ = black_box(bcrypt::hash_with_salt(PASSWORD, cost, SALT));
            }
            Self::Pbkdf2 | Self::Standin => {
                let mut key = [0; 32];
                let iterations = NonZeroU32::new(ITERATIONS / PIECES).unwrap_or(NonZeroU32::MIN);
                let hmac = pbkdf2::PBKDF2_HMAC_SHA256;
                pbkdf2::derive(hmac, iterations, &SALT, PASSWORD, &mut key);
                black_box(key);
            }
        }
    }

    /// What the server takes for a whole hash, by what a piece takes here.
    pub(crate) fn whole(self, piece: f64, has_sha: bool) -> f64 {
        match self {
            Self::Pbkdf2 => {
                let factor = match has_sha {
                    true => PBKDF2_FACTOR.with_sha,
                    false => PBKDF2_FACTOR.without_sha,
                };
                piece * f64::from(PIECES) * factor
            }
            Self::Bcrypt => piece * f64::from(1_u32 << BCRYPT_PIECES_LOG2) * BCRYPT_FACTOR,
            Self::Standin => piece * f64::from(PIECES),
        }
    }
}

/// Whether the processor has instructions for SHA-256, which Go and aws-lc use.
#[cfg(target_arch = "x86_64")]
pub(crate) fn has_sha() -> bool {
    std::arch::is_x86_feature_detected!("sha")
}

/// Every 64-bit ARM processor that anybody runs servers on has.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn has_sha() -> bool {
    cfg!(target_arch = "aarch64")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_add_up_to_a_hash() {
        assert_eq!(ITERATIONS % PIECES, 0);
        let rounds = |cost: u32| 1_u32 << cost;
        let pieces = rounds(BCRYPT_COST) / rounds(BCRYPT_COST - BCRYPT_PIECES_LOG2);
        let whole = TimedHash::Bcrypt.whole(1.0, true);
        assert!((whole - f64::from(pieces) * BCRYPT_FACTOR).abs() < 1e-9);
        assert!((TimedHash::Standin.whole(0.03, false) - 0.3).abs() < 1e-9);
    }
}
