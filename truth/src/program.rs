//! What loadrig sends and reads, by name: an operation is sent if the service has it and the AWS
//! adapter calls it on that service's client; a parameter if a method of its name is called; a field
//! is read if one is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;

/// Names of the methods that loadrig calls, and the operations that it sends.
pub(crate) struct ProgramCalls {
    /// Methods without arguments: an answer's fields, and operations. Lower case and without
    /// underscores, so that `db_instance_class` is `DBInstanceClass`.
    read: BTreeSet<String>,
    /// Methods with arguments: a request's members.
    set: BTreeSet<String>,
    /// Service and plain name.
    operations: BTreeSet<(String, String)>,
}

/// By the services' names in signatures: the SDK's crate, and what the adapter calls its client.
const SERVICES: &[(&str, &str, &str)] = &[
    ("ec2", "aws-sdk-ec2", "ec2"),
    ("elasticache", "aws-sdk-elasticache", "elasticache"),
    (
        "elasticloadbalancing",
        "aws-sdk-elasticloadbalancingv2",
        "elb",
    ),
    ("es", "aws-sdk-opensearch", "opensearch"),
    ("iam", "aws-sdk-iam", "iam"),
    ("rds", "aws-sdk-rds", "rds"),
    ("route53", "aws-sdk-route53", "route53"),
    ("s3", "aws-sdk-s3", "s3"),
    ("servicequotas", "aws-sdk-servicequotas", "servicequotas"),
    ("ssm", "aws-sdk-ssm", "ssm"),
];

/// The operations of STS, of which no slice is made.
const STS: &[&str] = &[
    "assume_role",
    "assume_role_with_saml",
    "assume_role_with_web_identity",
    "get_access_key_info",
    "get_caller_identity",
    "get_federation_token",
    "get_session_token",
];

/// The adapter, and what of it calls the local cloud's emulator alone.
const ADAPTER: &str = "src/aws";
const LOCAL: &str = "local_cloud";

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
        let operations = sent(root)?;
        Ok(Self {
            read,
            set,
            operations,
        })
    }

    /// Whether loadrig calls an operation.
    pub(crate) fn sends(&self, service: &str, action: &str) -> bool {
        let operation = (service.to_owned(), plain(action));
        self.operations.contains(&operation)
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
        all.map(|(service, action)| (service.as_str(), action.as_str()))
    }
}

/// The operations that the adapter calls.
fn sent(root: &Path) -> Result<BTreeSet<(String, String)>, String> {
    let mut methods = vec![(
        "sts",
        "sts",
        STS.iter().map(|name| (*name).to_owned()).collect(),
    )];
    for (service, name, client) in SERVICES {
        let slice = listed(&root.join("sdk").join(name).join("src/operation"))?;
        let stems = slice.iter().filter_map(|path| path.file_stem());
        let stems: Vec<String> = stems
            .map(|stem| stem.to_string_lossy().into_owned())
            .collect();
        methods.push((service, client, stems));
    }
    let mut found = BTreeSet::new();
    let mut open = vec![root.join(ADAPTER)];
    while let Some(path) = open.pop() {
        let stem = path.file_stem().unwrap_or_default();
        if stem == LOCAL {
            continue;
        }
        if path.is_dir() {
            open.extend(listed(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
            for (service, client, names) in &methods {
                for name in names {
                    if is_called(&text, service, client, name)? {
                        found.insert(((*service).to_owned(), plain(name)));
                    }
                }
            }
        }
    }
    Ok(found)
}

/// Whether a file calls an operation on the service's client, or names its method beside the
/// operation: methods that are called by macros, or on clients that are made where they are called.
fn is_called(text: &str, service: &str, client: &str, method: &str) -> Result<bool, String> {
    if !text.contains(method) {
        return Ok(false);
    }
    let pattern = |text: String| Regex::new(&text).map_err(|error| error.to_string());
    if pattern(format!(r"\b{client}\s*\.\s*{method}\(\)"))?.is_match(text) {
        return Ok(true);
    }
    let named = text.split('"').skip(1).step_by(2).any(|literal| {
        literal
            .split_once(':')
            .is_some_and(|(of, action)| of == service && plain(action) == plain(method))
    });
    Ok(named && pattern(format!(r"\b{method}\b[(),]"))?.is_match(text))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_sent_by_its_services_client() {
        let text = r#"self.rds.list_tags_for_resource().send(); api.create_user(x);
            all!(self.describe_network_acls, "ec2:DescribeNetworkAcls")"#;
        for (service, method, called) in [
            ("rds", "list_tags_for_resource", true),
            ("ssm", "list_tags_for_resource", false),
            ("iam", "create_user", false),
            ("ec2", "describe_network_acls", true),
        ] {
            assert_eq!(is_called(text, service, service, method), Ok(called));
        }
    }
}
