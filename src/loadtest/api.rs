//! The few Mattermost REST calls that simulated users make, through the proxy.
//!
//! One request per call: retries would hide errors from the counts. Only a login gate's refusal is
//! waited out, since the wait is part of that login.

use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::entrance::{Entrance, certificate_fault};
use super::wire::{Admin, EntranceRoute, ServerInfo};

/// Opening a connection may take this long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// One request may take this long, answer included.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// Why a call failed. Texts hold no ids, so that equal failures count together.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The request did not get an answer.
    #[error("no answer from the proxy: {0}")]
    Transport(String),
    /// TLS ended before the request: whoever answered has a certificate that is not trusted.
    #[error("the entrance's certificate is not accepted: {0}")]
    Certificate(String),
    /// The server refused.
    #[error("HTTP {status} `{id}`: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Mattermost's error id, empty when the answer did not come from Mattermost.
        id: String,
        /// Mattermost's message.
        message: String,
        /// The application node that refused, as the proxy names it.
        node: Option<String>,
    },
    /// The answer is not what the API promises.
    #[error("unexpected answer: {0}")]
    Unexpected(String),
}

impl ApiError {
    /// The application node that refused, where the proxy told.
    pub(super) fn node(&self) -> Option<&str> {
        match self {
            ApiError::Refused { node, .. } => node.as_deref(),
            ApiError::Transport(_) | ApiError::Certificate(_) | ApiError::Unexpected(_) => None,
        }
    }

    /// The HTTP status, when there was an answer.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            ApiError::Refused { status, .. } => Some(*status),
            ApiError::Transport(_) | ApiError::Certificate(_) | ApiError::Unexpected(_) => None,
        }
    }
}

impl From<reqwest::Error> for ApiError {
    fn from(error: reqwest::Error) -> Self {
        // reqwest's own text ends in the URL, whose ids would make each failure distinct.
        let error = error.without_url();
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            if let Some(fault) = certificate_fault(cause) {
                return Self::Certificate(fault);
            }
            text = cause.to_string();
            source = cause.source();
        }
        Self::Transport(text)
    }
}

/// An object with an id, as most answers are.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Object {
    pub(super) id: String,
}

/// A user, as far as it matters here.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ApiUser {
    pub(super) id: String,
    #[serde(default)]
    pub(super) roles: String,
}

/// A post that was made, and the node that made it.
#[derive(Clone, Debug)]
pub(super) struct Posted {
    pub(super) id: String,
    pub(super) node: Option<String>,
}

/// A logged-in user: its id and session.
#[derive(Clone)]
pub(super) struct ApiSession {
    pub(super) user_id: String,
    pub(super) token: String,
}

impl std::fmt::Debug for ApiSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiSession")
            .field("user_id", &self.user_id)
            .finish_non_exhaustive()
    }
}

/// The API behind one proxy. Cheap to clone; connections are pooled.
#[derive(Clone, Debug)]
pub(super) struct Api {
    client: reqwest::Client,
    base: String,
    pub(super) entrance: Entrance,
}

impl Api {
    /// An API at the entrance's URL.
    pub(super) fn new(url: &str, route: Option<&EntranceRoute>) -> Result<Self, ApiError> {
        let entrance = Entrance::new(url, route).map_err(ApiError::Unexpected)?;
        let mut builder = reqwest::Client::builder();
        if let Some(tls) = &entrance.tls {
            builder = builder.tls_backend_preconfigured((**tls).clone());
        }
        if let Some(resolver) = entrance.resolver() {
            builder = builder.dns_resolver(resolver);
        }
        let client = builder
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .user_agent(concat!("loadrig-agent/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            client,
            base: url.trim_end_matches('/').to_owned(),
            entrance,
        })
    }

    /// Which server answers, and whether it is healthy.
    pub(super) async fn ping(&self) -> Result<ServerInfo, ApiError> {
        #[derive(Deserialize)]
        struct Ping {
            #[serde(default)]
            standin: bool,
        }
        let request = self.request(Method::GET, "/system/ping?get_server_status=true", None);
        let (headers, body) = send(request).await?;
        let ping: Ping = parse(&body)?;
        let version = header(&headers, "x-version-id").unwrap_or_default();
        Ok(ServerInfo {
            standin: ping.standin || version.starts_with("standin-"),
            version: product_version(&version),
        })
    }

    /// Makes an account as the administrator: people may be kept from signing up.
    pub(super) async fn create_user(
        &self,
        admin: &ApiSession,
        username: &str,
        email: &str,
        password: &str,
    ) -> Result<ApiUser, ApiError> {
        let body = json!({"username": username, "email": email, "password": password});
        self.post("/users", Some(admin), &body).await
    }

    /// Logs in. A login gate that is full says when to come back; that is waited for as people
    /// wait, as part of the same login, for as long as one request may take.
    pub(super) async fn log_in(
        &self,
        username: &str,
        password: &str,
    ) -> Result<(ApiUser, ApiSession), ApiError> {
        let body = json!({"login_id": username, "password": password});
        let deadline = Instant::now() + REQUEST_TIMEOUT;
        let answer = loop {
            let request = self.request(Method::POST, "/users/login", None).json(&body);
            let answer = request.send().await?;
            match pause_asked_for(&answer) {
                Some(pause) if Instant::now() + pause < deadline => {
                    tokio::time::sleep(pause).await;
                }
                _ => break answer,
            }
        };
        let (headers, body) = finish(answer).await?;
        let user: ApiUser = parse(&body)?;
        let token = header(&headers, "token")
            .ok_or_else(|| ApiError::Unexpected("login without a `Token` header".into()))?;
        let session = ApiSession {
            user_id: user.id.clone(),
            token,
        };
        Ok((user, session))
    }

    /// The administrator's session.
    pub(super) async fn administrator(&self, admin: &Admin) -> Result<ApiSession, ApiError> {
        let (user, session) = self
            .log_in(&admin.username, admin.password.expose())
            .await?;
        if user.roles.split_whitespace().any(|r| r == "system_admin") {
            Ok(session)
        } else {
            Err(ApiError::Unexpected(format!(
                "`{}` is no system administrator (its roles: `{}`)",
                admin.username, user.roles
            )))
        }
    }

    /// Ends a session.
    pub(super) async fn log_out(&self, session: &ApiSession) -> Result<(), ApiError> {
        self.post::<Value>("/users/logout", Some(session), &json!({}))
            .await?;
        Ok(())
    }

    /// Makes the node forget what it holds in memory.
    pub(super) async fn invalidate_caches(&self, session: &ApiSession) -> Result<(), ApiError> {
        let path = "/caches/invalidate";
        self.post::<Value>(path, Some(session), &json!({})).await?;
        Ok(())
    }

    /// The team of that name; it is created when there is none.
    pub(super) async fn team(&self, session: &ApiSession, name: &str) -> Result<Object, ApiError> {
        let path = format!("/teams/name/{name}");
        match self.get::<Object>(&path, session).await {
            Err(error) if error.status() == Some(404) => {
                let body = json!({
                    "name": name,
                    "display_name": name,
                    "type": "O",
                    "allow_open_invite": true,
                });
                match self.post("/teams", Some(session), &body).await {
                    // Another agent was first.
                    Err(error) if error.status() == Some(400) => self.get(&path, session).await,
                    other => other,
                }
            }
            other => other,
        }
    }

    pub(super) async fn create_channel(
        &self,
        session: &ApiSession,
        team: &str,
        name: &str,
    ) -> Result<Object, ApiError> {
        let body = json!({"team_id": team, "name": name, "display_name": name, "type": "O"});
        self.post("/channels", Some(session), &body).await
    }

    pub(super) async fn join_team(&self, session: &ApiSession, team: &str) -> Result<(), ApiError> {
        let body = json!({"team_id": team, "user_id": session.user_id});
        let path = format!("/teams/{team}/members");
        self.post::<Value>(&path, Some(session), &body).await?;
        Ok(())
    }

    pub(super) async fn join_channel(
        &self,
        session: &ApiSession,
        channel: &str,
    ) -> Result<(), ApiError> {
        let body = json!({"user_id": session.user_id});
        let path = format!("/channels/{channel}/members");
        self.post::<Value>(&path, Some(session), &body).await?;
        Ok(())
    }

    pub(super) async fn create_post(
        &self,
        session: &ApiSession,
        channel: &str,
        message: &str,
    ) -> Result<Posted, ApiError> {
        let request = self
            .request(Method::POST, "/posts", Some(session))
            .json(&json!({"channel_id": channel, "message": message}));
        let (headers, body) = send(request).await?;
        let post: Object = parse(&body)?;
        Ok(Posted {
            id: post.id,
            node: served_by(&headers),
        })
    }

    /// Uploads a file; returns its id.
    pub(super) async fn upload(
        &self,
        session: &ApiSession,
        channel: &str,
        name: &str,
        content: Bytes,
    ) -> Result<String, ApiError> {
        #[derive(Deserialize)]
        struct Uploaded {
            file_infos: Vec<Object>,
        }
        let part = reqwest::multipart::Part::stream(content)
            .file_name(name.to_owned())
            .mime_str("application/octet-stream")?;
        let form = reqwest::multipart::Form::new()
            .text("channel_id", channel.to_owned())
            .part("files", part);
        let request = self
            .request(Method::POST, "/files", Some(session))
            .multipart(form);
        let (_, body) = send(request).await?;
        let uploaded: Uploaded = parse(&body)?;
        uploaded
            .file_infos
            .into_iter()
            .next()
            .map(|info| info.id)
            .ok_or_else(|| ApiError::Unexpected("upload without file information".into()))
    }

    pub(super) async fn attach(
        &self,
        session: &ApiSession,
        channel: &str,
        message: &str,
        file: &str,
    ) -> Result<Object, ApiError> {
        let body = json!({"channel_id": channel, "message": message, "file_ids": [file]});
        self.post("/posts", Some(session), &body).await
    }

    pub(super) async fn download(
        &self,
        session: &ApiSession,
        file: &str,
    ) -> Result<Bytes, ApiError> {
        let request = self.request(Method::GET, &format!("/files/{file}"), Some(session));
        let (_, body) = send(request).await?;
        Ok(body)
    }

    /// Ids of the posts that hold the terms.
    pub(super) async fn search(
        &self,
        session: &ApiSession,
        team: &str,
        terms: &str,
    ) -> Result<Vec<String>, ApiError> {
        #[derive(Deserialize)]
        struct FoundPosts {
            #[serde(default)]
            order: Option<Vec<String>>,
        }
        let body = json!({"terms": terms, "is_or_search": false});
        let path = format!("/teams/{team}/posts/search");
        let found: FoundPosts = self.post(&path, Some(session), &body).await?;
        Ok(found.order.unwrap_or_default())
    }

    fn request(&self, method: Method, path: &str, session: Option<&ApiSession>) -> RequestBuilder {
        let request = self
            .client
            .request(method, format!("{}/api/v4{path}", self.base));
        match session {
            Some(session) => request.header(AUTHORIZATION, format!("Bearer {}", session.token)),
            None => request,
        }
    }

    /// Any call without a body: the answer's headers and body.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        session: &ApiSession,
    ) -> Result<(HeaderMap, Bytes), ApiError> {
        send(self.request(method, path, Some(session))).await
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        session: &ApiSession,
    ) -> Result<T, ApiError> {
        let (_, body) = self.call(Method::GET, path, session).await?;
        parse(&body)
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        session: Option<&ApiSession>,
        body: &Value,
    ) -> Result<T, ApiError> {
        let request = self.request(Method::POST, path, session).json(body);
        let (_, body) = send(request).await?;
        parse(&body)
    }
}

/// The application node that the proxy names in `X-Served-By`, without its port.
pub(super) fn served_by(headers: &HeaderMap) -> Option<String> {
    // After a retry the proxy lists every node it tried; the last one answered.
    let value = header(headers, "x-served-by")?;
    let last = value.rsplit([',', ' ']).next()?.trim();
    let host = last.rsplit_once(':').map_or(last, |(host, _)| host);
    (!host.is_empty()).then(|| host.to_owned())
}

async fn send(request: RequestBuilder) -> Result<(HeaderMap, Bytes), ApiError> {
    finish(request.send().await?).await
}

/// How long to wait before the same request is made again, if the answer asks for that.
fn pause_asked_for(answer: &Response) -> Option<Duration> {
    if answer.status() != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let seconds = header(answer.headers(), RETRY_AFTER.as_str())?.parse();
    seconds.ok().map(Duration::from_secs)
}

async fn finish(answer: Response) -> Result<(HeaderMap, Bytes), ApiError> {
    let status = answer.status();
    let headers = answer.headers().clone();
    let body = answer.bytes().await?;
    if status.is_success() {
        Ok((headers, body))
    } else {
        Err(refused(status, served_by(&headers), &body))
    }
}

fn refused(status: StatusCode, node: Option<String>, body: &[u8]) -> ApiError {
    #[derive(Deserialize)]
    struct ErrorBody {
        #[serde(default)]
        id: String,
        #[serde(default)]
        message: String,
    }
    let error = serde_json::from_slice(body).unwrap_or(ErrorBody {
        id: String::new(),
        message: status.canonical_reason().unwrap_or("no reason").to_owned(),
    });
    ApiError::Refused {
        status: status.as_u16(),
        id: error.id,
        message: error.message,
        node,
    }
}

pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::Unexpected(error.to_string()))
}

pub(super) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// The version in `X-Version-Id`, which is `VERSION.BUILD.CONFIGHASH.LICENSED`; releases
/// have their version as build number too.
fn product_version(id: &str) -> String {
    let without_tail = id.rsplitn(3, '.').nth(2).unwrap_or(id);
    let half = without_tail.len() / 2;
    match (without_tail.get(..half), without_tail.get(half + 1..)) {
        (Some(version), Some(build)) if version == build => version.to_owned(),
        _ => without_tail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_header(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert("x-served-by", value.parse().unwrap());
        served_by(&headers)
    }

    #[test]
    fn the_last_upstream_that_the_proxy_names_served_the_request() {
        assert_eq!(from_header("10.0.0.4:8065").as_deref(), Some("10.0.0.4"));
        assert_eq!(
            from_header("10.0.0.4:8065, 10.0.0.5:8065").as_deref(),
            Some("10.0.0.5")
        );
        assert_eq!(from_header(""), None);
        assert_eq!(served_by(&HeaderMap::new()), None);
    }

    #[test]
    fn refusals_keep_the_servers_error_id() {
        let body =
            br#"{"id":"api.context.permissions.app_error","message":"No","status_code":403}"#;
        let error = refused(StatusCode::FORBIDDEN, None, body);
        assert_eq!(
            error.to_string(),
            "HTTP 403 `api.context.permissions.app_error`: No"
        );
        assert_eq!(error.status(), Some(403));
    }

    #[test]
    fn an_answer_of_the_proxy_itself_is_still_an_error_with_its_status() {
        let error = refused(StatusCode::BAD_GATEWAY, None, b"<html>502</html>");
        assert_eq!(error.to_string(), "HTTP 502 ``: Bad Gateway");
    }
}
