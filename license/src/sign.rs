//! Licenses of the stand-in server, signed with its own key. That key is public, see
//! the crate's README, and no Mattermost server knows it.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA512;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;

use crate::features::Features;
use crate::license::{Customer, License};
use crate::tier::Sku;

const PRIVATE: &str = include_str!("../keys/standin-private.pem");

/// 2026-01-01.
const FROM_MS: i64 = 1_767_225_600_000;

/// 2100-01-01.
const UNTIL_MS: i64 = 4_102_444_800_000;

/// A license of the stand-in for an edition and a number of users. The same arguments
/// give the same license, which lasts until 2100.
pub fn standin_license(sku: &Sku, users: i64) -> License {
    let enterprise = matches!(sku, Sku::E20 | Sku::Enterprise | Sku::Advanced | Sku::Entry);
    License {
        id: "standinstandinstandinstand".to_owned(),
        issued_at: FROM_MS,
        starts_at: FROM_MS,
        expires_at: UNTIL_MS,
        customer: Some(Customer {
            id: "standin".to_owned(),
            name: "mattermost-standin".to_owned(),
            email: "standin@loadrig.invalid".to_owned(),
            company: "loadrig".to_owned(),
        }),
        features: Features {
            users: Some(users),
            cluster: Some(enterprise),
            metrics: Some(enterprise),
            elastic_search: Some(enterprise),
            compliance: Some(enterprise),
            data_retention: Some(enterprise),
            message_export: Some(enterprise),
            ..Features::default()
        },
        sku_name: format!("Stand-in {}", sku.name()),
        sku_short_name: sku.short_name().to_owned(),
        is_trial: false,
        is_gov_sku: false,
        is_seat_count_enforced: false,
        extra_users: None,
        limits: None,
    }
}

/// The license as a file that the stand-in server accepts. The same license gives the
/// same text.
///
/// # Errors
/// When the license cannot be written as JSON or the key is damaged.
pub fn sign_for_standin(license: &License) -> std::io::Result<String> {
    let text = serde_json::to_vec(license)?;
    sign_text(text)
}

pub(crate) fn sign_text(mut text: Vec<u8>) -> std::io::Result<String> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(PRIVATE.as_bytes()).map_err(invalid)?;
    let key = KeyPair::from_pkcs8(key.secret_pkcs8_der()).map_err(invalid)?;
    let mut signature = vec![0; key.public_modulus_len()];
    loop {
        key.sign(
            &RSA_PKCS1_SHA512,
            &SystemRandom::new(),
            &text,
            &mut signature,
        )
        .map_err(invalid)?;
        if signature.last() != Some(&0) {
            break;
        }
        // Readers drop zeros at the end, as the server does, and with them a part of this
        // signature: one of 256 ends so. JSON may end in spaces.
        text.push(b' ');
    }
    text.extend(signature);
    Ok(STANDARD.encode(text))
}

fn invalid(error: impl std::fmt::Display) -> std::io::Error {
    std::io::Error::new(
        std::io::ErrorKind::InvalidData,
        format!("the stand-in's key does not sign: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Issuer, License};

    #[test]
    fn every_license_can_be_read_however_its_signature_ends() {
        // Of so many signatures, some end in a zero: one of 256 does.
        for seats in 1..=1500 {
            let text = sign_for_standin(&standin_license(&Sku::Enterprise, seats)).unwrap();
            let read = License::read_signed_by(text.as_bytes(), Issuer::Standin);
            assert_eq!(read.unwrap().seats(), seats);
        }
    }
}
