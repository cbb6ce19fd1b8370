//! Reads a successful answer by its model: what it says in names of the model, and what of it the
//! model does not have.

use http::HeaderMap;
use roxmltree::{Document, Node};
use serde_json::{Map, Value};

use super::decode::ModelReading;
use super::route::route;
use super::shapes::{ModelShape, ServiceModel, ShapeKind};
use super::xml::elements;
use super::{ModelViolation, ViolatedRule};
use crate::call::Call;

/// Values that AWS answers although its model does not have them, each as documented.
const DOCUMENTED: &[(&str, &str)] = &[
    // "For an internet gateway, the state is `available` when attached to a VPC":
    // InternetGatewayAttachment in EC2's API Reference.
    ("InternetGateways.*.Attachments.*.State", "available"),
    // The model has its values with a capital; the examples of CreateVpcEndpoint and
    // DescribeVpcEndpoints in EC2's API Reference do not.
    ("VpcEndpoint.State", "pending"),
    ("VpcEndpoint.State", "available"),
    // A client token that is used again is answered with its endpoint as that is now.
    ("VpcEndpoint.State", "deleting"),
    ("VpcEndpoint.State", "deleted"),
    ("VpcEndpoints.*.State", "pending"),
    ("VpcEndpoints.*.State", "available"),
    ("VpcEndpoints.*.State", "deleting"),
];

/// What is wrong with a successful answer to a call: members that the model does not have, and
/// members of another type. Nothing is said of services and operations without a model.
#[must_use]
pub fn answer_violations(call: &Call, headers: &HeaderMap, body: &[u8]) -> Vec<ModelViolation> {
    let Some(model) = ServiceModel::of(&call.service) else {
        return Vec::new();
    };
    let Some(routed) = route(model, call) else {
        return Vec::new();
    };
    read_answer(&call.service, routed.name, headers, body).map_or_else(Vec::new, |(_, wrong)| wrong)
}

/// Reads a successful answer; none if there is no model of the operation.
#[must_use]
pub fn read_answer(
    service: &str,
    operation: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Option<(Value, Vec<ModelViolation>)> {
    let model = ServiceModel::of(service)?;
    let operation = model.operations.get(operation)?;
    let mut reading = ModelReading::new(model);
    let shape = operation
        .output
        .as_ref()
        .and_then(|output| model.shape(output));
    let value = match (model.protocol.as_str(), shape) {
        (_, None) => Value::Object(Map::new()),
        ("json" | "rest-json", Some(shape)) => {
            let body = if body.is_empty() { b"{}" } else { body };
            match serde_json::from_slice(body) {
                Ok(Value::Object(fields)) => reading.json_structure("", shape, &fields),
                _ => {
                    let text = String::from_utf8_lossy(body);
                    reading.wrong("", ViolatedRule::Type("JSON object".to_owned()), &text);
                    Value::Null
                }
            }
        }
        ("rest-xml", Some(shape)) => reading.rest(shape, headers, body),
        (_, Some(shape)) => {
            let text = String::from_utf8_lossy(body);
            let Ok(document) = Document::parse(&text) else {
                reading.wrong("", ViolatedRule::Type("XML document".to_owned()), &text);
                return Some((Value::Null, reading.violations));
            };
            let root = document.root_element();
            let found = match &operation.wrapper {
                Some(wrapper) => child(root, wrapper),
                None => Some(root),
            };
            // EC2 writes its id in lower case.
            let besides = ["requestId", "RequestId", "ResponseMetadata"];
            match found {
                Some(node) => reading.xml_structure("", shape, node, &besides),
                None => Value::Object(Map::new()),
            }
        }
    };
    let mut wrong = reading.violations;
    if let (Some(shape), Value::Object(_)) = (shape, &value) {
        // An answer need not have what a request must have.
        let mut checked = ModelReading::new(model);
        checked.check_shape("", shape, &value);
        let enumerations = checked.violations.into_iter();
        wrong.extend(
            enumerations.filter(|one| {
                matches!(one.rule, ViolatedRule::Enumeration(_)) && !is_documented(one)
            }),
        );
    }
    Some((value, wrong))
}

impl ModelReading<'_> {
    fn rest(&mut self, shape: &ModelShape, headers: &HeaderMap, body: &[u8]) -> Value {
        let mut out = Map::new();
        for (name, member) in &shape.members {
            let Some(inner) = self.model.shape(member) else {
                continue;
            };
            let wire = member.name(name);
            match member.location.as_deref() {
                Some("header") => {
                    let given = headers.get(wire).and_then(|value| value.to_str().ok());
                    if let Some(text) = given {
                        let value = self.leaf(name, inner, text);
                        out.insert(name.clone(), value);
                    }
                }
                Some("headers") => {
                    let prefix = wire.to_ascii_lowercase();
                    let given = headers.iter().filter_map(|(header, value)| {
                        let key = header.as_str().strip_prefix(&prefix)?;
                        Some((key.to_owned(), Value::from(value.to_str().ok()?)))
                    });
                    out.insert(name.clone(), Value::Object(given.collect()));
                }
                _ => {}
            }
        }
        let payload = shape
            .payload
            .as_ref()
            .and_then(|name| shape.members.get_key_value(name));
        let inner = match payload {
            Some((name, member)) => match self.model.shape(member) {
                Some(inner) if inner.kind == ShapeKind::Structure => inner,
                _ => {
                    out.insert(name.clone(), String::from_utf8_lossy(body).into());
                    return Value::Object(out);
                }
            },
            None => shape,
        };
        let text = String::from_utf8_lossy(body);
        if text.trim().is_empty() {
            return Value::Object(out);
        }
        let read = match Document::parse(&text) {
            Ok(document) => self.xml_structure("", inner, document.root_element(), &[]),
            Err(_) => {
                self.wrong("", ViolatedRule::Type("XML document".to_owned()), &text);
                Value::Null
            }
        };
        match (payload, read) {
            (Some((name, _)), read) => {
                out.insert(name.clone(), read);
            }
            (None, Value::Object(fields)) => out.extend(fields),
            (None, _) => {}
        }
        Value::Object(out)
    }
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    elements(node).find(|child| child.tag_name().name() == name)
}

fn is_documented(violation: &ModelViolation) -> bool {
    let parts = violation.member.split('.');
    let parts: Vec<_> = parts
        .map(|part| {
            if part.parse::<u32>().is_ok() {
                "*"
            } else {
                part
            }
        })
        .collect();
    DOCUMENTED.contains(&(parts.join(".").as_str(), violation.value.as_str()))
}
