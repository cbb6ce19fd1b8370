//! `ETag` and `If-None-Match` as Mattermost treats them: the whole text, without quotes.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Whether the client has what `tag` stands for.
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == tag.as_bytes())
}

/// The answer to a client that has it already.
pub(super) fn not_modified(tag: &str) -> Response {
    with_tag(StatusCode::NOT_MODIFIED.into_response(), tag)
}

/// `body` as JSON, unless the client has it already.
pub(super) fn json(headers: &HeaderMap, tag: &str, body: impl Serialize) -> Response {
    if is_known(headers, tag) {
        not_modified(tag)
    } else {
        with_tag(axum::Json(body).into_response(), tag)
    }
}

/// `response` with its tag.
pub(super) fn with_tag(mut response: Response, tag: &str) -> Response {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_is_left_out_when_the_client_has_it() {
        let mut headers = HeaderMap::new();
        assert_eq!(json(&headers, "v.1", "x").status(), StatusCode::OK);
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("v.1"));
        let answer = json(&headers, "v.1", "x");
        assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(answer.headers()["etag"], "v.1");
        assert_eq!(json(&headers, "v.2", "x").status(), StatusCode::OK);
    }
}
