//! What was foretold held to what was measured.

use forecast::{Forecast, Lock, forecast};

use super::draw::{GateKind, StudyStorm};
use super::play::{PlayedStorm, StormEnd};

/// Storms that are simulated for each: as many as `loadrig predict` plays of storms with few users.
const RUNS: u32 = 200;
/// More of the nodes' work, or of the gate's turns, than this for clients that have gone is a collapse, as
/// `loadrig predict` has it.
const COLLAPSED: f64 = 0.5;
/// By how much a forecast may be off.
const CLOSE: f64 = 0.1;
/// How much longer than it has to a storm may take behind a gate.
const BEHIND_GATE: f64 = 1.05;

/// A storm, foretold and played.
pub struct JudgedStorm {
    pub study: StudyStorm,
    pub played: PlayedStorm,
    pub foretold: Forecast,
}

impl JudgedStorm {
    /// Foretells a storm that was played.
    pub fn new(study: StudyStorm, played: PlayedStorm) -> Self {
        let uncertainty = study.uncertainty;
        let foretold = forecast(&study.rig, &study.storm, uncertainty, RUNS, study.seed);
        Self {
            study,
            played,
            foretold,
        }
    }

    /// Whether the storm came to its end.
    pub fn has_drained(&self) -> bool {
        self.played.end == StormEnd::Drained
    }

    /// What the foretold time is off by, as a share of the measured one.
    pub fn off(&self) -> f64 {
        self.foretold.recovered.median / self.played.drained - 1.0
    }

    pub fn is_close(&self) -> bool {
        self.off().abs() <= CLOSE
    }

    /// Whether the measured time lies in the interval.
    pub fn is_covered(&self) -> bool {
        let range = self.foretold.recovered;
        (range.low..=range.high).contains(&self.played.drained)
    }

    pub fn has_collapsed(&self) -> bool {
        let played = &self.played;
        let lost = played.logged_in < u64::from(self.study.storm.users);
        let dead_turns = played.gate.lost as f64 > played.gate.turns as f64 * COLLAPSED;
        lost || dead_turns || played.dead > COLLAPSED || !self.has_drained()
    }

    pub fn is_collapse_foretold(&self) -> bool {
        self.foretold.collapsed > 0.5
    }

    pub fn is_collapse_right(&self) -> bool {
        self.is_collapse_foretold() == self.has_collapsed()
    }

    /// Whether the gate is loadrig's own, on servers that check one password at a time: those are held
    /// to the least time.
    pub fn is_gated(&self) -> bool {
        self.study.kind == GateKind::Derived && self.study.rig.nodes.lock == Lock::OneAtATime
    }

    /// The last user in, in times of the least time.
    pub fn times_least(&self) -> f64 {
        self.played.last_in / self.played.least
    }

    /// Whether everybody got in, about as soon as the passwords allow.
    pub fn is_cured(&self) -> bool {
        self.played.logged_in == u64::from(self.study.storm.users)
            && self.times_least() <= BEHIND_GATE
    }
}

/// How many of how many.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    pub count: usize,
    pub of: usize,
}

impl Share {
    pub fn of<'a>(
        storms: impl IntoIterator<Item = &'a JudgedStorm>,
        is: impl Fn(&JudgedStorm) -> bool,
    ) -> Self {
        let mut share = Self { count: 0, of: 0 };
        for storm in storms {
            share.of += 1;
            share.count += usize::from(is(storm));
        }
        share
    }

    pub fn percent(self) -> f64 {
        100.0 * self.count as f64 / self.of.max(1) as f64
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} % ({} of {})", self.percent(), self.count, self.of)
    }
}

/// A claim of the study: what was measured and what has to be.
pub struct Claim {
    pub text: &'static str,
    pub share: Share,
    /// Percent, from and to.
    pub wanted: (f64, f64),
}

impl Claim {
    pub fn holds(&self) -> bool {
        (self.wanted.0..=self.wanted.1).contains(&self.share.percent())
    }
}

/// What the study is for.
pub fn claims(storms: &[JudgedStorm]) -> Vec<Claim> {
    let drained = || storms.iter().filter(|storm| storm.has_drained());
    let gated = || storms.iter().filter(|storm| storm.is_gated());
    vec![
        Claim {
            text: "the foretold time is within ±10 % of the measured one",
            share: Share::of(drained(), JudgedStorm::is_close),
            wanted: (90.0, 100.0),
        },
        Claim {
            text: "the measured time lies in the interval that is to hold nine of ten",
            share: Share::of(drained(), JudgedStorm::is_covered),
            wanted: (85.0, 95.0),
        },
        Claim {
            text: "a collapse, or that there is none, is foretold rightly",
            share: Share::of(storms, JudgedStorm::is_collapse_right),
            wanted: (95.0, 100.0),
        },
        Claim {
            text: "loadrig's own gate lets everybody in within 1.05 times the least time",
            share: Share::of(gated(), JudgedStorm::is_cured),
            wanted: (100.0, 100.0),
        },
    ]
}
