//! Attributes: what is compared between a resource as it should be and as it is.
//!
//! Values have types, so that sizes are compared as numbers and sets as sets. They become text
//! where people or files see them. A value that cannot be read as its type is kept as it came,
//! differs from every wanted one, and is an error to whoever needs it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::Address;

/// A value that a plan compares and shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeValue {
    /// A name, an id, a date.
    Text(String),
    /// A count or a size.
    Number(u64),
    /// On or off.
    Flag(bool),
    /// Addresses of resources, or ids of what does not belong to the environment. Written on
    /// one line.
    Names(BTreeSet<String>),
    /// Security rules, database parameters, DNS records. Written on a line each.
    Lines(BTreeSet<String>),
    /// It is known that nobody knows: for example the policy of a bucket whose tags were taken
    /// away.
    Unknown,
}

/// How [`AttributeValue::Unknown`] is written.
const UNKNOWN: &str = "unknown";

/// Which of the values an attribute has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueForm {
    /// [`AttributeValue::Text`]
    Text,
    /// [`AttributeValue::Number`]
    Number,
    /// [`AttributeValue::Flag`]
    Flag,
    /// [`AttributeValue::Names`]
    Names,
    /// [`AttributeValue::Lines`]
    Lines,
}

impl AttributeValue {
    /// Addresses or ids.
    pub fn names(names: impl IntoIterator<Item = impl ToString>) -> Self {
        Self::Names(names.into_iter().map(|name| name.to_string()).collect())
    }

    /// Whole lines.
    pub fn lines(lines: impl IntoIterator<Item = impl ToString>) -> Self {
        Self::Lines(lines.into_iter().map(|line| line.to_string()).collect())
    }

    /// Reads what [`Display`](std::fmt::Display) wrote, or what a service answered as text.
    /// What does not have the form is kept as text: the getters of [`Attributes`] refuse it.
    #[must_use]
    pub fn read(form: ValueForm, text: &str) -> Self {
        let read = match form {
            ValueForm::Text => None,
            _ if text == UNKNOWN => Some(Self::Unknown),
            ValueForm::Number => text.parse().ok().map(Self::Number),
            ValueForm::Flag => text.parse().ok().map(Self::Flag),
            ValueForm::Names => Some(Self::names(text.split_whitespace())),
            ValueForm::Lines => Some(Self::lines(text.lines())),
        };
        read.unwrap_or_else(|| Self::Text(text.to_owned()))
    }

    /// Whether it says nothing: an empty text or set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Names(set) | Self::Lines(set) => set.is_empty(),
            Self::Number(_) | Self::Flag(_) | Self::Unknown => false,
        }
    }
}

impl std::fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let join = |set: &BTreeSet<String>, separator: &str| {
            let parts: Vec<&str> = set.iter().map(String::as_str).collect();
            parts.join(separator)
        };
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Names(names) => f.write_str(&join(names, " ")),
            Self::Lines(lines) => f.write_str(&join(lines, "\n")),
            Self::Unknown => f.write_str(UNKNOWN),
        }
    }
}

impl From<&str> for AttributeValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for AttributeValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&Address> for AttributeValue {
    fn from(address: &Address) -> Self {
        Self::Text(address.to_string())
    }
}

impl From<bool> for AttributeValue {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<u32> for AttributeValue {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u64> for AttributeValue {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<i32> for AttributeValue {
    /// The SDK counts with signs. A negative count would be nonsense: it is kept as text, which
    /// no getter reads as a number.
    fn from(number: i32) -> Self {
        match u64::try_from(number) {
            Ok(number) => Self::Number(number),
            Err(_) => Self::Text(number.to_string()),
        }
    }
}

/// An attribute whose value is not of its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read `{attribute}`{}: `{value}` is not {expected}", resource.as_ref().map(|address| format!(" of `{address}`")).unwrap_or_default())]
pub struct UnreadableAttribute {
    /// Whose attribute it is.
    pub resource: Option<Address>,
    /// Name of the attribute.
    pub attribute: Cow<'static, str>,
    /// What it says.
    pub value: String,
    /// What it should be, with its article.
    pub expected: &'static str,
}

impl UnreadableAttribute {
    /// The same with the resource that has it.
    #[must_use]
    pub fn of(mut self, resource: &Address) -> Self {
        self.resource = Some(resource.clone());
        self
    }
}

/// The attributes of a resource, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(BTreeMap<Cow<'static, str>, AttributeValue>);

impl Attributes {
    /// The value of an attribute; `None` when the service did not report it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.0.get(name)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut AttributeValue> {
        self.0.get_mut(name)
    }

    /// Sets an attribute.
    pub fn insert(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<AttributeValue>) {
        self.0.insert(name.into(), value.into());
    }

    /// Takes an attribute away.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// All of them, in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// An attribute that is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            AttributeValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An attribute that is a set of names or of lines.
    #[must_use]
    pub fn set(&self, name: &str) -> Option<&BTreeSet<String>> {
        match self.get(name)? {
            AttributeValue::Names(set) | AttributeValue::Lines(set) => Some(set),
            _ => None,
        }
    }

    /// An attribute that is a number.
    ///
    /// # Errors
    /// When it is something else.
    pub fn number(&self, name: &str) -> Result<Option<u64>, UnreadableAttribute> {
        match self.get(name) {
            None | Some(AttributeValue::Unknown) => Ok(None),
            Some(AttributeValue::Number(number)) => Ok(Some(*number)),
            Some(_) => Err(self.unreadable(name, "a number")),
        }
    }

    /// An attribute that is a number, to be multiplied with prices.
    ///
    /// # Errors
    /// When it is something else.
    pub fn quantity(&self, name: &str) -> Result<Option<f64>, UnreadableAttribute> {
        let number = self.number(name)?;
        // No service counts further than this.
        Ok(number.map(|number| f64::from(u32::try_from(number).unwrap_or(u32::MAX))))
    }

    /// An attribute that is on or off.
    ///
    /// # Errors
    /// When it is something else.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, UnreadableAttribute> {
        match self.get(name) {
            None | Some(AttributeValue::Unknown) => Ok(None),
            Some(AttributeValue::Flag(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.unreadable(name, "`true` or `false`")),
        }
    }

    /// The error for an attribute that is not what it should be.
    #[must_use]
    pub fn unreadable(&self, name: &str, expected: &'static str) -> UnreadableAttribute {
        UnreadableAttribute {
            resource: None,
            attribute: name.to_owned().into(),
            value: self.get(name).map(ToString::to_string).unwrap_or_default(),
            expected,
        }
    }
}

impl<N: Into<Cow<'static, str>>> FromIterator<(N, AttributeValue)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (N, AttributeValue)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter();
        Self(pairs.map(|(name, value)| (name.into(), value)).collect())
    }
}

impl<N: Into<Cow<'static, str>>> Extend<(N, AttributeValue)> for Attributes {
    fn extend<I: IntoIterator<Item = (N, AttributeValue)>>(&mut self, pairs: I) {
        let pairs = pairs.into_iter();
        self.0
            .extend(pairs.map(|(name, value)| (name.into(), value)));
    }
}

impl IntoIterator for Attributes {
    type Item = (Cow<'static, str>, AttributeValue);
    type IntoIter = std::collections::btree_map::IntoIter<Cow<'static, str>, AttributeValue>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// As text: plans and reports are for people and for scripts that know no types of ours.
impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, &value.to_string())?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_value_round_trips_as_text() {
        for (form, value) in [
            (ValueForm::Text, AttributeValue::from("unknown")),
            (ValueForm::Number, AttributeValue::from(20_u32)),
            (ValueForm::Flag, AttributeValue::from(true)),
            (ValueForm::Names, AttributeValue::names(["b", "a"])),
            (
                ValueForm::Names,
                AttributeValue::names(Vec::<String>::new()),
            ),
            (ValueForm::Lines, AttributeValue::lines(["b 1", "a 2"])),
            (ValueForm::Flag, AttributeValue::Unknown),
        ] {
            assert_eq!(AttributeValue::read(form, &value.to_string()), value);
        }
    }

    #[test]
    fn a_value_that_cannot_be_read_is_an_error_that_names_it() {
        let twenty = AttributeValue::read(ValueForm::Number, "twenty");
        let attributes: Attributes = [("storage_gib", twenty), ("iops", AttributeValue::from(-1))]
            .into_iter()
            .collect();
        let error = attributes.number("storage_gib").unwrap_err();
        assert_eq!(
            error.of(&Address::parse("database/writer")).to_string(),
            "cannot read `storage_gib` of `database/writer`: `twenty` is not a number"
        );
        assert!(attributes.number("iops").is_err());
        assert!(attributes.flag("iops").is_err());
        assert_eq!(attributes.number("throughput_mibps"), Ok(None));
    }
}
