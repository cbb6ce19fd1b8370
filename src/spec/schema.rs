//! JSON schemas of the files, for editors and for the reader.

use std::sync::LazyLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::shape::{ArchitectureFile, EnvironmentFile};

/// JSON schema (draft 2020-12) of an environment file.
#[must_use]
pub fn environment_schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(generate::<EnvironmentFile>);
    &SCHEMA
}

/// JSON schema (draft 2020-12) of a reference architecture file.
#[must_use]
pub fn architecture_schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        let mut schema = generate::<ArchitectureFile>();
        // A bastion belongs to a network, not to a size.
        if let Some(nodes) = schema["properties"]["nodes"]["properties"].as_object_mut() {
            nodes.remove("bastion");
        }
        // An environment names only what differs; an architecture must say everything.
        for section in ["nodes", "database", "search", "cache"] {
            require_all(&mut schema["properties"][section]);
        }
        schema
    });
    &SCHEMA
}

/// Without `$ref`: the reader stays simple, and some editors show better help.
pub(crate) fn generate<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    forbid_null(&mut schema);
    schema
}

/// Optional keys may be left out; writing them without a value is a slip. A section may be
/// empty, as it is when all its lines are commented out.
fn forbid_null(schema: &mut Value) {
    if let Some(alternatives) = schema.get("anyOf").and_then(Value::as_array)
        && let [inner, null] = alternatives.as_slice()
        && null["type"] == "null"
        && let (Some(inner), Some(outer)) = (inner.as_object().cloned(), schema.as_object_mut())
    {
        outer.remove("anyOf");
        for (key, value) in inner {
            outer.entry(key).or_insert(value);
        }
    }
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.retain(|value| !value.is_null());
    }
    if let Some([first, null]) = schema["type"].as_array().map(Vec::as_slice)
        && null == "null"
        && first != "object"
    {
        schema["type"] = json!(first);
    }
    if let Some(object) = schema.as_object_mut()
        && object.get("default").is_some_and(Value::is_null)
    {
        object.remove("default");
    }
    match schema {
        Value::Object(map) => map.values_mut().for_each(forbid_null),
        Value::Array(items) => items.iter_mut().for_each(forbid_null),
        _ => {}
    }
}

fn require_all(schema: &mut Value) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    // A key marked so has a default even in an architecture.
    let names: Vec<String> = properties
        .iter()
        .filter(|(_, property)| property["x-optional"] != true)
        .map(|(name, _)| name.clone())
        .collect();
    properties.values_mut().for_each(require_all);
    schema["required"] = json!(names);
    schema["type"] = json!("object");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_need_not_repeat_the_sizes_and_an_architecture_must() {
        let nodes = &environment_schema()["properties"]["sizes"]["properties"]["nodes"];
        assert!(nodes.get("required").is_none());
        let nodes = &architecture_schema()["properties"]["nodes"];
        assert_eq!(nodes["required"].as_array().map(Vec::len), Some(5));
    }

    #[test]
    fn numbers_are_allowed_where_files_commonly_write_them_as_text() {
        let properties = &environment_schema()["properties"];
        let tags = &properties["tags"]["additionalProperties"]["type"];
        assert_eq!(*tags, json!(["string", "number"]));
        let database = &properties["sizes"]["properties"]["database"]["properties"];
        assert_eq!(database["version"]["type"], json!(["string", "number"]));
    }

    #[test]
    fn a_key_without_a_value_is_an_error() {
        let properties = &environment_schema()["properties"];
        assert_eq!(properties["region"]["type"], "string");
        assert_eq!(
            properties["cloud"]["oneOf"].as_array().map(Vec::len),
            Some(2)
        );
        assert_eq!(properties["sizes"]["type"], json!(["object", "null"]));
        assert!(
            !properties["access"]["properties"]["key"]
                .to_string()
                .contains("null")
        );
    }
}
