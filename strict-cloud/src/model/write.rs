//! Writes a request by its model: the other way round, for tests and for replaying what AWS was
//! recorded to answer.

use bytes::Bytes;
use http::{Request, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::shapes::{ModelShape, ServiceModel, ShapeKind, ShapeReference};
use crate::errors::escaped;

/// What stays as it is in a path's segment; a greedy label keeps its slashes too.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
const PATH: &AsciiSet = &SEGMENT.remove(b'/');

/// Writes a request as an SDK would: `parameters` are in names of the model. It is unsigned but for
/// the scope, which tells service and region. An error says what cannot be written.
///
/// # Errors
///
/// The operation or a parameter is in no model.
pub fn write_request(
    service: &str,
    operation: &str,
    parameters: &Value,
    region: &str,
) -> Result<Request<Bytes>, String> {
    let model =
        ServiceModel::of(service).ok_or_else(|| format!("there is no model of {service}"))?;
    let about = model
        .operations
        .get(operation)
        .ok_or_else(|| format!("the model has no {service}:{operation}"))?;
    let empty = Map::new();
    let parameters = parameters.as_object().unwrap_or(&empty);
    let shape = about.input.as_ref().and_then(|input| model.shape(input));
    if let Some(unknown) = parameters
        .keys()
        .find(|name| shape.is_none_or(|shape| !shape.members.contains_key(*name)))
    {
        return Err(format!("the model has no {operation}.{unknown}"));
    }
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDTEST/20250101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let mut request = Request::builder()
        .method(about.method.as_str())
        .header(header::AUTHORIZATION, scope);
    let writer = RequestWriter { model };
    let mut body = String::new();
    let mut path = "/".to_owned();
    match model.protocol.as_str() {
        "ec2" | "query" => {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.append_pair("Action", operation);
            form.append_pair("Version", &model.version);
            if let Some(shape) = shape {
                let mut fields = Vec::new();
                writer.form_structure("", shape, parameters, &mut fields)?;
                form.extend_pairs(fields);
            }
            body = form.finish();
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        "json" => {
            body = Value::Object(parameters.clone()).to_string();
            request = request
                .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
                .header("x-amz-target", format!("{}.{operation}", model.target));
        }
        _ => {
            if let Some(shape) = shape {
                let (address, headers) = writer.placed(&about.uri, shape, parameters)?;
                path = address;
                for (name, value) in headers {
                    request = request.header(name, value);
                }
                let root = about
                    .input
                    .as_ref()
                    .and_then(|input| input.location_name.as_deref());
                body = writer.body(shape, root, parameters)?;
            } else {
                path.clone_from(&about.uri);
            }
        }
    }
    request
        .uri(path)
        .body(Bytes::from(body))
        .map_err(|error| error.to_string())
}

struct RequestWriter {
    model: &'static ServiceModel,
}

impl RequestWriter {
    fn shape(&self, reference: &ShapeReference) -> Result<&'static ModelShape, String> {
        self.model
            .shape(reference)
            .ok_or_else(|| format!("the model has no {}", reference.shape))
    }

    fn form_structure(
        &self,
        at: &str,
        shape: &ModelShape,
        value: &Map<String, Value>,
        out: &mut Vec<(String, String)>,
    ) -> Result<(), String> {
        let ec2 = self.model.protocol == "ec2";
        for (name, within) in value {
            let Some(member) = shape.members.get(name) else {
                return Err(format!("the model has no member {name}"));
            };
            let field = dotted(at, &member.form_name(name, ec2));
            self.form(&field, member, within, out)?;
        }
        Ok(())
    }

    fn form(
        &self,
        at: &str,
        reference: &ShapeReference,
        value: &Value,
        out: &mut Vec<(String, String)>,
    ) -> Result<(), String> {
        let shape = self.shape(reference)?;
        match (shape.kind, value) {
            (ShapeKind::Structure, Value::Object(fields)) => {
                self.form_structure(at, shape, fields, out)
            }
            (ShapeKind::List, Value::Array(items)) => {
                let Some(member) = &shape.member else {
                    return Ok(());
                };
                let flat = self.model.protocol == "ec2" || shape.flattened || reference.flattened;
                if items.is_empty() && !flat {
                    out.push((at.to_owned(), String::new()));
                }
                let start = if flat {
                    at.to_owned()
                } else {
                    dotted(at, member.name("member"))
                };
                for (number, item) in items.iter().enumerate() {
                    self.form(
                        &dotted(&start, &(number + 1).to_string()),
                        member,
                        item,
                        out,
                    )?;
                }
                Ok(())
            }
            (ShapeKind::Map, _) => Err(format!("a map in a form: {at}")),
            (_, value) => {
                out.push((at.to_owned(), text(value)));
                Ok(())
            }
        }
    }

    fn placed(
        &self,
        template: &str,
        shape: &ModelShape,
        value: &Map<String, Value>,
    ) -> Result<(String, Vec<(String, String)>), String> {
        let (template, literals) = template.split_once('?').unwrap_or((template, ""));
        let (mut path, mut headers) = (template.to_owned(), Vec::new());
        let mut query = form_urlencoded::Serializer::new(literals.to_owned());
        for (name, within) in value {
            let Some(member) = shape.members.get(name) else {
                continue;
            };
            let wire = member.name(name);
            match member.location.as_deref() {
                Some("uri") => {
                    let plain = utf8_percent_encode(&text(within), SEGMENT).to_string();
                    let greedy = utf8_percent_encode(&text(within), PATH).to_string();
                    path = path
                        .replace(&format!("{{{wire}}}"), &plain)
                        .replace(&format!("{{{wire}+}}"), &greedy);
                }
                Some("querystring") => {
                    query.append_pair(wire, &text(within));
                }
                Some("header") => headers.push((wire.to_owned(), text(within))),
                Some("headers") => {
                    let entries = within.as_object().into_iter().flatten();
                    headers
                        .extend(entries.map(|(key, value)| (format!("{wire}{key}"), text(value))));
                }
                _ => {}
            }
        }
        if path.contains('{') {
            return Err(format!("a part of the path is not given: {path}"));
        }
        let query = query.finish();
        if !query.is_empty() {
            path = format!("{path}?{query}");
        }
        Ok((path, headers))
    }

    fn body(
        &self,
        shape: &ModelShape,
        root: Option<&str>,
        value: &Map<String, Value>,
    ) -> Result<String, String> {
        let json = self.model.protocol == "rest-json";
        if let Some((name, member)) = shape
            .payload
            .as_ref()
            .and_then(|name| shape.members.get_key_value(name))
        {
            let Some(within) = value.get(name) else {
                return Ok(String::new());
            };
            if self.shape(member)?.kind != ShapeKind::Structure {
                return Ok(text(within));
            }
            let mut out = String::new();
            self.xml(member.name(name), member, within, &mut out)?;
            return Ok(out);
        }
        let within: Map<String, Value> = value
            .iter()
            .filter(|(name, _)| {
                let member = shape.members.get(*name);
                member.is_some_and(|member| member.location.is_none())
            })
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if json {
            return Ok(if within.is_empty() {
                String::new()
            } else {
                Value::Object(within).to_string()
            });
        }
        if within.is_empty() {
            return Ok(String::new());
        }
        let root = root.unwrap_or("Request");
        let mut out = format!("<{root}>");
        self.xml_members(shape, &within, &mut out)?;
        out.push_str(&format!("</{root}>"));
        Ok(out)
    }

    fn xml_members(
        &self,
        shape: &ModelShape,
        value: &Map<String, Value>,
        out: &mut String,
    ) -> Result<(), String> {
        for (name, within) in value.iter().filter(|(_, within)| !within.is_null()) {
            let Some(member) = shape.members.get(name) else {
                return Err(format!("the model has no member {name}"));
            };
            if !member.xml_attribute {
                self.xml(member.name(name), member, within, out)?;
            }
        }
        Ok(())
    }

    fn xml(
        &self,
        element: &str,
        reference: &ShapeReference,
        value: &Value,
        out: &mut String,
    ) -> Result<(), String> {
        let shape = self.shape(reference)?;
        match (shape.kind, value) {
            (ShapeKind::List, Value::Array(items)) => {
                let Some(member) = &shape.member else {
                    return Ok(());
                };
                let flat = shape.flattened || reference.flattened;
                if flat {
                    for item in items {
                        self.xml(element, member, item, out)?;
                    }
                    return Ok(());
                }
                out.push_str(&format!("<{element}>"));
                for item in items {
                    self.xml(member.name("member"), member, item, out)?;
                }
            }
            (ShapeKind::Structure, Value::Object(fields)) => {
                let attributes = shape
                    .members
                    .iter()
                    .filter(|(_, member)| member.xml_attribute);
                let attributes: String = attributes
                    .filter_map(|(name, member)| {
                        let value = fields.get(name)?;
                        Some(format!(
                            " {}=\"{}\"",
                            member.name(name),
                            escaped(&text(value))
                        ))
                    })
                    .collect();
                let namespace = reference.xml_namespace.as_deref();
                let namespace = namespace
                    .filter(|_| !attributes.is_empty())
                    .map(|uri| format!(" xmlns:xsi=\"{uri}\""))
                    .unwrap_or_default();
                out.push_str(&format!("<{element}{namespace}{attributes}>"));
                self.xml_members(shape, fields, out)?;
            }
            (_, value) => out.push_str(&format!("<{element}>{}", escaped(&text(value)))),
        }
        out.push_str(&format!("</{element}>"));
        Ok(())
    }
}

fn dotted(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}

/// A value as it stands in a form, a header or an element.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
