//! STS: who is asking.

use super::account::{AwsAccount, NUMBER, QueryResult, unknown_action};
use super::form::QueryForm;
use super::writer::xml;

/// Answers a call.
pub(super) fn answer(_: &mut AwsAccount, action: &str, _: &QueryForm<'_>) -> QueryResult {
    match action {
        "GetCallerIdentity" => Ok(xml(|xml| {
            xml.text("Arn", format!("arn:aws:iam::{NUMBER}:user/operator"));
            xml.text("UserId", "AIDAOPERATOR");
            xml.text("Account", NUMBER);
        })),
        _ => Err(unknown_action(action)),
    }
}
