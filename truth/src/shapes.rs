//! Fields of answers: those that AWS told in every recorded answer to an operation are told here
//! too. Compared for each operation over all answers of all replays.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::compare::is_read;
use crate::facts::signing_name;
use crate::program::{ProgramCalls, plain};

/// Fewer answers show no rule.
const FEWEST: u64 = 3;

/// How often each field was told, and each structure that holds fields.
#[derive(Debug, Default)]
struct FieldCounts {
    told: BTreeMap<String, u64>,
    holders: BTreeMap<String, u64>,
}

/// The fields of an operation's recorded answers.
#[derive(Debug)]
pub(crate) struct RecordedShape {
    /// Fields that were told whenever what holds them was.
    always: Vec<String>,
}

/// What became of the comparison of an operation's fields.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ShapeVerdict {
    /// So many fields that AWS always told are always told.
    Agree(usize),
    /// These that loadrig reads are not.
    Missing(Vec<String>),
}

/// The fields of the answers that were given here, by service and the operation's plain name.
#[derive(Debug, Default)]
pub(crate) struct AnswerShapes(BTreeMap<(String, String), FieldCounts>);

/// Reads the recorded shapes, by service and the operation's plain name.
pub(crate) fn read(oracle: &Path) -> Result<BTreeMap<(String, String), RecordedShape>, String> {
    let mut shapes = BTreeMap::new();
    let folder = oracle.join("shapes");
    let Ok(entries) = fs::read_dir(&folder) else {
        return Ok(shapes);
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let file: Value =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        for (action, shape) in file["operations"].as_object().into_iter().flatten() {
            let present = shape["present"].as_object().into_iter().flatten();
            let always = present.filter(|(_, counts)| {
                let [told, held] = [&counts[0], &counts[1]].map(Value::as_u64);
                told == held && held >= Some(FEWEST)
            });
            let key = (signing_name(&name).to_owned(), plain(action));
            let shape = RecordedShape {
                always: always.map(|(field, _)| field.clone()).collect(),
            };
            shapes.insert(key, shape);
        }
    }
    Ok(shapes)
}

impl AnswerShapes {
    /// Takes an answer's fields down.
    pub(crate) fn note(&mut self, service: &str, action: &str, answer: &Value) {
        let key = (service.to_owned(), plain(action));
        self.0.entry(key).or_default().note("", answer);
    }

    /// Compares an operation's fields; none if nothing can be compared.
    pub(crate) fn compare(
        &self,
        operation: &(String, String),
        recorded: &RecordedShape,
        program: &ProgramCalls,
    ) -> Option<ShapeVerdict> {
        let given = self.0.get(operation)?;
        let mut agreeing = 0;
        let mut missing = Vec::new();
        for field in &recorded.always {
            let Some(told) = given.is_always_told(field) else {
                continue;
            };
            if told {
                agreeing += 1;
            } else if is_read(&field.replace("[]", ""), program) {
                missing.push(field.clone());
            }
        }
        match (missing.is_empty(), agreeing) {
            (false, _) => Some(ShapeVerdict::Missing(missing)),
            (true, 0) => None,
            (true, agreeing) => Some(ShapeVerdict::Agree(agreeing)),
        }
    }
}

impl FieldCounts {
    /// Takes down what is told in an answer, or in a part of it.
    fn note(&mut self, path: &str, value: &Value) {
        match value {
            Value::Object(fields) => {
                *self.holders.entry(path.to_owned()).or_default() += 1;
                for (name, within) in fields {
                    let field = match path {
                        "" => name.clone(),
                        path => format!("{path}.{name}"),
                    };
                    *self.told.entry(field.clone()).or_default() += 1;
                    self.note(&field, within);
                }
            }
            Value::Array(items) => {
                let path = format!("{path}[]");
                for item in items {
                    self.note(&path, item);
                }
            }
            _ => {}
        }
    }

    /// Whether a field was told whenever what holds it was; none if that never was.
    fn is_always_told(&self, field: &str) -> Option<bool> {
        let holder = field.rsplit_once('.').map_or("", |(holder, _)| holder);
        let held = self.holders.get(holder)?;
        Some(self.told.get(field) == Some(held))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_always_told_or_it_is_not() {
        let mut counts = FieldCounts::default();
        counts.note(
            "",
            &json!({ "Vpcs": [{ "Id": 1 }, { "Id": 2, "Tags": [] }] }),
        );
        for (field, told) in [
            ("Vpcs", Some(true)),
            ("Vpcs[].Id", Some(true)),
            ("Vpcs[].Tags", Some(false)),
            ("Vpcs[].State", Some(false)),
            ("Vpcs[].Tags[].Key", None),
        ] {
            assert_eq!(counts.is_always_told(field), told, "{field}");
        }
    }
}
