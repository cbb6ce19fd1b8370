//! What it costs a host to check a password: as it was measured there, or by instance type from a
//! table.
//!
//! The table is `prices/hashing.yaml`, part of the program; it says what was measured and what is
//! derived. Knows nothing of environments.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// How a server hashes passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordHash {
    /// PBKDF2 with 600,000 iterations: Mattermost 11.0 and later.
    Pbkdf2,
    /// bcrypt at cost 10: Mattermost before 11.0.
    Bcrypt,
    /// PBKDF2 with 600,000 iterations, by the stand-in server's library.
    Standin,
}

/// What a login costs beyond its hash: of a real server 11.2.0 that takes 0.163 s for a hash, a whole login took
/// 0.18 to 0.23 s.
const LOGIN_OVER_HASH: f64 = 1.25;
/// A login on a host whose hash was measured may cost by this factor less than the middle, or more.
const MEASURED_UNCERTAINTY: f64 = 1.08;
/// Where logins themselves were measured, one after the other at a node that has nothing else to do.
const LOGIN_UNCERTAINTY: f64 = 1.01;
/// Where the hash is the table's: nobody measured that host.
const TABLE_UNCERTAINTY: f64 = 1.25;
/// The share of what the nodes can do, on the dear side, that a gate lets through; at more the queue
/// moves to the nodes, which hash for clients that have gone.
const HEADROOM: f64 = 0.95;
/// The same where logins were measured and nothing is left to estimate.
const MEASURED_HEADROOM: f64 = 0.99;

/// What checking one password costs a host.
#[derive(Clone, Debug, PartialEq)]
pub struct HashCost {
    /// Seconds of one vCPU for the hash alone, as measured or as in the table.
    pub hash: f64,
    /// Seconds of one vCPU for the login, on the dear side of what is uncertain.
    pub seconds: f64,
    /// By so many times the middle is less than `seconds`, and the cheap side less than the middle.
    pub uncertainty: f64,
    /// The share of what the nodes can do at `seconds` for each that a gate lets through.
    pub headroom: f64,
    /// Where the figure comes from.
    pub basis: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct HashTable {
    measured: MeasuredHash,
    margin: f64,
    unlisted_margin: f64,
    families: BTreeMap<String, Family>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct MeasuredHash {
    sha: HashSeconds,
    plain: HashSeconds,
}

/// What each hash takes, seconds of one vCPU.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct HashSeconds {
    pbkdf2: f64,
    bcrypt: f64,
    standin: f64,
}

impl HashSeconds {
    fn of(&self, hash: PasswordHash) -> f64 {
        match hash {
            PasswordHash::Pbkdf2 => self.pbkdf2,
            PasswordHash::Bcrypt => self.bcrypt,
            PasswordHash::Standin => self.standin,
        }
    }
}

/// Whether a processor has SHA extensions, which Go's SHA-256 is 2.5 times as fast with.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ProcessorClass {
    Sha,
    Plain,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    class: ProcessorClass,
    processor: String,
    /// What `loadrig measure-hash` measured on one; its class counts otherwise.
    measured: Option<HashSeconds>,
}

impl HashCost {
    /// The cost on an EC2 instance type, by the table.
    #[must_use]
    pub fn of(instance_type: &str, hash: PasswordHash) -> Self {
        table().cost(instance_type, hash)
    }

    /// Seconds of one vCPU for the hash alone, as the table has it for processors with or without SHA
    /// extensions.
    #[must_use]
    pub fn of_processor(has_sha: bool, hash: PasswordHash) -> f64 {
        let measured = &table().measured;
        match has_sha {
            true => measured.sha.of(hash),
            false => measured.plain.of(hash),
        }
    }

    /// The cost where the hash was measured.
    ///
    /// `seconds` are those of the hash; `whence` says where it was measured.
    #[must_use]
    pub fn measured(seconds: f64, whence: &str) -> Self {
        Self {
            hash: seconds,
            seconds: seconds * LOGIN_OVER_HASH,
            uncertainty: MEASURED_UNCERTAINTY,
            headroom: HEADROOM,
            basis: format!(
                "{whence}: {seconds:.3} s for the hash, times {LOGIN_OVER_HASH} for the rest of a login"
            ),
        }
    }
}

impl HashCost {
    /// The cost where logins were measured at a node, `seconds` for each.
    #[must_use]
    pub fn of_measured_login(seconds: f64, whence: &str) -> Self {
        Self {
            hash: seconds / LOGIN_OVER_HASH,
            seconds: seconds * LOGIN_UNCERTAINTY,
            uncertainty: LOGIN_UNCERTAINTY,
            headroom: MEASURED_HEADROOM,
            basis: format!("{whence}: {seconds:.3} s for each login"),
        }
    }
}

impl HashTable {
    fn cost(&self, instance_type: &str, hash: PasswordHash) -> HashCost {
        let family = instance_type.split('.').next().unwrap_or(instance_type);
        let known = self.families.get(family);
        if let Some(known) = known
            && let Some(measured) = &known.measured
        {
            let whence = format!("{instance_type}: {}, measured on one", known.processor);
            return HashCost::measured(measured.of(hash), &whence);
        }
        let (class, margin, basis) = match known {
            Some(known) => (
                known.class,
                self.margin,
                format!("{instance_type}: {}", known.processor),
            ),
            None => (
                class_of_generation(family),
                self.unlisted_margin,
                format!("{instance_type}: not in the table, judged by its generation"),
            ),
        };
        let seconds = match class {
            ProcessorClass::Sha => self.measured.sha.of(hash),
            ProcessorClass::Plain => self.measured.plain.of(hash),
        };
        HashCost {
            hash: seconds,
            seconds: seconds * margin,
            uncertainty: TABLE_UNCERTAINTY,
            headroom: HEADROOM,
            basis: format!("{basis}; derived from a measurement, with a margin of {margin}"),
        }
    }
}

/// EC2's processors from the sixth generation on have SHA extensions; T3 and older ones, and
/// names without a number, are taken for slow.
fn class_of_generation(family: &str) -> ProcessorClass {
    let digits = family
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit);
    match digits.collect::<String>().parse::<u32>() {
        Ok(generation) if generation >= 6 => ProcessorClass::Sha,
        _ => ProcessorClass::Plain,
    }
}

fn table() -> &'static HashTable {
    // A table that does not parse is caught by the test below, never by a user.
    static TABLE: LazyLock<HashTable> =
        LazyLock::new(|| serde_yaml::from_str(TEXT).unwrap_or_default());
    &TABLE
}

const TEXT: &str = include_str!("../../prices/hashing.yaml");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Arch, catalog};

    #[test]
    fn the_table_parses_and_lists_every_family_that_hosts_may_have() {
        let table: HashTable = serde_yaml::from_str(TEXT).unwrap();
        assert!(table.margin > 1.0 && table.unlisted_margin > table.margin);
        for (name, kind) in &catalog().ec2.types {
            let family = name.split('.').next().unwrap();
            assert!(
                kind.arch == Arch::Arm64 || table.families.contains_key(family),
                "{name} has no hash cost"
            );
        }
    }

    #[test]
    fn an_unlisted_type_is_judged_by_its_generation_and_says_so() {
        let listed = HashCost::of("c7i.large", PasswordHash::Pbkdf2);
        let newer = HashCost::of("c9x.large", PasswordHash::Pbkdf2);
        let older = HashCost::of("m4.large", PasswordHash::Pbkdf2);
        assert!(listed.seconds < newer.seconds && newer.seconds < older.seconds);
        assert!(newer.basis.contains("not in the table"), "{}", newer.basis);
        assert!(listed.basis.contains("Sapphire Rapids"));
    }

    #[test]
    fn a_family_that_was_measured_has_its_own_cost() {
        let line = "c7i: { class: sha, processor: Intel Sapphire Rapids }";
        assert!(TEXT.contains(line));
        let measured = line.replace(
            " }",
            ", measured: { pbkdf2: 0.1, bcrypt: 0.2, standin: 0.3 } }",
        );
        let table: HashTable = serde_yaml::from_str(&TEXT.replace(line, &measured)).unwrap();
        let cost = table.cost("c7i.large", PasswordHash::Bcrypt);
        assert!((cost.hash - 0.2).abs() < 1e-9 && (cost.seconds - 0.25).abs() < 1e-9);
        assert!(cost.basis.contains("measured on one"), "{}", cost.basis);
        let other = table.cost("m7i.large", PasswordHash::Bcrypt);
        assert_eq!(other, HashCost::of("m7i.large", PasswordHash::Bcrypt));
        assert!(cost.uncertainty < other.uncertainty);
    }

    #[test]
    fn processors_without_sha_extensions_need_longer_for_pbkdf2_alone() {
        let of = |kind: &str, hash| HashCost::of(kind, hash).seconds;
        assert!(of("t3.large", PasswordHash::Pbkdf2) > 2.0 * of("c7i.large", PasswordHash::Pbkdf2));
        let (slow, fast) = (
            of("t3.large", PasswordHash::Bcrypt),
            of("c7i.large", PasswordHash::Bcrypt),
        );
        assert!((slow - fast).abs() < f64::EPSILON);
    }
}
