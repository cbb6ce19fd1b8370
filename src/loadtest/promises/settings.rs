//! Whether every application node runs with the settings that are planned: the configuration that it has in
//! use, as the administrator is shown it, not the files that it was started with.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::Value;

use crate::loadtest::api::{Api, ApiError, ApiSession};
use crate::spec::{PlannedSetting, PlannedValue, SettingMaster, setting_text};

use super::{Promise, PromisePlan};

const SETTINGS: &str = "settings: the nodes run with those that are planned";
/// What stands for a secret in the server's answer (`FakeSetting` in `server/public/model/config.go`).
const MASK: &str = "********************************";
/// Of more settings than this that differ the rest is counted: one cause is behind them.
const SHOWN: usize = 12;

/// What one node says of its settings.
struct NodeSettings<'a> {
    name: &'a str,
    /// Those in use, secrets masked.
    config: Value,
    /// Those that a variable has set, each `true`.
    locked: Value,
}

/// A setting of one node beside the plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Compared {
    Same,
    /// The server shows nothing of it.
    Masked,
    /// It is another, and which.
    Differs(String),
    /// It is as planned, and not set by a variable.
    Unlocked,
    /// The server does not have it.
    Unknown,
}

/// Asks each node for its settings; one promise for all that are as planned, one for each that is not.
pub(super) async fn settings(
    plan: &PromisePlan,
    session: &ApiSession,
    nodes: &BTreeMap<String, Api>,
) -> Vec<Promise> {
    let env = &plan.environment;
    let planned = match &plan.settings {
        Ok(planned) if planned.is_empty() => return Vec::new(),
        Ok(planned) => planned,
        Err(why) => {
            return vec![
                Promise::doubtful(SETTINGS, format!("not compared: {why}"))
                    .remedy("run `verify` where everything that the YAML names can be read"),
            ];
        }
    };
    let asked = nodes.iter().map(|(name, api)| async move {
        let (config, locked) = futures::join!(
            api.get::<Value>("/config", session),
            api.get::<Value>("/config/environment", session),
        );
        let told: Result<_, ApiError> = config.and_then(|config| Ok((config, locked?)));
        (name.as_str(), told)
    });
    let mut told = Vec::new();
    for (name, answer) in join_all(asked).await {
        match answer {
            Ok((config, locked)) => told.push(NodeSettings {
                name,
                config,
                locked,
            }),
            Err(error) => {
                return vec![
                    Promise::broken(SETTINGS, format!("{name}: {error}")).remedy(format!(
                        "`loadrig ssh {env} {name} -- sudo journalctl -u mattermost` shows the server's log"
                    )),
                ];
            }
        }
    }
    judge(env, planned, &told)
}

fn judge(
    environment: &str,
    planned: &[PlannedSetting],
    nodes: &[NodeSettings<'_>],
) -> Vec<Promise> {
    if let Some(promise) = without_variables(environment, planned, nodes) {
        return vec![promise];
    }
    let mut faults = Vec::new();
    let mut masked = 0;
    for setting in planned {
        let mut by_fault: BTreeMap<Compared, Vec<&str>> = BTreeMap::new();
        for node in nodes {
            let compared = compare(setting, node);
            by_fault.entry(compared).or_default().push(node.name);
        }
        masked += usize::from(by_fault.contains_key(&Compared::Masked));
        for (compared, names) in by_fault {
            faults.extend(fault(environment, setting, &compared, &names.join(", ")));
        }
    }
    if faults.is_empty() {
        let detail = match masked {
            0 => format!("{} settings", planned.len()),
            _ => format!(
                "{} settings; the server does not show {masked} secrets among them",
                planned.len()
            ),
        };
        return vec![Promise::kept(SETTINGS, detail)];
    }
    // What is broken comes first, and is not what is left out.
    faults.sort_by_key(|fault| !fault.is_broken());
    let more = faults.split_off(SHOWN.min(faults.len()));
    if let Some(first) = more.first() {
        let names = more.iter().map(|one| one.name.as_str());
        let names: Vec<&str> = names
            .map(|name| name.trim_start_matches("setting "))
            .collect();
        let name = format!("settings: {} more", more.len());
        faults.push(
            Promise::new(
                &name,
                first.verdict,
                format!("not as planned: {}", names.join(", ")),
            )
            .remedy(up(environment)),
        );
    }
    faults
}

/// A server that was started without loadrig's variables: one cause, and not each of its consequences.
fn without_variables(
    environment: &str,
    planned: &[PlannedSetting],
    nodes: &[NodeSettings<'_>],
) -> Option<Promise> {
    let variables = planned.iter().filter(|one| one.master.is_variable());
    let mut variables = variables.peekable();
    variables.peek()?;
    let lacks_all = |node: &&NodeSettings<'_>| !variables.clone().any(|one| is_locked(one, node));
    let names: Vec<&str> = nodes
        .iter()
        .filter(lacks_all)
        .map(|node| node.name)
        .collect();
    (!names.is_empty()).then(|| {
        let detail = format!(
            "{}: no variable of loadrig's reached the server, which runs with what is stored in its database",
            names.join(", ")
        );
        Promise::broken(SETTINGS, detail).remedy(format!(
            "`loadrig up {environment}` writes `/etc/mattermost/environment` and restarts the node; `loadrig ssh \
             {environment} {} -- systemctl cat mattermost` shows whether something overrides its unit",
            names[0]
        ))
    })
}

fn is_locked(setting: &PlannedSetting, node: &NodeSettings<'_>) -> bool {
    node.locked[setting.section.as_str()][setting.key.as_str()] == true
}

fn compare(setting: &PlannedSetting, node: &NodeSettings<'_>) -> Compared {
    let seen = &node.config[setting.section.as_str()][setting.key.as_str()];
    if seen.is_null() {
        return Compared::Unknown;
    }
    let is_hidden = is_masked(seen);
    let compared = match &setting.value {
        PlannedValue::Secrets(count) => match seen.as_array().map_or(0, Vec::len) {
            found if found == *count => Compared::Masked,
            found => Compared::Differs(format!("{found} of them; planned are {count}")),
        },
        _ if is_hidden => Compared::Masked,
        PlannedValue::Secret { is_set } => match (*is_set, setting_text(seen).is_empty()) {
            (true, true) => Compared::Differs("empty; planned is a secret".to_owned()),
            (false, false) => Compared::Differs("not empty, as is planned".to_owned()),
            _ => Compared::Same,
        },
        // As text, since that is how a variable gives them.
        PlannedValue::Shown(value) if setting_text(value) == setting_text(seen) => Compared::Same,
        PlannedValue::Shown(value) => Compared::Differs(format!(
            "`{}`; planned is `{}`",
            setting_text(seen),
            setting_text(value)
        )),
    };
    let is_right = matches!(compared, Compared::Same | Compared::Masked);
    match is_right && setting.master.is_variable() && !is_locked(setting, node) {
        true => Compared::Unlocked,
        false => compared,
    }
}

fn is_masked(value: &Value) -> bool {
    match value {
        Value::String(text) => text == MASK,
        Value::Array(texts) => !texts.is_empty() && texts.iter().all(|text| text == MASK),
        _ => false,
    }
}

/// What is told of a setting; nothing where it is as it should be.
fn fault(
    environment: &str,
    setting: &PlannedSetting,
    compared: &Compared,
    nodes: &str,
) -> Option<Promise> {
    let name = format!("setting {}.{}", setting.section, setting.key);
    let up = up(environment);
    match (compared, setting.master) {
        (Compared::Same | Compared::Masked, _)
        // Another version of the server may lack what a new configuration starts with.
        | (Compared::Unknown, SettingMaster::Administrator(_)) => None,
        (Compared::Differs(how), SettingMaster::Administrator(purpose)) => Some(
            Promise::doubtful(
                &name,
                format!("{nodes}: {how} for this purpose, because {}", purpose.why),
            )
            .remedy(format!(
                "an administrator changed it in the System Console; `mattermost.config: {{ {}: {{ {}: … }} }}` has \
                 `loadrig up {environment}` set it, whichever value is meant",
                setting.section, setting.key
            )),
        ),
        (Compared::Differs(how), SettingMaster::Loadrig(owned)) => {
            let remedy = format!("it follows from {}: {up}", owned.from);
            Some(Promise::broken(&name, format!("{nodes}: {how}")).remedy(remedy))
        }
        (Compared::Differs(how), SettingMaster::Yaml) => Some(
            Promise::broken(&name, format!("{nodes}: {how}"))
                .remedy(format!("`mattermost.config` says it: {up}")),
        ),
        (Compared::Unlocked, _) => Some(
            Promise::broken(
                &name,
                format!("{nodes}: as planned, but no variable sets it, so administrators can change it"),
            )
            .remedy(up),
        ),
        (Compared::Unknown, _) => Some(
            Promise::doubtful(&name, format!("{nodes}: the server does not show it"))
                .remedy(
                    "an older release does not have it: `docs/settings.md` says what it is for; \
                     `ExperimentalSettings.RestrictSystemAdmin` hides some from the administrator",
                ),
        ),
    }
}

fn up(environment: &str) -> String {
    format!(
        "`loadrig up {environment}` writes the server's variables and restarts the nodes that run with others"
    )
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
