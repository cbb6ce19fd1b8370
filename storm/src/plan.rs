//! What one agent is to do: the message that starts it.
//!
//! All times are milliseconds unless a name says otherwise. A plan says everything: two agents
//! with equal plans make the same users arrive at the same moments.

use std::net::IpAddr;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::behavior::ClientBehavior;
use crate::position::StormPosition;

/// Version of plans, lines and results; raised with every change that an old agent cannot read.
pub const STORM_FORMAT: u32 = 2;

/// What one agent is to do; the operator has divided the storm among the agents.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StormPlan {
    /// Version of this message, [`STORM_FORMAT`]; another one is refused.
    pub format: u32,
    /// The agent's own name.
    pub agent: String,
    /// Where users find the server; they are spread over the entrances evenly.
    pub entrances: Vec<StormEntrance>,
    /// Addresses of this host that connections go out from, in turn; none leaves it to the
    /// system. One address has some 28,000 ports towards one entrance, 64,000 at the most.
    #[serde(default)]
    pub source_addresses: Vec<IpAddr>,
    /// The agent's accounts.
    pub accounts: Accounts,
    /// What happens, one after the other.
    pub phases: Vec<StormPhase>,
    /// How each client behaves.
    #[serde(default)]
    pub client: ClientBehavior,
    /// What people do once they are in.
    #[serde(default)]
    pub mix: ActionMix,
    /// Everything that is drawn at random follows from it.
    pub seed: u64,
    /// The agent stops after so long and says what it has.
    pub deadline_ms: u64,
    /// Distance of the samples.
    #[serde(default = "second")]
    pub sample_every_ms: u64,
    /// Distance of the checkpoints; none means that there are none.
    #[serde(default)]
    pub checkpoint_every_ms: Option<u64>,
    /// Where the plan is taken up after the agent was interrupted: what lies before does not
    /// happen again. None begins at the beginning.
    #[serde(default)]
    pub resume: Option<StormPosition>,
}

fn second() -> u64 {
    1000
}

/// A way to the server: a proxy, a load balancer or a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StormEntrance {
    /// URL without a path: `http://10.0.0.10:8065`, `https://chat.example.com`.
    pub url: String,
    /// Address or name to connect to in place of what DNS says of the URL's.
    #[serde(default)]
    pub connect_to: Option<String>,
    /// Port to connect to in place of the URL's.
    #[serde(default)]
    pub port: Option<u16>,
    /// The authorities to trust, PEM; none means those that the system trusts.
    #[serde(default)]
    pub authority: Option<String>,
    /// Whether those of the system are trusted besides.
    #[serde(default)]
    pub system: bool,
}

/// Accounts that exist already, named `PREFIX` and a number.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Accounts {
    /// What all names begin with.
    pub prefix: String,
    /// Number of the agent's first account; others have other numbers.
    pub first: u32,
    /// How many accounts the agent has.
    pub users: u32,
    /// Password of all of them.
    pub password: AccountPassword,
}

impl Accounts {
    /// Name of the account with this index, from zero.
    #[must_use]
    pub fn name(&self, index: u32) -> String {
        format!("{}{}", self.prefix, self.first.saturating_add(index))
    }
}

/// A password that never shows in debug output. It is written to and read from plans.
#[derive(Clone, Debug)]
pub struct AccountPassword(SecretString);

impl AccountPassword {
    /// Wraps a password.
    #[must_use]
    pub fn new(password: impl Into<String>) -> Self {
        Self(SecretString::from(password.into()))
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Serialize for AccountPassword {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for AccountPassword {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// A stretch of the storm. The next one begins when it ends; clients that are still on their way
/// go on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StormPhase {
    /// Users come who have not come before.
    Arrive {
        /// How many.
        users: u32,
        /// Within how long.
        over_ms: u64,
        /// At which moments.
        #[serde(default)]
        shape: ArrivalShape,
    },
    /// Nothing new: those who are in act.
    Hold {
        /// How long.
        for_ms: u64,
    },
    /// Websockets break, as with a node or a proxy that is lost.
    Drop {
        /// Share of the open websockets, 0 to 1.
        share: f64,
        /// Within how long, at random moments; zero means at once.
        #[serde(default)]
        over_ms: u64,
    },
    /// Until nobody is on the way any more: each user is in and usable with a live websocket, or
    /// has given up.
    Drain {
        /// For so long at the most.
        at_most_ms: u64,
    },
}

/// At which moments of a phase users arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArrivalShape {
    /// At random times, equally likely over the whole phase.
    #[default]
    Uniform,
    /// At equal distances: gentler than people are.
    Even,
    /// At exponentially distributed distances; the last ones may come after the phase.
    Poisson,
    /// Most at once, then ever fewer: people who come back after an outage.
    Decay {
        /// Time constant of the exponential.
        tau_ms: u64,
    },
    /// Few, then many, then few: the start of a working day.
    HalfSine,
    /// All at the same moment.
    Burst,
}

/// What people do once they are in: how often each user does it per hour, on average. Between two
/// actions a user thinks for an exponentially distributed time, from the end of the last one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ActionMix {
    /// Opens another channel and reads there.
    pub read: f64,
    /// Reads older posts of the open channel.
    pub scroll: f64,
    /// Writes a post, typing before.
    pub post: f64,
    /// Types and sends nothing.
    pub typing: f64,
    /// Opens a thread.
    pub thread: f64,
    /// Searches, which asks for posts and for files.
    pub search: f64,
    /// Reloads the page.
    pub reload: f64,
    /// Share of the users, 0 to 1, who have the page before them: a post in the channel that
    /// such a user has open is marked as read at once.
    pub focused: f64,
}

impl Default for ActionMix {
    /// The proportions of Mattermost's own load-test tool, at one post of each user in 40 min.
    fn default() -> Self {
        Self {
            read: 9.8,
            scroll: 3.0,
            post: 1.5,
            typing: 0.5,
            thread: 0.4,
            search: 0.03,
            reload: 0.0,
            focused: 0.5,
        }
    }
}

impl ActionMix {
    /// Nobody does anything.
    #[must_use]
    pub fn idle() -> Self {
        Self {
            read: 0.0,
            scroll: 0.0,
            post: 0.0,
            typing: 0.0,
            thread: 0.0,
            search: 0.0,
            reload: 0.0,
            focused: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_do_not_show_in_debug_output() {
        let accounts = Accounts {
            prefix: "storm-".into(),
            first: 7,
            users: 2,
            password: AccountPassword::new("hunter2"),
        };
        assert!(!format!("{accounts:?}").contains("hunter2"));
        assert_eq!(accounts.name(1), "storm-8");
        let text = serde_json::to_string(&accounts).unwrap();
        let read: Accounts = serde_json::from_str(&text).unwrap();
        assert_eq!(read.password.expose(), "hunter2");
    }

    #[test]
    fn a_short_plan_is_enough() {
        let plan: StormPlan = serde_json::from_str(
            r#"{
              "format": 2, "agent": "agent-1", "entrances": [{"url": "http://10.0.0.1"}],
              "accounts": {"prefix": "u", "first": 0, "users": 9, "password": "p"},
              "phases": [
                {"arrive": {"users": 9, "over_ms": 1000}},
                {"arrive": {"users": 1, "over_ms": 1, "shape": {"decay": {"tau_ms": 5}}}},
                {"drop": {"share": 0.5}}, {"hold": {"for_ms": 1}}, {"drain": {"at_most_ms": 1}}
              ],
              "seed": 1, "deadline_ms": 1000
            }"#,
        )
        .unwrap();
        assert_eq!(plan.sample_every_ms, 1000);
        assert_eq!(plan.phases.len(), 5);
        assert_eq!(plan.client, ClientBehavior::default());
    }
}
