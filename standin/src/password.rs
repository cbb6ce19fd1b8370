//! Password hashing at Mattermost's price (11.0 and later): PBKDF2-HMAC-SHA256
//! with 600,000 rounds, about half a second of one core, and the guard that
//! releases up to 11.7 hold over it. It may not know users or the database.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tokio::sync::Mutex;

/// Longest password that is accepted, in bytes.
pub(crate) const MAX_LENGTH: usize = 72;
/// Shortest password that is accepted, in bytes (`PasswordSettings` default).
pub(crate) const MIN_LENGTH: usize = 8;

const ROUNDS: NonZeroU32 = match NonZeroU32::new(600_000) {
    Some(rounds) => rounds,
    None => NonZeroU32::MIN,
};
const KEY_LENGTH: usize = 32;

/// Why a hash could not be made or checked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
    /// The stored text is not a PBKDF2 hash.
    #[error("stored password hash is not in the form `$pbkdf2$f=SHA256,w=…,l=…$salt$hash`")]
    Form,
    /// The thread that hashes has died.
    #[error("password hashing was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// One node's guard over password checks. Releases up to 11.7 check one
/// password at a time per node, so that a node's login rate is one over the
/// time of a hash whatever its processors; the stand-in does the same.
#[derive(Debug, Default)]
pub(crate) struct LoginGuard {
    turn: Mutex<()>,
}

impl LoginGuard {
    /// Waits for this node's turn. The caller keeps it over check and counter.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }
}

/// Hashes `password` with a new salt on a thread that may block.
///
/// # Errors
/// When the thread does not finish.
pub(crate) async fn hash(password: String) -> Result<String, PasswordError> {
    let phc = tokio::task::spawn_blocking(move || hash_with(&password, &rand::random(), ROUNDS));
    Ok(phc.await?)
}

/// Whether `password` is the one behind `stored`.
///
/// # Errors
/// When `stored` is not such a hash, or the thread does not finish.
pub(crate) async fn verify(password: String, stored: String) -> Result<bool, PasswordError> {
    tokio::task::spawn_blocking(move || verify_with(&password, &stored)).await?
}

fn hash_with(password: &str, salt: &[u8; 16], rounds: NonZeroU32) -> String {
    let mut key = [0; KEY_LENGTH];
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        rounds,
        salt,
        password.as_bytes(),
        &mut key,
    );
    let (salt, key) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(key));
    format!("$pbkdf2$f=SHA256,w={rounds},l={KEY_LENGTH}${salt}${key}")
}

fn verify_with(password: &str, stored: &str) -> Result<bool, PasswordError> {
    let parts: Vec<&str> = stored.split('$').collect();
    let ["", "pbkdf2", parameters, salt, key] = parts[..] else {
        return Err(PasswordError::Form);
    };
    let rounds = parameters
        .strip_prefix("f=SHA256,w=")
        .and_then(|rest| rest.split_once(",l=")?.0.parse().ok())
        .ok_or(PasswordError::Form)?;
    let salt = STANDARD_NO_PAD
        .decode(salt)
        .map_err(|_| PasswordError::Form)?;
    let key = STANDARD_NO_PAD
        .decode(key)
        .map_err(|_| PasswordError::Form)?;
    let same = pbkdf2::verify(
        pbkdf2::PBKDF2_HMAC_SHA256,
        rounds,
        &salt,
        password.as_bytes(),
        &key,
    );
    Ok(same.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEW: NonZeroU32 = NonZeroU32::new(10).unwrap();

    #[test]
    fn hash_has_mattermosts_form_and_cost() {
        let phc = hash_with("Passw0rd!", &[7; 16], ROUNDS);
        assert!(
            phc.starts_with("$pbkdf2$f=SHA256,w=600000,l=32$BwcHBwcHBwcHBwcHBwcHBw$"),
            "{phc}"
        );
        assert!(!phc.ends_with('='), "{phc}");
    }

    #[test]
    fn only_the_right_password_verifies() {
        let phc = hash_with("Passw0rd!", &[7; 16], FEW);
        assert!(verify_with("Passw0rd!", &phc).expect("form"));
        assert!(!verify_with("passw0rd!", &phc).expect("form"));
    }

    #[test]
    fn other_hashes_are_refused_not_accepted() {
        for stored in ["", "$2a$10$abcdef", "$pbkdf2$f=SHA256,w=x,l=32$AA$AA"] {
            assert!(
                matches!(verify_with("x", stored), Err(PasswordError::Form)),
                "{stored}"
            );
        }
    }
}
