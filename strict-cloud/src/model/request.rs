//! Reads a whole request by its model.

use roxmltree::Document;
use serde_json::{Map, Value};

use super::ViolatedRule;
use super::decode::{FormTree, ModelReading, kind_name};
use super::route::RoutedCall;
use super::shapes::{ModelShape, ServiceModel, ShapeKind};
use crate::call::Call;

/// Headers of S3 that every request may have.
const COMMON_HEADERS: &[&str] = &[
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-security-token",
    "x-amz-trailer",
    "x-amz-user-agent",
];

/// Reads and checks a request.
pub(super) fn read(
    model: &'static ServiceModel,
    call: &Call,
    routed: &RoutedCall<'_>,
) -> ModelReading<'static> {
    let mut reading = ModelReading::new(model);
    let Some(input) = &routed.operation.input else {
        return reading;
    };
    let Some(shape) = model.shape(input) else {
        return reading;
    };
    let value = match model.protocol.as_str() {
        "ec2" | "query" => {
            let tree = FormTree::of(call.fields());
            reading.form_structure("", shape, &tree, &["Action", "Version"])
        }
        "json" => match call.json() {
            Value::Object(fields) => reading.json_structure("", shape, &fields),
            other => {
                reading.wrong(
                    "",
                    ViolatedRule::Type("JSON object".to_owned()),
                    &other.to_string(),
                );
                return reading;
            }
        },
        _ => {
            let mut fields = reading.placed_members(shape, call, routed);
            reading.body(shape, input.location_name.as_deref(), call, &mut fields);
            Value::Object(fields)
        }
    };
    reading.check_shape("", shape, &value);
    reading
}

impl ModelReading<'static> {
    /// Members in path, query and headers.
    fn placed_members(
        &mut self,
        shape: &ModelShape,
        call: &Call,
        routed: &RoutedCall<'_>,
    ) -> Map<String, Value> {
        self.in_body = false;
        let mut out = Map::new();
        for (name, member) in &shape.members {
            let Some(inner) = self.model.shape(member) else {
                continue;
            };
            let wire = member.name(name);
            let texts: Vec<String> = match member.location.as_deref() {
                Some("uri") => routed.labels.get(wire).cloned().into_iter().collect(),
                Some("querystring") => {
                    let given = routed.query.iter().filter(|(key, _)| key == wire);
                    given.map(|(_, value)| value.clone().into_owned()).collect()
                }
                Some("header") => {
                    let given = call
                        .headers()
                        .get(wire)
                        .and_then(|value| value.to_str().ok());
                    given.map(str::to_owned).into_iter().collect()
                }
                _ => continue,
            };
            let Some(first) = texts.first() else {
                continue;
            };
            let value = match (inner.kind, &inner.member) {
                (ShapeKind::List, Some(of)) => {
                    let items = texts.iter().flat_map(|text| text.split(',')).map(str::trim);
                    let shape = self.model.shape(of);
                    let read = items.filter_map(|item| Some(self.leaf(name, shape?, item)));
                    Value::Array(read.collect())
                }
                _ => self.leaf(name, inner, first),
            };
            out.insert(name.clone(), value);
        }
        for (key, value) in &routed.query {
            let bound = shape.members.iter().any(|(name, member)| {
                member.location.as_deref() == Some("querystring") && member.name(name) == key
            });
            if !bound {
                self.wrong(key, ViolatedRule::Unknown, value);
            }
        }
        for (header, value) in call.headers() {
            let header = header.as_str();
            let bound = shape.members.iter().any(|(name, member)| {
                let wire = member.name(name);
                match member.location.as_deref() {
                    Some("header") => wire.eq_ignore_ascii_case(header),
                    Some("headers") => header.starts_with(&wire.to_ascii_lowercase()),
                    _ => false,
                }
            });
            let common = COMMON_HEADERS.contains(&header)
                || header.starts_with("x-amz-checksum-")
                || header == "x-amz-sdk-checksum-algorithm";
            if header.starts_with("x-amz-") && !bound && !common {
                self.wrong(
                    header,
                    ViolatedRule::Unknown,
                    value.to_str().unwrap_or_default(),
                );
            }
        }
        self.in_body = true;
        out
    }

    /// Members in the body.
    fn body(
        &mut self,
        shape: &ModelShape,
        root: Option<&str>,
        call: &Call,
        out: &mut Map<String, Value>,
    ) {
        let payload = shape
            .payload
            .as_ref()
            .and_then(|name| shape.members.get_key_value(name));
        let (inner, root) = match payload {
            Some((name, member)) => match self.model.shape(member) {
                Some(inner) if inner.kind == ShapeKind::Structure => {
                    (inner, Some(member.name(name)))
                }
                // Bytes, which may be anything.
                _ => {
                    out.insert(name.clone(), Value::from(""));
                    return;
                }
            },
            None => (shape, root),
        };
        if call.body().is_empty() {
            return;
        }
        if payload.is_none()
            && inner
                .members
                .values()
                .all(|member| member.location.is_some())
        {
            self.wrong(
                "body",
                ViolatedRule::Unknown,
                &String::from_utf8_lossy(call.body()),
            );
            return;
        }
        let read = if self.model.protocol == "rest-json" {
            match call.json() {
                Value::Object(fields) => self.json_structure("", inner, &fields),
                other => {
                    let expected = ViolatedRule::Type("JSON object".to_owned());
                    return self.wrong("body", expected, &other.to_string());
                }
            }
        } else {
            let text = String::from_utf8_lossy(call.body());
            match Document::parse(&text) {
                Ok(document) => {
                    let node = document.root_element();
                    let found = node.tag_name().name();
                    if root.is_some_and(|root| root != found) {
                        self.wrong(found, ViolatedRule::Unknown, "");
                    }
                    self.xml_structure("", inner, node, &[])
                }
                Err(_) => {
                    let expected = ViolatedRule::Type("XML document".to_owned());
                    return self.wrong("body", expected, &text);
                }
            }
        };
        match (payload, read) {
            (Some((name, _)), read) => {
                out.insert(name.clone(), read);
            }
            (None, Value::Object(fields)) => out.extend(fields),
            (None, _) => {
                let expected = ViolatedRule::Type(kind_name(inner.kind).to_owned());
                self.wrong("body", expected, "");
            }
        }
    }
}
