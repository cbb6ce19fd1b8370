//! What comes back of a request, whichever protocol carried it.

use std::io::{self, Read as _};

use serde::Deserialize;

use crate::result::StormErrorClass;

/// A text that is inflated is shorter than this.
const MAX_INFLATED: u64 = 64 << 20;

/// What of an answer's head matters here.
#[derive(Debug, Default)]
pub(crate) struct ReplyHead {
    pub(crate) status: u16,
    /// Seconds of `Retry-After`.
    pub(crate) retry_after: Option<u64>,
    /// `NAME=VALUE` of each cookie that is set.
    pub(crate) cookies: Vec<String>,
    /// `Sec-WebSocket-Accept` of an upgrade.
    pub(crate) accept: Option<String>,
    /// The body is compressed.
    pub(crate) gzip: bool,
    /// The connection can be used again.
    pub(crate) reusable: bool,
}

impl ReplyHead {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            status,
            reusable: true,
            ..Self::default()
        }
    }

    /// Takes note of a header.
    pub(crate) fn header(&mut self, name: &str, value: &[u8]) {
        let text = || std::str::from_utf8(value).unwrap_or_default().trim();
        if name.eq_ignore_ascii_case("retry-after") {
            self.retry_after = text().parse().ok();
        } else if name.eq_ignore_ascii_case("set-cookie") {
            let pair = text().split(';').next().unwrap_or_default();
            self.cookies.push(pair.to_owned());
        } else if name.eq_ignore_ascii_case("sec-websocket-accept") {
            self.accept = Some(text().to_owned());
        } else if name.eq_ignore_ascii_case("content-encoding") {
            self.gzip = value.eq_ignore_ascii_case(b"gzip");
        }
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct WireReply {
    pub(crate) head: ReplyHead,
    /// Empty unless somebody wants to read it.
    pub(crate) body: Vec<u8>,
}

impl WireReply {
    /// The body as it was before it was compressed.
    pub(crate) fn inflate(&mut self) -> Result<(), ReplyError> {
        if !self.head.gzip || self.body.is_empty() {
            return Ok(());
        }
        let mut plain = Vec::with_capacity(self.body.len() * 4);
        flate2::read::GzDecoder::new(self.body.as_slice())
            .take(MAX_INFLATED)
            .read_to_end(&mut plain)
            .map_err(|error| ReplyError::broken(format!("gzip: {error}")))?;
        self.body = plain;
        self.head.gzip = false;
        Ok(())
    }

    /// The body as JSON.
    pub(crate) fn json<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(crate) enum ReplyError {
    /// No connection.
    Connect(String),
    /// A certificate that is not trusted, or of another name.
    Certificate(String),
    /// The connection ended before the first byte of an answer: one that was idle may have been
    /// closed by then, and the request is sent again.
    Unanswered(String),
    /// What came is no answer.
    Broken(String),
}

impl ReplyError {
    pub(crate) fn broken(text: impl Into<String>) -> Self {
        Self::Broken(text.into())
    }

    /// Why a connection was not made.
    pub(crate) fn unconnected(error: &io::Error) -> Self {
        let text = error.to_string();
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref());
        match tls {
            Some(rustls::Error::InvalidCertificate(_)) => Self::Certificate(text),
            _ => Self::Connect(text),
        }
    }
}

/// A call without success.
#[derive(Clone, Debug)]
pub(crate) struct CallFailure {
    pub(crate) class: StormErrorClass,
    /// Seconds of `Retry-After`.
    pub(crate) retry_after: Option<u64>,
    /// The id of an error of Mattermost's; empty for others.
    pub(crate) id: String,
    pub(crate) text: String,
}

#[derive(Deserialize)]
struct RefusalBody {
    #[serde(default)]
    id: String,
}

impl CallFailure {
    pub(crate) fn new(class: StormErrorClass, text: impl Into<String>) -> Self {
        Self {
            class,
            retry_after: None,
            id: String::new(),
            text: text.into(),
        }
    }

    pub(crate) fn timeout() -> Self {
        Self::new(StormErrorClass::Timeout, "no answer in time")
    }

    /// What an answer with a status from 400 on says.
    pub(crate) fn refused(reply: &WireReply) -> Self {
        let status = reply.head.status;
        let class = match status {
            401 => StormErrorClass::Unauthorized,
            429 => StormErrorClass::TooManyRequests,
            500.. => StormErrorClass::ServerError,
            _ => StormErrorClass::Refused,
        };
        let id = reply
            .json::<RefusalBody>()
            .map_or(String::new(), |body| body.id);
        let text = match id.as_str() {
            "" => format!("HTTP {status}"),
            id => format!("HTTP {status} `{id}`"),
        };
        Self {
            class,
            retry_after: reply.head.retry_after,
            id,
            text,
        }
    }
}

impl From<ReplyError> for CallFailure {
    fn from(error: ReplyError) -> Self {
        match error {
            ReplyError::Connect(text) => Self::new(StormErrorClass::Connect, text),
            ReplyError::Certificate(text) => Self::new(StormErrorClass::Certificate, text),
            ReplyError::Unanswered(text) | ReplyError::Broken(text) => {
                Self::new(StormErrorClass::Protocol, text)
            }
        }
    }
}
