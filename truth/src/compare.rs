//! Compares an answer with what AWS was recorded to answer.

use std::sync::OnceLock;

use percent_encoding::percent_decode_str;
use regex::Regex;
use serde_json::Value;

use crate::account::Answer;
use crate::program::ProgramCalls;

/// What became of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The same.
    Agree,
    /// Only the words of the refusal differ.
    Words(String),
    /// Fields differ that loadrig does not read.
    Fields(String),
    /// It differs.
    Disagree(String),
}

/// Compares an answer, or the part of it that a fact tells of, with a record.
pub(crate) fn compare(
    record: &Value,
    answer: &Answer,
    found: Option<&Value>,
    varies: &[String],
    program: &ProgramCalls,
) -> Verdict {
    match (&record["error"], answer) {
        (
            Value::Object(error),
            Answer::Refusal {
                code,
                message,
                status,
            },
        ) => {
            let wanted = error["code"].as_str();
            if wanted.is_some_and(|wanted| wanted != code) {
                return Verdict::Disagree(format!(
                    "{code} ({message}) in place of {}",
                    wanted.unwrap_or_default()
                ));
            }
            let wanted = error.get("status").and_then(Value::as_u64);
            if let Some(wanted) = wanted.filter(|wanted| *wanted != u64::from(*status)) {
                return Verdict::Disagree(format!(
                    "{code} with status {status} in place of {wanted}"
                ));
            }
            match error.get("message").and_then(Value::as_str) {
                Some(wanted) if !same_text(wanted, message) => {
                    Verdict::Words(format!("\"{message}\""))
                }
                _ => Verdict::Agree,
            }
        }
        (Value::Object(error), Answer::Response(_)) => {
            // A note without a code says that there was no error.
            if error["code"].is_null() {
                return Verdict::Agree;
            }
            Verdict::Disagree(format!("it is carried out; {} was recorded", error["code"]))
        }
        (_, Answer::Refusal { code, message, .. }) => {
            Verdict::Disagree(format!("it is refused with {code} ({message})"))
        }
        (_, Answer::Response(_)) => {
            let state = record["state"].as_str().map(Value::from);
            let wanted = state.as_ref().unwrap_or(&record["response"]);
            let mut differences = Vec::new();
            match found {
                Some(found) => differ("", wanted, found, &mut differences),
                None if wanted.is_null() => {}
                None => differences.push((
                    "answer".to_owned(),
                    "the part that is told of is missing".to_owned(),
                )),
            }
            let excepted = |path: &str| {
                varies.iter().any(|name| {
                    let rest = path.strip_prefix(name.as_str());
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                })
            };
            differences.retain(|(path, _)| !excepted(path));
            let read: Vec<_> = differences
                .iter()
                .filter(|(path, _)| is_read(path, program))
                .collect();
            match (read.first(), differences.first()) {
                (Some((path, what)), _) => Verdict::Disagree(format!("{path}: {what}")),
                (None, Some((path, what))) => Verdict::Fields(format!("{path}: {what}")),
                (None, None) => Verdict::Agree,
            }
        }
    }
}

/// Whether loadrig names every member on the way.
pub(crate) fn is_read(path: &str, program: &ProgramCalls) -> bool {
    let members = path
        .split('.')
        .filter(|part| part.parse::<usize>().is_err() && !part.is_empty());
    members.into_iter().all(|part| program.reads(part))
}

/// Lists whose order AWS defines.
const ORDERED: &[&str] = &[
    "Contents",
    "CommonPrefixes",
    "Versions",
    "DeleteMarkers",
    "Uploads",
    "Buckets",
];

fn differ(path: &str, wanted: &Value, found: &Value, out: &mut Vec<(String, String)>) {
    let join = |part: &str| {
        if path.is_empty() {
            part.to_owned()
        } else {
            format!("{path}.{part}")
        }
    };
    match (wanted, found) {
        (Value::Null, _) => {}
        (Value::Object(wanted), Value::Object(found)) => {
            for (name, value) in wanted {
                match found.get(name) {
                    Some(found) => differ(&join(name), value, found, out),
                    None if is_empty(value) => {}
                    None => out.push((join(name), "is missing".to_owned())),
                }
            }
            for (name, value) in found {
                if !wanted.contains_key(name) && !is_empty(value) {
                    out.push((join(name), format!("is told: {value}")));
                }
            }
        }
        // A policy is written in a text.
        (Value::Object(_), Value::String(text)) => {
            let text = percent_decode_str(text).decode_utf8_lossy();
            match serde_json::from_str::<Value>(&text) {
                Ok(found) => differ(path, wanted, &found, out),
                Err(_) => out.push((path.to_owned(), format!("is {text}"))),
            }
        }
        (Value::Array(wanted), Value::Array(found)) => {
            if wanted.len() != found.len() {
                out.push((
                    path.to_owned(),
                    format!("has {} items in place of {}", found.len(), wanted.len()),
                ));
                return;
            }
            let mut found: Vec<&Value> = found.iter().collect();
            if !ORDERED.iter().any(|name| path.ends_with(name)) {
                // Recorders sort other lists as they like: each item is compared with the one that
                // it differs least from.
                for (at, wanted) in wanted.iter().enumerate() {
                    let distance = |found: &Value| {
                        let mut differences = Vec::new();
                        differ("", wanted, found, &mut differences);
                        differences.len()
                    };
                    let nearest = (at..found.len()).min_by_key(|other| distance(found[*other]));
                    found.swap(at, nearest.unwrap_or(at));
                }
            }
            for (number, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                differ(&join(&number.to_string()), wanted, found, out);
            }
        }
        (Value::String(wanted), Value::String(found)) => {
            let decoded = percent_decode_str(found).decode_utf8_lossy();
            if !same_text(wanted, found) && !same_text(wanted, &decoded) {
                out.push((
                    path.to_owned(),
                    format!("is \"{found}\" in place of \"{wanted}\""),
                ));
            }
        }
        // A placeholder may stand for anything.
        (Value::String(wanted), _)
            if same_text(wanted, "") || wanted.starts_with('<') || wanted == "datetime" => {}
        (wanted, found) => {
            let numbers = wanted.as_f64().zip(found.as_f64());
            let near = numbers.is_some_and(|(wanted, found)| (wanted - found).abs() < f64::EPSILON);
            if wanted != found && !near {
                out.push((path.to_owned(), format!("is {found} in place of {wanted}")));
            }
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// Placeholders without brackets.
const BARE: &[&str] = &["datetime", "owner-id", "display-name"];

/// Whether a text is what was recorded; `<name:1>` and ids stand for anything.
pub(crate) fn same_text(wanted: &str, found: &str) -> bool {
    static PLACEHOLDER: OnceLock<Option<Regex>> = OnceLock::new();
    static ID: OnceLock<Option<Regex>> = OnceLock::new();
    if wanted == found || BARE.contains(&wanted) {
        return true;
    }
    let ids = ID.get_or_init(|| Regex::new(r"\b[a-z]+-[0-9a-f]{8,17}\b|\b\d{12}\b").ok());
    let placeholders = PLACEHOLDER.get_or_init(|| Regex::new(r"<[a-zA-Z][a-zA-Z0-9_:.\- ]*>").ok());
    let (Some(ids), Some(placeholders)) = (ids, placeholders) else {
        return false;
    };
    let wanted = ids.replace_all(wanted, "<id>");
    let parts: Vec<String> = placeholders.split(&wanted).map(regex::escape).collect();
    let found = ids.replace_all(found, "<id>");
    Regex::new(&format!("(?s)^{}$", parts.join(".*"))).is_ok_and(|pattern| pattern.is_match(&found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_and_ids_stand_for_anything() {
        assert!(same_text(
            "The vpc '<vpc>' is in use.",
            "The vpc 'vpc-1' is in use."
        ));
        assert!(same_text(
            "arn:<partition>:iam::111111111111:role/<name:1>",
            "arn:aws:iam::123456789012:role/r"
        ));
        assert!(same_text(
            "The subnet ID 'subnet-06261c743949f093d'",
            "The subnet ID 'subnet-0123456789abcdef0'"
        ));
        assert!(!same_text("<a> is missing", "it is there"));
    }

    #[test]
    fn what_differs_is_found() {
        let mut found = Vec::new();
        let wanted = serde_json::json!({ "A": 1, "B": [{ "C": "<x>" }], "D": {}, "E": "e" });
        let given = serde_json::json!({ "A": 2, "B": [{ "C": "any", "F": true }] });
        differ("", &wanted, &given, &mut found);
        let paths: Vec<_> = found.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["A", "B.0.F", "E"]);
    }
}
