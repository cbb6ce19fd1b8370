//! A file against its schema: every wrong key, type and bound at once, with its place.
//!
//! Knows schemas and trees; what a value means is checked in `check`.

use jiff::SignedDuration;
use serde_json::{Map, Number, Value};

use super::document::{Content, Document, Entry, YamlNode, is_bool};
use super::problem::{Problem, Span};
use super::suggest;

/// The format of text that is a duration, such as `90s` or `1h30m`, and the schema's keys for
/// its bounds.
pub(crate) const DURATION: &str = "loadrig-duration";
pub(crate) const SHORTEST: &str = "x-shortest";
pub(crate) const LONGEST: &str = "x-longest";

/// A duration as files write it; without a unit it is not one.
fn parse_duration(text: &str) -> Option<SignedDuration> {
    text.parse().ok()
}

/// Reads a document as its schema says. What is wrong is reported and left out of the
/// result, so that the rest can still be checked.
pub(crate) fn read(document: &Document, schema: &Value, problems: &mut Vec<Problem>) -> Value {
    let mut reader = Reader { document, problems };
    match &document.root {
        Some(root) if matches!(root.content, Content::Mapping(_)) => reader
            .mapping(root.entries(), schema, &Location::root(root.span))
            .unwrap_or_default(),
        Some(root) if !matches!(root.content, Content::Null) => {
            let found = root.describe();
            reader.report(
                root.span,
                format!("expected a mapping at the top level, found {found}"),
                "write keys and values, one per line: `key: value`".to_owned(),
            );
            Value::default()
        }
        _ if reader.problems.is_empty() => {
            let required = names(&schema["required"]);
            reader.report(
                Span::START,
                if document.source.text.trim().is_empty() {
                    "the file is empty".to_owned()
                } else {
                    "the file contains no keys".to_owned()
                },
                format!("expected at least {}", suggest::one_of(required)),
            );
            Value::default()
        }
        _ => Value::default(),
    }
}

/// Where in the tree the reader is: the dotted path, and what to point at when the value
/// itself cannot be pointed at.
struct Location {
    path: String,
    key: Span,
}

impl Location {
    fn root(key: Span) -> Self {
        Location {
            path: String::new(),
            key,
        }
    }

    fn child(&self, entry: &Entry) -> Self {
        let path = match self.path.as_str() {
            "" => entry.key.clone(),
            parent => format!("{parent}.{}", entry.key),
        };
        Location {
            path,
            key: entry.key_span,
        }
    }
}

struct Reader<'a> {
    document: &'a Document,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn value(&mut self, node: &YamlNode, schema: &Value, at: &Location) -> Option<Value> {
        if schema["x-any"] == true {
            return self.any(node, at);
        }
        if schema.get("oneOf").is_some() || schema.get("enum").is_some() {
            return self.choice(node, schema, at);
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.first().and_then(Value::as_str),
            kind => kind.as_str(),
        };
        match (kind, &node.content) {
            (Some("object"), Content::Null) if schema["type"].is_array() => {
                Some(Value::Object(Map::new()))
            }
            (Some("object"), Content::Mapping(entries)) => self.mapping(entries, schema, at),
            (Some("array"), Content::Sequence(items)) => {
                let read = items
                    .iter()
                    .map(|item| self.value(item, &schema["items"], at));
                Some(read.flatten().collect())
            }
            (Some("integer"), Content::Scalar { text, plain: true }) => {
                self.integer(node, text, schema, at)
            }
            (Some("number"), Content::Scalar { text, plain: true }) => {
                self.number(node, text, schema, at)
            }
            (Some("string"), Content::Scalar { text, .. }) if schema["format"] == DURATION => {
                self.duration(node, text, schema, at)
            }
            (Some("boolean"), Content::Scalar { text, plain: true }) if is_bool(text) => {
                Some(Value::Bool(text.eq_ignore_ascii_case("true")))
            }
            // A number is fine as text: `version: 15`, a tag with the value 42.
            (Some("string"), Content::Scalar { text, plain }) if !plain || !is_bool(text) => {
                Some(Value::String(text.clone()))
            }
            _ => self.wrong_type(node, &expected(schema), at),
        }
    }

    /// Whatever stands there, as YAML reads it; only that something does is asked.
    fn any(&mut self, node: &YamlNode, at: &Location) -> Option<Value> {
        match &node.content {
            Content::Null => self.wrong_type(node, "a value", at),
            Content::Scalar { text, plain } => Some(scalar(text, *plain)),
            Content::Sequence(items) => {
                let read = items.iter().map(|item| self.any(item, at));
                Some(read.flatten().collect())
            }
            Content::Mapping(entries) => {
                let mut read = Map::new();
                for entry in entries {
                    let value = self.any(&entry.value, &at.child(entry));
                    read.extend(value.map(|value| (entry.key.clone(), value)));
                }
                Some(Value::Object(read))
            }
        }
    }

    fn mapping(&mut self, entries: &[Entry], schema: &Value, at: &Location) -> Option<Value> {
        let properties = schema["properties"].as_object();
        let mut read = Map::new();
        for entry in entries {
            let known = properties.and_then(|p| p.get(&entry.key));
            let free = schema
                .get("additionalProperties")
                .filter(|free| free.is_object());
            match known.or(free) {
                Some(inner) => {
                    let value = self.value(&entry.value, inner, &at.child(entry));
                    read.extend(value.map(|value| (entry.key.clone(), value)));
                }
                None => self.unknown_key(entry, schema, at),
            }
        }
        for name in names(&schema["required"]) {
            // A misspelt key has been reported; that it is therefore missing is no news.
            let is_known = |key: &str| properties.is_some_and(|known| known.contains_key(key));
            if entries.iter().any(|e| {
                e.key == name || (!is_known(&e.key) && suggest::nearest(&e.key, [name]).is_some())
            }) {
                continue;
            }
            let inner = &schema["properties"][name];
            let place = match at.path.as_str() {
                "" => "the file".to_owned(),
                path => format!("`{path}`"),
            };
            self.report(
                at.key,
                format!("{place} lacks the key `{name}`"),
                format!("expected `{name}:` and {}", expected(inner)),
            );
        }
        Some(Value::Object(read))
    }

    fn integer(
        &mut self,
        node: &YamlNode,
        text: &str,
        schema: &Value,
        at: &Location,
    ) -> Option<Value> {
        let Ok(number) = text.parse::<i64>() else {
            return self.wrong_type(node, &expected(schema), at);
        };
        let low = schema["minimum"].as_i64().unwrap_or(i64::MIN);
        let high = schema["maximum"].as_i64().unwrap_or(i64::MAX);
        if (low..=high).contains(&number) {
            return Some(Value::Number(Number::from(number)));
        }
        self.out_of_range(node, text, schema, at)
    }

    fn number(
        &mut self,
        node: &YamlNode,
        text: &str,
        schema: &Value,
        at: &Location,
    ) -> Option<Value> {
        let Some(number) = text.parse::<f64>().ok().and_then(Number::from_f64) else {
            return self.wrong_type(node, &expected(schema), at);
        };
        let low = schema["minimum"].as_f64().unwrap_or(f64::MIN);
        let high = schema["maximum"].as_f64().unwrap_or(f64::MAX);
        if number
            .as_f64()
            .is_some_and(|number| (low..=high).contains(&number))
        {
            return Some(Value::Number(number));
        }
        self.out_of_range(node, text, schema, at)
    }

    /// A duration stays text, which the type that it is decoded to parses again.
    fn duration(
        &mut self,
        node: &YamlNode,
        text: &str,
        schema: &Value,
        at: &Location,
    ) -> Option<Value> {
        let bound = |key: &str| schema[key].as_str().and_then(parse_duration);
        let Some(duration) = parse_duration(text) else {
            return self.out_of_range(node, text, schema, at);
        };
        let is_short = bound(SHORTEST).is_some_and(|shortest| duration < shortest);
        if is_short || bound(LONGEST).is_some_and(|longest| duration > longest) {
            return self.out_of_range(node, text, schema, at);
        }
        Some(Value::String(text.to_owned()))
    }

    fn out_of_range(
        &mut self,
        node: &YamlNode,
        text: &str,
        schema: &Value,
        at: &Location,
    ) -> Option<Value> {
        self.report(
            node.span,
            format!("`{}` cannot be `{text}`", at.path),
            format!("expected {}", expected(schema)),
        );
        None
    }

    /// One of a few words, or a mapping with one of a few keys.
    fn choice(&mut self, node: &YamlNode, schema: &Value, at: &Location) -> Option<Value> {
        let options = choices(schema);
        match &node.content {
            Content::Scalar { text, .. } => {
                let words: Vec<&str> = options.iter().filter_map(|o| o.as_str()).collect();
                if words.contains(&text.as_str()) {
                    return Some(Value::String(text.clone()));
                }
                self.report(
                    node.span,
                    format!("`{}` cannot be `{text}`", at.path),
                    match suggest::nearest(text, words) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("expected {}", expected(schema)),
                    },
                );
                None
            }
            Content::Mapping(entries) => {
                let object = options.iter().find(|option| option["type"] == "object");
                match object {
                    // Without its key it is none of the alternatives.
                    Some(inner) => self
                        .mapping(entries, inner, at)
                        .filter(|read| read.as_object().is_some_and(|map| !map.is_empty())),
                    None => self.wrong_type(node, &expected(schema), at),
                }
            }
            Content::Null | Content::Sequence(_) => self.wrong_type(node, &expected(schema), at),
        }
    }

    fn wrong_type(&mut self, node: &YamlNode, expected: &str, at: &Location) -> Option<Value> {
        let (span, message) = match &node.content {
            Content::Null => (at.key, format!("`{}` has no value", at.path)),
            Content::Scalar { .. } => (
                node.span,
                format!("`{}` cannot be {}", at.path, node.describe()),
            ),
            _ => (
                at.key,
                format!("`{}` cannot be {}", at.path, node.describe()),
            ),
        };
        let problem = self
            .document
            .place(span)
            .problem(message, format!("expected {expected}"));
        let problem = match hint_for(node, expected) {
            Some(hint) => problem.hint(hint),
            None => problem,
        };
        self.problems.push(problem);
        None
    }

    fn unknown_key(&mut self, entry: &Entry, schema: &Value, at: &Location) {
        let place = match at.path.as_str() {
            "" => String::new(),
            path => format!(" in `{path}`"),
        };
        let keys: Vec<&str> = schema["properties"]
            .as_object()
            .map(|properties| properties.keys().map(String::as_str).collect())
            .unwrap_or_default();
        let near = suggest::nearest(&entry.key, keys.iter().copied());
        let label = match (near, section_of(&entry.key, schema)) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, Some(section)) => format!("`{}` belongs under `{section}:`", entry.key),
            (None, None) => format!("expected {}", one_of_keys(keys)),
        };
        self.report(
            entry.key_span,
            format!("unknown key `{}`{place}", entry.key),
            label,
        );
    }

    fn report(&mut self, span: Span, message: String, label: String) {
        let problem = self.document.place(span).problem(message, label);
        self.problems.push(problem);
    }
}

/// Nobody reads a list of a hundred keys: beyond this many, the schema lists them.
const MOST_KEYS: usize = 30;

fn one_of_keys(keys: Vec<&str>) -> String {
    match keys.len() {
        0..=MOST_KEYS => suggest::one_of(keys),
        many => format!(
            "one of {many} keys, which `loadrig schema` or, for scenarios, `loadrig schema scenario` lists"
        ),
    }
}

/// The section in which a misplaced key would have been right.
fn section_of<'a>(key: &str, schema: &'a Value) -> Option<&'a str> {
    let sections = schema["properties"].as_object()?;
    sections
        .iter()
        .find(|(_, inner)| inner["properties"].get(key).is_some())
        .map(|(section, _)| section.as_str())
}

/// What a schema wants, in words.
fn expected(schema: &Value) -> String {
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().and_then(Value::as_str),
        kind => kind.as_str(),
    };
    let bounds = (schema["minimum"].as_i64(), schema["maximum"].as_i64());
    match (kind, bounds) {
        (Some("integer"), (Some(low), Some(high))) => {
            format!("a whole number from {low} to {high}")
        }
        (Some("integer"), _) => "a whole number".to_owned(),
        (Some("number"), _) => match (schema["minimum"].as_f64(), schema["maximum"].as_f64()) {
            (Some(low), Some(high)) => format!("a number from {low} to {high}"),
            _ => "a number".to_owned(),
        },
        (Some("string"), _) if schema["format"] == DURATION => {
            let example = schema["examples"][0].as_str().unwrap_or("30s");
            match (schema[SHORTEST].as_str(), schema[LONGEST].as_str()) {
                (Some(low), Some(high)) => {
                    format!("a duration from `{low}` to `{high}`, such as `{example}`")
                }
                _ => format!("a duration such as `{example}`"),
            }
        }
        (Some("boolean"), _) => "`true` or `false`".to_owned(),
        (Some("array"), _) => "a list".to_owned(),
        (Some("object"), _) => match schema["properties"].as_object() {
            Some(properties) => format!(
                "a mapping of {}",
                one_of_keys(properties.keys().map(String::as_str).collect())
            ),
            None => "a mapping".to_owned(),
        },
        (Some("string"), _) if schema.get("enum").is_none() => {
            match schema["examples"][0].as_str() {
                Some(example) => format!("text such as `{example}`"),
                None => "text".to_owned(),
            }
        }
        _ => {
            let choices = choices(schema);
            let options: Vec<String> = choices
                .iter()
                .filter_map(|option| match option.as_str() {
                    Some(word) => Some(word.to_owned()),
                    None => {
                        let required = names(&option["required"]);
                        let keys = required.iter().map(|key| format!("{{{key}: …}}"));
                        Some(keys.collect()).filter(|_| !required.is_empty())
                    }
                })
                .collect();
            let words = suggest::one_of(options.iter().map(String::as_str));
            // A mapping that needs no key of its own is told by those that it may have.
            let free = choices
                .iter()
                .find(|option| option["type"] == "object" && names(&option["required"]).is_empty());
            match free {
                Some(mapping) => format!("{words}, or {}", expected(mapping)),
                None => words,
            }
        }
    }
}

/// The words (as strings) and the mappings (as schemas) that a choice allows.
fn choices(schema: &Value) -> Vec<Value> {
    let plain = schema["enum"].as_array().cloned().unwrap_or_default();
    let described = schema["oneOf"].as_array().cloned().unwrap_or_default();
    let described = described.into_iter().flat_map(|option| {
        match (
            option.get("const"),
            option.get("enum").and_then(Value::as_array),
        ) {
            (Some(word), _) => vec![word.clone()],
            (None, Some(words)) => words.clone(),
            (None, None) => vec![option],
        }
    });
    plain.into_iter().chain(described).collect()
}

fn names(list: &Value) -> Vec<&str> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).collect()
}

/// The commonest ways to miss a type, and the way out.
fn hint_for(node: &YamlNode, expected: &str) -> Option<String> {
    let wants_number = expected.starts_with("a whole number");
    match &node.content {
        Content::Null => Some("give it a value, or remove the line to get the default".to_owned()),
        Content::Scalar { text, plain: false } if wants_number && text.parse::<i64>().is_ok() => {
            Some("remove the quotes".to_owned())
        }
        Content::Scalar { text, plain: true } if text.parse::<u32>().is_ok() => {
            // Groups of hosts and services are mappings, and their number is one of the keys.
            let key = ["count", "nodes", "readers"].into_iter().find(|key| {
                expected.starts_with("a mapping") && expected.contains(&format!("`{key}`"))
            })?;
            Some(format!("write the number as `{{{key}: {text}}}`"))
        }
        Content::Scalar { text, .. } if wants_number => {
            let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
            let unit = text[digits.len()..].trim();
            let is_unit = !unit.is_empty() && unit.chars().all(char::is_alphabetic);
            (is_unit && !digits.is_empty())
                .then(|| format!("write the number alone: `{digits}`; the key names the unit"))
        }
        Content::Scalar { text, plain: true } if is_bool(text) && expected.starts_with("text") => {
            Some(format!("if the text `{text}` is meant, write it in quotes"))
        }
        Content::Scalar { text, .. } if expected == "a list" => {
            Some(format!("write it as a list: `[{text}]`"))
        }
        _ => None,
    }
}

/// A scalar as YAML reads it.
fn scalar(text: &str, plain: bool) -> Value {
    let number = || {
        let whole = text.parse::<i64>().map(Number::from).ok();
        whole.or_else(|| Number::from_f64(text.parse().ok()?))
    };
    match plain {
        true if is_bool(text) => Value::Bool(text.eq_ignore_ascii_case("true")),
        true => number().map_or_else(|| text.into(), Value::Number),
        false => text.into(),
    }
}
