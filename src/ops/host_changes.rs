//! What `up` would change on hosts that exist: asked of them before anybody agrees to it.

use std::time::Duration;

use futures::future::join_all;
use serde::{Serialize, Serializer};
use tokio::time::Instant;

use crate::hosts::HostInspection;
use crate::spec::HostName;

use super::planned_hosts::PlannedHosts;
use super::rig::{HostAccess, Rig, RigState};
use super::verify::{differences, in_time, open, repairs};

/// How long a host may take to answer: who waits for a plan does not wait for a host that boots.
const ANSWER: Duration = Duration::from_secs(10);

/// What `up` would change on a host that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostChange {
    /// Role and number of the host.
    #[serde(serialize_with = "by_name")]
    pub host: HostName,
    /// How it compares with the YAML.
    #[serde(flatten)]
    pub comparison: HostComparison,
}

/// How a host compares with the YAML.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "compared", rename_all = "kebab-case")]
pub enum HostComparison {
    /// It is as the YAML says.
    Same,
    /// It differs.
    Differs {
        /// What `up` would do, in words.
        work: String,
        /// Services that it would restart.
        restarts: Vec<String>,
    },
    /// It could not be compared.
    Not {
        /// Why.
        why: String,
    },
}

impl HostComparison {
    fn of(inspection: &HostInspection) -> Self {
        let unfinished = "the last `up` did not finish";
        let work = [differences(inspection), repairs(inspection)];
        let work: Vec<String> = work.into_iter().flatten().collect();
        let work = match (work.join("; "), inspection.is_unfinished) {
            (work, false) if work.is_empty() => return HostComparison::Same,
            (work, true) if work.is_empty() => unfinished.to_owned(),
            (work, false) => work,
            (work, true) => format!("{unfinished}: {work}"),
        };
        HostComparison::Differs {
            work,
            restarts: inspection.restarts.clone(),
        }
    }
}

fn by_name<S: Serializer>(host: &HostName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(host)
}

/// Compares hosts with the YAML, over SSH.
pub(super) async fn host_changes(
    rig: &Rig,
    reading: &RigState,
    hosts: Vec<HostName>,
) -> Vec<HostChange> {
    if hosts.is_empty() {
        return Vec::new();
    }
    let connected = match rig.connect(&reading.inventory).await {
        Ok(connected) => connected,
        Err(error) => {
            let why = error.to_string();
            return hosts
                .into_iter()
                .map(|host| not(host, why.clone()))
                .collect();
        }
    };
    let planned = PlannedHosts::of(rig, &reading.inventory, &connected.secrets);
    let (connected, planned) = (&connected, &planned);
    let asked = hosts.into_iter().map(|host| async move {
        match compare(connected, planned, host).await {
            Ok(comparison) => HostChange { host, comparison },
            Err(why) => not(host, why),
        }
    });
    join_all(asked).await
}

fn not(host: HostName, why: String) -> HostChange {
    HostChange {
        host,
        comparison: HostComparison::Not { why },
    }
}

async fn compare(
    connected: &HostAccess,
    planned: &PlannedHosts<'_>,
    host: HostName,
) -> Result<HostComparison, String> {
    let bundles = planned.bundles(host).map_err(|not| not.why)?;
    let deadline = Instant::now() + ANSWER;
    let session = open(connected, host, deadline).await?;
    let inspection = in_time(deadline, session.inspect(&bundles)).await?;
    Ok(HostComparison::of(&inspection))
}

#[cfg(test)]
mod tests {
    use crate::hosts::{FileMode, UnitState};

    use super::*;

    #[test]
    fn what_up_would_restore_and_start_is_a_difference() {
        let sound = HostInspection {
            same_files: 3,
            ..HostInspection::default()
        };
        assert_eq!(HostComparison::of(&sound), HostComparison::Same);
        let unit = |name: &str, state: &str, starts_at_boot| UnitState {
            name: name.to_owned(),
            state: state.to_owned(),
            starts_at_boot,
            reason: None,
        };
        let touched = HostInspection {
            changed_files: vec!["/etc/nginx/nginx.conf".to_owned()],
            missing_files: vec!["/opt/loadrig/bin/loadrig".to_owned()],
            modes: vec![FileMode {
                path: "/etc/mattermost/environment".to_owned(),
                seen: "644".to_owned(),
                written: "600".to_owned(),
            }],
            units: vec![
                unit("mattermost", "inactive", true),
                unit("prometheus", "active", false),
            ],
            restarts: vec!["nginx".to_owned()],
            ..sound
        };
        let expected = "restore /etc/nginx/nginx.conf, /opt/loadrig/bin/loadrig; set the permissions of \
                        /etc/mattermost/environment; start mattermost; have at boot prometheus (restarts nginx)";
        assert_eq!(
            HostComparison::of(&touched),
            HostComparison::Differs {
                work: expected.to_owned(),
                restarts: vec!["nginx".to_owned()],
            }
        );
    }
}
