//! Reads a request's body or form by its model: into one JSON value in names of the model, with
//! what the model does not know or what is of another type set aside.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::shapes::{ModelShape, ServiceModel, ShapeKind, ShapeReference};
use super::{ModelViolation, ViolatedRule};

/// A reading: what was found wrong on the way.
pub(super) struct ModelReading<'m> {
    pub(super) model: &'m ServiceModel,
    pub(super) violations: Vec<ModelViolation>,
    pub(super) in_body: bool,
}

/// The fields of a form by the parts of their names: `Tag.1.Key` lies in `Tag`, `1`, `Key`.
#[derive(Default)]
pub(super) struct FormTree<'a> {
    text: Option<&'a str>,
    within: BTreeMap<&'a str, FormTree<'a>>,
}

impl<'a> FormTree<'a> {
    pub(super) fn of(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut root = Self::default();
        for (name, value) in fields {
            let mut at = &mut root;
            for part in name.split('.') {
                at = at.within.entry(part).or_default();
            }
            at.text = Some(value);
        }
        root
    }

    /// The first text within.
    fn sample(&self) -> &'a str {
        self.text
            .or_else(|| self.within.values().map(FormTree::sample).next())
            .unwrap_or_default()
    }

    /// What is numbered from 1, in order; and the names that are no numbers.
    fn numbered(&self) -> (Vec<&Self>, Vec<(&'a str, &Self)>) {
        let mut numbered = BTreeMap::new();
        let mut others = Vec::new();
        for (name, tree) in &self.within {
            match name.parse::<u32>() {
                Ok(number) if number > 0 => {
                    numbered.insert(number, tree);
                }
                _ => others.push((*name, tree)),
            }
        }
        (numbered.into_values().collect(), others)
    }
}

impl<'m> ModelReading<'m> {
    pub(super) fn new(model: &'m ServiceModel) -> Self {
        Self {
            model,
            violations: Vec::new(),
            in_body: true,
        }
    }

    pub(super) fn wrong(&mut self, member: &str, rule: ViolatedRule, value: &str) {
        self.violations.push(ModelViolation {
            member: member.to_owned(),
            rule,
            value: value.chars().take(200).collect(),
            in_body: self.in_body,
        });
    }

    /// Reads a form, or a part of one.
    pub(super) fn form(
        &mut self,
        at: &str,
        reference: &ShapeReference,
        tree: &FormTree<'_>,
    ) -> Value {
        let Some(shape) = self.model.shape(reference) else {
            return Value::Null;
        };
        match shape.kind {
            ShapeKind::Structure => self.form_structure(at, shape, tree, &[]),
            ShapeKind::List => self.form_list(at, reference, shape, tree),
            ShapeKind::Map => self.form_map(at, reference, shape, tree),
            _ => {
                self.unknown_within(at, tree.within.iter().map(|(name, tree)| (*name, tree)));
                self.leaf(at, shape, tree.text.unwrap_or_default())
            }
        }
    }

    /// Reads a structure; fields named in `besides` are no members.
    pub(super) fn form_structure(
        &mut self,
        at: &str,
        shape: &ModelShape,
        tree: &FormTree<'_>,
        besides: &[&str],
    ) -> Value {
        let ec2 = self.model.protocol == "ec2";
        let mut out = Map::new();
        let mut known = Vec::new();
        for (name, reference) in &shape.members {
            let field = reference.form_name(name, ec2);
            if let Some(within) = tree.within.get(field.as_str()) {
                let value = self.form(&join(at, name), reference, within);
                out.insert(name.clone(), value);
            }
            known.push(field);
        }
        let others = tree.within.iter().filter(|(name, _)| {
            !known.iter().any(|known| known == *name) && !besides.contains(name)
        });
        self.unknown_within(at, others.map(|(name, tree)| (*name, tree)));
        Value::Object(out)
    }

    fn form_list(
        &mut self,
        at: &str,
        reference: &ShapeReference,
        shape: &ModelShape,
        tree: &FormTree<'_>,
    ) -> Value {
        let Some(member) = &shape.member else {
            return Value::Null;
        };
        let flat = self.model.protocol == "ec2" || shape.flattened || reference.flattened;
        let mut items = tree;
        if !flat {
            // An empty list is written as a name without a value.
            let name = member.name("member");
            let Some(within) = tree.within.get(name) else {
                self.unknown_within(at, tree.within.iter().map(|(name, tree)| (*name, tree)));
                return Value::Array(Vec::new());
            };
            let others = tree.within.iter().filter(|(other, _)| **other != name);
            self.unknown_within(at, others.map(|(name, tree)| (*name, tree)));
            items = within;
        }
        let (numbered, others) = items.numbered();
        self.unknown_within(at, others.into_iter());
        let items = numbered.into_iter().enumerate();
        Value::Array(
            items
                .map(|(number, item)| self.form(&join(at, &(number + 1).to_string()), member, item))
                .collect(),
        )
    }

    fn form_map(
        &mut self,
        at: &str,
        reference: &ShapeReference,
        shape: &ModelShape,
        tree: &FormTree<'_>,
    ) -> Value {
        let (Some(key), Some(value)) = (&shape.key, &shape.value) else {
            return Value::Null;
        };
        let flat = shape.flattened || reference.flattened;
        let entries = if flat {
            Some(tree)
        } else {
            tree.within.get("entry")
        };
        let mut out = Map::new();
        for entry in entries
            .map(|entries| entries.numbered().0)
            .unwrap_or_default()
        {
            let name = entry.within.get(key.name("key")).map(FormTree::sample);
            let name = name.unwrap_or_default();
            if let Some(within) = entry.within.get(value.name("value")) {
                let read = self.form(&join(at, name), value, within);
                out.insert(name.to_owned(), read);
            }
        }
        Value::Object(out)
    }

    fn unknown_within<'a: 't, 't>(
        &mut self,
        at: &str,
        fields: impl Iterator<Item = (&'a str, &'t FormTree<'a>)>,
    ) {
        for (name, tree) in fields {
            self.wrong(&join(at, name), ViolatedRule::Unknown, tree.sample());
        }
    }

    /// Reads JSON.
    pub(super) fn json(&mut self, at: &str, reference: &ShapeReference, value: &Value) -> Value {
        let Some(shape) = self.model.shape(reference) else {
            return Value::Null;
        };
        let fits = match (shape.kind, value) {
            (ShapeKind::Structure, Value::Object(fields)) => {
                return self.json_structure(at, shape, fields);
            }
            (ShapeKind::Map, Value::Object(fields)) => {
                let Some(member) = &shape.value else {
                    return Value::Null;
                };
                let entries = fields
                    .iter()
                    .map(|(key, value)| (key.clone(), self.json(&join(at, key), member, value)));
                return Value::Object(entries.collect());
            }
            (ShapeKind::List, Value::Array(items)) => {
                let Some(member) = &shape.member else {
                    return Value::Null;
                };
                let items = items.iter().enumerate();
                let items = items.map(|(number, item)| {
                    self.json(&join(at, &(number + 1).to_string()), member, item)
                });
                return Value::Array(items.collect());
            }
            (ShapeKind::Integer | ShapeKind::Long, Value::Number(number)) => {
                number.is_i64() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
            }
            (ShapeKind::Double | ShapeKind::Float, Value::Number(_))
            | (ShapeKind::Timestamp, Value::Number(_) | Value::String(_))
            | (ShapeKind::Boolean, Value::Bool(_))
            | (ShapeKind::String | ShapeKind::Blob, Value::String(_)) => true,
            _ => false,
        };
        if !fits {
            self.wrong(
                at,
                ViolatedRule::Type(kind_name(shape.kind).to_owned()),
                &value.to_string(),
            );
        }
        value.clone()
    }

    /// Reads a JSON object. What is null is not there.
    pub(super) fn json_structure(
        &mut self,
        at: &str,
        shape: &ModelShape,
        fields: &Map<String, Value>,
    ) -> Value {
        let mut out = Map::new();
        for (field, value) in fields {
            let member = shape
                .members
                .iter()
                .find(|(name, member)| member.location.is_none() && member.name(name) == field);
            match member {
                None => self.wrong(&join(at, field), ViolatedRule::Unknown, &value.to_string()),
                Some(_) if value.is_null() => {}
                Some((name, member)) => {
                    let read = self.json(&join(at, name), member, value);
                    out.insert(name.clone(), read);
                }
            }
        }
        Value::Object(out)
    }

    /// Reads a text as what the model says it is.
    pub(super) fn leaf(&mut self, at: &str, shape: &ModelShape, text: &str) -> Value {
        let read = match shape.kind {
            ShapeKind::Integer | ShapeKind::Long => text.parse::<i64>().ok().map(Value::from),
            ShapeKind::Double | ShapeKind::Float => text.parse::<f64>().ok().map(Value::from),
            ShapeKind::Boolean => match text {
                "true" => Some(true.into()),
                "false" => Some(false.into()),
                _ => None,
            },
            ShapeKind::Timestamp => is_time(text).then(|| text.into()),
            _ => Some(text.into()),
        };
        read.unwrap_or_else(|| {
            self.wrong(
                at,
                ViolatedRule::Type(kind_name(shape.kind).to_owned()),
                text,
            );
            text.into()
        })
    }
}

/// Whether a text is a time in one of the formats that AWS writes.
fn is_time(text: &str) -> bool {
    text.parse::<jiff::Timestamp>().is_ok()
        || text.parse::<f64>().is_ok()
        || jiff::fmt::rfc2822::parse(text).is_ok()
}

pub(super) fn kind_name(kind: ShapeKind) -> &'static str {
    match kind {
        ShapeKind::Structure => "structure",
        ShapeKind::List => "list",
        ShapeKind::Map => "map",
        ShapeKind::String => "string",
        ShapeKind::Integer => "integer",
        ShapeKind::Long => "long",
        ShapeKind::Double => "double",
        ShapeKind::Float => "float",
        ShapeKind::Boolean => "boolean",
        ShapeKind::Timestamp => "timestamp",
        ShapeKind::Blob => "blob",
    }
}

/// The path of a member.
pub(super) fn join(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}
