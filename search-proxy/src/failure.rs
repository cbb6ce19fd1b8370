//! Why a request was not answered by the domain, and what its sender is told.
//!
//! What matters to the sender is whether the domain may have carried the request out. Of what was never
//! sent, a header says so, and whoever has several search proxies can ask another one.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse as _;
use serde_json::json;

/// The header of an answer to a request of which nothing was carried out: another search proxy may be
/// asked. nginx goes to the location that it names.
pub(super) const UNSENT: HeaderName = HeaderName::from_static("x-accel-redirect");
/// That location, in `templates/app/search-relay.conf`.
pub(super) const ASK_ANOTHER: HeaderValue = HeaderValue::from_static("@another_search_proxy");

/// Why the domain did not answer.
#[derive(Clone, Debug)]
pub(super) enum ForwardFailure {
    TooLarge(u64),
    Interrupted(String),
    Signature(String),
    Full,
    Spool(String),
    Credentials(String),
    Unreachable(String),
    Broken(String),
    Silent(Duration),
}

impl ForwardFailure {
    /// The disk does not take a request.
    pub(super) fn spool(error: std::io::Error) -> Self {
        ForwardFailure::Spool(error.to_string())
    }

    /// Whether nothing was sent, and another search proxy may be able to.
    pub(super) fn is_unsent(&self) -> bool {
        match self {
            ForwardFailure::Full | ForwardFailure::Spool(_) => true,
            ForwardFailure::Credentials(_) | ForwardFailure::Unreachable(_) => true,
            // The same everywhere.
            ForwardFailure::TooLarge(_)
            | ForwardFailure::Interrupted(_)
            | ForwardFailure::Signature(_) => false,
            ForwardFailure::Broken(_) | ForwardFailure::Silent(_) => false,
        }
    }

    /// Whether the next request would fail in the same way.
    pub(super) fn is_outage(&self) -> bool {
        matches!(
            self,
            ForwardFailure::Credentials(_) | ForwardFailure::Unreachable(_)
        )
    }

    fn status(&self) -> StatusCode {
        match self {
            ForwardFailure::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            ForwardFailure::Interrupted(_) | ForwardFailure::Signature(_) => {
                StatusCode::BAD_REQUEST
            }
            ForwardFailure::Full
            | ForwardFailure::Spool(_)
            | ForwardFailure::Credentials(_)
            | ForwardFailure::Unreachable(_) => StatusCode::SERVICE_UNAVAILABLE,
            ForwardFailure::Broken(_) => StatusCode::BAD_GATEWAY,
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
            ForwardFailure::Interrupted(why) => format!("the request ended early: {why}"),
            ForwardFailure::Signature(why) => format!("the request cannot be signed: {why}"),
            ForwardFailure::Full => {
                "the requests that are under way at the moment fill the search proxy's disk"
                    .to_owned()
            }
            ForwardFailure::Spool(why) => {
                format!("the search proxy cannot keep the request on its disk: {why}")
            }
            ForwardFailure::Credentials(why) => format!("no credentials of the host's role: {why}"),
            ForwardFailure::Unreachable(why) => {
                format!("the search domain cannot be reached: {why}")
            }
            ForwardFailure::Broken(why) => {
                format!("the search domain may have the request, and did not answer: {why}")
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
        let json = [(CONTENT_TYPE, "application/json")];
        let mut response = (status, json, error.to_string()).into_response();
        if self.is_unsent() {
            response.headers_mut().insert(UNSENT, ASK_ANOTHER);
        }
        response
    }
}
