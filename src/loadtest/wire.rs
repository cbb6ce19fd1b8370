//! What the operator and an agent say to each other: a plan on standard input, JSON lines
//! on standard output.
//!
//! Both sides run the same program, yet an agent may be older than the operator: every
//! message bears the format's number.

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::scenario::Steps;
use super::tally::Tallies;

/// The format of plans and lines; raised with every change that an old agent cannot read.
pub const FORMAT: u32 = 4;

/// An error of whatever carries a host's input and output.
pub type AgentHostError = Box<dyn std::error::Error + Send + Sync>;

/// A password on its way to an agent: never in an argument, a log or a file.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

impl Password {
    /// Wraps a secret.
    #[must_use]
    pub fn new(secret: SecretString) -> Self {
        Self(secret)
    }

    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Serialize for Password {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

/// An account that administers the server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Admin {
    /// User name.
    pub username: String,
    /// Never shown in debug output.
    pub password: Password,
}

/// How an entrance is reached, whatever DNS says of its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntranceRoute {
    /// The address to connect to, or a name that DNS knows.
    pub connect_to: String,
    /// The port to connect to, where it is not the URL's.
    #[serde(default)]
    pub port: Option<u16>,
    /// Where it speaks TLS, the authorities to trust, PEM; none means those that the system trusts.
    pub authority: Option<String>,
    /// Whether those of the system are trusted besides.
    #[serde(default)]
    pub system: bool,
}

/// A proxy, or the load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RigEntrance {
    /// Its URL as agents reach it, without a path: `http://10.0.0.10`.
    pub url: String,
    /// How it is reached, where DNS need not know its name.
    #[serde(default)]
    pub route: Option<EntranceRoute>,
}

/// What one agent is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AgentPlan {
    /// Version of this message, [`FORMAT`]; another one is refused.
    pub format: u32,
    /// The agent's own name.
    pub agent: String,
    /// Where users find the server; they are spread over the entrances evenly.
    pub entrances: Vec<RigEntrance>,
    /// Makes names of this run unlike those of any other: `[a-z0-9]`, starts with a letter.
    pub run: String,
    /// Number of the agent's first user; users of other agents have other numbers.
    pub first_user: u32,
    /// The agent's users.
    pub users: u32,
    /// Addresses of the application nodes behind the proxy.
    pub app_nodes: Vec<String>,
    /// The administrator's account.
    pub admin: Admin,
    /// Password of all simulated users.
    pub user_password: Password,
    /// The agent stops after this many milliseconds.
    pub deadline_ms: u64,
    /// What the users do.
    pub steps: Steps,
}

/// A line of an agent's standard output.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentLine {
    /// Where it stands.
    Progress(AgentProgress),
    /// What came out; the last line.
    Result(Box<AgentResult>),
}

/// Where an agent stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentProgress {
    /// The step, in words.
    pub step: String,
    /// Units of work done.
    pub done: u64,
    /// All units of the step.
    pub total: u64,
}

/// Something that was looked at, and whether it was as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What.
    pub name: String,
    /// As it should be.
    pub pass: bool,
    /// What was seen.
    pub detail: String,
}

/// The check that fails where an agent stopped at the scenario's deadline.
pub(super) const DEADLINE: &str = "deadline";

impl Check {
    /// A check that held.
    pub fn pass(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, true, detail)
    }

    /// A check that did not hold.
    pub fn fail(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, false, detail)
    }

    /// A check and its outcome.
    pub fn new(name: impl Into<String>, pass: bool, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            pass,
            detail: detail.into(),
        }
    }
}

/// Which server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// Its `X-Version-Id`.
    pub version: String,
    /// It is the stand-in, not Mattermost.
    pub standin: bool,
}

/// What one agent measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AgentResult {
    /// Version of this message, [`FORMAT`]; another one is refused.
    pub format: u32,
    /// The agent's name.
    pub agent: String,
    /// When it began.
    pub started: Timestamp,
    /// When it was done.
    pub finished: Timestamp,
    /// Which server answered.
    pub server: ServerInfo,
    /// Requests, errors and latencies.
    pub actions: Tallies,
    /// What was checked besides.
    pub checks: Vec<Check>,
    /// Slowest delivery from one application node to another, milliseconds.
    pub cross_node_ms: Option<u64>,
    /// From a post to the first search that found it, milliseconds.
    pub search_indexing_ms: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_do_not_show_in_debug_output() {
        let password = Password::new("hunter2".into());
        assert!(!format!("{password:?}").contains("hunter2"));
    }

    #[test]
    fn progress_is_one_object_per_line() {
        let line = AgentLine::Progress(AgentProgress {
            step: "log in".into(),
            done: 3,
            total: 50,
        });
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            r#"{"progress":{"step":"log in","done":3,"total":50}}"#
        );
    }
}
