//! What a model is made of, in botocore's words. Read once from the files of this crate.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex::Regex;
use serde::Deserialize;

/// The files, and the services' names in signatures.
const FILES: &[(&str, &str)] = &[
    ("ec2", include_str!("../../models/ec2.json")),
    ("elasticache", include_str!("../../models/elasticache.json")),
    (
        "elasticloadbalancing",
        include_str!("../../models/elbv2.json"),
    ),
    ("es", include_str!("../../models/opensearch.json")),
    ("iam", include_str!("../../models/iam.json")),
    ("rds", include_str!("../../models/rds.json")),
    ("route53", include_str!("../../models/route53.json")),
    ("s3", include_str!("../../models/s3.json")),
    (
        "servicequotas",
        include_str!("../../models/service-quotas.json"),
    ),
    ("ssm", include_str!("../../models/ssm.json")),
    ("sts", include_str!("../../models/sts.json")),
];

/// A service.
#[derive(Debug, Deserialize)]
pub struct ServiceModel {
    /// Version of its API.
    pub version: String,
    /// `ec2`, `query`, `json`, `rest-json` or `rest-xml`.
    pub protocol: String,
    /// Its name in signatures.
    pub signs: String,
    /// What stands before the operation in `x-amz-target`.
    pub target: String,
    /// Its operations by name, those in use.
    pub operations: BTreeMap<String, ModelOperation>,
    pub(super) shapes: BTreeMap<String, ModelShape>,
}

/// An operation.
#[derive(Debug, Deserialize)]
pub struct ModelOperation {
    pub(super) method: String,
    pub(super) uri: String,
    pub(super) input: Option<ShapeReference>,
    pub(super) output: Option<ShapeReference>,
    pub(super) wrapper: Option<String>,
    /// Codes of the errors that it may answer with, and their HTTP statuses. EC2's model has none.
    pub errors: BTreeMap<String, u16>,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ShapeKind {
    Structure,
    List,
    Map,
    String,
    Integer,
    Long,
    Double,
    Float,
    Boolean,
    Timestamp,
    Blob,
}

/// A type.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ModelShape {
    #[serde(rename = "type")]
    pub(super) kind: ShapeKind,
    #[serde(default)]
    pub(super) members: BTreeMap<String, ShapeReference>,
    pub(super) member: Option<ShapeReference>,
    pub(super) key: Option<ShapeReference>,
    pub(super) value: Option<ShapeReference>,
    #[serde(default)]
    pub(super) required: Vec<String>,
    #[serde(default, rename = "enum")]
    pub(super) values: Vec<String>,
    pub(super) pattern: Option<String>,
    pub(super) min: Option<serde_json::Number>,
    pub(super) max: Option<serde_json::Number>,
    #[serde(default)]
    pub(super) flattened: bool,
    pub(super) payload: Option<String>,
    #[serde(skip)]
    compiled: OnceLock<Option<Regex>>,
}

/// A member: its type, and how it is written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShapeReference {
    pub(super) shape: String,
    pub(super) location_name: Option<String>,
    pub(super) query_name: Option<String>,
    pub(super) location: Option<String>,
    #[serde(default)]
    pub(super) flattened: bool,
    #[serde(default)]
    pub(super) xml_attribute: bool,
    pub(super) xml_namespace: Option<String>,
}

impl ServiceModel {
    /// The model of a service, by its name in signatures.
    #[must_use]
    pub fn of(service: &str) -> Option<&'static Self> {
        static MODELS: OnceLock<Vec<OnceLock<Option<ServiceModel>>>> = OnceLock::new();
        let models = MODELS.get_or_init(|| FILES.iter().map(|_| OnceLock::new()).collect());
        let at = FILES.iter().position(|(name, _)| *name == service)?;
        models
            .get(at)?
            // A test reads every file, so that none is left out silently.
            .get_or_init(|| serde_json::from_str(FILES[at].1).ok())
            .as_ref()
    }

    /// Names of the services with a model, as in signatures.
    pub fn services() -> impl Iterator<Item = &'static str> {
        FILES.iter().map(|(name, _)| *name)
    }

    pub(super) fn shape(&self, reference: &ShapeReference) -> Option<&ModelShape> {
        self.shapes.get(&reference.shape)
    }
}

impl ModelShape {
    /// Its pattern, for a whole value; none if it has none, or one that looks ahead, which is not
    /// checked.
    pub(super) fn regex(&self) -> Option<&Regex> {
        let pattern = self.pattern.as_ref()?;
        self.compiled
            .get_or_init(|| Regex::new(&format!("^(?:{})$", in_rust(pattern))).ok())
            .as_ref()
    }
}

/// A pattern as Java writes it, in Rust: `\u002F` is `\x{002F}`.
fn in_rust(pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("\\u") {
        let digits = after.chars().take(6).take_while(char::is_ascii_hexdigit);
        let digits = digits.count();
        let (code, tail) = after.split_at(digits);
        out.push_str(&format!("{before}\\x{{{code}}}"));
        rest = tail;
    }
    out.push_str(rest);
    // Java's name of a class that Rust calls by what it holds.
    out.replace("\\p{XDigit}", "[0-9A-Fa-f]")
}

impl ShapeReference {
    /// Its name where nothing else is said: in XML and JSON.
    pub(super) fn name<'a>(&'a self, member: &'a str) -> &'a str {
        self.location_name.as_deref().unwrap_or(member)
    }

    /// Its name in a form.
    pub(super) fn form_name(&self, member: &str, ec2: bool) -> String {
        if !ec2 {
            return self.name(member).to_owned();
        }
        if let Some(name) = &self.query_name {
            return name.clone();
        }
        let name = self.name(member);
        let mut letters = name.chars();
        letters
            .next()
            .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_is_read_and_every_reference_leads_somewhere() {
        for service in ServiceModel::services() {
            let model = ServiceModel::of(service).unwrap_or_else(|| panic!("{service}"));
            assert!(!model.operations.is_empty(), "{service}");
            for shape in model.shapes.values() {
                let parts = [&shape.member, &shape.key, &shape.value];
                let references = shape.members.values().chain(parts.into_iter().flatten());
                for reference in references {
                    assert!(model.shape(reference).is_some(), "{}", reference.shape);
                }
            }
        }
    }

    #[test]
    fn patterns_are_checked_but_for_those_that_look_ahead() {
        for service in ServiceModel::services() {
            for (name, shape) in &ServiceModel::of(service).unwrap().shapes {
                if let Some(pattern) = &shape.pattern {
                    assert!(
                        shape.regex().is_some() || pattern.contains("(?!"),
                        "{service} {name}: {pattern}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_form_of_ec2_has_names_of_its_own() {
        let model = ServiceModel::of("ec2").unwrap();
        let run = &model.shapes["RunInstancesRequest"].members;
        assert_eq!(
            run["SecurityGroupIds"].form_name("SecurityGroupIds", true),
            "SecurityGroupId"
        );
        assert_eq!(
            run["ClientToken"].form_name("ClientToken", true),
            "ClientToken"
        );
    }
}
