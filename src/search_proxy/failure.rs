//! Why a request was not answered by the domain, and what its sender is told.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse as _;
use serde_json::json;

/// Why the domain did not answer.
pub(super) enum ForwardFailure {
    TooLarge(usize),
    Full,
    Interrupted(String),
    Credentials(String),
    Signature(String),
    Unreachable(String),
    Silent(Duration),
}

impl ForwardFailure {
    fn status(&self) -> StatusCode {
        match self {
            ForwardFailure::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            ForwardFailure::Interrupted(_) | ForwardFailure::Signature(_) => {
                StatusCode::BAD_REQUEST
            }
            ForwardFailure::Full | ForwardFailure::Credentials(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            ForwardFailure::Unreachable(_) => StatusCode::BAD_GATEWAY,
            ForwardFailure::Silent(_) => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// What happened, for people.
    pub(super) fn reason(&self) -> String {
        match self {
            ForwardFailure::TooLarge(limit) => format!(
                "the request is larger than {} MiB, the most that the search proxy takes",
                limit >> 20
            ),
            ForwardFailure::Full => {
                "the requests that the search proxy holds at the moment fill its memory".to_owned()
            }
            ForwardFailure::Interrupted(why) => format!("the request ended early: {why}"),
            ForwardFailure::Credentials(why) => format!("no credentials of the host's role: {why}"),
            ForwardFailure::Signature(why) => format!("the request cannot be signed: {why}"),
            ForwardFailure::Unreachable(why) => {
                format!("the search domain cannot be reached: {why}")
            }
            ForwardFailure::Silent(answer) => format!(
                "the search domain did not answer within {} s",
                answer.as_secs()
            ),
        }
    }

    /// In the form of OpenSearch's own errors, which clients read.
    pub(super) fn into_response(self) -> Response<Body> {
        let status = self.status();
        let error = json!({
            "error": {"type": "search_proxy_exception", "reason": self.reason()},
            "status": status.as_u16(),
        });
        (
            status,
            [(CONTENT_TYPE, "application/json")],
            error.to_string(),
        )
            .into_response()
    }
}
