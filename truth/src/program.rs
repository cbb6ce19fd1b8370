//! What loadrig sends and reads, by name: an operation is sent if the SDK's slice has it and the
//! sources call it; a parameter if a method of its name is called; a field is read if one is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Names of the methods that loadrig calls, and the operations of its SDK.
pub(crate) struct ProgramCalls {
    /// Methods without arguments: an answer's fields, and operations. Lower case and without
    /// underscores, so that `db_instance_class` is `DBInstanceClass`.
    read: BTreeSet<String>,
    /// Methods with arguments: a request's members.
    set: BTreeSet<String>,
    operations: BTreeSet<(String, String)>,
}

/// The SDK's crates by the services' names in signatures.
const CRATES: &[(&str, &str)] = &[
    ("ec2", "aws-sdk-ec2"),
    ("elasticache", "aws-sdk-elasticache"),
    ("elasticloadbalancing", "aws-sdk-elasticloadbalancingv2"),
    ("es", "aws-sdk-opensearch"),
    ("iam", "aws-sdk-iam"),
    ("rds", "aws-sdk-rds"),
    ("route53", "aws-sdk-route53"),
    ("s3", "aws-sdk-s3"),
    ("servicequotas", "aws-sdk-servicequotas"),
    ("ssm", "aws-sdk-ssm"),
];

impl ProgramCalls {
    /// Reads the checkout.
    pub(crate) fn read(root: &Path) -> Result<Self, String> {
        let (mut read, mut set) = (BTreeSet::new(), BTreeSet::new());
        let mut open = vec![root.join("src")];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(listed(&path)?);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
                called(&text, &mut read, &mut set);
            }
        }
        let mut operations = BTreeSet::new();
        for (service, name) in CRATES {
            for path in listed(&root.join("sdk").join(name).join("src/operation"))? {
                let stem = path.file_stem().map(|stem| plain(&stem.to_string_lossy()));
                operations.extend(stem.map(|stem| ((*service).to_owned(), stem)));
            }
        }
        // The only call to a service without a slice.
        operations.insert(("sts".to_owned(), "getcalleridentity".to_owned()));
        Ok(Self {
            read,
            set,
            operations,
        })
    }

    /// Whether loadrig calls an operation.
    pub(crate) fn sends(&self, service: &str, action: &str) -> bool {
        let action = plain(action);
        let known = self
            .operations
            .contains(&(service.to_owned(), action.clone()));
        known && self.read.contains(&action)
    }

    /// Whether loadrig sets a request's member of this name.
    pub(crate) fn sets(&self, member: &str) -> bool {
        let member = plain(member);
        self.set.contains(&member) || self.set.contains(&format!("set{member}"))
    }

    /// Whether loadrig reads an answer's field of this name.
    pub(crate) fn reads(&self, field: &str) -> bool {
        self.read.contains(&plain(field))
    }

    /// The operations that are sent.
    pub(crate) fn sent(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.operations.iter();
        all.filter(|(_, action)| self.read.contains(action))
            .map(|(service, action)| (service.as_str(), action.as_str()))
    }
}

pub(crate) fn listed(folder: &Path) -> Result<Vec<std::path::PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}

pub(crate) fn plain(name: &str) -> String {
    let letters = name.chars().filter(|letter| *letter != '_');
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Names that follow a dot: those with nothing between their parentheses are read, the others set.
/// Fields of the SDK's structures are read without parentheses, methods may be handed on by path.
fn called(text: &str, read: &mut BTreeSet<String>, set: &mut BTreeSet<String>) {
    let parts = text.split('.').chain(text.split("::")).skip(1);
    for part in parts {
        let end = part.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let (name, rest) = end.map_or((part, ""), |end| part.split_at(end));
        if name.is_empty() {
            continue;
        }
        let arguments = rest.strip_prefix('(').map(str::trim_start);
        if arguments.is_some_and(|arguments| !arguments.starts_with(')')) {
            set.insert(plain(name));
        } else {
            read.insert(plain(name));
        }
    }
}
