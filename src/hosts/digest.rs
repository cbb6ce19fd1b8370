//! Digests by which hosts remember what was applied.

use sha2::{Digest as _, Sha256};

/// SHA-256, lower-case hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest(String);

impl Digest {
    /// The digest of a list of parts. Lists that differ only in where one part ends and
    /// the next begins have different digests.
    #[must_use]
    pub fn of<T: AsRef<[u8]>>(parts: &[T]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            let part = part.as_ref();
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hex::encode(hash.finalize()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The plain SHA-256 of some bytes, as `sha256sum` prints it.
pub(super) fn sha256(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lists_of_parts_differ_if_and_only_if_their_digests_do(
            left in proptest::collection::vec("[a-c]{0,3}", 0..4),
            right in proptest::collection::vec("[a-c]{0,3}", 0..4),
        ) {
            prop_assert_eq!(left == right, Digest::of(&left) == Digest::of(&right));
        }
    }

    #[test]
    fn plain_digests_are_those_of_sha256sum() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b""), empty);
    }
}
