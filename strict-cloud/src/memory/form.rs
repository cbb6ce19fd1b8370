//! The fields of a query request, read by name.
//!
//! Each field that is read is ticked off. What is left at the end is a parameter that nothing
//! knows, and the call is refused: a parameter that is silently dropped would let a client pass
//! here that fails on AWS.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::call::Call;
use crate::errors::AwsError;

use super::account::TagMap;

/// Refuses a JSON request with a field that nothing knows.
pub(super) fn only(asked: &Value, known: &[&str]) -> Result<(), AwsError> {
    let mut fields = asked.as_object().into_iter().flatten();
    match fields.find(|(name, _)| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some((name, _)) => Err(AwsError::new(
            "ValidationException",
            format!("The field {name} is not recognized"),
        )),
    }
}

/// All fields of one request.
#[derive(Debug)]
pub(super) struct FormFields<'a>(BTreeMap<&'a str, FormField<'a>>);

#[derive(Debug)]
struct FormField<'a> {
    value: &'a str,
    read: Cell<bool>,
}

/// The fields below one name: the request itself, or one item of a list in it.
#[derive(Debug, Clone)]
pub(super) struct QueryForm<'a> {
    fields: &'a FormFields<'a>,
    prefix: String,
}

impl<'a> FormFields<'a> {
    pub(super) fn of(call: &'a Call) -> Self {
        let fields = call.fields().map(|(name, value)| {
            let read = Cell::new(matches!(name, "Action" | "Version"));
            (name, FormField { value, read })
        });
        Self(fields.collect())
    }

    /// The request itself.
    pub(super) fn form(&'a self) -> QueryForm<'a> {
        QueryForm {
            fields: self,
            prefix: String::new(),
        }
    }

    /// Refuses a request of which something was not read.
    pub(super) fn all_read(&self) -> Result<(), AwsError> {
        match self.0.iter().find(|(_, field)| !field.read.get()) {
            None => Ok(()),
            Some((name, _)) => Err(AwsError::new(
                "UnknownParameter",
                format!("The parameter {name} is not recognized"),
            )),
        }
    }
}

impl<'a> QueryForm<'a> {
    /// A field; none where it is absent.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let field = self.fields.0.get(self.full(name).as_str())?;
        field.read.set(true);
        Some(field.value)
    }

    /// A field without which the call makes no sense.
    pub(super) fn required(&self, name: &str) -> Result<&'a str, AwsError> {
        self.get(name).ok_or_else(|| {
            AwsError::new(
                "MissingParameter",
                format!("The request must contain the parameter {name}"),
            )
        })
    }

    /// A field that is true or false.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).map(|value| value == "true")
    }

    /// A number; none where it is absent or none.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.get(name).and_then(|value| value.parse().ok())
    }

    /// Reads a field and does nothing about it, which is what the caller means.
    pub(super) fn accept(&self, names: &[&str]) {
        for name in names {
            self.get(name);
        }
    }

    /// The values of a list: `name.1`, `name.2` and so on.
    pub(super) fn list(&self, name: &str) -> Vec<&'a str> {
        let items = self.items(name).into_iter();
        items.filter_map(|item| item.own()).collect()
    }

    /// The items of a list of structures, in order.
    pub(super) fn items(&self, name: &str) -> Vec<QueryForm<'a>> {
        let start = format!("{}.", self.full(name));
        let below = self.fields.0.range(start.as_str()..);
        let below = below.take_while(|(field, _)| field.starts_with(&start));
        let numbers: BTreeSet<u32> = below
            .filter_map(|(field, _)| field.get(start.len()..)?.split('.').next()?.parse().ok())
            .collect();
        let items = numbers.into_iter().map(|number| QueryForm {
            fields: self.fields,
            prefix: format!("{start}{number}"),
        });
        items.collect()
    }

    /// The structure of this name; its fields may all be absent.
    pub(super) fn part(&self, name: &str) -> QueryForm<'a> {
        QueryForm {
            fields: self.fields,
            prefix: self.full(name),
        }
    }

    /// The tags in a list of `Key` and `Value`.
    pub(super) fn tags(&self, name: &str) -> TagMap {
        let pairs = self.items(name).into_iter().filter_map(|item| {
            let value = item.get("Value").unwrap_or_default();
            Some((item.get("Key")?.to_owned(), value.to_owned()))
        });
        pairs.collect()
    }

    /// All fields as one text, but for those named: what two requests are compared by.
    pub(super) fn fingerprint(&self, except: &[&str]) -> String {
        let fields = self.fields.0.iter();
        let fields = fields.filter(|(name, _)| !except.contains(*name));
        fields
            .map(|(name, field)| format!("{name}={}\n", field.value))
            .collect()
    }

    fn own(&self) -> Option<&'a str> {
        let field = self.fields.0.get(self.prefix.as_str())?;
        field.read.set(true);
        Some(field.value)
    }

    fn full(&self, name: &str) -> String {
        match self.prefix.as_str() {
            "" => name.to_owned(),
            prefix => format!("{prefix}.{name}"),
        }
    }
}
