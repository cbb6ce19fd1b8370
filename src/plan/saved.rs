//! A plan that is saved for later, bound to the inputs that it was computed from.
//!
//! It is carried out only while account, region, version, YAML and inventory are what they were;
//! otherwise it is refused, with what moved attribute by attribute.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::spec::Spec;

use super::change::{Action, Change, Difference, Plan};

/// Version of the file's form.
const FORMAT: u32 = 1;

/// How a missing value is written.
pub const NOTHING: &str = "nothing";

/// Where a plan holds, and which version computed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// Account id.
    pub account: String,
    /// Region code, for example `us-east-1`.
    pub region: String,
    /// Name of the environment.
    pub environment: String,
    /// Version of loadrig.
    pub version: String,
}

/// A plan and the inputs that it was computed from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedPlan {
    format: u32,
    #[serde(flatten)]
    bound: Bound,
    /// SHA-256 of the environment as merged, and of who may reach it.
    spec_digest: String,
    /// SHA-256 of what existed.
    snapshot_digest: String,
    /// The environment as merged, a line for each value.
    inputs: BTreeMap<String, String>,
    /// What was to be done.
    plan: Plan,
}

impl SavedPlan {
    /// Binds a plan to its inputs; `operators` are the address ranges that may
    /// reach the rig.
    #[must_use]
    pub fn new(bound: Bound, spec: &Spec, operators: &[String], plan: &Plan) -> Self {
        let mut inputs = BTreeMap::new();
        let value = serde_json::to_value(spec).unwrap_or_default();
        flatten("", &value, &mut inputs);
        inputs.insert("operators".to_owned(), operators.join(", "));
        Self {
            format: FORMAT,
            bound,
            spec_digest: digest(&inputs),
            snapshot_digest: digest(&inventory(plan)),
            inputs,
            plan: plan.clone(),
        }
    }

    /// Whether a file holds a saved plan, of whatever version.
    #[must_use]
    pub fn is_one(content: &[u8]) -> bool {
        let value: serde_json::Value = serde_json::from_slice(content).unwrap_or_default();
        value.get("snapshot_digest").is_some()
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// When it is not a plan of this form, or does not fit its own digests.
    pub fn parse(text: &str) -> Result<Self, String> {
        let saved: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if saved.format != FORMAT {
            return Err(format!(
                "it has format {}, and this version reads {FORMAT}",
                saved.format
            ));
        }
        let whole = saved.spec_digest == digest(&saved.inputs)
            && saved.snapshot_digest == digest(&inventory(&saved.plan));
        if whole {
            Ok(saved)
        } else {
            Err("it was changed after it was written".to_owned())
        }
    }

    /// What is different now; nothing when the plan may be carried out.
    #[must_use]
    pub fn moved(&self, now: &Self) -> Vec<Difference> {
        let mut moved = Vec::new();
        let pairs = [
            ("account", &self.bound.account, &now.bound.account),
            ("region", &self.bound.region, &now.bound.region),
            (
                "environment",
                &self.bound.environment,
                &now.bound.environment,
            ),
            ("loadrig", &self.bound.version, &now.bound.version),
        ];
        for (what, old, new) in pairs {
            if old != new {
                moved.push(difference(what, Some(old), Some(new)));
            }
        }
        if self.spec_digest != now.spec_digest {
            moved.extend(differences("YAML: ", &self.inputs, &now.inputs));
        }
        if self.snapshot_digest != now.snapshot_digest {
            moved.extend(differences(
                "",
                &inventory(&self.plan),
                &inventory(&now.plan),
            ));
        }
        // Neither moved and yet the plan is another: a state changed, such as a host's.
        if moved.is_empty() {
            moved = differences("plan: ", &actions(&self.plan), &actions(&now.plan));
        }
        moved
    }
}

/// What a plan saw, a line for each attribute.
fn inventory(plan: &Plan) -> BTreeMap<String, String> {
    let mut lines = BTreeMap::new();
    for change in &plan.changes {
        let Some(existing) = &change.existing else {
            continue;
        };
        // Twins share an address.
        let name = match change.action {
            Action::Delete => format!("{} {}", change.address, existing.id),
            _ => change.address.to_string(),
        };
        lines.insert(name.clone(), existing.id.clone());
        let info = existing.kind.info();
        for (key, value) in existing.attributes.iter() {
            if !info.attribute(key).is_some_and(|known| known.volatile) {
                lines.insert(format!("{name} {key}"), value.to_string());
            }
        }
    }
    lines
}

fn actions(plan: &Plan) -> BTreeMap<String, String> {
    let line = |change: &Change| {
        let id = change.existing.as_ref().map_or("", |one| one.id.as_str());
        let name = format!("{} {id}", change.address);
        let action = format!("{:?}", change.action).to_lowercase();
        let text = match change.reason.as_str() {
            "" => action,
            reason => format!("{action}: {reason}"),
        };
        (name.trim_end().to_owned(), text)
    };
    plan.changes.iter().map(line).collect()
}

fn differences(
    prefix: &str,
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
) -> Vec<Difference> {
    let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    keys.into_iter()
        .filter(|key| old.get(*key) != new.get(*key))
        .map(|key| {
            let attribute = format!("{prefix}{key}");
            difference(&attribute, old.get(key), new.get(key))
        })
        .collect()
}

fn difference(attribute: &str, old: Option<&String>, new: Option<&String>) -> Difference {
    let text = |value: Option<&String>| value.map_or(NOTHING.to_owned(), Clone::clone);
    Difference {
        attribute: attribute.to_owned(),
        old: text(old),
        new: text(new),
    }
}

/// `{"a": {"b": 1}}` as `a.b = 1`.
fn flatten(path: &str, value: &Value, lines: &mut BTreeMap<String, String>) {
    let below = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                flatten(&below(key), value, lines);
            }
        }
        Value::String(text) => {
            lines.insert(path.to_owned(), text.clone());
        }
        Value::Null => {}
        other => {
            lines.insert(path.to_owned(), other.to_string());
        }
    }
}

fn digest(lines: &BTreeMap<String, String>) -> String {
    let mut hasher = Sha256::new();
    for (key, value) in lines {
        for part in [key, value] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
    }
    hex::encode(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use crate::blueprint::{AttributeValue, blueprint};
    use crate::plan::{Observed, Snapshot, State, plan};
    use crate::spec::{Library, Role};

    use super::*;

    fn spec() -> Spec {
        let library = Library::new(Some("no-such-directory".into()));
        library.architecture("1k").unwrap().example()
    }

    fn saved(spec: &Spec, snapshot: &Snapshot) -> SavedPlan {
        let bound = Bound {
            account: "123456789012".to_owned(),
            region: spec.region.clone(),
            environment: spec.name.clone(),
            version: "0.1.0".to_owned(),
        };
        let plan = plan(&blueprint(spec, &[]), snapshot);
        SavedPlan::new(bound, spec, &["198.51.100.7/32".to_owned()], &plan)
    }

    fn settled(spec: &Spec) -> Snapshot {
        let blueprint = blueprint(spec, &[]);
        let resources = blueprint.resources().map(|(address, desired)| Observed {
            address: address.clone(),
            kind: desired.kind(),
            id: format!("id-of-{address}"),
            state: State::Ready,
            status: "available".to_owned(),
            attributes: desired.attributes(),
        });
        Snapshot {
            resources: resources.collect(),
        }
    }

    fn names(moved: &[Difference]) -> Vec<&str> {
        moved.iter().map(|one| one.attribute.as_str()).collect()
    }

    #[test]
    fn a_saved_plan_stays_valid_while_nothing_changes() {
        let before = saved(&spec(), &settled(&spec()));
        let text = serde_json::to_string(&before).unwrap();
        let read = SavedPlan::parse(&text).unwrap();
        assert_eq!(read, before);
        assert!(read.moved(&before).is_empty());
        let forged = text.replace("id-of-vpc", "id-of-mine");
        assert!(SavedPlan::parse(&forged).unwrap_err().contains("changed"));
    }

    #[test]
    fn a_saved_plan_lists_the_attributes_that_changed() {
        let before = saved(&spec(), &settled(&spec()));

        let mut resized = spec();
        resized.nodes.get_mut(&Role::App).unwrap().count += 1;
        let moved = before.moved(&saved(&resized, &settled(&spec())));
        assert_eq!(names(&moved), ["YAML: nodes.app.count"]);

        let mut found = settled(&spec());
        let rules = found
            .resources
            .iter_mut()
            .find(|one| one.address.as_str() == "security-rules/proxy");
        let rules = rules.unwrap();
        let none = AttributeValue::lines(Vec::<String>::new());
        rules.attributes.insert("rules", none);
        found
            .resources
            .retain(|one| one.address.as_str() != "instance/app-1");
        let moved = before.moved(&saved(&spec(), &found));
        let names = names(&moved);
        assert!(names.contains(&"security-rules/proxy rules"), "{names:?}");
        let gone = moved.iter().find(|one| one.attribute == "instance/app-1");
        assert_eq!(gone.unwrap().new, "nothing");

        let mut other = before.clone();
        other.bound.account = "210987654321".to_owned();
        assert_eq!(before.moved(&other)[0].attribute, "account");
    }

    #[test]
    fn a_host_that_stopped_changes_the_plan_without_any_attribute() {
        let before = saved(&spec(), &settled(&spec()));
        let mut found = settled(&spec());
        for one in &mut found.resources {
            if one.address.as_str() == "instance/app-1" {
                one.state = State::Failed;
            }
        }
        let moved = before.moved(&saved(&spec(), &found));
        assert_eq!(moved.len(), 1, "{moved:?}");
        assert!(moved[0].attribute.contains("instance/app-1"));
    }
}
