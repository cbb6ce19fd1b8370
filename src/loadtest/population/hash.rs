//! Passwords as Mattermost stores them.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};

use crate::spec::PasswordHash;

/// Iterations of PBKDF2, as servers from 11.0 on count them; they hash a password again at its first
/// login if it has another number.
const ITERATIONS: NonZeroU32 = match NonZeroU32::new(600_000) {
    Some(iterations) => iterations,
    None => NonZeroU32::MIN,
};
/// Bytes that are derived.
const KEY_BYTES: usize = 32;
/// The cost of bcrypt in servers before 11.0.
const BCRYPT_COST: u32 = 10;

/// The password of all accounts, and how the server hashes passwords.
#[derive(Clone, Debug)]
pub struct AccountHash {
    /// The password.
    pub password: SecretString,
    /// Salt of the hash: the same for the same environment, so that seeding again changes nothing.
    pub salt: [u8; 16],
    /// What the server hashes with.
    pub with: PasswordHash,
}

impl AccountHash {
    /// The hash as the server stores it. Takes a processor for half a second.
    ///
    /// # Errors
    /// When the password is too long for the hash.
    pub(super) fn stored(&self) -> Result<SecretString, String> {
        let password = self.password.expose_secret();
        match self.with {
            PasswordHash::Pbkdf2 | PasswordHash::Standin => {
                Ok(pbkdf2_text(password, &self.salt, ITERATIONS).into())
            }
            PasswordHash::Bcrypt => bcrypt::hash_with_salt(password, BCRYPT_COST, self.salt)
                .map(|parts| parts.format_for_version(bcrypt::Version::TwoA).into())
                .map_err(|error| error.to_string()),
        }
    }
}

/// The form of `server/channels/app/password/hashers/pbkdf2.go`.
fn pbkdf2_text(password: &str, salt: &[u8], iterations: NonZeroU32) -> String {
    let mut key = [0; KEY_BYTES];
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        iterations,
        salt,
        password.as_bytes(),
        &mut key,
    );
    let (salt, key) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(key));
    format!("$pbkdf2$f=SHA256,w={iterations},l={KEY_BYTES}${salt}${key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Python: `hashlib.pbkdf2_hmac("sha256", b"Passw0rd!", bytes([7]*16), 600000).hex()`
    #[test]
    fn the_server_reads_the_hash() {
        let account = AccountHash {
            password: "Passw0rd!".to_owned().into(),
            salt: [7; 16],
            with: PasswordHash::Pbkdf2,
        };
        let stored = account.stored().unwrap();
        assert_eq!(stored.expose_secret(), PBKDF2);
    }

    const PBKDF2: &str = "$pbkdf2$f=SHA256,w=600000,l=32$BwcHBwcHBwcHBwcHBwcHBw$mXJRw0Zhq/6PLbumLq2ri1nqyrWx9+rT7asHMneqtjY";

    #[test]
    fn servers_before_11_read_bcrypt() {
        let account = AccountHash {
            password: "Passw0rd!".to_owned().into(),
            salt: [7; 16],
            with: PasswordHash::Bcrypt,
        };
        let stored = account.stored().unwrap();
        let stored = stored.expose_secret();
        assert!(stored.starts_with("$2a$10$"), "{stored}");
        assert!(bcrypt::verify("Passw0rd!", stored).unwrap());
        assert!(!bcrypt::verify("passw0rd!", stored).unwrap());
    }
}
