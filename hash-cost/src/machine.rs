//! What hashes cost this machine.

use std::thread::available_parallelism;

use serde::{Deserialize, Serialize};

use crate::algorithm::{TimedHash, has_sha};
use crate::timing::{RepeatTiming, repeat};

/// What one hash takes, as the server computes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HashTimings {
    /// On one processor, while the others have nothing to do.
    pub alone: RepeatTiming,
    /// On all processors at once: two that share a core slow each other down.
    pub together: RepeatTiming,
}

impl HashTimings {
    /// What a processor does while all hash, of what it does alone; 1 where they share nothing.
    #[must_use]
    pub fn shared_core(&self) -> f64 {
        if self.together.median <= 0.0 {
            return 1.0;
        }
        (self.alone.median / self.together.median).min(1.0)
    }
}

/// A median that is so many times the fastest is of a machine that has other work.
const BUSY: f64 = 1.2;

/// What hashes cost a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MachineHashCost {
    /// Its processor, as the machine names it; empty where it does not.
    pub processor: String,
    /// Processors that this program may use.
    pub vcpus: u32,
    /// Whether they have instructions for SHA-256.
    pub has_sha: bool,
    /// PBKDF2, as Mattermost 11.0 and later hash.
    pub pbkdf2: HashTimings,
    /// bcrypt, as Mattermost before 11.0 hashes.
    pub bcrypt: HashTimings,
    /// PBKDF2, as the stand-in server hashes.
    pub standin: HashTimings,
}

impl MachineHashCost {
    /// What one of the hashes takes.
    #[must_use]
    pub fn of(&self, hash: TimedHash) -> &HashTimings {
        match hash {
            TimedHash::Pbkdf2 => &self.pbkdf2,
            TimedHash::Bcrypt => &self.bcrypt,
            TimedHash::Standin => &self.standin,
        }
    }

    /// Whether the machine had other work meanwhile: half of the repetitions of a hash took much longer
    /// than the fastest.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        TimedHash::ALL.iter().any(|hash| {
            let alone = self.of(*hash).alone;
            alone.median > alone.fastest * BUSY
        })
    }

    /// Whether it was measured on a machine such as this one.
    #[must_use]
    pub fn is_of_this_machine(&self) -> bool {
        self.processor == processor() && self.vcpus == vcpus() && self.has_sha == has_sha()
    }
}

/// Measures this machine: each hash so many times on one thread, and then so many times on each of as
/// many threads as there are processors. A repetition computes a tenth of a hash, or an eighth.
#[must_use]
pub fn measure(repetitions: usize) -> MachineHashCost {
    let vcpus = vcpus();
    let has_sha = has_sha();
    let time = |hash: TimedHash| {
        let on = |threads| {
            let pieces = repeat(threads, repetitions, || hash.compute_piece());
            pieces.map(|piece| hash.whole(piece, has_sha))
        };
        HashTimings {
            alone: on(1),
            together: on(vcpus as usize),
        }
    };
    MachineHashCost {
        processor: processor(),
        vcpus,
        has_sha,
        pbkdf2: time(TimedHash::Pbkdf2),
        bcrypt: time(TimedHash::Bcrypt),
        standin: time(TimedHash::Standin),
    }
}

fn vcpus() -> u32 {
    let vcpus = available_parallelism().map_or(1, |count| count.get());
    u32::try_from(vcpus).unwrap_or(u32::MAX)
}

/// What Linux calls the processor.
fn processor() -> String {
    let known = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = known.lines().find_map(|line| {
        let (key, name) = line.split_once(':')?;
        (key.trim() == "model name").then(|| name.trim().to_owned())
    });
    name.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hash_is_timed_alone_and_on_all_processors() {
        let cost = measure(2);
        assert!(cost.is_of_this_machine());
        let other = MachineHashCost {
            vcpus: cost.vcpus + 1,
            ..cost.clone()
        };
        assert!(!other.is_of_this_machine());
        for hash in TimedHash::ALL {
            let timings = cost.of(hash);
            assert!(timings.alone.fastest > 0.001, "{hash:?} {timings:?}");
            assert_eq!(timings.alone.repetitions, 2);
            assert_eq!(timings.together.repetitions, 2 * cost.vcpus as usize);
        }
        let text = serde_json::to_string(&cost).unwrap();
        assert!(text.contains(r#""standin":{"alone":{"fastest""#), "{text}");
    }

    #[test]
    fn a_processor_that_shares_a_core_does_less() {
        let timing = |median| RepeatTiming {
            median,
            ..RepeatTiming::default()
        };
        let shared = HashTimings {
            alone: timing(0.12),
            together: timing(0.2),
        };
        assert!((shared.shared_core() - 0.6).abs() < 1e-9);
        assert!((HashTimings::default().shared_core() - 1.0).abs() < 1e-9);
    }
}
