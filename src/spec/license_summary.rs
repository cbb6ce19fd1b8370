//! What is said of a license, in the same words by every command: `validate`, `plan` and `up` say it of the
//! license that the environment names, `verify` of the one that the nodes have.

use jiff::Timestamp;

use super::edition::{LicensedPart, UNLICENSED_USERS};

/// Days before its end from which on a license is warned of.
const WARN_DAYS: i64 = 30;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What matters of a license to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenseSummary {
    /// The name of its edition, for example `Enterprise Advanced`.
    pub edition: String,
    /// How many users it is for.
    pub seats: i64,
    /// When it ends, milliseconds since 1970.
    pub ends_ms: i64,
}

/// Something to know of a license, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenseWarning {
    /// What is to be known.
    pub detail: String,
    /// What to do about it.
    pub remedy: String,
}

impl LicenseSummary {
    /// Full days from `now` to its end; negative after it.
    fn days_left(&self, now: Timestamp) -> i64 {
        (self.ends_ms - now.as_millisecond()).div_euclid(DAY_MS)
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.ends_ms < now.as_millisecond()
    }

    /// What to know of it for a size of so many users, at a time.
    #[must_use]
    pub fn warnings(&self, users: u32, now: Timestamp) -> Vec<LicenseWarning> {
        let mut found = Vec::new();
        let left = self.days_left(now);
        if left < WARN_DAYS {
            let day = license_day(self.ends_ms);
            let detail = match left {
                ..0 => format!("it ended on {day}"),
                0 => format!("it ends within a day, on {day}"),
                1 => format!("it ends in 1 day, on {day}"),
                days => format!("it ends in {days} days, on {day}"),
            };
            let remedy = "put the renewed license in its place and run `loadrig up`: it restarts the application nodes";
            found.push(LicenseWarning {
                detail,
                remedy: remedy.to_owned(),
            });
        }
        if self.seats < i64::from(users) {
            let remedy = "Mattermost's terms count active users; a load test creates as many as its scenario says";
            found.push(LicenseWarning {
                detail: format!("it is for {} users, and the size for {users}", self.seats),
                remedy: remedy.to_owned(),
            });
        }
        found
    }
}

impl std::fmt::Display for LicenseSummary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} for {} users until {}",
            self.edition,
            self.seats,
            license_day(self.ends_ms)
        )
    }
}

/// What is planned in place of the parts of a size that need a license; nothing where it has none.
#[must_use]
pub fn without_license(parts: &[LicensedPart]) -> Option<LicenseWarning> {
    if parts.is_empty() {
        return None;
    }
    let instead: Vec<String> = parts.iter().map(|part| part.instead()).collect();
    let mut remedy = "`mattermost.license_file` brings it all back".to_owned();
    let is_large = |part: &LicensedPart| matches!(part, LicensedPart::Users(users) if *users > 4 * UNLICENSED_USERS);
    if parts.iter().any(is_large) {
        remedy.push_str(
            "; instance types stay those of the size, so a smaller `architecture` costs less",
        );
    }
    Some(LicenseWarning {
        detail: format!("no license, so {}", instead.join("; ")),
        remedy,
    })
}

/// The day of a time in a license, which is in milliseconds since 1970.
#[must_use]
pub fn license_day(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(time) => time.strftime("%F").to_string(),
        Err(_) => format!("{ms} ms after 1970"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-29T12:00:00Z".parse().unwrap()
    }

    fn ending(days: i64) -> LicenseSummary {
        LicenseSummary {
            edition: "Enterprise".to_owned(),
            seats: 1000,
            ends_ms: now().as_millisecond() + days * DAY_MS,
        }
    }

    fn said(summary: &LicenseSummary, users: u32) -> Vec<String> {
        let warnings = summary.warnings(users, now());
        warnings.into_iter().map(|one| one.detail).collect()
    }

    #[test]
    fn a_license_is_warned_of_from_30_days_before_its_end() {
        assert_eq!(said(&ending(30), 1000), [""; 0]);
        assert_eq!(
            said(&ending(29), 1000),
            ["it ends in 29 days, on 2026-12-28"]
        );
        assert_eq!(said(&ending(1), 1000), ["it ends in 1 day, on 2026-11-30"]);
        assert_eq!(
            said(&ending(0), 1000),
            ["it ends within a day, on 2026-11-29"]
        );
        assert_eq!(said(&ending(-2), 1000), ["it ended on 2026-11-27"]);
        assert!(ending(-1).is_over(now()) && !ending(0).is_over(now()));
    }

    #[test]
    fn seats_that_are_fewer_than_users_are_warned_of() {
        assert_eq!(
            said(&ending(300), 2000),
            ["it is for 1000 users, and the size for 2000"]
        );
        assert_eq!(
            ending(12).to_string(),
            "Enterprise for 1000 users until 2026-12-11"
        );
    }

    #[test]
    fn what_is_left_out_is_one_sentence() {
        assert_eq!(without_license(&[]), None);
        let small = without_license(&[LicensedPart::Cluster(2), LicensedPart::Users(1000)]);
        let small = small.unwrap();
        assert!(
            small
                .detail
                .starts_with("no license, so 1 application node in place of 2; at most 250 users")
        );
        assert!(!small.remedy.contains("smaller"));
        let large = without_license(&[LicensedPart::Users(200_000)]).unwrap();
        assert!(large.remedy.contains("a smaller `architecture`"));
    }
}
