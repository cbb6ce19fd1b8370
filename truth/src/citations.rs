//! What AWS's documentation is cited for, by operation: read from the comments beside the strict
//! cloud's rules, from those of its tests at the wire, and from the table of known refusals.
//!
//! A comment cites for an operation if it names it and, in the same block, a page of AWS or words
//! or codes of it in quotes. Beside a rule, the file has to handle the operation by name as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::program::{listed, plain};

/// Words of comments that name a page of AWS.
const PAGES: &[&str] = &[
    "API Reference",
    "User Guide",
    "Developer Guide",
    "Pages are those",
    "\"",
];

/// Where each operation's documentation is cited, by the operation's plain name.
#[derive(Debug, Default)]
pub(crate) struct Citations {
    /// In rules and tests, where the file says by its contents which service it is about.
    sources: BTreeMap<String, BTreeSet<String>>,
    /// Sources of known refusals, by service and operation.
    refusals: BTreeMap<(String, String), BTreeSet<&'static str>>,
}

impl Citations {
    /// Reads the checkout; `operations` are the plain names that may be cited.
    pub(crate) fn read(root: &Path, operations: &BTreeSet<String>) -> Result<Self, String> {
        let mut citations = Self::default();
        let mut open = vec![root.join("strict-cloud/src"), root.join("tests/it/strict")];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(listed(&path)?);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = read(&path)?;
                let place = path.strip_prefix(root).unwrap_or(&path).display();
                for operation in cited(&text, operations) {
                    let places = citations.sources.entry(operation).or_default();
                    places.insert(place.to_string());
                }
            }
        }
        for refusal in strict_cloud::known_refusals() {
            for operation in refusal.operations {
                let key = (refusal.service.to_owned(), plain(operation));
                citations
                    .refusals
                    .entry(key)
                    .or_default()
                    .insert(refusal.source);
            }
        }
        Ok(citations)
    }

    /// How many files cite AWS's documentation of an operation, and how many sources tell how it is
    /// refused.
    pub(crate) fn of(&self, service: &str, action: &str) -> (usize, usize) {
        let files = self.sources.get(action).map_or(0, BTreeSet::len);
        let key = (service.to_owned(), action.to_owned());
        (files, self.refusals.get(&key).map_or(0, BTreeSet::len))
    }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The operations that a file's comments cite documentation for.
fn cited(text: &str, operations: &BTreeSet<String>) -> BTreeSet<String> {
    let handled: BTreeSet<String> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .map(plain)
        .collect();
    let mut found = BTreeSet::new();
    for block in comments(text) {
        let quotes = PAGES.iter().any(|page| block.contains(page)) || block.contains('`');
        let words = block.split(|c: char| !c.is_ascii_alphanumeric()).map(plain);
        let named = words.filter(|word| operations.contains(word) && handled.contains(word));
        if quotes {
            found.extend(named);
        }
    }
    found
}

/// Blocks of comments, each as one text.
fn comments(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut within = false;
    for line in text.lines().map(str::trim_start) {
        let comment = line.strip_prefix("//!").or(line.strip_prefix("///"));
        match (comment, blocks.last_mut()) {
            (Some(comment), Some(block)) if within => block.push_str(comment),
            (Some(comment), _) => blocks.push(comment.to_owned()),
            (None, _) => {}
        }
        within = comment.is_some();
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_citation_names_an_operation_that_the_file_handles() {
        let operations = ["deletesubnet", "deletevpc", "createvpc", "deleteroute"]
            .map(str::to_owned)
            .into();
        let text = r#"
            /// DeleteSubnet: "You must terminate all running instances in the subnet"; DeleteVpc.
            fn check() { ask("DeleteSubnet"); ask("CreateVpc"); }
            /// It is like CreateVpc.
            fn other() { ask("DeleteRoute"); }
        "#;
        let found: Vec<_> = cited(text, &operations).into_iter().collect();
        assert_eq!(found, ["deletesubnet"]);
    }
}
