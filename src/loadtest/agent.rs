//! The agent's side: carries a plan out against the proxy and says how it went.
//!
//! Runs on the agent host. Knows the proxy's URL alone: no AWS, no SSH, no files.

use std::io::{Read, Write};
use std::time::Duration;

use jiff::Timestamp;

use super::agent_state::Agent;
pub use super::agent_state::AgentError;
use super::steps;
use super::wire::{AgentLine, AgentPlan, Check, DEADLINE, FORMAT};

/// A plan is far smaller than this many bytes.
const MAX_PLAN: u64 = 1 << 20;

/// Reads a plan, carries it out, writes progress and at the end one result.
///
/// Whatever the server does ends in a result; errors are for what keeps it from coming
/// to one. Returns within the plan's deadline.
///
/// # Errors
/// When the plan is unreadable or standard output closed.
pub async fn run(input: impl Read, output: impl Write + Send + 'static) -> Result<(), AgentError> {
    let mut text = String::new();
    input
        .take(MAX_PLAN)
        .read_to_string(&mut text)
        .map_err(AgentError::Input)?;
    let plan: AgentPlan = serde_json::from_str(&text).map_err(AgentError::Plan)?;
    if plan.format != FORMAT {
        return Err(AgentError::Format {
            theirs: plan.format,
        });
    }
    let agent = Agent::new(plan, Box::new(output))?;
    let deadline = Duration::from_millis(agent.plan.deadline_ms);
    let started = Timestamp::now();
    tokio::select! {
        () = agent.listener.gone.cancelled() => return Err(AgentError::Output),
        outcome = tokio::time::timeout(deadline, steps::perform(&agent)) => {
            if outcome.is_err() {
                agent.check(Check::fail(
                    DEADLINE,
                    format!("not done after {} s; stopped", deadline.as_secs()),
                ));
            }
        }
    }
    let result = agent.result(started);
    agent.listener.say(&AgentLine::Result(Box::new(result)));
    if agent.listener.gone.is_cancelled() {
        return Err(AgentError::Output);
    }
    Ok(())
}
