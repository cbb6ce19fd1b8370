//! An emulator such as moto over HTTP as an [`Upstream`].

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, Response, header};
use tokio::sync::Mutex;

use crate::call::Call;
use crate::upstream::{Upstream, UpstreamError};

/// How long the emulator may be silent.
const READ_TIMEOUT: Duration = Duration::from_mins(2);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// An emulator at a URL.
#[derive(Debug, Clone)]
pub struct Emulator {
    client: reqwest::Client,
    url: String,
    /// Held by the one call that changes something: the threads of moto share its state
    /// without locks, and a call that stumbles over another's answers 500 after half of its
    /// effect, which no client token repairs.
    writes: Arc<Mutex<()>>,
}

/// No HTTP client can be created.
#[derive(Debug, thiserror::Error)]
#[error("cannot create an HTTP client")]
pub struct EmulatorError(#[from] reqwest::Error);

impl Emulator {
    /// The emulator at a URL such as `http://127.0.0.1:5000`.
    ///
    /// # Errors
    /// When no HTTP client can be created.
    pub fn new(url: &str) -> Result<Self, EmulatorError> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .build()?;
        Ok(Self {
            client,
            url: url.trim_end_matches('/').to_owned(),
            writes: Arc::default(),
        })
    }

    async fn forward(&self, call: &Call) -> Result<Response<Body>, UpstreamError> {
        let _turn = match call.reads() {
            true => None,
            false => Some(self.writes.lock().await),
        };
        let has_addresses = call.service == "ec2";
        let body = match has_addresses {
            true => replaced(&call.body, &OURS, &THEIRS),
            false => call.body.clone(),
        };
        let mut request = self
            .client
            .request(call.method.clone(), format!("{}{}", self.url, call.path))
            .body(body);
        for (name, value) in &call.headers {
            // The length is that of the body, which a rule may have changed.
            if !is_per_connection(name) && name != header::CONTENT_LENGTH {
                request = request.header(name, value);
            }
        }
        let answer = request.send().await.map_err(unanswered)?;
        let (status, headers) = (answer.status(), end_to_end(answer.headers()));
        let body = if call.is_large_read() {
            let (_, body) = Response::<reqwest::Body>::from(answer).into_parts();
            Body::new(body)
        } else {
            // Read while it is this call's turn: the emulator works until its last byte.
            let body = answer.bytes().await.map_err(unanswered)?;
            Body::from(match has_addresses {
                true => replaced(&body, &THEIRS, &OURS),
                false => body,
            })
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

impl Upstream for Emulator {
    fn send<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Response<Body>, UpstreamError>> {
        self.forward(call).boxed()
    }
}

/// The public addresses that moto gives out, in addresses and in names of hosts: they are other
/// people's, and a client of the strict cloud may connect to what it was told.
const THEIRS: [&str; 2] = ["54.214.", "54-214-"];
/// The same numbers in a range that is routed nowhere (RFC 2544), of the same length.
const OURS: [&str; 2] = ["198.18.", "198-18-"];

fn replaced(body: &Bytes, from: &[&str; 2], to: &[&str; 2]) -> Bytes {
    let Ok(text) = std::str::from_utf8(body) else {
        return body.clone();
    };
    if !from.iter().any(|one| text.contains(one)) {
        return body.clone();
    }
    let pairs = from.iter().zip(to);
    let text = pairs.fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    Bytes::from(text)
}

fn unanswered(error: reqwest::Error) -> UpstreamError {
    UpstreamError(error.to_string())
}

fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    headers
        .iter()
        .filter(|(name, _)| !is_per_connection(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Headers that are about one connection, or that each side writes for itself.
fn is_per_connection(name: &HeaderName) -> bool {
    [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::EXPECT,
        header::UPGRADE,
        header::TE,
    ]
    .contains(name)
        || name.as_str() == "keep-alive"
}
