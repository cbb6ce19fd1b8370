//! What went wrong, from the SDK's errors to [`CloudError`].
//!
//! Classified by the table of refusals (`error_table`), then by HTTP status and kind of failure.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ec2::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::operation::RequestId;

use crate::aws::error_table::class_of_refusal;
use crate::aws::unreachable::Unreachable;
use crate::engine::{Attempts, CloudError, FailureClass};

/// Adds what was attempted to a failed call.
pub(in crate::aws) trait CallContext<T> {
    /// `operation` is named by the IAM action that it needs, as in `ec2:RunInstances`;
    /// `target` is an address, id or name.
    fn context(self, operation: &str, target: impl std::fmt::Display) -> Result<T, CloudError>;
}

impl<T, E> CallContext<T> for Result<T, SdkError<E>>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    fn context(self, operation: &str, target: impl std::fmt::Display) -> Result<T, CloudError> {
        self.map_err(|error| {
            let code = code_of(&error);
            CloudError {
                operation: operation.to_owned(),
                target: target.to_string(),
                class: class_of(&error, operation, &code),
                message: error
                    .message()
                    .map_or_else(|| without_message(&error), str::to_owned),
                request_id: error
                    .request_id()
                    .or_else(|| error.meta().request_id())
                    .map(Box::from),
                attempts: Attempts::default(),
                status: status_of(&error),
                code,
            }
        })
    }
}

/// How an error is treated, depending on what was being done.
pub(in crate::aws) trait ErrorPolicy<T> {
    /// Success when it is not there: for removals.
    fn ok_if_not_found(self) -> Result<Option<T>, CloudError>;

    /// Success when the code is one of these: somebody did it already.
    fn ok_if_code(self, codes: &[&str]) -> Result<Option<T>, CloudError>;

    /// While creating, what is not found was created a moment ago and is not visible yet.
    fn retry_if_not_found(self) -> Result<T, CloudError>;
}

impl<T> ErrorPolicy<T> for Result<T, CloudError> {
    fn ok_if_not_found(self) -> Result<Option<T>, CloudError> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.class == FailureClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn ok_if_code(self, codes: &[&str]) -> Result<Option<T>, CloudError> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(error) if codes.contains(&error.code.as_str()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn retry_if_not_found(self) -> Result<T, CloudError> {
        self.map_err(|mut error| {
            if error.class == FailureClass::NotFound {
                error.class = match error.code.as_str() {
                    // Snapshots are named by people: none of them was created a moment ago.
                    "DBSnapshotNotFound" | "DBClusterSnapshotNotFoundFault" => {
                        FailureClass::Terminal
                    }
                    _ => FailureClass::Converging,
                };
            }
            error
        })
    }
}

/// An error of our own making: the service answered, but not with what can be used.
pub(in crate::aws) fn refused(
    operation: &str,
    target: impl std::fmt::Display,
    code: &str,
    message: impl Into<String>,
) -> CloudError {
    CloudError::without_answer(operation, target, code, message)
}

/// A resource has our name but not our tag.
pub(in crate::aws) fn foreign_resource(
    operation: &str,
    name: &str,
    environment: &str,
) -> CloudError {
    refused(
        operation,
        name,
        "ForeignResource",
        format!(
            "`{name}` exists but is not tagged `{}={environment}`, so it is not touched; \
             remove or rename it, or give the environment another name",
            crate::aws::tags::ENVIRONMENT
        ),
    )
}

/// Something was created, by this run or another one, and is not listed with its tags yet.
pub(in crate::aws) fn not_listed_yet(operation: &str, name: &str) -> CloudError {
    CloudError {
        class: FailureClass::Converging,
        ..refused(
            operation,
            name,
            "NotVisibleYet",
            "it was created but is not listed with its tags yet",
        )
    }
}

/// One of several things that an answer which is a success says failed.
pub(in crate::aws) fn failed_item(
    operation: &str,
    target: impl std::fmt::Display,
    (code, message): (Option<&str>, Option<&str>),
    request_id: Option<&str>,
) -> CloudError {
    let code = code.unwrap_or("Unsuccessful");
    CloudError {
        class: class_of_refusal(operation, code, message.unwrap_or_default())
            .unwrap_or(FailureClass::Unknown),
        request_id: request_id.map(Box::from),
        ..refused(
            operation,
            target,
            code,
            message.unwrap_or("no reason is given"),
        )
    }
}

/// A request that the SDK itself refuses to build.
pub(in crate::aws) fn built<T>(
    part: Result<T, BuildError>,
    operation: &str,
    target: impl std::fmt::Display,
) -> Result<T, CloudError> {
    part.map_err(|error| refused(operation, target, "InvalidRequest", error.to_string()))
}

/// A required part of an answer is missing.
pub(in crate::aws) fn incomplete(
    operation: &str,
    target: impl std::fmt::Display,
    part: &str,
) -> CloudError {
    refused(
        operation,
        target,
        "IncompleteAnswer",
        format!("the answer has no {part}"),
    )
}

/// No credentials could be had at all.
pub(in crate::aws) fn without_credentials(error: &CredentialsError) -> CloudError {
    CloudError {
        class: FailureClass::Denied,
        ..refused("sign in", "credentials", "NoCredentials", reasons(error))
    }
}

fn status_of<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|raw| raw.status().as_u16())
}

fn code_of<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E>) -> String {
    if let Some(code) = error.code() {
        return code.to_owned();
    }
    match (error, status_of(error)) {
        // HEAD requests are answered without a body, so without a code.
        (_, Some(status)) => format!("Http{status}"),
        (SdkError::TimeoutError(_), None) => "Timeout".to_owned(),
        _ if lacks_credentials(error) => "NoCredentials".to_owned(),
        (SdkError::DispatchFailure(_), None) => "NoAnswer".to_owned(),
        (_, None) => "InvalidRequest".to_owned(),
    }
}

fn class_of<E: ProvideErrorMetadata + Error + 'static>(
    error: &SdkError<E>,
    operation: &str,
    code: &str,
) -> FailureClass {
    if lacks_credentials(error) {
        return FailureClass::Denied;
    }
    match error {
        SdkError::TimeoutError(_) => return FailureClass::Transient,
        SdkError::DispatchFailure(failure) => {
            // The rest are faults of the set-up, for example an invalid endpoint.
            let cut = failure.is_io() || failure.is_timeout() || failure.is_other();
            return if cut {
                FailureClass::Transient
            } else {
                FailureClass::Terminal
            };
        }
        SdkError::ConstructionFailure(_) => return FailureClass::Terminal,
        _ => {}
    }
    let message = error.message().unwrap_or_default();
    if let Some(class) = class_of_refusal(operation, code, message) {
        return class;
    }
    match status_of(error) {
        Some(404) => FailureClass::NotFound,
        Some(401 | 403) => FailureClass::Denied,
        Some(429 | 500..) => FailureClass::Transient,
        // An answer that was cut off, or came from something between us and AWS.
        Some(200..=299) => FailureClass::Transient,
        _ => FailureClass::Unknown,
    }
}

/// An error without a message of the service's: what caused it, and how an answer begins that is
/// none of AWS's. A proxy or an emulator says there what happened. HEAD requests are answered with
/// a status alone.
fn without_message<E: Error + 'static>(error: &SdkError<E>) -> String {
    let reasons = reasons(error);
    let body = error.raw_response().and_then(|raw| raw.body().bytes());
    match beginning(body.unwrap_or_default()) {
        text if text.is_empty() => match error {
            SdkError::ServiceError(answered) => {
                let status = answered.raw().status().as_u16();
                format!("the service answered with HTTP status {status} and no reason")
            }
            _ => reasons,
        },
        text => format!("{reasons}; the answer begins `{text}`"),
    }
}

/// The first words of a body, on one line.
fn beginning(body: &[u8]) -> String {
    const SHOWN: usize = 200;
    // Enough bytes for so many characters.
    let start = body.get(..SHOWN * 4).unwrap_or(body);
    let words = String::from_utf8_lossy(start);
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars()
        .filter(|c| !c.is_control())
        .take(SHOWN)
        .collect()
}

/// An error without a message of the service's, with what caused it.
fn reasons(error: &(dyn Error + 'static)) -> String {
    if let Some(why) = missing_credentials(error) {
        return why;
    }
    let chain = whole_chain(error);
    if let Some(nobody) = Unreachable::find(error) {
        tracing::warn!(detail = chain, "no answer");
        return nobody.to_string();
    }
    chain
}

/// Which source gave no credentials, and what to do about it. What lies above and below it in
/// the chain, the SDK's own words, fills a screen and goes to the log.
fn missing_credentials(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<CredentialsError>().is_some() {
            tracing::warn!(detail = whole_chain(error), "no credentials");
            return error.source().map(ToString::to_string);
        }
        next = error.source();
    }
    None
}

fn whole_chain(error: &(dyn Error + 'static)) -> String {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        texts.push(cause.to_string());
        next = cause.source();
    }
    texts.dedup();
    // The credential chain reports a line for each place that it tried.
    texts
        .join(": ")
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join("; ")
}

fn lacks_credentials(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<CredentialsError>().is_some() {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_found_during_creation_counts_as_not_visible_yet() {
        let missing: Result<(), _> = Err(CloudError {
            class: FailureClass::NotFound,
            ..refused(
                "ec2:RunInstances",
                "instance/app-1",
                "InvalidGroup.NotFound",
                "no",
            )
        });
        let error = missing.retry_if_not_found().unwrap_err();
        assert_eq!(error.class, FailureClass::Converging);
    }

    #[test]
    fn an_item_that_failed_is_judged_by_its_code() {
        const S3: &str = "s3:DeleteObject";
        for (operation, code, class) in [
            (S3, Some("SlowDown"), FailureClass::Transient),
            (S3, Some("InternalError"), FailureClass::Transient),
            (S3, Some("AccessDenied"), FailureClass::Denied),
            (
                "ec2:DeleteVpcEndpoints",
                Some("InvalidVpcEndpointId.NotFound"),
                FailureClass::NotFound,
            ),
            (S3, Some("Odd"), FailureClass::Unknown),
            (S3, None, FailureClass::Unknown),
        ] {
            let error = failed_item(operation, "b", (code, None), Some("r-1"));
            assert_eq!(error.class, class, "{code:?}");
            assert!(error.to_string().contains("request r-1"), "{error}");
        }
    }

    #[test]
    fn a_body_is_shown_by_its_first_words() {
        assert_eq!(beginning(b"<html>\n  <b>No</b>\x07\n"), "<html> <b>No</b>");
        assert_eq!(beginning(&[b'x'; 5000]).len(), 200);
        assert_eq!(beginning(b""), "");
    }

    #[test]
    fn errors_show_operation_target_code_and_message() {
        let error = foreign_resource("iam:CreateRole", "lr-demo-host", "demo");
        let text = error.to_string();
        for part in [
            "iam:CreateRole",
            "`lr-demo-host`",
            "ForeignResource",
            "loadrig:environment=demo",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}
