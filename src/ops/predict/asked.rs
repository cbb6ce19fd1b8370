//! The storm that is asked about: the phase `storm` of a scenario.

use forecast::{Arrivals, Clients, Storm};
use jiff::SignedDuration;

use crate::loadtest::{PhaseShape, Scenario, ScenarioPhase, StormScenario};
use crate::ops::error::PredictError;

/// Seconds within which users are taken to come who come at the same moment.
const AT_ONCE: f64 = 1.0;

/// The storm that is asked about.
#[derive(Clone, Copy, Debug)]
pub(super) struct AskedStorm {
    pub(super) storm: Storm,
    pub(super) refused: RefusedClients,
}

/// What clients do when the gate refuses them.
#[derive(Clone, Copy, Debug)]
pub(super) struct RefusedClients {
    /// They wait for what `Retry-After` says.
    pub(super) heed: bool,
    /// Seconds that they wait otherwise; none comes back as after any other failure.
    pub(super) otherwise: Option<f64>,
}

/// The storm of a scenario.
///
/// # Errors
/// When it is none.
pub fn storm_of(scenario: &Scenario) -> Result<&StormScenario, PredictError> {
    match scenario {
        Scenario::Storm(storm) => Ok(storm),
        Scenario::Smoke(smoke) => Err(PredictError::NoStorm {
            scenario: smoke.name.clone(),
        }),
    }
}

impl AskedStorm {
    /// The users who come in the phase `storm` of a scenario.
    pub(super) fn new(scenario: &StormScenario) -> Result<Self, PredictError> {
        match scenario.storm() {
            Some(_) => Self::measured(scenario),
            None => Err(no_storm(scenario)),
        }
    }

    /// The same; of a scenario without such a phase the users who come in the first one that brings any.
    pub(super) fn measured(scenario: &StormScenario) -> Result<Self, PredictError> {
        let index = scenario.measured_phase();
        let coming = index.and_then(|index| {
            let users = *scenario.arrivals().get(index)?;
            let (window, arrivals) = coming(scenario.phases.get(index)?)?;
            Some((users, window, arrivals))
        });
        let Some((users, window, arrivals)) = coming else {
            return Err(no_storm(scenario));
        };
        let retry = scenario.client.retry;
        if let Some(at_most @ 1..) = retry.at_most {
            return Err(PredictError::CountedRetries {
                scenario: scenario.name.clone(),
                at_most,
            });
        }
        let never = retry.at_most == Some(0);
        let on_429 = scenario.client.on_429;
        Ok(Self {
            storm: Storm {
                users,
                window,
                arrivals,
                clients: Clients {
                    patience: scenario.client.patience.map(seconds),
                    retry_after: (!never).then(|| seconds(retry.after)),
                    jitter: seconds(retry.jitter),
                },
                // Nobody goes home.
                grace: f64::INFINITY,
            },
            refused: RefusedClients {
                heed: on_429.heed_retry_after,
                otherwise: on_429.otherwise_after.map(seconds),
            },
        })
    }
}

fn no_storm(scenario: &StormScenario) -> PredictError {
    PredictError::NoStorm {
        scenario: scenario.name.clone(),
    }
}

/// Within how many seconds users come in a phase, and at which moments; none of one that brings none.
fn coming(phase: &ScenarioPhase) -> Option<(f64, Arrivals)> {
    match phase {
        ScenarioPhase::Storm(phase) => Some((seconds(phase.over), arrivals(phase.shape))),
        ScenarioPhase::Ramp(phase) => Some((seconds(phase.over), Arrivals::Even)),
        ScenarioPhase::Step(_) | ScenarioPhase::Burst(_) => Some((AT_ONCE, Arrivals::Even)),
        ScenarioPhase::Hold(_) | ScenarioPhase::Drop(_) | ScenarioPhase::Drain(_) => None,
    }
}

fn arrivals(shape: PhaseShape) -> Arrivals {
    match shape {
        // Given how many come, those of a Poisson process come at such times.
        PhaseShape::Uniform | PhaseShape::Poisson => Arrivals::Random,
        PhaseShape::Even => Arrivals::Even,
        PhaseShape::HalfSine => Arrivals::HalfSine,
        PhaseShape::Decay(decay) => Arrivals::Decay {
            tau: seconds(decay.tau),
        },
    }
}

fn seconds(duration: SignedDuration) -> f64 {
    duration.as_secs_f64()
}
