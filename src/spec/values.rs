//! Values with a notation of their own: durations, address ranges, releases.
//!
//! Pure functions from text; the messages are fragments that finish "`key` …".

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::Ipv4Net;

use super::Release;

/// Whether RDS accepts a snapshot's name: 1 to 255 letters, digits and single hyphens, a
/// letter first; automated ones begin with `rds:`.
pub(crate) fn is_snapshot_name(name: &str) -> bool {
    let name = name.strip_prefix("rds:").unwrap_or(name);
    (1..=255).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !name.ends_with('-')
        && !name.contains("--")
}

/// `8h`, `90m`, `2d`, `1d12h` as a duration.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let mut seconds: u64 = 0;
    let mut rest = text;
    let mut last_unit = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = match rest[digits..].chars().next()? {
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            _ => return None,
        };
        if unit >= last_unit {
            return None;
        }
        last_unit = unit;
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[digits + 1..];
    }
    (last_unit != u64::MAX).then(|| Duration::from_secs(seconds))
}

/// The range of an environment that names none: a /16 of 10.0.0.0/8 that follows from the
/// name, 10.16 to 10.223. Lower ones are every tool's default, higher ones common in offices.
pub(crate) fn default_cidr(name: &str) -> Ipv4Net {
    // FNV-1a: fixed for ever, unlike the standard library's hasher.
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let second = u8::try_from(16 + hash % 208).unwrap_or(16);
    Ipv4Net::new_assert(Ipv4Addr::new(10, second, 0, 0), 16)
}

/// What an installation is made from; `None` when the text is none of the four forms.
#[expect(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "archives are spelled so; the error lists the forms"
)]
pub(crate) fn release(text: &str) -> Option<Release> {
    if text == "standin" {
        Some(Release::Standin)
    } else if is_version(text) {
        Some(Release::Version(text.to_owned()))
    } else if text.starts_with("https://") || text.starts_with("http://") {
        Some(Release::Url(text.to_owned()))
    } else if text.contains('/') || text.ends_with(".tar.gz") || text.ends_with(".tgz") {
        Some(Release::File(PathBuf::from(text)))
    } else {
        None
    }
}

/// `11.7.9`, `12.0.0-rc1`.
fn is_version(text: &str) -> bool {
    let (numbers, candidate) = match text.split_once("-rc") {
        Some((numbers, candidate)) => (numbers, Some(candidate)),
        None => (text, None),
    };
    let is_number = |part: &str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    numbers.split('.').count() == 3
        && numbers.split('.').all(is_number)
        && candidate.is_none_or(is_number)
}

/// What the names of canaries begin with: environments that `doctor` creates and removes by itself.
/// No YAML may name one so, since a canary that was left behind is removed without a question.
pub const CANARY_PREFIX: &str = "canary-";

/// Whether an environment of this name is a canary.
#[must_use]
pub fn is_canary(name: &str) -> bool {
    name.starts_with(CANARY_PREFIX)
}

/// What is wrong with the name of an environment.
pub(crate) fn name_fault(name: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() {
        Some("is empty")
    } else if name.chars().count() > 16 {
        Some("is longer than 16 characters")
    } else if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        Some("does not start with a lower-case letter")
    } else if !name.chars().all(allowed) {
        Some("contains characters other than lower-case letters, digits and hyphens")
    } else if name.ends_with('-') || name.contains("--") {
        Some("has a hyphen at its end or two in a row")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_in_falling_order() {
        let hours = |h: u64| Some(Duration::from_secs(h * 3600));
        assert_eq!(duration("8h"), hours(8));
        assert_eq!(duration("90m"), Some(Duration::from_mins(90)));
        assert_eq!(duration("1d12h"), hours(36));
        for wrong in [
            "",
            "8",
            "h",
            "8 h",
            "8h1d",
            "8h8h",
            "-1h",
            "8s",
            "99999999999999999999d",
        ] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_default_range_never_changes_for_a_name() {
        assert_eq!(default_cidr("demo").to_string(), "10.102.0.0/16");
        assert_ne!(default_cidr("a"), default_cidr("b"));
    }

    #[test]
    fn releases_are_distinguished_by_their_form() {
        assert_eq!(release("standin"), Some(Release::Standin));
        assert_eq!(release("11.7.9"), Some(Release::Version("11.7.9".into())));
        assert!(matches!(release("12.0.0-rc1"), Some(Release::Version(_))));
        assert!(matches!(
            release("https://x/y.tar.gz"),
            Some(Release::Url(_))
        ));
        assert!(matches!(release("./y.tar.gz"), Some(Release::File(_))));
        for wrong in ["11.7", "latest", "v11.7.9", "", "11.7.9.1", "11.7.9-beta"] {
            assert_eq!(release(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_fit_every_service() {
        for good in ["a", "demo", "nightly-esr", "a-b-c9", "gold-standard"] {
            assert_eq!(name_fault(good), None, "{good}");
        }
        for wrong in [
            "",
            "9a",
            "A",
            "a_b",
            "a-",
            "a--b",
            "-a",
            "a.b",
            "sixteen-plus-one-x",
            "ä",
        ] {
            assert!(name_fault(wrong).is_some(), "{wrong}");
        }
    }
}
