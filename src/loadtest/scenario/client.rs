//! How the clients of a storm behave, as scenarios write it.

use jiff::SignedDuration;
use loadrig_storm::{
    CallSequence, ClientBehavior, HttpVersion, LoginRetry, OnFailedLogin, OnTooMany, WebClient,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::durations::{none_up_to_an_hour, wait};
use super::storm_schema::{calls, http, on_failed_login, web_client};

/// How each client of a storm behaves. What is left out is as with the web client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StormClient {
    /// For how long a client waits for the answer to its login before it hangs up; without end,
    /// as a browser does, if it is left out.
    #[schemars(schema_with = "wait")]
    pub patience: Option<SignedDuration>,
    /// The same for every other call.
    #[schemars(schema_with = "wait")]
    pub call_patience: Option<SignedDuration>,
    /// When a login that failed or was not answered is tried again.
    pub retry: StormRetry,
    /// What a client does with HTTP 429.
    pub on_429: StormTooMany,
    /// The protocol that clients speak to the proxies.
    #[schemars(schema_with = "http")]
    pub http: HttpVersion,
    /// The release of the web application whose calls are made.
    #[schemars(schema_with = "web_client")]
    pub web_client: WebClient,
    /// Everything that the web client asks for, or the login alone.
    #[schemars(schema_with = "calls")]
    pub calls: CallSequence,
    /// What a login makes the client do that fails without an error of Mattermost's.
    #[schemars(schema_with = "on_failed_login")]
    pub on_failed_login: OnFailedLogin,
    /// Whether clients ask for the page itself (`GET /`) first.
    pub document: bool,
    /// Profile pictures that a login asks for, at the most.
    #[schemars(range(min = 0, max = 1000))]
    pub avatars: u32,
    /// After how long an idle HTTP connection is closed.
    #[schemars(schema_with = "wait")]
    pub keep_alive: SignedDuration,
    /// Whether clients open a websocket.
    pub websocket: bool,
}

/// When a login is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StormRetry {
    /// The pause after an attempt that failed.
    #[schemars(schema_with = "none_up_to_an_hour")]
    pub after: SignedDuration,
    /// Added to each pause, equally likely from zero up to this.
    #[schemars(schema_with = "none_up_to_an_hour")]
    pub jitter: SignedDuration,
    /// How often at the most; to the end of the storm if it is left out, never if it is 0.
    #[schemars(range(min = 0, max = 100_000))]
    pub at_most: Option<u32>,
}

/// What a client does with HTTP 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StormTooMany {
    /// Waits for what `Retry-After` says, if there is one.
    pub heed_retry_after: bool,
    /// The pause without such a header, or if it is not heeded; that of `retry` if it is left out.
    #[schemars(schema_with = "none_up_to_an_hour")]
    pub otherwise_after: Option<SignedDuration>,
}

impl Default for StormClient {
    fn default() -> Self {
        let usual = ClientBehavior::default();
        Self {
            patience: usual.patience_ms.map(duration),
            call_patience: usual.call_patience_ms.map(duration),
            retry: StormRetry::default(),
            on_429: StormTooMany::default(),
            http: usual.http,
            web_client: usual.web_client,
            calls: usual.calls,
            on_failed_login: usual.on_failed_login,
            document: usual.document,
            avatars: usual.avatars,
            keep_alive: duration(usual.keep_alive_ms),
            websocket: usual.websocket,
        }
    }
}

impl Default for StormRetry {
    fn default() -> Self {
        let usual = LoginRetry::default();
        Self {
            after: duration(usual.after_ms),
            jitter: duration(usual.jitter_ms),
            at_most: usual.at_most,
        }
    }
}

impl Default for StormTooMany {
    fn default() -> Self {
        let usual = OnTooMany::default();
        Self {
            heed_retry_after: usual.heed_retry_after,
            otherwise_after: usual.otherwise_after_ms.map(duration),
        }
    }
}

impl StormClient {
    /// The same as the storm's engine takes it.
    #[must_use]
    pub fn behavior(&self) -> ClientBehavior {
        let never = self.retry.at_most == Some(0);
        ClientBehavior {
            patience_ms: self.patience.map(milliseconds),
            call_patience_ms: self.call_patience.map(milliseconds),
            retry: (!never).then(|| LoginRetry {
                after_ms: milliseconds(self.retry.after),
                at_most: self.retry.at_most,
                jitter_ms: milliseconds(self.retry.jitter),
            }),
            on_429: OnTooMany {
                heed_retry_after: self.on_429.heed_retry_after,
                otherwise_after_ms: self.on_429.otherwise_after.map(milliseconds),
            },
            http: self.http,
            web_client: self.web_client,
            calls: self.calls,
            on_failed_login: self.on_failed_login,
            document: self.document,
            avatars: self.avatars,
            keep_alive_ms: milliseconds(self.keep_alive),
            websocket: self.websocket,
        }
    }
}

/// Milliseconds of a duration; none of a scenario is negative.
pub(super) fn milliseconds(duration: SignedDuration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(0)
}

fn duration(milliseconds: u64) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_of_which_nothing_is_said_is_the_web_client() {
        assert_eq!(StormClient::default().behavior(), ClientBehavior::default());
    }

    #[test]
    fn a_retry_at_most_never_is_none() {
        let mut client = StormClient::default();
        client.retry.at_most = Some(0);
        assert_eq!(client.behavior().retry, None);
    }
}
