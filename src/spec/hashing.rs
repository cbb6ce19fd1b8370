//! What it costs a host to check a password, by instance type and by how the server hashes.
//!
//! One table, `prices/hashing.yaml`, part of the program; it says what was measured and what is
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

/// What one hash costs on a type of instance.
#[derive(Clone, Debug, PartialEq)]
pub struct HashCost {
    /// Seconds of one vCPU.
    pub seconds: f64,
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
    sha: Seconds,
    plain: Seconds,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seconds {
    pbkdf2: f64,
    bcrypt: f64,
    standin: f64,
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
}

impl HashCost {
    /// The cost on an EC2 instance type.
    #[must_use]
    pub fn of(instance_type: &str, hash: PasswordHash) -> Self {
        let table = table();
        let family = instance_type.split('.').next().unwrap_or(instance_type);
        let (class, margin, basis) = match table.families.get(family) {
            Some(known) => (
                known.class,
                table.margin,
                format!("{instance_type}: {}", known.processor),
            ),
            None => (
                class_of_generation(family),
                table.unlisted_margin,
                format!("{instance_type}: not in the table, judged by its generation"),
            ),
        };
        let measured = match class {
            ProcessorClass::Sha => table.measured.sha,
            ProcessorClass::Plain => table.measured.plain,
        };
        let seconds = match hash {
            PasswordHash::Pbkdf2 => measured.pbkdf2,
            PasswordHash::Bcrypt => measured.bcrypt,
            PasswordHash::Standin => measured.standin,
        };
        Self {
            seconds: seconds * margin,
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
