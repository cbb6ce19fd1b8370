//! Whether every application node has the plugins of the environment.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use serde::Deserialize;

use crate::loadtest::api::{Api, ApiError, ApiSession};

use super::{Promise, PromisePlan};

const PLUGINS: &str = "plugins: on every application node as planned";

/// The plugins of one node.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NodePlugins {
    active: Vec<PluginName>,
    inactive: Vec<PluginName>,
}

#[derive(Debug, Deserialize)]
struct PluginName {
    id: String,
}

/// Asks each node for its plugins.
pub(super) async fn plugins(
    plan: &PromisePlan,
    session: &ApiSession,
    nodes: &BTreeMap<String, Api>,
) -> Promise {
    let asked = nodes.iter().map(|(name, api)| async move {
        let told: Result<NodePlugins, ApiError> = api.get("/plugins", session).await;
        (name.as_str(), told)
    });
    let mut faults = Vec::new();
    for (node, told) in join_all(asked).await {
        match told {
            Ok(told) => faults.extend(judge(plan, node, &told)),
            Err(error) => faults.push(format!("{node}: {error}")),
        }
    }
    if faults.is_empty() {
        let names: Vec<&str> = plan.plugins.iter().map(|one| one.id.as_str()).collect();
        return Promise::kept(PLUGINS, names.join(", "));
    }
    let env = &plan.environment;
    Promise::broken(PLUGINS, faults.join("; ")).remedy(format!(
        "`loadrig ssh {env} app-1 -- sudo rm /var/lib/loadrig/configure.digest \
         /var/lib/loadrig/applied/configure/plugins` has `loadrig up {env}` install them again; \
         `loadrig ssh {env} app-1 -- sudo journalctl -u mattermost` shows why one does not start"
    ))
}

/// What is not as planned on one node.
fn judge(plan: &PromisePlan, node: &str, told: &NodePlugins) -> Vec<String> {
    let ids = |list: &[PluginName]| -> BTreeSet<String> {
        list.iter().map(|one| one.id.clone()).collect()
    };
    let (active, inactive) = (ids(&told.active), ids(&told.inactive));
    let faults = plan.plugins.iter().filter_map(|plugin| {
        let id = &plugin.id;
        match (plugin.enabled, active.contains(id), inactive.contains(id)) {
            (true, true, _) | (false, _, true) => None,
            (true, false, true) => Some(format!("{id} does not run on {node}")),
            (false, true, false) => Some(format!("{id} runs on {node}, and is not to")),
            (_, false, false) => Some(format!("{id} is not on {node}")),
        }
    });
    faults.collect()
}

#[cfg(test)]
mod tests {
    use super::super::PromisePlugin;
    use super::super::judge::tests::plan;
    use super::*;

    #[test]
    fn each_plugin_is_held_against_the_plan() {
        let mut plan = plan(true);
        plan.plugins = [("a.run", true), ("b.rest", false)]
            .map(|(id, enabled)| PromisePlugin {
                id: id.to_owned(),
                enabled,
            })
            .into();
        let told = |active: &[&str], inactive: &[&str]| {
            let names = |ids: &[&str]| {
                let ids = ids.iter();
                ids.map(|id| PluginName {
                    id: (*id).to_owned(),
                })
                .collect()
            };
            judge(
                &plan,
                "app-1",
                &NodePlugins {
                    active: names(active),
                    inactive: names(inactive),
                },
            )
        };
        assert!(told(&["a.run", "calls"], &["b.rest"]).is_empty());
        assert_eq!(
            told(&["b.rest"], &["a.run"]),
            [
                "a.run does not run on app-1",
                "b.rest runs on app-1, and is not to"
            ]
        );
        assert_eq!(told(&["a.run"], &[]), ["b.rest is not on app-1"]);
    }
}
