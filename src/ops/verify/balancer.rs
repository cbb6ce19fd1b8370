//! Whether the load balancer finds its nodes healthy.

use std::time::Duration;

use tokio::time::Instant;

use crate::blueprint::Kind;
use crate::engine::Cloud as _;
use crate::events::Events;
use crate::spec::Role;

use crate::ops::rig::Rig;

use super::check::RigCheck;

/// How long the load balancer may take to find nodes healthy.
const HEALTHY: Duration = Duration::from_secs(90);

/// The pause between two looks at them.
const PAUSE: Duration = Duration::from_secs(5);

/// Whether every application node is healthy. The balancer probes every ten seconds and wants
/// two good answers, so nodes that just started are given time.
pub(super) async fn nodes_behind_balancer(rig: &Rig, events: &Events) -> RigCheck {
    let name = &rig.spec.name;
    let deadline = Instant::now() + HEALTHY;
    let all = rig.spec.count(Role::App);
    let wanted = format!("{all}/{all}");
    let (pass, detail) = loop {
        let seen = match rig.cloud.list(name, Kind::Targets).await {
            Ok(found) => {
                let healthy = found.first().and_then(|targets| targets.text("healthy"));
                healthy.unwrap_or("0/0").to_owned()
            }
            Err(error) => break (false, error.to_string()),
        };
        let detail = format!("{seen} nodes are healthy");
        if seen == wanted || Instant::now() >= deadline {
            break (seen == wanted, detail);
        }
        events.waiting("verify/load-balancer", detail);
        tokio::time::sleep(PAUSE).await;
    };
    RigCheck {
        name: "load balancer: finds every application node healthy".to_owned(),
        pass,
        warning: false,
        detail,
        remedy: format!(
            "`loadrig ssh {name} app-1 -- curl -i localhost:8065/api/v4/system/ping` shows what a node answers"
        ),
    }
}
