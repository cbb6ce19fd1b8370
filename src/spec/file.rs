//! Files of other modules' kinds, scenarios for example, read by the rules of environments:
//! against a schema, every problem at once, each with its place.
//!
//! Knows no kind of file: the schema and what it cannot say come from the caller.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::document::{Content, Document, YamlNode};
use super::foreign::refuse_foreign;
use super::problem::{Problem, SourceText, Span, SpecErrors};
use super::reader;

/// Reports problems of values that a schema cannot describe, by the path of the value.
pub(crate) struct PathCheck<'a> {
    document: &'a Document,
    problems: &'a mut Vec<Problem>,
}

impl PathCheck<'_> {
    /// Reports that the value at a path is wrong; `label` says what was expected.
    pub(crate) fn report(&mut self, path: &[&str], message: &str, label: &str) {
        let span = self.document.find(path).unwrap_or(Span::START);
        self.problems
            .push(self.document.place(span).problem(message, label));
    }

    /// How many items or keys the value at a path has, as written; none if there is no such value.
    pub(crate) fn count(&self, path: &[&str]) -> Option<usize> {
        self.document.node(path).map(YamlNode::len)
    }
}

/// The word that a key at the top level of a file has, if it has one; for choosing a schema.
pub(crate) fn top_level_word(source: &SourceText, key: &str) -> Option<String> {
    let document = Document::parse(source.clone(), &mut Vec::new());
    match &document.node(&[key])?.content {
        Content::Scalar { text, .. } => Some(text.clone()),
        _ => None,
    }
}

/// Whether a file has a key at its top level; for choosing a schema.
pub(crate) fn has_top_level_key(source: &SourceText, key: &str) -> bool {
    let document = Document::parse(source.clone(), &mut Vec::new());
    document.node(&[key]).is_some()
}

/// Reads a file as a schema describes it and `check` completes it; `what` is what such a file
/// is called.
///
/// # Errors
/// Everything that is wrong with the file.
pub(crate) fn read_yaml<T: DeserializeOwned>(
    source: SourceText,
    what: &str,
    schema: &Value,
    check: impl FnOnce(&Value, &mut PathCheck<'_>),
) -> Result<T, SpecErrors> {
    refuse_foreign(&source, what, schema)?;
    let mut problems = Vec::new();
    let document = Document::parse(source, &mut problems);
    let value = reader::read(&document, schema, &mut problems);
    let mut paths = PathCheck {
        document: &document,
        problems: &mut problems,
    };
    check(&value, &mut paths);
    SpecErrors::check(problems)?;
    // A file that fits its schema fits its type; a difference between the two is a problem
    // of the file for its reader, never a panic.
    T::deserialize(&value).map_err(|error| {
        let problem = document
            .place(Span::START)
            .problem(error.to_string(), "in this file");
        problem.into()
    })
}
