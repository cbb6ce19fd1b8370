//! How many files and sockets a storm's worker needs, and how many it may have.

use std::path::Path;

use super::error::StormAgentError;
use loadrig_storm::{CallSequence, StormPlan};

/// Files and connections of the worker itself.
const OWN: u64 = 200;

/// What a plan needs at the least.
fn needed(plan: &StormPlan) -> u64 {
    u64::from(plan.accounts.users) * connections(plan) + OWN
}

/// Connections that each user has open for as long as it is in: one for calls, and a websocket. While a page
/// loads, an HTTP/1.1 client has up to six for calls.
fn connections(plan: &StormPlan) -> u64 {
    match plan.client.calls {
        CallSequence::LoginOnly => 1,
        CallSequence::WebClient => 1 + u64::from(plan.client.websocket),
    }
}

/// Whether a worker that may have so many can carry a plan out.
///
/// # Errors
/// When it cannot: its clients would run out of sockets, and the report would blame the server.
pub(super) fn check(plan: &StormPlan, limit: Option<u64>) -> Result<(), StormAgentError> {
    let needed = needed(plan);
    match limit {
        Some(limit) if limit < needed => Err(StormAgentError::OpenFiles {
            users: plan.accounts.users,
            needed,
            limit,
            most: limit.saturating_sub(OWN) / connections(plan),
        }),
        _ => Ok(()),
    }
}

/// The limit on open files of a process; none where the kernel does not say.
pub(super) fn limit(process: &str, kind: FileLimit) -> Option<u64> {
    let path = Path::new("/proc").join(process).join("limits");
    parse(&std::fs::read_to_string(path).ok()?, kind)
}

/// Which of a process's two limits.
#[derive(Clone, Copy, Debug)]
pub(super) enum FileLimit {
    /// That which counts.
    Soft,
    /// Up to which it may be raised.
    Hard,
}

fn parse(limits: &str, kind: FileLimit) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    let mut values = line.split_whitespace();
    match kind {
        FileLimit::Soft => values.next(),
        FileLimit::Hard => values.nth(1),
    }?
    .parse()
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_is_read() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max processes             96364                96364                processes \n\
                    Max open files            1024                 524288               files     \n";
        assert_eq!(parse(text, FileLimit::Soft), Some(1024));
        assert_eq!(parse(text, FileLimit::Hard), Some(524_288));
        assert_eq!(parse("", FileLimit::Hard), None);
        assert!(limit("self", FileLimit::Hard).is_some());
    }
}
