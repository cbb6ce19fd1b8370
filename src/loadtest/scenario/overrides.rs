//! What the command line changes of a storm.

use jiff::SignedDuration;

use crate::diagnose::Diagnose;

use super::phases::{DecayTime, PhaseShape, ScenarioPhase, arrivals};
use super::storm::StormScenario;

/// What the command line changes of a storm; what is none stays as the file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StormOverrides {
    /// How many users there are; phases that say how many they bring keep their proportions.
    pub users: Option<u32>,
    /// How long the phase named `storm` takes; without one, all phases together that bring users.
    pub within: Option<SignedDuration>,
    /// How long a client waits for its login.
    pub patience: Option<SignedDuration>,
    /// The pause after an attempt that failed, without jitter.
    pub retry_after: Option<SignedDuration>,
    /// What is random follows from it.
    pub seed: Option<u64>,
}

/// Why a storm cannot be changed so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StormOverrideError {
    /// There is no time to stretch.
    #[error("scenario `{0}` cannot be stretched: all its users come at once")]
    NoTime(String),
    /// A phase would bring nobody.
    #[error(
        "{users} users are too few for scenario `{scenario}`: its phase `{phase}` would bring nobody"
    )]
    TooFew {
        /// The scenario.
        scenario: String,
        /// How many were asked for.
        users: u32,
        /// The phase.
        phase: String,
    },
}

impl Diagnose for StormOverrideError {
    fn hints(&self) -> Vec<String> {
        match self {
            StormOverrideError::NoTime(_) => vec!["leave `--within` out".to_owned()],
            StormOverrideError::TooFew { .. } => vec!["give `--users` a larger number".to_owned()],
        }
    }

    fn exit_code(&self) -> crate::diagnose::ExitCode {
        crate::diagnose::ExitCode::Usage
    }
}

/// What the last user of a storm may take beyond its length.
const LAST_MOMENT: SignedDuration = SignedDuration::from_secs(30);

impl StormScenario {
    /// The same storm with some of it changed. Where it gets longer or shorter, all phases that
    /// bring users are stretched in proportion, and the deadline and the times until the last user
    /// move by as much.
    ///
    /// # Errors
    /// When a phase would bring nobody, or there is no time to stretch.
    pub fn with(&self, changes: &StormOverrides) -> Result<Self, StormOverrideError> {
        let mut changed = self.clone();
        if let Some(users) = changes.users {
            changed.set_users(users)?;
        }
        if let Some(within) = changes.within {
            changed.stretch_to(within)?;
        }
        if let Some(patience) = changes.patience {
            changed.client.patience = Some(patience);
        }
        if let Some(after) = changes.retry_after {
            changed.client.retry.after = after;
            changed.client.retry.jitter = SignedDuration::ZERO;
        }
        if let Some(seed) = changes.seed {
            changed.seed = seed;
        }
        Ok(changed)
    }

    fn set_users(&mut self, users: u32) -> Result<(), StormOverrideError> {
        let names = self.phase_names();
        let come = arrivals(&self.phases, self.users);
        // Rounded over the sum, so that no user is lost between two phases.
        let scaled = |before: u32| {
            let scaled = u64::from(before) * u64::from(users) / u64::from(self.users.max(1));
            u32::try_from(scaled).unwrap_or(users)
        };
        let mut before = 0;
        let mut shares = Vec::new();
        for (come, name) in come.into_iter().zip(names) {
            let share = scaled(before + come) - scaled(before);
            before += come;
            if come > 0 && share == 0 {
                return Err(StormOverrideError::TooFew {
                    scenario: self.name.clone(),
                    users,
                    phase: name,
                });
            }
            shares.push(share);
        }
        for (phase, share) in self.phases.iter_mut().zip(shares) {
            if let Some(said) = phase.said_users() {
                *said = share;
            }
        }
        self.users = users;
        Ok(())
    }

    fn stretch_to(&mut self, within: SignedDuration) -> Result<(), StormOverrideError> {
        let arriving = |phases: &[ScenarioPhase]| -> SignedDuration {
            let bringing = phases.iter().filter(|phase| phase.arriving().is_some());
            bringing.map(ScenarioPhase::at_most).sum()
        };
        let before = arriving(&self.phases);
        let stretched = self.storm().map_or(before, |storm| storm.over);
        if stretched.is_zero() {
            return Err(StormOverrideError::NoTime(self.name.clone()));
        }
        let factor = within.as_secs_f64() / stretched.as_secs_f64();
        for phase in &mut self.phases {
            phase.stretch(factor);
        }
        let longer = arriving(&self.phases) - before;
        let shortest = SignedDuration::from_secs(1);
        self.deadline = (self.deadline + longer).max(shortest);
        for limit in [
            &mut self.thresholds.last_user_in,
            &mut self.thresholds.last_user_usable,
        ] {
            *limit = limit.map(|limit| stretched_limit(limit, factor).max(shortest));
        }
        Ok(())
    }
}

impl ScenarioPhase {
    /// The number of users that it says, if it brings users and says how many.
    fn said_users(&mut self) -> Option<&mut u32> {
        match self {
            ScenarioPhase::Storm(phase) => phase.users.as_mut(),
            ScenarioPhase::Ramp(phase) => phase.users.as_mut(),
            ScenarioPhase::Step(phase) => phase.users.as_mut(),
            ScenarioPhase::Burst(phase) => phase.users.as_mut(),
            ScenarioPhase::Hold(_) | ScenarioPhase::Drop(_) | ScenarioPhase::Drain(_) => None,
        }
    }

    /// Makes a phase that brings users so many times as long.
    fn stretch(&mut self, factor: f64) {
        match self {
            ScenarioPhase::Storm(phase) => {
                phase.over = times(phase.over, factor);
                if let PhaseShape::Decay(decay) = phase.shape {
                    let tau = times(decay.tau, factor);
                    phase.shape = PhaseShape::Decay(DecayTime { tau });
                }
            }
            ScenarioPhase::Ramp(phase) => phase.over = times(phase.over, factor),
            ScenarioPhase::Step(phase) => phase.lasts = times(phase.lasts, factor),
            ScenarioPhase::Burst(_)
            | ScenarioPhase::Hold(_)
            | ScenarioPhase::Drop(_)
            | ScenarioPhase::Drain(_) => {}
        }
    }
}

/// What the last user may take of a storm that is so many times as long: whoever comes last needs a
/// moment however long the storm is, as `predict` counts it.
fn stretched_limit(limit: SignedDuration, factor: f64) -> SignedDuration {
    let moment = limit.min(LAST_MOMENT);
    times(limit - moment, factor) + moment
}

/// A duration so many times as long, to the millisecond.
fn times(duration: SignedDuration, factor: f64) -> SignedDuration {
    let milliseconds = (duration.as_secs_f64() * factor * 1000.0).round();
    SignedDuration::from_millis(milliseconds as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loadtest::Scenario;

    fn storm(name: &str) -> StormScenario {
        match Scenario::find(name) {
            Ok(Scenario::Storm(storm)) => *storm,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_longer_storm_moves_what_follows_from_its_length() {
        let as_written = storm("login-storm");
        let window = as_written.storm().unwrap().over;
        let longer = as_written
            .with(&StormOverrides {
                within: Some(window * 2),
                ..StormOverrides::default()
            })
            .unwrap();
        assert_eq!(longer.storm().unwrap().over, window * 2);
        assert_eq!(longer.deadline, as_written.deadline + window);
        // 1.1 times the window and 30 s, which `predict` calls in time.
        let minutes =
            |minutes: i64, seconds| Some(SignedDuration::from_secs(minutes * 60 + seconds));
        assert_eq!(as_written.thresholds.last_user_in, minutes(17, 0));
        assert_eq!(longer.thresholds.last_user_in, minutes(33, 30));
        let short = as_written
            .with(&StormOverrides {
                within: Some(SignedDuration::from_secs(18)),
                ..StormOverrides::default()
            })
            .unwrap();
        let limit = SignedDuration::from_millis(49_800);
        assert_eq!(short.thresholds.last_user_in, Some(limit));
        assert_eq!(longer.users, as_written.users);
    }

    #[test]
    fn fewer_users_keep_the_proportions_of_the_phases() {
        let mut two = storm("login-storm");
        two.users = 1000;
        let step = |users| ScenarioPhase::Burst(super::super::BurstPhase { users: Some(users) });
        two.phases = vec![step(333), step(333)];
        let users = |users| StormOverrides {
            users: Some(users),
            ..StormOverrides::default()
        };
        let fewer = two.with(&users(10)).unwrap();
        assert_eq!(fewer.arrivals(), [3, 3]);
        let error = two.with(&users(2)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "2 users are too few for scenario `login-storm`: its phase `burst 1` would bring nobody"
        );
        let within = StormOverrides {
            within: Some(SignedDuration::from_secs(60)),
            ..StormOverrides::default()
        };
        assert!(matches!(
            two.with(&within),
            Err(StormOverrideError::NoTime(_))
        ));
    }

    #[test]
    fn nothing_changed_is_the_same_storm() {
        let as_written = storm("reconnect-storm");
        assert_eq!(as_written.with(&StormOverrides::default()), Ok(as_written));
    }
}
