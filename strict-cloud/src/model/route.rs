//! Which operation of its service a call is, and what its path says. Forms and JSON name it; REST
//! services tell it by method, path and query.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::shapes::{ModelOperation, ServiceModel};
use crate::call::Call;

/// A call's operation.
pub(super) struct RoutedCall<'c> {
    pub(super) name: &'static str,
    pub(super) operation: &'static ModelOperation,
    /// Labels of the path.
    pub(super) labels: BTreeMap<&'static str, String>,
    /// The query but for what belongs to the operation's address.
    pub(super) query: Vec<(std::borrow::Cow<'c, str>, std::borrow::Cow<'c, str>)>,
}

/// Which operation it is; none if the model does not have it.
pub(super) fn route<'c>(model: &'static ServiceModel, call: &'c Call) -> Option<RoutedCall<'c>> {
    if !model.protocol.starts_with("rest-") {
        let (name, operation) = model.operations.get_key_value(call.action.as_str())?;
        return Some(RoutedCall {
            name,
            operation,
            labels: BTreeMap::new(),
            query: Vec::new(),
        });
    }
    // A copy has the address of an upload.
    if call.headers().contains_key("x-amz-copy-source") {
        return None;
    }
    let (path, query) = call.path().split_once('?').unwrap_or((call.path(), ""));
    let mut best: Option<(usize, RoutedCall<'c>)> = None;
    for (name, operation) in &model.operations {
        let (template, literals) = operation
            .uri
            .split_once('?')
            .unwrap_or((&operation.uri, ""));
        if operation.method != call.method().as_str() {
            continue;
        }
        let Some(labels) = labels(template, path) else {
            continue;
        };
        let mut query: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let mut fits = true;
        for literal in literals.split('&').filter(|one| !one.is_empty()) {
            let (key, value) = literal.split_once('=').unwrap_or((literal, ""));
            let at = query
                .iter()
                .position(|(name, given)| name == key && (value.is_empty() || given == value));
            match at {
                Some(at) => {
                    query.remove(at);
                }
                None => fits = false,
            }
        }
        query.retain(|(name, _)| name != "x-id");
        let bound = |name: &str| model.binds_query(operation, name);
        // A name without a value is a part of the address, of another operation then.
        if !fits
            || query
                .iter()
                .any(|(name, value)| value.is_empty() && !bound(name))
        {
            continue;
        }
        // Operations of one address differ in the parameters that they demand.
        let demanded = model.demanded_query(operation);
        if !demanded
            .iter()
            .all(|name| query.iter().any(|(given, _)| given == name))
        {
            continue;
        }
        let literals = literals.split('&').filter(|one| !one.is_empty()).count();
        let score = literals + demanded.len();
        if best.as_ref().is_none_or(|(other, _)| score > *other) {
            let routed = RoutedCall {
                name,
                operation,
                labels,
                query,
            };
            best = Some((score, routed));
        }
    }
    best.map(|(_, routed)| routed)
}

impl ServiceModel {
    /// The query parameters that an operation demands.
    fn demanded_query<'m>(&'m self, operation: &ModelOperation) -> Vec<&'m str> {
        let shape = operation.input.as_ref().and_then(|input| self.shape(input));
        let members = shape.map(|shape| {
            let placed = shape.members.iter().filter(|(name, member)| {
                member.location.as_deref() == Some("querystring") && shape.required.contains(name)
            });
            placed.map(|(name, member)| member.name(name)).collect()
        });
        members.unwrap_or_default()
    }

    /// Whether a member of the operation's input is written as this query parameter.
    fn binds_query(&self, operation: &ModelOperation, parameter: &str) -> bool {
        let shape = operation.input.as_ref().and_then(|input| self.shape(input));
        shape.is_some_and(|shape| {
            shape.members.iter().any(|(name, member)| {
                member.location.as_deref() == Some("querystring") && member.name(name) == parameter
            })
        })
    }
}

/// The labels of a path that a template matches; none if it does not.
fn labels(template: &'static str, path: &str) -> Option<BTreeMap<&'static str, String>> {
    let mut labels = BTreeMap::new();
    let mut rest = path.trim_start_matches('/');
    for part in template.split('/').filter(|part| !part.is_empty()) {
        let label = part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'));
        if let Some(greedy) = label.and_then(|label| label.strip_suffix('+')) {
            labels.insert(greedy, decoded(rest));
            return (!rest.is_empty()).then_some(labels);
        }
        let (found, after) = rest.split_once('/').unwrap_or((rest, ""));
        match label {
            _ if found.is_empty() => return None,
            Some(label) => {
                labels.insert(label, decoded(found));
            }
            None if found != part => return None,
            None => {}
        }
        rest = after;
    }
    rest.trim_matches('/').is_empty().then_some(labels)
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
