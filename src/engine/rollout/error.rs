//! Why application nodes were not changed.

use crate::diagnose::{Diagnose, ExitCode};
use crate::engine::task::TaskError;
use crate::spec::HostName;

use super::state::OtherNodes;

/// A rollout that did not reach its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum RolloutError {
    /// Another node did not come back before.
    #[error("not changed, because `{stopped}` did not come back: `{host}` serves as before")]
    Stopped { host: HostName, stopped: HostName },
    /// The user interrupted before its turn.
    #[error("interrupted before `{host}` was changed: it serves as before")]
    Interrupted { host: HostName },
    /// It could not be taken out of the proxies.
    #[error("`{host}` was not changed, because the proxies could not leave it out: {cause}")]
    NotDrained { host: HostName, cause: TaskError },
    /// It serves, and was not changed.
    #[error("{cause}\n`{host}` gets requests and serves")]
    StillServing { host: HostName, cause: TaskError },
    /// It did not become ready again.
    #[error("{cause}\n`{host}` gets no requests; {}", served(others))]
    NotBack {
        environment: String,
        host: HostName,
        others: OtherNodes,
        cause: TaskError,
    },
    /// It is ready, and the proxies do not know.
    #[error("`{host}` has changed and is ready, but not every proxy sends requests to it: {cause}")]
    NotAdmitted { host: HostName, cause: TaskError },
}

impl Diagnose for RolloutError {
    fn hints(&self) -> Vec<String> {
        match self {
            RolloutError::Stopped { .. } | RolloutError::Interrupted { .. } => Vec::new(),
            RolloutError::NotDrained { cause, .. }
            | RolloutError::StillServing { cause, .. }
            | RolloutError::NotAdmitted { cause, .. } => cause.hints(),
            RolloutError::NotBack {
                environment,
                host,
                cause,
                ..
            } => {
                let mut hints = cause.hints();
                hints.push(format!(
                    "to go back, undo the change in the environment's YAML and run `loadrig up {environment}`; after a change of `mattermost.release`, the release that ran before is still on `{host}`"
                ));
                hints
            }
        }
    }

    fn is_final(&self) -> bool {
        match self {
            RolloutError::Stopped { .. } | RolloutError::Interrupted { .. } => false,
            RolloutError::NotDrained { cause, .. }
            | RolloutError::StillServing { cause, .. }
            | RolloutError::NotBack { cause, .. }
            | RolloutError::NotAdmitted { cause, .. } => cause.is_final(),
        }
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            RolloutError::Stopped { .. } => ExitCode::Failed,
            RolloutError::Interrupted { .. } => ExitCode::Interrupted,
            RolloutError::NotDrained { cause, .. }
            | RolloutError::StillServing { cause, .. }
            | RolloutError::NotBack { cause, .. }
            | RolloutError::NotAdmitted { cause, .. } => cause.exit_code(),
        }
    }
}

/// Who serves meanwhile, and what.
fn served(others: &OtherNodes) -> String {
    let groups = [
        (&others.changed, "serving with the change"),
        (&others.as_planned, "serving and as planned already"),
        (&others.untouched, "untouched and serving as before"),
    ];
    let groups = groups.into_iter().filter(|(hosts, _)| !hosts.is_empty());
    let texts: Vec<String> = groups
        .map(|(hosts, how)| {
            let names: Vec<String> = hosts.iter().map(|host| format!("`{host}`")).collect();
            format!("{} {how}", names.join(", "))
        })
        .collect();
    match texts.is_empty() {
        true => "no other application node serves".to_owned(),
        false => texts.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("`app-1` failed to start")]
    struct Broken;

    impl Diagnose for Broken {}

    #[test]
    fn a_node_that_does_not_come_back_is_told_with_who_serves_and_the_way_back() {
        let host = |name: &str| name.parse().unwrap();
        let error = RolloutError::NotBack {
            environment: "demo".to_owned(),
            host: host("app-2"),
            others: OtherNodes {
                changed: vec![host("app-1")],
                as_planned: vec![host("app-4")],
                untouched: vec![host("app-3")],
            },
            cause: Box::new(Broken),
        };
        assert_eq!(
            error.to_string(),
            "`app-1` failed to start\n`app-2` gets no requests; `app-1` serving with the change, \
             `app-4` serving and as planned already, `app-3` untouched and serving as before"
        );
        assert!(error.hints()[0].contains("run `loadrig up demo`"));
    }
}
