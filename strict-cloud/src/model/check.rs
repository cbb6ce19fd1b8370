//! What a model demands of a value: members that have to be there, enumerations, patterns,
//! lengths and ranges.

use serde_json::{Number, Value};

use super::ViolatedRule;
use super::decode::{ModelReading, join};
use super::shapes::{ModelShape, ShapeKind, ShapeReference};

impl ModelReading<'_> {
    /// Checks a value that was read by its model.
    pub(super) fn check(&mut self, at: &str, reference: &ShapeReference, value: &Value) {
        if let Some(shape) = self.model.shape(reference) {
            self.check_shape(at, shape, value);
        }
    }

    pub(super) fn check_shape(&mut self, at: &str, shape: &ModelShape, value: &Value) {
        match (shape.kind, value) {
            (ShapeKind::Structure, Value::Object(fields)) => {
                for name in &shape.required {
                    if fields.get(name).is_none_or(Value::is_null) {
                        // What comes in path, query and headers is not in the body.
                        let member = shape.members.get(name);
                        let placed = member.is_some_and(|member| member.location.is_some());
                        self.placed(placed, |this| {
                            this.wrong(&join(at, name), ViolatedRule::Required, "");
                        });
                    }
                }
                for (name, within) in fields {
                    if let Some(member) = shape.members.get(name) {
                        self.placed(member.location.is_some(), |this| {
                            this.check(&join(at, name), member, within);
                        });
                    }
                }
            }
            (ShapeKind::List, Value::Array(items)) => {
                self.bounds(at, shape, items.len(), &format!("{} items", items.len()));
                if let Some(member) = &shape.member {
                    for (number, item) in items.iter().enumerate() {
                        self.check(&join(at, &(number + 1).to_string()), member, item);
                    }
                }
            }
            (ShapeKind::Map, Value::Object(entries)) => {
                self.bounds(
                    at,
                    shape,
                    entries.len(),
                    &format!("{} entries", entries.len()),
                );
                for (key, within) in entries {
                    if let Some(reference) = &shape.key {
                        self.check(&join(at, key), reference, &Value::from(key.as_str()));
                    }
                    if let Some(reference) = &shape.value {
                        self.check(&join(at, key), reference, within);
                    }
                }
            }
            (ShapeKind::String, Value::String(text)) => self.check_text(at, shape, text),
            (
                ShapeKind::Integer | ShapeKind::Long | ShapeKind::Double | ShapeKind::Float,
                Value::Number(number),
            ) => self.check_number(at, shape, number),
            // Of another type: that was said when it was read.
            _ => {}
        }
    }

    fn placed(&mut self, outside_body: bool, work: impl FnOnce(&mut Self)) {
        let before = self.in_body;
        self.in_body = before && !outside_body;
        work(self);
        self.in_body = before;
    }

    fn check_text(&mut self, at: &str, shape: &ModelShape, text: &str) {
        if !shape.values.is_empty() && !shape.values.iter().any(|value| value == text) {
            self.wrong(at, ViolatedRule::Enumeration(shape.values.clone()), text);
            return;
        }
        self.bounds(at, shape, text.chars().count(), text);
        if let (Some(regex), Some(pattern)) = (shape.regex(), &shape.pattern)
            && !regex.is_match(text)
        {
            self.wrong(at, ViolatedRule::Pattern(pattern.clone()), text);
        }
    }

    fn check_number(&mut self, at: &str, shape: &ModelShape, number: &Number) {
        let value = number.as_f64().unwrap_or_default();
        let bound = |bound: &Option<Number>| bound.as_ref().and_then(Number::as_f64);
        if bound(&shape.min).is_some_and(|least| value < least) {
            let least = shape.min.as_ref().map(Number::to_string);
            self.wrong(
                at,
                ViolatedRule::Least(least.unwrap_or_default()),
                &number.to_string(),
            );
        }
        if bound(&shape.max).is_some_and(|most| value > most) {
            let most = shape.max.as_ref().map(Number::to_string);
            self.wrong(
                at,
                ViolatedRule::Most(most.unwrap_or_default()),
                &number.to_string(),
            );
        }
    }

    fn bounds(&mut self, at: &str, shape: &ModelShape, length: usize, shown: &str) {
        let length = length as u64;
        let bound = |bound: &Option<Number>| bound.as_ref().and_then(Number::as_u64);
        if let Some(least) = bound(&shape.min)
            && length < least
        {
            self.wrong(at, ViolatedRule::Shortest(least), shown);
        }
        if let Some(most) = bound(&shape.max)
            && length > most
        {
            self.wrong(at, ViolatedRule::Longest(most), shown);
        }
    }
}
