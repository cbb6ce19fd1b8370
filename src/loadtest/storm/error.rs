//! Why a storm comes to no result.

use crate::diagnose::{Diagnose, ExitCode};

/// Why a storm comes to no result.
#[derive(Debug, thiserror::Error)]
pub enum StormTestError {
    /// Nobody to run it.
    #[error("environment `{0}` has no agent host to run a storm on")]
    NoAgents(String),
    /// More agents than users.
    #[error("{users} users are too few for {agents} agent hosts: some would have none")]
    TooFewUsers {
        /// Users.
        users: u32,
        /// Agents.
        agents: usize,
    },
    /// A storm goes on already.
    #[error("storm `{run}` goes on on the agents of `{environment}`")]
    Busy {
        /// The run that started it.
        run: String,
        /// Name of the environment.
        environment: String,
    },
    /// No agent has a storm.
    #[error("there is no storm on the agents of `{0}`")]
    NoStorm(String),
    /// The storm is over.
    #[error("storm `{run}` is over")]
    Over {
        /// The run that started it.
        run: String,
        /// Name of the environment.
        environment: String,
    },
    /// Agents cannot be asked.
    #[error("{}", .0.join("; "))]
    Unreachable(Vec<String>),
    /// Agents did not start.
    #[error("the storm was not started: {}", .0.join("; "))]
    NotStarted(Vec<String>),
    /// Agents did not take what they were told.
    #[error("not every agent was told: {}", .0.join("; "))]
    NotTold(Vec<String>),
    /// No agent has a result.
    #[error("no agent came to a result: {}", .0.join("; "))]
    NoResult(Vec<String>),
    /// Another version's storm.
    #[error("the agents' storm cannot be read: {0}")]
    Unreadable(String),
    /// Results of agents do not fit together.
    #[error("results cannot be merged")]
    Merge(#[from] loadrig_storm::MergeError),
    /// An order or a scenario cannot be written.
    #[error("the agents' orders cannot be written")]
    Order(#[from] serde_json::Error),
}

impl Diagnose for StormTestError {
    fn hints(&self) -> Vec<String> {
        match self {
            StormTestError::NoAgents(_) => {
                vec!["give the role `agent` at least one host, then run `loadrig up` again".into()]
            }
            StormTestError::TooFewUsers { .. } => vec!["give `--users` a larger number".into()],
            StormTestError::Busy { environment, .. } => vec![format!(
                "`loadrig test {environment} --attach` waits for its result, `loadrig test {environment} --stop` ends it"
            )],
            StormTestError::NoStorm(environment) => vec![format!(
                "`loadrig test {environment} login-storm` starts one; a result that was read before is in `loadrig runs {environment}`"
            )],
            StormTestError::Over { environment, .. } => vec![format!(
                "`loadrig test {environment} --attach` reads its result"
            )],
            StormTestError::Unreachable(_) | StormTestError::NoResult(_) => vec![
                "`loadrig verify` shows which part of the rig does not answer".into(),
                "`loadrig up` repairs hosts whose bundle was not applied to the end".into(),
            ],
            StormTestError::NotStarted(_) => vec![
                "agents that had started were stopped".into(),
                "`loadrig up` brings this version of loadrig to the agents".into(),
            ],
            StormTestError::NotTold(_) => vec!["give the command again".into()],
            StormTestError::Unreadable(_) => {
                vec!["use the version of loadrig that started it".into()]
            }
            StormTestError::Merge(_) | StormTestError::Order(_) => Vec::new(),
        }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            StormTestError::TooFewUsers { .. } => ExitCode::Usage,
            StormTestError::Busy { .. } => ExitCode::Locked,
            _ => ExitCode::Failed,
        }
    }
}
