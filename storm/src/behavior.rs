//! How a client behaves: patience, retries, protocol, and which web client it is.
//!
//! Where a browser's behaviour is known (`websocket.ts`, `client4.ts`, `login.tsx` of the web
//! application) it is built in; what people do is a parameter, for no study of it is known.

use serde::{Deserialize, Serialize};

/// How each client of a storm behaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientBehavior {
    /// For how long a client waits for the answer to a login; then it hangs up. None waits for
    /// as long as the server, as a browser does: its proxy may not.
    pub patience_ms: Option<u64>,
    /// The same for every other call. A browser has no such limit.
    pub call_patience_ms: Option<u64>,
    /// When a login that failed or got no answer is tried again; none never is.
    pub retry: Option<LoginRetry>,
    /// What a client does with HTTP 429.
    pub on_429: OnTooMany,
    /// The protocol that it speaks to entrances.
    pub http: HttpVersion,
    /// Whose behaviour it is.
    pub web_client: WebClient,
    /// What is called.
    pub calls: CallSequence,
    /// What a login that fails without an error of Mattermost's makes the client do.
    pub on_failed_login: OnFailedLogin,
    /// Asks for the page itself (`GET /`) before anything else. Scripts and styles of the page are
    /// never asked for: browsers have them in their cache, and proxies serve them.
    pub document: bool,
    /// Pictures that a login asks for, at the most; browsers have those of a day in their cache.
    pub avatars: u32,
    /// After how long an idle HTTP connection is closed.
    pub keep_alive_ms: u64,
    /// Opens a websocket.
    pub websocket: bool,
}

impl Default for ClientBehavior {
    fn default() -> Self {
        Self {
            patience_ms: None,
            call_patience_ms: None,
            retry: Some(LoginRetry::default()),
            on_429: OnTooMany::default(),
            http: HttpVersion::default(),
            web_client: WebClient::default(),
            calls: CallSequence::default(),
            on_failed_login: OnFailedLogin::default(),
            document: false,
            avatars: 0,
            keep_alive_ms: 60_000,
            websocket: true,
        }
    }
}

/// When a login is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginRetry {
    /// The pause after an attempt that failed.
    pub after_ms: u64,
    /// How often a login is tried again at the most; none goes on to the end of the storm.
    #[serde(default)]
    pub at_most: Option<u32>,
    /// Added to each pause, equally likely from zero up to this.
    #[serde(default)]
    pub jitter_ms: u64,
}

impl Default for LoginRetry {
    /// Somebody who types the password again.
    fn default() -> Self {
        Self {
            after_ms: 5_000,
            at_most: None,
            jitter_ms: 15_000,
        }
    }
}

/// What a client does when a login is refused with HTTP 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OnTooMany {
    /// Waits for what `Retry-After` says, if there is one. Published web clients do not.
    pub heed_retry_after: bool,
    /// The pause without such a header, or if it is not heeded; none means that of `retry`.
    pub otherwise_after_ms: Option<u64>,
}

impl Default for OnTooMany {
    fn default() -> Self {
        Self {
            heed_retry_after: true,
            otherwise_after_ms: None,
        }
    }
}

/// The protocol that clients speak to entrances. Websockets have connections of their own,
/// HTTP/1.1, either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpVersion {
    /// HTTP/1.1 with up to six connections for each user.
    #[default]
    #[serde(rename = "http1")]
    Http1,
    /// HTTP/2 with one connection for each user: by ALPN, without TLS by prior knowledge.
    #[serde(rename = "http2")]
    Http2,
}

/// Whose behaviour a client has: a release of the web application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum WebClient {
    /// 10.11: asks for the server's limits as an administrator only, and for profile fields whatever
    /// the license is.
    #[serde(rename = "10.11")]
    V10_11,
    /// 11.6: everybody asks for the server's limits, twice, and for profile fields as in 10.11.
    #[serde(rename = "11.6")]
    V11_6,
    /// 11.9: profile fields with an Enterprise license alone.
    #[default]
    #[serde(rename = "11.9")]
    V11_9,
}

/// Which calls a client makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallSequence {
    /// All that the web client makes, from the page to the message box.
    #[default]
    WebClient,
    /// The login alone: for comparing a server's logins with a model of them.
    LoginOnly,
}

/// What a login that fails without an error of Mattermost's (429, an error page of a proxy, no
/// answer) makes a client do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailedLogin {
    /// What the web client does: it takes the failure for a success, loads its user twice in vain,
    /// shows a spinner, and its user reloads the page before the next attempt.
    #[default]
    FallThrough,
    /// Shows the error, and the same page sends the next attempt.
    Retype,
}
