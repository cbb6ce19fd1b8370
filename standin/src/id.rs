//! Identifiers and times in Mattermost's form. Knows nothing of the rest.

use std::time::{SystemTime, UNIX_EPOCH};

const ALPHABET: &[u8; 32] = b"ybndrfg8ejkmcpqxot1uwisza345h769";

/// A new id: 128 random bits in Mattermost's own base 32, 26 characters.
pub(crate) fn new_id() -> String {
    encode(rand::random())
}

fn encode(mut bits: u128) -> String {
    // 26 characters of 5 bits carry 130 bits: the last one holds 3 real bits,
    // in its upper part, as an unpadded base-32 text of 16 bytes does.
    let mut id = String::with_capacity(26);
    for _ in 0..26 {
        let top = (bits >> 123) as usize;
        id.push(char::from(ALPHABET[top]));
        bits <<= 5;
    }
    id
}

/// Whether `id` has the form of an id: 26 ASCII letters or digits.
pub(crate) fn is_valid_id(id: &str) -> bool {
    id.len() == 26 && id.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Milliseconds since 1970, the unit of every time in the API.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_valid_and_differ() {
        let (a, b) = (new_id(), new_id());
        assert!(is_valid_id(&a), "{a}");
        assert_ne!(a, b);
    }

    #[test]
    fn encoding_uses_the_alphabet_from_the_most_significant_bits() {
        assert_eq!(encode(0), "y".repeat(26));
        assert_eq!(encode(u128::MAX), format!("{}h", "9".repeat(25)));
    }

    #[test]
    fn ids_of_another_form_are_refused() {
        assert!(!is_valid_id("me"));
        assert!(!is_valid_id("aaaaaaaaaaaaaaaaaaaaaaaaa/"));
    }
}
