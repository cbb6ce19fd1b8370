//! Buckets, keys and queries in the paths of S3's requests. Pure.

use form_urlencoded::Serializer;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::call::Call;

/// What stands in a path as it is.
const KEY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// Members of a query that do not ask for a part of an object, such as its tags.
const PLAIN: &[&str] = &["versionId", "x-id"];

/// The bucket of a path; empty if it has none.
pub(crate) fn bucket(call: &Call) -> &str {
    call.segments().first().copied().unwrap_or_default()
}

/// The object's key.
pub(crate) fn key(call: &Call) -> Option<String> {
    let path = address(call).trim_start_matches('/');
    let (_, key) = path.split_once('/')?;
    (!key.is_empty()).then(|| percent_decode_str(key).decode_utf8_lossy().into_owned())
}

/// The path of an object, and of one of its versions.
pub(crate) fn object(bucket: &str, key: &str, version: Option<&str>) -> String {
    let path = format!("/{bucket}/{}", utf8_percent_encode(key, KEY));
    match version {
        Some(version) => {
            let query = Serializer::new(String::new())
                .append_pair("versionId", version)
                .finish();
            format!("{path}?{query}")
        }
        None => path,
    }
}

/// A member of the query.
pub(crate) fn query(call: &Call, name: &str) -> Option<String> {
    let all = form_urlencoded::parse(query_text(call).as_bytes());
    let mut named = all.filter(|(given, _)| given == name);
    named.next().map(|(_, value)| value.into_owned())
}

/// Puts another value in place of a member of the query.
pub(crate) fn set_query(call: &mut Call, name: &str, value: &str) {
    let mut query = Serializer::new(String::new());
    for (given, before) in form_urlencoded::parse(query_text(call).as_bytes()) {
        let value = if given == name { value } else { &before };
        query.append_pair(&given, value);
    }
    call.path = format!("{}?{}", address(call), query.finish());
}

/// Whether it is about a whole object: not its tags, its retention or a part of an upload.
pub(crate) fn is_whole_object(call: &Call) -> bool {
    key(call).is_some()
        && form_urlencoded::parse(query_text(call).as_bytes())
            .all(|(name, _)| PLAIN.contains(&&*name) || name.starts_with("response-"))
}

fn address(call: &Call) -> &str {
    call.path
        .split_once('?')
        .map_or(&call.path, |(path, _)| path)
}

fn query_text(call: &Call) -> &str {
    call.path.split_once('?').map_or("", |(_, query)| query)
}
