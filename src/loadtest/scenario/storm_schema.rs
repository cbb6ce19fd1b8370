//! Schemas of the storm engine's own words, which knows no schemas itself.

use loadrig_storm::{CallSequence, HttpVersion, OnFailedLogin, WebClient};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

/// One of a few words, as the engine writes them.
fn words<T: Serialize + Default>(all: &[T]) -> Schema {
    let words: Vec<_> = all
        .iter()
        .filter_map(|one| serde_json::to_value(one).ok())
        .collect();
    json_schema!({ "enum": words, "default": serde_json::to_value(T::default()).ok() })
}

pub(super) fn http(_: &mut SchemaGenerator) -> Schema {
    words(&[HttpVersion::Http1, HttpVersion::Http2])
}

pub(super) fn web_client(_: &mut SchemaGenerator) -> Schema {
    words(&[WebClient::V10_11, WebClient::V11_6, WebClient::V11_9])
}

pub(super) fn calls(_: &mut SchemaGenerator) -> Schema {
    words(&[CallSequence::WebClient, CallSequence::LoginOnly])
}

pub(super) fn on_failed_login(_: &mut SchemaGenerator) -> Schema {
    words(&[OnFailedLogin::FallThrough, OnFailedLogin::Retype])
}
