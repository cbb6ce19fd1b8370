//! The scenario of thousands of web clients: who comes when, how they behave, what counts as good.

use jiff::SignedDuration;
use loadrig_storm::{ActionMix, ClientBehavior, StormPhase};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::client::StormClient;
use super::durations::up_to_a_day;
use super::engine::ScenarioEngine;
use super::events::{ScenarioEvent, StormDisturbance, events_schema};
use super::mix::mix_schema;
use super::phases::{ArrivingPhase, ScenarioPhase, arrivals, dealt, phase_names, phases_schema};
use super::population::Population;
use super::storm_thresholds::StormThresholds;

/// A storm, as read and checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StormScenario {
    /// Its name, as given to `loadrig test`.
    pub name: String,
    /// For people.
    pub title: String,
    /// What it does, in a sentence or two.
    pub description: String,
    /// What drives it: `storm`.
    pub engine: ScenarioEngine,
    /// Accounts that may arrive, over all agents.
    #[schemars(range(min = 1, max = 250_000))]
    pub users: u32,
    /// Everything that is drawn at random follows from it: a repeated storm is the same storm.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_u64))]
    pub seed: u64,
    /// After this time the agents stop; who is not in then never got in.
    #[schemars(schema_with = "up_to_a_day")]
    pub deadline: SignedDuration,
    /// What the server holds before the storm.
    #[serde(default)]
    pub population: Population,
    /// How each client behaves.
    #[serde(default)]
    pub client: StormClient,
    /// What users do once they are in.
    #[serde(default)]
    #[schemars(schema_with = "mix_schema")]
    pub mix: ActionMix,
    /// What happens, one after the other.
    #[schemars(schema_with = "phases_schema")]
    pub phases: Vec<ScenarioPhase>,
    /// What loadrig does to the rig, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "events_schema")]
    pub events: Vec<ScenarioEvent>,
    /// What counts as good.
    #[serde(default)]
    pub thresholds: StormThresholds,
}

fn one() -> u64 {
    1
}

/// The accounts of one agent: numbers that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountShare {
    /// Number of the first one.
    pub first: u32,
    /// How many.
    pub users: u32,
}

impl StormScenario {
    /// How the clients behave, as the storm's engine takes it.
    #[must_use]
    pub fn behavior(&self) -> ClientBehavior {
        self.client.behavior()
    }

    /// How many users each phase brings; zero for those that bring none.
    #[must_use]
    pub fn arrivals(&self) -> Vec<u32> {
        arrivals(&self.phases, self.users)
    }

    /// Users that arrive in all phases together.
    #[must_use]
    pub fn arriving_users(&self) -> u32 {
        self.arrivals().iter().sum()
    }

    /// The phases of agent `agent` (from zero) of `agents`: as many as the scenario has, in the same
    /// order. All agents together bring each user once.
    #[must_use]
    pub fn phases_for(&self, agent: u32, agents: u32) -> Vec<StormPhase> {
        let mut before = 0;
        self.phases
            .iter()
            .zip(self.arrivals())
            .map(|(phase, users)| {
                let already = dealt(before, agent, agents);
                before += users;
                phase.with_users(dealt(before, agent, agents) - already)
            })
            .collect()
    }

    /// The accounts that agent `agent` (from zero) of `agents` needs for its phases. No account
    /// belongs to two agents.
    #[must_use]
    pub fn accounts_for(&self, agent: u32, agents: u32) -> AccountShare {
        let all = self.arriving_users();
        AccountShare {
            first: (0..agent).map(|other| dealt(all, other, agents)).sum(),
            users: dealt(all, agent, agents),
        }
    }

    /// When an event is planned, from the start of the storm.
    #[must_use]
    pub fn planned(&self, event: &ScenarioEvent) -> SignedDuration {
        let index = self.phase_names().iter().position(|it| *it == event.phase);
        let before = &self.phases[..index.unwrap_or(0)];
        before
            .iter()
            .map(ScenarioPhase::at_most)
            .sum::<SignedDuration>()
            + event.at
    }

    /// What breaks websockets, in the order in which results have it: the events, then the phases
    /// `drop`.
    #[must_use]
    pub fn disturbances(&self) -> Vec<StormDisturbance> {
        let names = self.phase_names();
        let events = self.events.iter().map(|event| StormDisturbance::Event {
            index: names.iter().position(|it| *it == event.phase).unwrap_or(0),
            what: event.what,
        });
        let drops = self.phases.iter().enumerate();
        let drops = drops.filter_map(|(index, phase)| match phase {
            ScenarioPhase::Drop(drop) => Some(StormDisturbance::Drop { index, drop: *drop }),
            _ => None,
        });
        events.chain(drops).collect()
    }

    /// The names of the phases for reports: the key of each, with a number where several have the
    /// same.
    #[must_use]
    pub fn phase_names(&self) -> Vec<String> {
        phase_names(&self.phases)
    }

    /// The phase named `storm`, the first of them.
    #[must_use]
    pub fn storm(&self) -> Option<&ArrivingPhase> {
        self.phases.iter().find_map(|phase| match phase {
            ScenarioPhase::Storm(storm) => Some(storm),
            _ => None,
        })
    }

    /// Index of the phase from whose start `last_user_in` and `last_user_usable` count: the first
    /// that is named `storm`, else the first that brings users.
    #[must_use]
    pub fn measured_phase(&self) -> Option<usize> {
        measured_phase(&self.phases)
    }

    /// From the start of the scenario to that of [`measured_phase`](Self::measured_phase). Nothing
    /// before it takes an open time: a scenario with thresholds that count from it is refused then.
    #[must_use]
    pub fn measured_from(&self) -> SignedDuration {
        let before = self.measured_phase().unwrap_or(0);
        self.phases[..before]
            .iter()
            .map(ScenarioPhase::at_most)
            .sum()
    }
}

/// Index of the phase from whose start the last user is counted.
pub(super) fn measured_phase(phases: &[ScenarioPhase]) -> Option<usize> {
    let is_storm = |phase: &ScenarioPhase| matches!(phase, ScenarioPhase::Storm(_));
    let brings_users = |phase: &ScenarioPhase| phase.arriving().is_some();
    let first = |which: &dyn Fn(&ScenarioPhase) -> bool| phases.iter().position(which);
    first(&is_storm).or_else(|| first(&brings_users))
}

#[cfg(test)]
mod tests {
    use loadrig_storm::ArrivalShape;
    use proptest::prelude::*;

    use super::*;
    use crate::loadtest::Scenario;

    fn storm(text: &str) -> StormScenario {
        let text =
            format!("name: s\ntitle: S\ndescription: s\nengine: storm\ndeadline: 24h\n{text}");
        match Scenario::parse("s.yaml", &text) {
            Ok(Scenario::Storm(storm)) => *storm,
            other => panic!("{other:?}"),
        }
    }

    fn users(phase: &StormPhase) -> u32 {
        match phase {
            StormPhase::Arrive { users, .. } => *users,
            _ => 0,
        }
    }

    #[test]
    fn phases_become_the_engines() {
        let storm = storm(
            "users: 100\n\
             phases:\n\
             - ramp: {users: 20, over: 1m}\n\
             - step: {users: 10, for: 30s}\n\
             - burst: {users: 5}\n\
             - storm: {over: 2m, shape: {decay: {tau: 20s}}}\n\
             - drop: {share: 0.5, over: 3s}\n\
             - hold: {for: 5s}\n\
             - drain: {at_most: 10m}\n",
        );
        let arrive = |users, over_ms, shape| StormPhase::Arrive {
            users,
            over_ms,
            shape,
        };
        assert_eq!(
            storm.phases_for(0, 1),
            [
                arrive(20, 60_000, ArrivalShape::Even),
                arrive(10, 30_000, ArrivalShape::Burst),
                arrive(5, 0, ArrivalShape::Burst),
                arrive(65, 120_000, ArrivalShape::Decay { tau_ms: 20_000 }),
                StormPhase::Drop {
                    share: 0.5,
                    over_ms: 3_000
                },
                StormPhase::Hold { for_ms: 5_000 },
                StormPhase::Drain {
                    at_most_ms: 600_000
                },
            ]
        );
        assert_eq!(storm.measured_phase(), Some(3));
        assert_eq!(storm.measured_from(), SignedDuration::from_secs(90));
    }

    #[test]
    fn phases_of_one_kind_are_numbered() {
        let storm = storm(
            "users: 9\n\
             phases: [step: {users: 3, for: 1s}, step: {users: 3, for: 1s}, drain: {at_most: 1s}]\n",
        );
        assert_eq!(storm.phase_names(), ["step 1", "step 2", "drain"]);
        assert_eq!(storm.arriving_users(), 6);
    }

    proptest! {
        /// Each user arrives once, on one agent, in the phase that brings it, and agents differ by
        /// one user at the most in each phase and in all.
        #[test]
        fn agents_share_the_users_without_losing_or_doubling_one(
            steps in prop::collection::vec(1_u32..2_000, 1..6),
            agents in 1_u32..40,
        ) {
            let mut text = format!("users: {}\nphases:\n", steps.iter().sum::<u32>());
            for users in &steps {
                text.push_str(&format!("- step: {{users: {users}, for: 1s}}\n"));
            }
            text.push_str("- drain: {at_most: 1s}\n");
            let storm = storm(&text);
            let each: Vec<Vec<StormPhase>> =
                (0..agents).map(|agent| storm.phases_for(agent, agents)).collect();
            for (index, expected) in steps.iter().enumerate() {
                let shares = || each.iter().map(|phases| users(&phases[index]));
                prop_assert_eq!(shares().sum::<u32>(), *expected);
                prop_assert!(shares().max() <= shares().min().map(|least| least + 1));
            }
            let mut next = 0;
            for (agent, phases) in (0..agents).zip(&each) {
                let accounts = storm.accounts_for(agent, agents);
                prop_assert_eq!(accounts.first, next);
                prop_assert_eq!(accounts.users, phases.iter().map(users).sum::<u32>());
                next += accounts.users;
            }
            prop_assert_eq!(next, storm.arriving_users());
        }
    }
}
