//! One request on its way to the domain and its answer on the way back.
//!
//! A request is collected, since its signature covers the whole of it, and sent from where it was
//! collected; answers are passed on as they come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use axum::body::{Body, BodyDataStream};
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue,
    TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::{Method, Response, StatusCode};
use futures::StreamExt as _;
use tokio::time::Instant;

use super::config::SearchProxyConfig;
use super::credentials::RenewedCredentials;
use super::error::{SearchProxyError, with_causes};
use super::failure::{ASK_ANOTHER, ForwardFailure, UNSENT};
use super::metrics::SearchProxyMetrics;
use super::outage::Outage;
use super::request_body::{RequestBodies, RequestBody};
use super::sign::{Signer, ToSign};

/// Opening a connection to the domain may take this long.
const CONNECT: Duration = Duration::from_secs(5);
/// Connections that nothing uses are closed before the domain closes them, which it does after a minute.
const IDLE: Duration = Duration::from_secs(45);
/// Attempts to reach the domain, when its nodes are just being replaced.
const ATTEMPTS: u32 = 3;
/// The pause before the second attempt; it doubles.
const PAUSE: Duration = Duration::from_millis(200);
/// The pause before the domain is asked whether it can be reached again.
const PROBE: Duration = Duration::from_secs(1);
/// How long the rest of a request is read that is refused before it is there.
const REST: Duration = Duration::from_secs(30);
/// The largest refusal that is looked into, in bytes.
const REFUSAL: u64 = 16 << 10;

/// What concerns one connection alone, and what the signature replaces.
const NOT_PASSED_ON: [HeaderName; 9] = [
    AUTHORIZATION,
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HOST,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];
/// The same for answers. The last one is the search proxy's own to say.
const NOT_PASSED_BACK: [HeaderName; 6] =
    [CONNECTION, TRANSFER_ENCODING, TE, TRAILER, UPGRADE, UNSENT];

/// Signs requests and sends them to the domain.
pub(super) struct Forwarder {
    client: reqwest::Client,
    endpoint: String,
    host: String,
    answer: Duration,
    bodies: RequestBodies,
    signer: Signer,
    outage: Outage,
    /// Whether connections are closed with the next answer.
    closes: AtomicBool,
    pub(super) credentials: RenewedCredentials,
    pub(super) metrics: SearchProxyMetrics,
}

/// A request to the domain, but for what the signature adds.
struct Unsigned<'a> {
    method: &'a Method,
    url: reqwest::Url,
    headers: HeaderMap,
    body: &'a RequestBody,
}

impl Forwarder {
    pub(super) fn new(
        config: &SearchProxyConfig,
        credentials: RenewedCredentials,
    ) -> Result<Self, SearchProxyError> {
        let endpoint = config.endpoint.trim_end_matches('/').to_owned();
        let url = reqwest::Url::parse(&endpoint);
        let url = url.map_err(|error| SearchProxyError::Endpoint(error.to_string()))?;
        let name = url.host_str().unwrap_or_default();
        let host = match url.port() {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        };
        let answer = Duration::from_secs(config.answer_seconds);
        let client = reqwest::Client::builder()
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .connect_timeout(CONNECT)
            .read_timeout(answer)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(256)
            .build()
            .map_err(|error| SearchProxyError::Client(error.to_string()))?;
        Ok(Self {
            client,
            endpoint,
            host,
            answer,
            bodies: RequestBodies::new(config),
            signer: Signer::new(&config.region),
            outage: Outage::default(),
            closes: AtomicBool::new(false),
            credentials,
            metrics: SearchProxyMetrics::default(),
        })
    }

    /// Closes each connection with the next answer over it.
    pub(super) fn close_connections(&self) {
        self.closes.store(true, Ordering::Relaxed);
    }

    /// What the domain answers to a signed request.
    pub(super) async fn ask_domain(&self) -> Result<StatusCode, String> {
        let body = self.bodies.empty();
        let sent = self.send(&Method::GET, "/", HeaderMap::new(), &body, ATTEMPTS);
        let answer = sent.await;
        answer.map(|one| one.status()).map_err(|why| why.reason())
    }

    async fn forward(
        self: &Arc<Self>,
        request: Request,
    ) -> Result<reqwest::Response, ForwardFailure> {
        let (parts, body) = request.into_parts();
        let mut chunks = body.into_data_stream();
        let since = Instant::now();
        let collected = match self.outage.present() {
            Some(failure) => Err(failure),
            None => self.bodies.collect(&parts.headers, &mut chunks).await,
        };
        let body = match collected {
            Ok(body) => body,
            Err(failure) => {
                drain(chunks).await;
                return Err(failure);
            }
        };
        let metrics = &self.metrics;
        metrics
            .request_bytes
            .fetch_add(body.size(), Ordering::Relaxed);
        metrics
            .spooled
            .fetch_add(body.is_spooled().into(), Ordering::Relaxed);
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        // The body is given back when the answer begins: by then the domain has the request.
        let sent = self.send(&parts.method, path, parts.headers, &body, ATTEMPTS);
        let sent = sent.await;
        match &sent {
            Ok(_) => self.outage.ends(),
            Err(failure) if failure.is_outage() && self.outage.begins(failure, since) => {
                self.probe();
            }
            Err(_) => {}
        }
        sent
    }

    /// Asks the domain until it answers.
    fn probe(self: &Arc<Self>) {
        let forwarder = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(PROBE).await;
                let Some(forwarder) = forwarder.upgrade() else {
                    return;
                };
                let body = forwarder.bodies.empty();
                let sent = forwarder.send(&Method::GET, "/", HeaderMap::new(), &body, 1);
                if !sent.await.is_err_and(|failure| failure.is_outage()) {
                    forwarder.outage.ends();
                    return;
                }
            }
        });
    }

    /// Signs and sends; what never got a connection is sent again, since nothing of it arrived.
    async fn send(
        &self,
        method: &Method,
        path: &str,
        mut headers: HeaderMap,
        body: &RequestBody,
        attempts: u32,
    ) -> Result<reqwest::Response, ForwardFailure> {
        for name in NOT_PASSED_ON {
            headers.remove(name);
        }
        let url = reqwest::Url::parse(&format!("{}{path}", self.endpoint))
            .map_err(|error| ForwardFailure::Signature(error.to_string()))?;
        let request = Unsigned {
            method,
            url,
            headers,
            body,
        };
        let mut pause = PAUSE;
        let mut attempt = 1;
        let mut renewed = false;
        loop {
            let credentials = self.credentials.get().await;
            let credentials = credentials.map_err(ForwardFailure::Credentials)?;
            match self.attempt(&request, &credentials).await {
                Ok(answer)
                    if answer.status() == StatusCode::FORBIDDEN
                        && !renewed
                        && self.credentials.renew_after_refusal(&credentials).await =>
                {
                    renewed = true;
                }
                Err(ForwardFailure::Unreachable(_)) if attempt < attempts => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    attempt += 1;
                }
                outcome => return outcome,
            }
            self.metrics.retries.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn attempt(
        &self,
        request: &Unsigned<'_>,
        credentials: &Credentials,
    ) -> Result<reqwest::Response, ForwardFailure> {
        let to_sign = ToSign {
            method: request.method.as_str(),
            url: request.url.as_str(),
            host: &self.host,
            sha256: request.body.sha256(),
        };
        let signed = self
            .signer
            .headers(&to_sign, credentials, SystemTime::now());
        let mut sent = self
            .client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .body(request.body.to_send());
        for (name, value) in signed.map_err(ForwardFailure::Signature)? {
            sent = sent.header(name, value);
        }
        sent.send().await.map_err(|error| {
            let (is_unsent, is_silent) = (error.is_connect(), error.is_timeout());
            let reason = with_causes(&error.without_url());
            match (is_unsent, is_silent) {
                (true, _) => ForwardFailure::Unreachable(reason),
                (false, true) => ForwardFailure::Silent(self.answer),
                (false, false) => ForwardFailure::Broken(reason),
            }
        })
    }
}

/// Answers a request with what the domain says to it.
pub(super) async fn handle(
    State(forwarder): State<Arc<Forwarder>>,
    request: Request,
) -> Response<Body> {
    let metrics = &forwarder.metrics;
    metrics.in_flight.fetch_add(1, Ordering::Relaxed);
    let started = Instant::now();
    let outcome = forwarder.forward(request).await;
    metrics.in_flight.fetch_sub(1, Ordering::Relaxed);
    let mut answer = match outcome {
        Ok(answer) => passed_back(answer).await,
        Err(failure) => {
            count(metrics, &failure);
            tracing::warn!(
                reason = failure.reason(),
                "a request was not answered by the domain"
            );
            failure.into_response()
        }
    };
    if forwarder.closes.load(Ordering::Relaxed) {
        let close = HeaderValue::from_static("close");
        answer.headers_mut().insert(CONNECTION, close);
    }
    metrics.answered(answer.status().as_u16(), started.elapsed());
    answer
}

fn count(metrics: &SearchProxyMetrics, failure: &ForwardFailure) {
    match failure {
        ForwardFailure::Unreachable(_) | ForwardFailure::Broken(_) | ForwardFailure::Silent(_) => {
            &metrics.unreachable
        }
        _ => &metrics.unsigned,
    }
    .fetch_add(1, Ordering::Relaxed);
    let is_unsent = failure.is_unsent().into();
    metrics.unsent.fetch_add(is_unsent, Ordering::Relaxed);
}

/// Reads what is left of a request that is refused: a connection that is closed with something unread may
/// take the answer with it.
async fn drain(mut chunks: BodyDataStream) {
    let rest = async { while let Some(Ok(_)) = chunks.next().await {} };
    // Whoever is slower than that loses the answer.
    let _ = tokio::time::timeout(REST, rest).await;
}

/// The domain's answer, streamed.
async fn passed_back(answer: reqwest::Response) -> Response<Body> {
    let length = answer.content_length();
    let answer: Response<reqwest::Body> = answer.into();
    let (mut parts, body) = answer.into_parts();
    for name in NOT_PASSED_BACK {
        parts.headers.remove(name);
    }
    parts.version = axum::http::Version::HTTP_11;
    let mut body = Body::new(body);
    if parts.status == StatusCode::FORBIDDEN && length.is_some_and(|length| length <= REFUSAL) {
        let text = axum::body::to_bytes(body, REFUSAL as usize).await;
        let text = text.unwrap_or_default();
        if is_policys_refusal(&text) {
            parts.headers.insert(UNSENT, ASK_ANOTHER);
        }
        body = text.into();
    }
    Response::from_parts(parts, body)
}

/// Whether a refusal is that of the domain's access policy, before which OpenSearch does not see a
/// request: `{"Message": "User: … is not authorized to perform: es:ESHttpPost"}`. OpenSearch's own have
/// an `error`.
fn is_policys_refusal(text: &[u8]) -> bool {
    let refusal: Result<serde_json::Map<_, _>, _> = serde_json::from_slice(text);
    refusal.is_ok_and(|refusal| {
        let says = |name: &str| refusal.contains_key(name);
        (says("Message") || says("message")) && !says("error")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_the_policy_is_told_from_one_of_the_domain() {
        let policys =
            br#"{"Message":"User: anonymous is not authorized to perform: es:ESHttpPost"}"#;
        assert!(is_policys_refusal(policys));
        let domains = br#"{"error":{"type":"cluster_block_exception"},"status":403}"#;
        assert!(!is_policys_refusal(domains));
        assert!(!is_policys_refusal(b"<html>403 Forbidden</html>"));
    }
}
