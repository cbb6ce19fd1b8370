//! What a license file has to be, as the server sees it.

#![expect(
    clippy::expect_used,
    reason = "a test ends where something is not as expected"
)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mattermost_license::{
    Feature, Issuer, License, LicenseError, Sku, sign_for_standin, standin_license,
};

const DAY: i64 = 24 * 60 * 60 * 1000;

fn signed() -> String {
    sign_for_standin(&standin_license(&Sku::Advanced, 1000)).expect("signed")
}

#[test]
fn signed_license_is_read_back() {
    let (license, issuer) = License::read(signed().as_bytes()).expect("license");
    assert_eq!(issuer, Issuer::Standin);
    assert_eq!(license, standin_license(&Sku::Advanced, 1000));
    assert_eq!(license.seats(), 1000);
    assert!(license.features.has(Feature::Cluster));
    assert!(
        !standin_license(&Sku::Professional, 1)
            .features
            .has(Feature::Cluster)
    );
}

#[test]
fn same_license_gives_the_same_text() {
    assert_eq!(signed(), signed());
}

#[test]
fn line_breaks_are_no_part_of_it() {
    let mut wrapped = String::new();
    for line in signed().as_bytes().chunks(64) {
        wrapped.push_str(std::str::from_utf8(line).expect("ASCII"));
        wrapped.push_str("\r\n");
    }
    assert!(License::read(wrapped.as_bytes()).is_ok());
}

#[test]
fn changed_license_is_refused() {
    let mut bytes = STANDARD.decode(signed()).expect("base64");
    let at = bytes
        .windows(4)
        .position(|window| window == b"1000")
        .expect("seats");
    bytes[at] = b'9';
    let error = License::read(STANDARD.encode(bytes).as_bytes()).expect_err("changed");
    assert!(matches!(error, LicenseError::Signature), "{error}");
}

#[test]
fn standin_license_is_none_for_a_mattermost_server() {
    for wanted in [Issuer::Production, Issuer::Test] {
        let error = License::read_signed_by(signed().as_bytes(), wanted).expect_err("refused");
        assert!(
            error
                .to_string()
                .starts_with("it is a license of the stand-in server, and a "),
            "{error}"
        );
    }
}

#[test]
fn texts_that_are_no_licenses_are_told_apart() {
    for (text, expected) in [
        ("<html>", "it is not base64 text"),
        ("c2hvcnQ=", "it has 5 bytes"),
        ("\n", "it is empty"),
    ] {
        let error = License::read(text.as_bytes()).expect_err(text);
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[test]
fn expiry_and_grace_are_the_servers() {
    let mut license = standin_license(&Sku::Enterprise, 1);
    license.starts_at = 10 * DAY;
    license.expires_at = 100 * DAY;
    assert!(!license.is_started(9 * DAY) && license.is_started(11 * DAY));
    assert!(!license.is_expired(99 * DAY) && license.is_expired(100 * DAY + 1));
    assert!(!license.is_past_grace_period(109 * DAY));
    assert!(license.is_past_grace_period(111 * DAY));
    assert_eq!(license.days_left(98 * DAY + 1), 1);
    assert_eq!(license.days_left(101 * DAY), -1);
}

#[test]
fn seats_are_a_limit_only_where_the_license_says_so() {
    let mut license = standin_license(&Sku::Enterprise, 100);
    assert_eq!(license.user_limit(), None);
    license.is_seat_count_enforced = true;
    license.extra_users = Some(5);
    assert_eq!(license.user_limit(), Some(105));
}
