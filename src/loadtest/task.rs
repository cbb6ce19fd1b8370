//! What an agent host is asked to do: the hidden commands of `loadrig agent`.

use loadrig_storm::StormControl;

/// What an agent host is asked to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AgentTask {
    /// Carry out the plan on standard input, and end with this connection.
    Scenario,
    /// Start the storm on standard input, which goes on without this connection.
    StormStart,
    /// Say what the storm's worker says, from the line with this number on.
    StormFollow {
        /// Number of the first line.
        from: u64,
    },
    /// Control the storm.
    ControlStorm(StormControl),
    /// Say which storm is there.
    StormState,
}

impl AgentTask {
    /// The arguments of the program.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let words: &[&str] = match self {
            AgentTask::Scenario => &["agent"],
            AgentTask::StormStart => &["agent", "start"],
            AgentTask::StormFollow { from } => {
                return ["agent", "follow", "--from"]
                    .map(str::to_owned)
                    .into_iter()
                    .chain([from.to_string()])
                    .collect();
            }
            AgentTask::ControlStorm(StormControl::Stop) => &["agent", "control", "stop"],
            AgentTask::ControlStorm(StormControl::Rate(times)) => {
                return ["agent", "control", "rate"]
                    .map(str::to_owned)
                    .into_iter()
                    .chain([times.to_string()])
                    .collect();
            }
            AgentTask::StormState => &["agent", "state"],
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// Whether it takes root on the host: storms are units of systemd, and their files root's alone.
    #[must_use]
    pub fn needs_root(&self) -> bool {
        *self != AgentTask::Scenario
    }
}
