//! The phases of a storm, and how they are divided among agents.

use jiff::SignedDuration;
use loadrig_storm::{ArrivalShape, StormPhase};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::client::milliseconds;
use super::durations::{none_up_to_an_hour, phase};

/// A stretch of a storm, named by its key. The next one begins when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScenarioPhase {
    /// Users come at the moments that a shape says.
    Storm(ArrivingPhase),
    /// Users come at equal distances.
    Ramp(RampPhase),
    /// Users come at once, and the phase lasts for a time.
    Step(StepPhase),
    /// Users come at once.
    Burst(BurstPhase),
    /// Nobody comes; those who are in act.
    Hold(HoldPhase),
    /// Websockets break.
    Drop(DropPhase),
    /// Until nobody is on the way any more.
    Drain(DrainPhase),
}

/// Users who come at the moments that a shape says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArrivingPhase {
    /// How many; all who have not come yet if it is left out.
    #[serde(default)]
    #[schemars(range(min = 1, max = 250_000))]
    pub users: Option<u32>,
    /// Within how long.
    #[schemars(schema_with = "phase")]
    pub over: SignedDuration,
    /// At which moments.
    #[serde(default)]
    pub shape: PhaseShape,
}

/// Users who come at equal distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RampPhase {
    /// How many; all who have not come yet if it is left out.
    #[serde(default)]
    #[schemars(range(min = 1, max = 250_000))]
    pub users: Option<u32>,
    /// Within how long.
    #[schemars(schema_with = "phase")]
    pub over: SignedDuration,
}

/// Users who come at once, with the time until the next phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepPhase {
    /// How many; all who have not come yet if it is left out.
    #[serde(default)]
    #[schemars(range(min = 1, max = 250_000))]
    pub users: Option<u32>,
    /// How long the phase lasts.
    #[serde(rename = "for")]
    #[schemars(schema_with = "phase")]
    pub lasts: SignedDuration,
}

/// Users who come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BurstPhase {
    /// How many; all who have not come yet if it is left out.
    #[serde(default)]
    #[schemars(range(min = 1, max = 250_000))]
    pub users: Option<u32>,
}

/// A time in which nobody comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldPhase {
    /// How long.
    #[serde(rename = "for")]
    #[schemars(schema_with = "phase")]
    pub lasts: SignedDuration,
}

/// Websockets that break, as with a node or a proxy that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DropPhase {
    /// Share of the open ones, 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub share: f64,
    /// Within how long, at random moments; at once if it is left out.
    #[serde(default)]
    #[schemars(schema_with = "none_up_to_an_hour")]
    pub over: SignedDuration,
}

/// The wait for users who are on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainPhase {
    /// For so long at the most.
    #[schemars(schema_with = "phase")]
    pub at_most: SignedDuration,
}

/// At which moments of a phase users come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PhaseShape {
    /// At random, equally likely over the whole phase.
    #[default]
    Uniform,
    /// At equal distances.
    Even,
    /// At exponentially distributed distances; the last ones may come after the phase.
    Poisson,
    /// Few, then many, then few: the start of a working day.
    HalfSine,
    /// Most at once, then ever fewer: people who come back after an outage.
    Decay(DecayTime),
}

/// How fast arrivals decay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecayTime {
    /// Time constant of the exponential.
    #[schemars(schema_with = "phase")]
    pub tau: SignedDuration,
}

impl ScenarioPhase {
    /// Its key in the YAML, by which reports name it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            ScenarioPhase::Storm(_) => "storm",
            ScenarioPhase::Ramp(_) => "ramp",
            ScenarioPhase::Step(_) => "step",
            ScenarioPhase::Burst(_) => "burst",
            ScenarioPhase::Hold(_) => "hold",
            ScenarioPhase::Drop(_) => "drop",
            ScenarioPhase::Drain(_) => "drain",
        }
    }

    /// For a phase that brings users: how many it says, if it says so.
    pub(super) fn arriving(&self) -> Option<Option<u32>> {
        match self {
            ScenarioPhase::Storm(phase) => Some(phase.users),
            ScenarioPhase::Ramp(phase) => Some(phase.users),
            ScenarioPhase::Step(phase) => Some(phase.users),
            ScenarioPhase::Burst(phase) => Some(phase.users),
            ScenarioPhase::Hold(_) | ScenarioPhase::Drop(_) | ScenarioPhase::Drain(_) => None,
        }
    }

    /// How long it lasts, a drain at the most.
    #[must_use]
    pub fn at_most(&self) -> SignedDuration {
        match self {
            ScenarioPhase::Storm(phase) => phase.over,
            ScenarioPhase::Ramp(phase) => phase.over,
            ScenarioPhase::Step(phase) => phase.lasts,
            ScenarioPhase::Burst(_) => SignedDuration::ZERO,
            ScenarioPhase::Hold(phase) => phase.lasts,
            ScenarioPhase::Drop(phase) => phase.over,
            ScenarioPhase::Drain(phase) => phase.at_most,
        }
    }

    /// The same for the storm's engine, with so many users.
    pub(super) fn with_users(&self, users: u32) -> StormPhase {
        let arrive = |over: SignedDuration, shape| StormPhase::Arrive {
            users,
            over_ms: milliseconds(over),
            shape,
        };
        match self {
            ScenarioPhase::Storm(phase) => arrive(phase.over, phase.shape.arrivals()),
            ScenarioPhase::Ramp(phase) => arrive(phase.over, ArrivalShape::Even),
            ScenarioPhase::Step(phase) => arrive(phase.lasts, ArrivalShape::Burst),
            ScenarioPhase::Burst(_) => arrive(SignedDuration::ZERO, ArrivalShape::Burst),
            ScenarioPhase::Hold(phase) => StormPhase::Hold {
                for_ms: milliseconds(phase.lasts),
            },
            ScenarioPhase::Drop(phase) => StormPhase::Drop {
                share: phase.share,
                over_ms: milliseconds(phase.over),
            },
            ScenarioPhase::Drain(phase) => StormPhase::Drain {
                at_most_ms: milliseconds(phase.at_most),
            },
        }
    }
}

impl PhaseShape {
    fn arrivals(self) -> ArrivalShape {
        match self {
            PhaseShape::Uniform => ArrivalShape::Uniform,
            PhaseShape::Even => ArrivalShape::Even,
            PhaseShape::Poisson => ArrivalShape::Poisson,
            PhaseShape::HalfSine => ArrivalShape::HalfSine,
            PhaseShape::Decay(decay) => ArrivalShape::Decay {
                tau_ms: milliseconds(decay.tau),
            },
        }
    }
}

/// How many users each phase brings; zero for those that bring none. A phase that does not say how
/// many brings all of `users` who have not come yet.
pub(super) fn arrivals(phases: &[ScenarioPhase], users: u32) -> Vec<u32> {
    let mut left = users;
    phases
        .iter()
        .map(|phase| {
            let come = match phase.arriving() {
                Some(Some(said)) => said,
                Some(None) => left,
                None => 0,
            };
            left = left.saturating_sub(come);
            come
        })
        .collect()
}

/// The names of phases for reports: the key of each, with a number where several have the same.
pub(super) fn phase_names(phases: &[ScenarioPhase]) -> Vec<String> {
    let count = |phases: &[ScenarioPhase], name: &str| {
        phases.iter().filter(|phase| phase.name() == name).count()
    };
    let names = phases.iter().enumerate().map(|(index, phase)| {
        let name = phase.name();
        let number = count(&phases[..=index], name);
        match count(phases, name) {
            1 => name.to_owned(),
            _ => format!("{name} {number}"),
        }
    });
    names.collect()
}

/// How many of the first `users` users belong to an agent: they are dealt out in turn, so that every
/// phase is spread evenly.
pub(super) fn dealt(users: u32, agent: u32, agents: u32) -> u32 {
    let agents = agents.max(1);
    users / agents + u32::from(users % agents > agent)
}

/// A list of mappings with one key each.
pub(super) fn phases_schema(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "What happens, one after the other.",
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "properties": {
                "storm": generator.subschema_for::<ArrivingPhase>(),
                "ramp": generator.subschema_for::<RampPhase>(),
                "step": generator.subschema_for::<StepPhase>(),
                "burst": generator.subschema_for::<BurstPhase>(),
                "hold": generator.subschema_for::<HoldPhase>(),
                "drop": generator.subschema_for::<DropPhase>(),
                "drain": generator.subschema_for::<DrainPhase>(),
            },
            "additionalProperties": false,
        },
    })
}
