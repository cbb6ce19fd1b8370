//! Every secret of an environment, derived from one 32-byte seed.
//!
//! The seed lives in the cloud's own secret store; nothing derived from it needs to be
//! kept, so there is no state to lose. HKDF-SHA256 with one label for each purpose makes
//! the secrets independent: one that leaks tells nothing of the others.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;
use ssh_key::private::Ed25519Keypair;

use crate::diagnose::Diagnose;
use crate::spec::HostName;

/// Length of the seed, bytes.
const SEED_LENGTH: usize = 32;

/// The alphabet of generated passwords: it satisfies RDS and needs no escaping in an URL.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Length of generated passwords, characters (190 bits of entropy).
const PASSWORD_LENGTH: usize = 32;

/// A new random seed, base64.
#[must_use]
pub fn new_seed() -> SecretString {
    let bytes: [u8; SEED_LENGTH] = rand::random();
    SecretString::from(BASE64.encode(bytes))
}

/// Why there are no secrets.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The stored seed is not 32 bytes of base64.
    #[error("the environment's seed is not {SEED_LENGTH} bytes of base64")]
    Seed,
    /// A derived key could not be put in OpenSSH's format.
    #[error("cannot encode the key of `{of}`")]
    Key {
        /// Whose key.
        of: String,
        /// Why.
        #[source]
        source: ssh_key::Error,
    },
}

impl Diagnose for SecretsError {
    fn hints(&self) -> Vec<String> {
        match self {
            SecretsError::Seed => vec![
                "somebody changed the seed parameter in SSM Parameter Store; restore its earlier version (`aws ssm get-parameter-history`)".to_owned(),
            ],
            SecretsError::Key { .. } => vec![],
        }
    }
}

/// The secrets of an environment.
pub struct Secrets {
    seed: SecretBox<[u8; SEED_LENGTH]>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl Clone for Secrets {
    fn clone(&self) -> Self {
        Self {
            seed: SecretBox::new(Box::new(*self.seed.expose_secret())),
        }
    }
}

impl Secrets {
    /// The secrets that derive from a stored seed.
    ///
    /// # Errors
    /// When the seed is not 32 bytes of base64.
    pub fn from_seed(seed: &SecretString) -> Result<Self, SecretsError> {
        let bytes = BASE64
            .decode(seed.expose_secret().trim())
            .map_err(|_| SecretsError::Seed)?;
        let bytes: [u8; SEED_LENGTH] = bytes.try_into().map_err(|_| SecretsError::Seed)?;
        Ok(Self {
            seed: SecretBox::new(Box::new(bytes)),
        })
    }

    /// Password of the database's master user: 32 letters and digits.
    #[must_use]
    pub fn database_password(&self) -> SecretString {
        self.password("database-password")
    }

    /// Password of the server's first administrator: 32 letters and digits.
    #[must_use]
    pub fn admin_password(&self) -> SecretString {
        self.password("admin-password")
    }

    /// Password of the accounts that storms log in with: 32 letters and digits.
    #[must_use]
    pub fn storm_password(&self) -> SecretString {
        self.password("storm-password")
    }

    /// Salt of its hash, so that the same accounts are written the same way every time.
    #[must_use]
    pub fn storm_salt(&self) -> [u8; 16] {
        self.derive("storm-salt")
    }

    /// The server's `SqlSettings.AtRestEncryptKey`: 32 letters and digits.
    #[must_use]
    pub fn at_rest_key(&self) -> SecretString {
        self.password("at-rest-key")
    }

    /// The server's `FileSettings.PublicLinkSalt`: 32 letters and digits.
    #[must_use]
    pub fn public_link_salt(&self) -> SecretString {
        self.password("public-link-salt")
    }

    /// The operator's key, made for the environment.
    #[must_use]
    pub fn operator_key(&self) -> ssh_key::PrivateKey {
        self.key("operator-key", "loadrig")
    }

    /// A host's own key, known before its first boot.
    #[must_use]
    pub fn host_key(&self, host: HostName) -> ssh_key::PrivateKey {
        self.key(&format!("host-key/{host}"), &host.to_string())
    }

    fn password(&self, label: &str) -> SecretString {
        // Bytes past the largest multiple of the alphabet's size are dropped, so that all
        // characters are equally likely; 128 bytes leave 32 with near certainty, and a
        // further block is derived in the other case.
        let limit = u8::MAX - (u8::MAX % 62) - 1;
        let mut password = String::with_capacity(PASSWORD_LENGTH);
        let mut block = 0_u32;
        while password.len() < PASSWORD_LENGTH {
            let bytes: [u8; 128] = self.derive(&format!("{label}/{block}"));
            let letters = bytes.into_iter().filter(|byte| *byte <= limit);
            let room = PASSWORD_LENGTH - password.len();
            password.extend(
                letters
                    .take(room)
                    .map(|b| char::from(ALPHABET[usize::from(b % 62)])),
            );
            block += 1;
        }
        SecretString::from(password)
    }

    fn key(&self, label: &str, comment: &str) -> ssh_key::PrivateKey {
        let pair = Ed25519Keypair::from_seed(&self.derive(label));
        let mut key = ssh_key::PrivateKey::from(pair);
        key.set_comment(comment);
        key
    }

    /// 32 bytes for a purpose.
    pub(super) fn bytes(&self, label: &str) -> [u8; 32] {
        self.derive(label)
    }

    fn derive<const N: usize>(&self, label: &str) -> [u8; N] {
        // Asking for more is the only way in which the expansion can fail.
        const { assert!(N <= 255 * 32, "HKDF-SHA256 gives up to 8160 bytes") };
        let mut output = [0; N];
        let info = format!("loadrig/1/{label}");
        let _ = Hkdf::<Sha256>::new(None, self.seed.expose_secret())
            .expand(info.as_bytes(), &mut output);
        output
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn secrets(byte: u8) -> Secrets {
        let seed = SecretString::from(BASE64.encode([byte; SEED_LENGTH]));
        Secrets::from_seed(&seed).unwrap()
    }

    fn everything(secrets: &Secrets) -> Vec<String> {
        let host = |name: &str| secrets.host_key(name.parse().unwrap());
        let keys = [
            secrets.operator_key(),
            host("app-1"),
            host("app-2"),
            host("proxy-1"),
        ];
        let passwords = [
            secrets.database_password(),
            secrets.admin_password(),
            secrets.at_rest_key(),
            secrets.public_link_salt(),
        ];
        keys.iter()
            .map(|key| key.public_key().to_openssh().unwrap())
            .chain(passwords.iter().map(|p| p.expose_secret().to_owned()))
            .collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_secrets() {
        assert_eq!(everything(&secrets(7)), everything(&secrets(7)));
    }

    #[test]
    fn no_two_secrets_are_alike() {
        let all: Vec<String> = [everything(&secrets(7)), everything(&secrets(8))].concat();
        let distinct: BTreeSet<&String> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn derived_values_never_change_between_releases() {
        // A rig that runs would be locked out by a release that derives differently.
        insta::assert_snapshot!(secrets(7).database_password().expose_secret());
        insta::assert_snapshot!(secrets(7).operator_key().public_key().to_openssh().unwrap());
    }

    #[test]
    fn passwords_satisfy_rds() {
        for byte in 0..=255 {
            let password = secrets(byte).database_password();
            let password = password.expose_secret();
            assert_eq!(password.len(), PASSWORD_LENGTH);
            assert!(password.bytes().all(|b| ALPHABET.contains(&b)));
        }
    }

    #[test]
    fn a_seed_of_another_length_is_refused() {
        for text in ["", "AAAA", "not base64!", &BASE64.encode([0; 33])] {
            assert!(Secrets::from_seed(&SecretString::from(text.to_owned())).is_err());
        }
        assert!(Secrets::from_seed(&new_seed()).is_ok());
    }

    #[test]
    fn debug_output_holds_no_secret() {
        assert_eq!(format!("{:?}", secrets(7)), "Secrets { .. }");
    }
}
