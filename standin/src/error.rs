//! Errors as the API reports them (`AppError`), and the one place where the
//! cause of a server error is logged. It may not know what the handlers do.

use std::error::Error;
use std::fmt::Write as _;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tracing::error;

tokio::task_local! {
    /// Id of the request that the current task answers.
    pub static REQUEST_ID: String;
}

/// An error reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{id}: {message}")]
pub(crate) struct AppError {
    /// HTTP status.
    pub status: StatusCode,
    /// Mattermost's identifier of the case.
    pub id: &'static str,
    /// For people.
    pub message: String,
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    message: &'a str,
    detailed_error: &'a str,
    request_id: String,
    status_code: u16,
}

impl AppError {
    /// An error with any status.
    pub(crate) fn new(status: StatusCode, id: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            id,
            message: message.into(),
        }
    }

    /// No, unknown or expired session.
    pub(crate) fn session_expired() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "api.context.session_expired.app_error",
            "Invalid or expired session, please login again.",
        )
    }

    /// The session may not do this.
    pub(crate) fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "api.context.permissions.app_error",
            "You do not have the appropriate permissions.",
        )
    }

    /// A field of the body is missing or wrong.
    pub(crate) fn invalid_body(field: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "api.context.invalid_body_param.app_error",
            format!("Invalid or missing {field} in request body."),
        )
    }

    /// A part of the path or query is wrong.
    pub(crate) fn invalid_url(parameter: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "api.context.invalid_url_param.app_error",
            format!("Invalid or missing {parameter} parameter in request URL."),
        )
    }

    /// There is no such object.
    pub(crate) fn not_found(id: &'static str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            id,
            "Unable to find the existing object.",
        )
    }

    /// Something behind the API failed. The cause goes to the log, not to the
    /// client.
    pub(crate) fn internal(id: &'static str, cause: &(dyn Error + 'static)) -> Self {
        let request = REQUEST_ID.try_with(Clone::clone).unwrap_or_default();
        error!(id, request, cause = chain(cause), "request failed");
        let message = "An error occurred while processing the request.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, id, message)
    }

    /// The body of the reply, also used on websockets.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "id": self.id,
            "message": self.message,
            "detailed_error": "",
            "status_code": self.status.as_u16(),
        })
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let body = Body {
            id: self.id,
            message: &self.message,
            detailed_error: "",
            request_id: REQUEST_ID.try_with(Clone::clone).unwrap_or_default(),
            status_code: self.status.as_u16(),
        };
        (self.status, Json(body)).into_response()
    }
}

/// Turns failures behind the API into replies.
pub(crate) trait OrInternal<T> {
    /// The value, or a server error with Mattermost's identifier.
    ///
    /// # Errors
    /// When there is no value.
    fn or_internal(self, id: &'static str) -> Result<T, AppError>;
}

impl<T, E: Error + 'static> OrInternal<T> for Result<T, E> {
    fn or_internal(self, id: &'static str) -> Result<T, AppError> {
        self.map_err(|cause| AppError::internal(id, &cause))
    }
}

/// An error and its causes on one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a string does not fail.
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_chain_is_one_line() {
        let cause = std::io::Error::other("refused");
        let error = crate::config::ConfigError::Read {
            path: "c.json".into(),
            source: cause,
        };
        assert_eq!(
            chain(&error),
            "cannot read configuration `c.json` (name another with --config or MM_CONFIG): refused"
        );
    }

    #[tokio::test]
    async fn reply_carries_the_request_id() {
        let reply = REQUEST_ID
            .scope("r1".to_owned(), async {
                AppError::forbidden().into_response()
            })
            .await;
        assert_eq!(reply.status(), StatusCode::FORBIDDEN);
        let body = axum::body::to_bytes(reply.into_body(), 4096)
            .await
            .expect("body");
        let body: serde_json::Value = serde_json::from_slice(&body).expect("json");
        assert_eq!(body["request_id"], "r1");
        assert_eq!(body["id"], "api.context.permissions.app_error");
        assert_eq!(body["status_code"], 403);
    }
}
