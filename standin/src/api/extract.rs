//! What handlers ask for: the session, a JSON body, a page of a list. Each
//! refuses in Mattermost's words.

use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::app::App;
use crate::error::AppError;
use crate::id::is_valid_id;
use crate::model::UserSession;

/// Name of the cookie that holds the token.
pub(super) const TOKEN_COOKIE: &str = "MMAUTHTOKEN";
/// Tokens are cut to this length.
const MAX_TOKEN: usize = 50;

/// Marks requests at the local socket.
#[derive(Debug, Clone, Copy)]
pub(super) struct AtLocalSocket;

/// What callers at the local socket have in place of a session: they administer the system and are
/// no user of it.
fn local_session(parts: &Parts) -> Option<UserSession> {
    parts
        .extensions
        .get::<AtLocalSocket>()
        .map(|_| UserSession {
            roles: "system_admin system_user".to_owned(),
            ..UserSession::default()
        })
}

/// The caller's session; refuses callers without one.
#[derive(Debug)]
pub(crate) struct Auth(pub UserSession);

impl FromRequestParts<App> for Auth {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, AppError> {
        if let Some(session) = local_session(parts) {
            return Ok(Self(session));
        }
        let token = token(&parts.headers).ok_or_else(AppError::session_expired)?;
        let session = app.session(&token).await?;
        if parts.method != Method::GET && !is_intended(&parts.headers, &session.csrf) {
            return Err(AppError::session_expired());
        }
        Ok(Self(session))
    }
}

/// The caller's session, if there is a valid one.
#[derive(Debug)]
pub(crate) struct MaybeAuth(pub Option<UserSession>);

impl FromRequestParts<App> for MaybeAuth {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, AppError> {
        if let Some(session) = local_session(parts) {
            return Ok(Self(Some(session)));
        }
        let Some(token) = token(&parts.headers) else {
            return Ok(Self(None));
        };
        match app.session(&token).await {
            Ok(session) => Ok(Self(Some(session))),
            Err(error) if error.status == StatusCode::UNAUTHORIZED => Ok(Self(None)),
            Err(error) => Err(error),
        }
    }
}

/// Whether a request is more than a page of another site sending the browser's cookie along: a
/// client that knows the session says so in a header.
fn is_intended(headers: &HeaderMap, csrf: &str) -> bool {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|text| text == value);
    cookie_token(headers).is_none()
        || (!csrf.is_empty() && is("x-csrf-token", csrf))
        || is("x-requested-with", "XMLHttpRequest")
}

fn cookie_token(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == TOKEN_COOKIE).then_some(value))
}

/// The token of a request: the cookie's, else the header's.
pub(super) fn token(headers: &HeaderMap) -> Option<String> {
    let bearer = || {
        let line = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, value) = line.split_once(' ')?;
        let known = ["bearer", "token"]
            .iter()
            .any(|name| scheme.eq_ignore_ascii_case(name));
        known.then_some(value.trim())
    };
    let found = cookie_token(headers)
        .or_else(bearer)
        .filter(|value| !value.is_empty())?;
    Some(found.chars().take(MAX_TOKEN).collect())
}

/// A JSON body, whatever its declared type is. A null is as good as nothing:
/// Go clients send one for every empty list.
#[derive(Debug)]
pub(super) struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, app: &App) -> Result<Self, AppError> {
        let body = Bytes::from_request(request, app).await;
        let body = body.map_err(|refused| match refused.status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large(),
            _ => AppError::invalid_body("value"),
        })?;
        parse(&body).map(Self)
    }
}

/// A JSON body that has to be an object: an empty list would pass for one without members.
#[derive(Debug)]
pub(super) struct JsonObject<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for JsonObject<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, app: &App) -> Result<Self, AppError> {
        let Json(members) = Json::<Map<String, Value>>::from_request(request, app).await?;
        let value = serde_json::from_value(Value::Object(members));
        value.map(Self).map_err(|error| not_fitting(&error))
    }
}

fn not_fitting(error: &serde_json::Error) -> AppError {
    let mut refused = AppError::invalid_body("value");
    refused.message = format!("{} ({error})", refused.message);
    refused
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, AppError> {
    let refused = |error| not_fitting(&error);
    let mut value: Value = serde_json::from_slice(body).map_err(refused)?;
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, member| !member.is_null());
    }
    serde_json::from_value(value).map_err(refused)
}

/// A body over the limit.
pub(super) fn too_large() -> AppError {
    AppError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "api.context.request_body_too_large.app_error",
        "The request body is too large.",
    )
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    /// Items to pass over.
    pub offset: i64,
    /// Items to return, 1 to 200.
    pub limit: i64,
}

#[derive(Debug, Deserialize)]
struct PageQuery {
    page: Option<i64>,
    per_page: Option<i64>,
}

impl FromRequestParts<App> for Page {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, AppError> {
        let query = Query::<PageQuery>::from_request_parts(parts, app).await;
        let Query(query) = query.map_err(|_| AppError::invalid_url("page"))?;
        Ok(Self::new(query.page, query.per_page))
    }
}

impl Page {
    /// The part that a query means.
    pub(super) fn new(page: Option<i64>, per_page: Option<i64>) -> Self {
        let limit = per_page.unwrap_or(60).clamp(1, 200);
        Self {
            offset: page.unwrap_or(0).max(0).saturating_mul(limit),
            limit,
        }
    }
}

/// The user that `me` or an id in a path means.
pub(crate) fn user_or_me(id: &str, session: &UserSession) -> String {
    if id == "me" {
        session.user_id.clone()
    } else {
        id.to_owned()
    }
}

/// The user that a path names, who has to be the session's unless an administrator asks.
///
/// # Errors
/// When the id has no valid form, or the session may not act for that user.
pub(super) fn own_user(id: &str, session: &UserSession) -> Result<String, AppError> {
    let id = user_or_me(id, session);
    if !is_valid_id(&id) {
        return Err(AppError::invalid_url("user_id"));
    }
    if id == session.user_id || session.is_admin() {
        Ok(id)
    } else {
        Err(AppError::forbidden())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(n, v)| (n.parse().expect("name"), v.parse().expect("value")))
            .collect()
    }

    #[test]
    fn token_comes_from_the_cookie_before_the_header() {
        let both = headers(&[
            ("cookie", "MMUSERID=u; MMAUTHTOKEN=from-cookie"),
            ("authorization", "Bearer from-header"),
        ]);
        assert_eq!(token(&both).as_deref(), Some("from-cookie"));
        let header = headers(&[("authorization", "BEARER from-header")]);
        assert_eq!(token(&header).as_deref(), Some("from-header"));
    }

    #[test]
    fn cookie_alone_is_no_intention() {
        let cookie = ("cookie", "MMAUTHTOKEN=t");
        assert!(!is_intended(&headers(&[cookie]), "c"));
        assert!(is_intended(&headers(&[cookie, ("x-csrf-token", "c")]), "c"));
        assert!(!is_intended(&headers(&[cookie, ("x-csrf-token", "")]), ""));
        let script = ("x-requested-with", "XMLHttpRequest");
        assert!(is_intended(&headers(&[cookie, script]), "c"));
        assert!(is_intended(&headers(&[("authorization", "Bearer t")]), "c"));
    }

    #[test]
    fn other_schemes_and_empty_tokens_are_ignored() {
        assert_eq!(token(&headers(&[("authorization", "Basic dTpw")])), None);
        assert_eq!(token(&headers(&[("authorization", "Bearer ")])), None);
        assert_eq!(token(&headers(&[("cookie", "MMAUTHTOKEN=")])), None);
    }

    #[test]
    fn null_values_of_go_clients_count_as_absent() {
        let body = br#"{"message":"hi","file_ids":null,"metadata":null,"props":{}}"#;
        let post: crate::model::Post = parse(body).expect("valid");
        assert_eq!((post.message.as_str(), post.file_ids.len()), ("hi", 0));
        assert!(parse::<crate::model::Post>(b"{").is_err());
    }

    #[test]
    fn pages_are_kept_within_mattermosts_limits() {
        let page = Page::new(Some(3), Some(1000));
        assert_eq!((page.offset, page.limit), (600, 200));
        let page = Page::new(Some(-1), None);
        assert_eq!((page.offset, page.limit), (0, 60));
    }
}
