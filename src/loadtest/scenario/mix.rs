//! What people do once they are in, as scenarios write it.

use loadrig_storm::ActionMix;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

/// More often per hour than this is no person.
const MOST_PER_HOUR: f64 = 3600.0;

/// What can be done so often per hour, and what it is.
const ACTIONS: [(&str, &str); 7] = [
    (
        "read",
        "Opens another channel and reads there, so often per user and hour.",
    ),
    ("scroll", "Reads older posts of the open channel."),
    ("post", "Writes a post, typing before."),
    ("typing", "Types and sends nothing."),
    ("thread", "Opens a thread."),
    ("search", "Searches posts and files."),
    ("reload", "Reloads the page."),
];

/// The schema of [`ActionMix`]: a number for each action, and the share of focused users.
pub(super) fn mix_schema(_: &mut SchemaGenerator) -> Schema {
    let usual = serde_json::to_value(ActionMix::default()).unwrap_or_default();
    let number = |name: &str, description: &str, most: f64| {
        json!({
            "description": description, "type": "number", "minimum": 0.0, "maximum": most,
            "default": usual[name],
        })
    };
    let mut properties: Map<String, Value> = ACTIONS
        .into_iter()
        .map(|(name, description)| (name.to_owned(), number(name, description, MOST_PER_HOUR)))
        .collect();
    let focused = "Share of the users, 0 to 1, who have the page before them.";
    properties.insert("focused".to_owned(), number("focused", focused, 1.0));
    json_schema!({
        "description": "What users do once they are in: how often each does it per hour.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_mix_can_be_written() {
        let schema = mix_schema(&mut SchemaGenerator::default()).to_value();
        let mix = serde_json::to_value(ActionMix::default()).unwrap();
        for name in mix.as_object().unwrap().keys() {
            assert_eq!(schema["properties"][name]["default"], mix[name], "{name}");
        }
        let known = schema["properties"].as_object().unwrap().len();
        assert_eq!(known, mix.as_object().unwrap().len());
    }
}
