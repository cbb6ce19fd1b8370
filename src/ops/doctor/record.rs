//! What AWS answered otherwise than loadrig expects, in a form that can be compared and collected.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::engine::CloudError;

/// A call and its answer, as collections of recorded facts about AWS have them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CanaryRecord {
    /// Unique; the first part says where it is from.
    pub id: String,
    /// For example `ec2:RunInstances`.
    pub operation: String,
    /// What was asked for, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Value>,
    /// What was acted on, or what the call was to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub situation: Option<String>,
    /// What was answered; nothing when it was an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Value>,
    /// The HTTP status of the response; that of an error is the error's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The error that was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RecordedError>,
    /// `canary`.
    pub source: &'static str,
    /// The day, UTC.
    pub recorded: String,
}

/// An error as it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordedError {
    /// For example `InvalidParameterValue`.
    pub code: String,
    /// The text.
    pub message: String,
    /// The HTTP status; none where it is not known.
    pub status: Option<u16>,
}

/// The file that a run's records go into.
pub(super) const RECORDS_FILE: &str = "canary-records.json";

/// Records as a file of such a collection has them, as text.
pub(super) fn file_of(records: &[CanaryRecord]) -> String {
    let file = serde_json::json!({ "records": records });
    serde_json::to_string_pretty(&file).unwrap_or_default()
}

/// Collects records.
#[derive(Debug)]
pub(super) struct Records {
    canary: String,
    list: Vec<CanaryRecord>,
}

impl Records {
    pub(super) fn new(canary: &str) -> Self {
        Self {
            canary: canary.to_owned(),
            list: Vec::new(),
        }
    }

    pub(super) fn into_list(self) -> Vec<CanaryRecord> {
        self.list
    }

    /// An error that was not expected.
    pub(super) fn error(&mut self, operation: &str, request: Value, error: RecordedError) {
        self.list.push(CanaryRecord {
            request: Some(request),
            error: Some(error),
            ..self.record(operation)
        });
    }

    /// A failed call, whose request is not known any more.
    pub(super) fn failed(&mut self, error: &CloudError) {
        self.list.push(CanaryRecord {
            situation: Some(error.target.clone()),
            error: Some(RecordedError {
                code: error.code.clone(),
                message: error.message.clone(),
                status: error.status,
            }),
            ..self.record(&error.operation)
        });
    }

    /// An answer that was not expected.
    pub(super) fn answer(
        &mut self,
        operation: &str,
        request: Value,
        response: Value,
        status: Option<u16>,
    ) {
        self.list.push(CanaryRecord {
            request: Some(request),
            response: Some(response),
            status,
            ..self.record(operation)
        });
    }

    /// Something that was found otherwise than it was to be; `situation` says what.
    pub(super) fn found(
        &mut self,
        operation: &str,
        situation: &str,
        response: Value,
        status: Option<u16>,
    ) {
        self.list.push(CanaryRecord {
            situation: Some(situation.to_owned()),
            response: Some(response),
            status,
            ..self.record(operation)
        });
    }

    fn record(&self, operation: &str) -> CanaryRecord {
        CanaryRecord {
            id: format!("canary:{}:{}", self.canary, self.list.len() + 1),
            operation: operation.to_owned(),
            request: None,
            situation: None,
            response: None,
            status: None,
            error: None,
            source: "canary",
            recorded: Timestamp::now().strftime("%Y-%m-%d").to_string(),
        }
    }
}
