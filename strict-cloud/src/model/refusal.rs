//! A request that breaks its model is refused as its service refuses it.
//!
//! Codes and words: "Error codes" of EC2, "Common errors" of the query services and, for the
//! words of the services that check by Amazon's own framework ("1 validation error detected: …"),
//! answers that people quote; "Error responses" of S3; AWS JSON 1.1 protocol of Smithy for
//! `SerializationException`.

use http::{HeaderName, HeaderValue};

use super::route::route;
use super::shapes::ServiceModel;
use super::{ModelViolation, VIOLATION_HEADER, ViolatedRule, request};
use crate::call::Call;
use crate::errors::{AwsError, Reply};

/// What a request violates, in words, and the refusal of it.
pub(crate) struct ModelRefusal {
    pub(crate) words: String,
    pub(crate) reply: Reply,
}

/// Refuses a request that breaks the model of its operation. What has no model is not judged.
pub(crate) fn held_to_model(call: &Call) -> Option<ModelRefusal> {
    let model = ServiceModel::of(&call.service)?;
    let routed = route(model, call)?;
    let reading = request::read(model, call, &routed);
    let violations: Vec<ModelViolation> = reading
        .violations
        .into_iter()
        .filter(|violation| !is_judged_by_region(&call.service, violation))
        .filter(|violation| !is_optional(&call.service, routed.name, violation))
        .collect();
    let first = violations.first()?;
    let words: Vec<String> = violations.iter().map(ModelViolation::to_string).collect();
    let words = format!("{}:{}: {}", call.service, routed.name, words.join("; "));
    tracing::error!(words, "a request breaks its service's model");
    let error = match call.service.as_str() {
        "ec2" => ec2(first),
        "rds" | "elasticache" => database(first),
        "s3" => s3(first),
        service => framework(service, &violations, first),
    };
    let mut reply = Reply::refused(call, &error);
    let printable: String = words.chars().filter(|c| (' '..='~').contains(c)).collect();
    if let Ok(value) = HeaderValue::from_str(&printable) {
        let name = HeaderName::from_static(VIOLATION_HEADER);
        reply.headers.insert(name, value);
    }
    Some(ModelRefusal { words, reply })
}

/// A bucket's location is judged by where the request went to, with codes of its own.
fn is_judged_by_region(service: &str, violation: &ModelViolation) -> bool {
    service == "s3" && violation.member.ends_with("LocationConstraint")
}

/// Members that a model requires and its service does not: operation and member.
///
/// `TagSet`: S3 takes tags without a set as none (recorded on AWS by LocalStack's tests,
/// test_s3_api.py, 2026).
const OPTIONAL: &[(&str, &str, &str)] = &[("s3", "PutBucketTagging", "Tagging.TagSet")];

fn is_optional(service: &str, operation: &str, violation: &ModelViolation) -> bool {
    violation.rule == ViolatedRule::Required
        && OPTIONAL.contains(&(service, operation, violation.member.as_str()))
}

fn ec2(violation: &ModelViolation) -> AwsError {
    let ModelViolation { member, value, .. } = violation;
    match &violation.rule {
        ViolatedRule::Required => AwsError::new(
            "MissingParameter",
            format!("The request must contain the parameter {member}"),
        ),
        ViolatedRule::Unknown => AwsError::new(
            "UnknownParameter",
            format!("The parameter {member} is not recognized"),
        ),
        ViolatedRule::Enumeration(_) => AwsError::new(
            "InvalidParameterValue",
            format!("Invalid value '{value}' for {member}."),
        ),
        _ => AwsError::new(
            "InvalidParameterValue",
            format!("Value ({value}) for parameter {member} is invalid."),
        ),
    }
}

fn database(violation: &ModelViolation) -> AwsError {
    let ModelViolation { member, value, .. } = violation;
    match &violation.rule {
        ViolatedRule::Required => AwsError::new(
            "MissingParameter",
            format!("The request must contain the parameter {member}."),
        ),
        ViolatedRule::Unknown => AwsError::new(
            "InvalidQueryParameter",
            format!("The parameter {member} is not recognized."),
        ),
        _ => AwsError::new(
            "InvalidParameterValue",
            format!(
                "Invalid value {value} for {member}: {}",
                constraint(violation)
            ),
        ),
    }
}

fn s3(violation: &ModelViolation) -> AwsError {
    if violation.in_body {
        return AwsError::new(
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        );
    }
    AwsError::new(
        "InvalidArgument",
        format!(
            "Invalid value for {}: {}",
            violation.member,
            constraint(violation)
        ),
    )
}

/// IAM, STS, Elastic Load Balancing, Route 53, and the JSON services.
fn framework(service: &str, violations: &[ModelViolation], first: &ModelViolation) -> AwsError {
    let json = matches!(service, "ssm" | "es" | "servicequotas");
    let code = match (&first.rule, service) {
        (_, "route53") => "InvalidInput",
        (ViolatedRule::Unknown | ViolatedRule::Type(_), _) if json => "SerializationException",
        (ViolatedRule::Unknown, _) => "InvalidQueryParameter",
        (ViolatedRule::Type(_), _) => "MalformedInput",
        _ if json => "ValidationException",
        _ => "ValidationError",
    };
    let count = violations.len();
    let errors = if count == 1 { "error" } else { "errors" };
    let each: Vec<String> = violations
        .iter()
        .map(|violation| {
            let value = match violation.rule {
                ViolatedRule::Required => "null".to_owned(),
                _ => format!("'{}'", violation.value),
            };
            format!(
                "Value {value} at '{}' failed to satisfy constraint: {}",
                in_framework_words(&violation.member),
                constraint(violation)
            )
        })
        .collect();
    AwsError::new(
        code,
        format!("{count} validation {errors} detected: {}", each.join("; ")),
    )
}

fn constraint(violation: &ModelViolation) -> String {
    match &violation.rule {
        ViolatedRule::Unknown => "Member is not recognized".to_owned(),
        ViolatedRule::Type(expected) => format!("Member must be a {expected}"),
        ViolatedRule::Required => "Member must not be null".to_owned(),
        ViolatedRule::Enumeration(values) => {
            format!(
                "Member must satisfy enum value set: [{}]",
                values.join(", ")
            )
        }
        ViolatedRule::Pattern(pattern) => {
            format!("Member must satisfy regular expression pattern: {pattern}")
        }
        ViolatedRule::Shortest(least) => {
            format!("Member must have length greater than or equal to {least}")
        }
        ViolatedRule::Longest(most) => {
            format!("Member must have length less than or equal to {most}")
        }
        ViolatedRule::Least(least) => {
            format!("Member must have value greater than or equal to {least}")
        }
        ViolatedRule::Most(most) => format!("Member must have value less than or equal to {most}"),
    }
}

/// `Tags.1.Key` is `tags.1.member.key`.
fn in_framework_words(member: &str) -> String {
    let mut out = Vec::new();
    for part in member.split('.') {
        if part.parse::<u32>().is_ok() {
            out.push(part.to_owned());
            out.push("member".to_owned());
            continue;
        }
        let mut letters = part.chars();
        let first = letters
            .next()
            .map(|first| first.to_ascii_lowercase().to_string());
        out.push(first.unwrap_or_default() + letters.as_str());
    }
    out.join(".")
}
