//! What AWS answered otherwise than loadrig expects, in a form that can be compared and collected.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::engine::CloudError;

/// A call and its answer, as collections of recorded facts about AWS have them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CanaryRecord {
    /// Unique.
    pub id: String,
    /// For example `ec2:RunInstances`.
    pub operation: String,
    /// What was asked for.
    pub request: Value,
    /// What was answered; nothing when it was an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Value>,
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
    pub(super) fn error(&mut self, operation: &str, request: Value, code: &str, message: &str) {
        let error = RecordedError {
            code: code.to_owned(),
            message: message.to_owned(),
        };
        self.push(operation, request, None, Some(error));
    }

    /// A failed call.
    pub(super) fn failed(&mut self, error: &CloudError) {
        let request = serde_json::json!({ "target": error.target });
        self.error(&error.operation, request, &error.code, &error.message);
    }

    /// An answer that was not expected.
    pub(super) fn answer(&mut self, operation: &str, request: Value, response: Value) {
        self.push(operation, request, Some(response), None);
    }

    fn push(
        &mut self,
        operation: &str,
        request: Value,
        response: Option<Value>,
        error: Option<RecordedError>,
    ) {
        self.list.push(CanaryRecord {
            id: format!("{}:{}", self.canary, self.list.len() + 1),
            operation: operation.to_owned(),
            request,
            response,
            error,
            source: "canary",
            recorded: Timestamp::now().strftime("%Y-%m-%d").to_string(),
        });
    }
}
