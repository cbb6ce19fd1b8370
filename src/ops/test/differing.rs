//! Whether a rig is as its YAML says: reports state the YAML's login gate and a forecast by it.

use crate::ops::host_changes::{HostComparison, host_changes};
use crate::ops::rig::Rig;
use crate::spec::{HostName, Role};

/// What differs on proxies and application nodes from what a report states of them, for people.
///
/// What cannot be asked is left out: the load will show whether a host is there.
pub(super) async fn differing_hosts(rig: &Rig) -> Option<String> {
    let reading = rig.read().await.ok()?;
    let served_by: Vec<HostName> = rig
        .spec
        .hosts()
        .into_iter()
        .filter(|host| matches!(host.role, Role::Proxy | Role::App))
        .collect();
    let changes = host_changes(rig, &reading, served_by).await;
    let differing: Vec<String> = changes
        .iter()
        .filter_map(|change| match &change.comparison {
            HostComparison::Differs { work, .. } => Some(format!("{}: {work}", change.host)),
            HostComparison::Same | HostComparison::Not { .. } => None,
        })
        .collect();
    (!differing.is_empty()).then(|| {
        format!(
            "the login gate and the forecast are those of the YAML, and hosts differ from it: `loadrig up {}` would \
             change {}",
            rig.spec.name,
            differing.join("; ")
        )
    })
}
