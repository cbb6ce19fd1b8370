//! What AWS's documentation is cited for, by operation: read from the comments beside the strict
//! cloud's rules, from those of its tests at the wire, and from the table of known refusals.
//!
//! A comment cites for an operation if it names it and, in the same block, a page of AWS, an address
//! or words of it in quotes; a code or a field alone is none. The file or its module has to handle the
//! operation by name as well, and to be about its service, unless no other service has an operation of that name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::program::{ProgramCalls, listed, plain};

/// Words of comments that name a page of AWS.
const PAGES: &[&str] = &[
    "API Reference",
    "User Guide",
    "Developer Guide",
    "Service Authorization Reference",
    "https://",
];

/// Names of services in the paths of files.
const SERVICES: &[(&str, &str)] = &[
    ("ec2", "ec2"),
    ("elasticache", "elasticache"),
    ("elb", "elasticloadbalancing"),
    ("iam", "iam"),
    ("opensearch", "es"),
    ("rds", "rds"),
    ("route53", "route53"),
    ("s3", "s3"),
    ("servicequotas", "servicequotas"),
    ("ssm", "ssm"),
    ("sts", "sts"),
];

/// Where each operation's documentation is cited, by service and the operation's plain name.
#[derive(Debug, Default)]
pub(crate) struct Citations {
    /// In rules and tests.
    sources: BTreeMap<(String, String), BTreeSet<String>>,
    /// Sources of known refusals.
    refusals: BTreeMap<(String, String), BTreeSet<&'static str>>,
}

impl Citations {
    /// Reads the checkout.
    pub(crate) fn read(root: &Path, program: &ProgramCalls) -> Result<Self, String> {
        let mut citations = Self::default();
        let mut having: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (service, action) in program.sent() {
            having.entry(action.to_owned()).or_default().push(service);
        }
        let operations = having.keys().cloned().collect();
        let mut open = vec![root.join("strict-cloud/src"), root.join("tests/it/strict")];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(listed(&path)?);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = read(&path)?;
                let within = path.with_file_name("mod.rs");
                let within = fs::read_to_string(within).unwrap_or_default();
                let place = path.strip_prefix(root).unwrap_or(&path);
                let place = place.display().to_string();
                for operation in cited(&text, &within, &operations) {
                    let services = having.get(&operation).map_or(&[][..], Vec::as_slice);
                    for service in about(&place, services) {
                        let key = (service.to_owned(), operation.clone());
                        let places = citations.sources.entry(key).or_default();
                        places.insert(place.clone());
                    }
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
        let key = (service.to_owned(), action.to_owned());
        let count = |places: Option<usize>| places.unwrap_or_default();
        (
            count(self.sources.get(&key).map(BTreeSet::len)),
            count(self.refusals.get(&key).map(BTreeSet::len)),
        )
    }
}

/// Of the services that have an operation, those that a file is about: by its path, or the only one.
fn about<'s>(place: &str, having: &[&'s str]) -> Vec<&'s str> {
    let words: Vec<&str> = place.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let named: Vec<&str> = SERVICES
        .iter()
        .filter(|(name, _)| words.contains(name))
        .map(|(_, service)| *service)
        .collect();
    match (named.as_slice(), having) {
        ([], [only]) => vec![only],
        ([], _) => vec![],
        (named, having) => {
            let both = having.iter().filter(|service| named.contains(service));
            both.copied().collect()
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The operations that a file's comments cite documentation for; `within` is the module that it
/// belongs to, which may hand calls on to it.
fn cited(text: &str, within: &str, operations: &BTreeSet<String>) -> BTreeSet<String> {
    let handled: BTreeSet<String> = text
        .lines()
        .chain(within.lines())
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .map(plain)
        .collect();
    let mut found = BTreeSet::new();
    for block in comments(text) {
        let words_in_quotes = block
            .split('"')
            .skip(1)
            .step_by(2)
            .any(|quoted| quoted.split_whitespace().count() > 1);
        let quotes = words_in_quotes || PAGES.iter().any(|page| block.contains(page));
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
            /// It is like CreateVpc, `Code` and "Code".
            fn other() { ask("DeleteRoute"); }
        "#;
        let found: Vec<_> = cited(text, "", &operations).into_iter().collect();
        assert_eq!(found, ["deletesubnet"]);
    }

    #[test]
    fn a_file_cites_for_its_own_service() {
        for (place, having, services) in [
            (
                "strict-cloud/src/rds_groups.rs",
                &["rds", "ssm"][..],
                &["rds"][..],
            ),
            ("strict-cloud/src/memory/elb/targets.rs", &["ec2"], &[]),
            ("tests/it/strict/services.rs", &["rds", "ssm"], &[]),
            ("tests/it/strict/services.rs", &["es"], &["es"]),
        ] {
            assert_eq!(about(place, having), services, "{place}");
        }
    }
}
