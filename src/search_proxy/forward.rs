//! One request on its way to the domain and its answer on the way back.
//!
//! A signature covers the whole body, so a request is held in memory until it is complete; answers are
//! passed on as they come.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use axum::http::{Method, Response, StatusCode};

use super::config::SearchProxyConfig;
use super::credentials::RenewedCredentials;
use super::error::SearchProxyError;
use super::failure::ForwardFailure;
use super::held::HeldRequests;
use super::metrics::SearchProxyMetrics;
use super::sign::{Signer, ToSign};

/// Opening a connection to the domain may take this long.
const CONNECT: Duration = Duration::from_secs(5);
/// Connections that nothing uses are closed before the domain closes them, which it does after a minute.
const IDLE: Duration = Duration::from_secs(45);
/// Attempts to reach the domain, when its nodes are just being replaced.
const ATTEMPTS: u32 = 3;
/// The pause before the second attempt; it doubles.
const PAUSE: Duration = Duration::from_millis(200);

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

/// Signs requests and sends them to the domain.
pub(super) struct Forwarder {
    client: reqwest::Client,
    endpoint: String,
    host: String,
    answer: Duration,
    held: HeldRequests,
    signer: Signer,
    pub(super) credentials: RenewedCredentials,
    pub(super) metrics: SearchProxyMetrics,
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
            held: HeldRequests::new(config.largest_request, config.held_bytes),
            signer: Signer::new(&config.region),
            credentials,
            metrics: SearchProxyMetrics::default(),
        })
    }

    async fn forward(&self, request: Request) -> Result<reqwest::Response, ForwardFailure> {
        let (parts, body) = request.into_parts();
        // Given back when the answer begins: by then the domain has the request.
        let body = self.held.collect(&parts.headers, body).await?;
        let size = u64::try_from(body.bytes.len()).unwrap_or(u64::MAX);
        self.metrics
            .request_bytes
            .fetch_add(size, Ordering::Relaxed);
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let bytes = body.bytes.clone();
        self.send(&parts.method, path, parts.headers, bytes).await
    }

    /// Signs and sends; what never got a connection is sent again, since nothing of it arrived.
    pub(super) async fn send_to_domain(
        &self,
        method: &Method,
        path: &str,
    ) -> Result<StatusCode, String> {
        let answer = self
            .send(method, path, HeaderMap::new(), Bytes::new())
            .await;
        answer.map(|one| one.status()).map_err(|why| why.reason())
    }

    async fn send(
        &self,
        method: &Method,
        path: &str,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<reqwest::Response, ForwardFailure> {
        for name in NOT_PASSED_ON {
            headers.remove(name);
        }
        let text = format!("{}{path}", self.endpoint);
        let url = reqwest::Url::parse(&text)
            .map_err(|error| ForwardFailure::Signature(error.to_string()))?;
        let mut pause = PAUSE;
        let mut attempt = 1;
        let mut renewed = false;
        loop {
            let credentials = self
                .credentials
                .get()
                .await
                .map_err(ForwardFailure::Credentials)?;
            let to_sign = ToSign {
                method: method.as_str(),
                url: url.as_str(),
                host: &self.host,
                body: &body,
            };
            let signed = self
                .signer
                .headers(&to_sign, &credentials, SystemTime::now());
            let request = self.client.request(method.clone(), url.clone());
            let mut request = request.headers(headers.clone()).body(body.clone());
            for (name, value) in signed.map_err(ForwardFailure::Signature)? {
                request = request.header(name, value);
            }
            match request.send().await {
                Ok(answer)
                    if answer.status() == StatusCode::FORBIDDEN
                        && !renewed
                        && self.credentials.renew_after_refusal(&credentials).await =>
                {
                    self.metrics.retries.fetch_add(1, Ordering::Relaxed);
                    renewed = true;
                }
                Ok(answer) => return Ok(answer),
                Err(error) if error.is_connect() && attempt < ATTEMPTS => {
                    self.metrics.retries.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    attempt += 1;
                }
                Err(error) if error.is_timeout() && !error.is_connect() => {
                    return Err(ForwardFailure::Silent(self.answer));
                }
                Err(error) => {
                    let reason = crate::diagnose::with_causes(&error.without_url());
                    return Err(ForwardFailure::Unreachable(reason));
                }
            }
        }
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
    let answer = match outcome {
        Ok(answer) => passed_on(answer),
        Err(failure) => {
            match &failure {
                ForwardFailure::Unreachable(_) | ForwardFailure::Silent(_) => &metrics.unreachable,
                _ => &metrics.unsigned,
            }
            .fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                reason = failure.reason(),
                "a request was not answered by the domain"
            );
            failure.into_response()
        }
    };
    metrics.answered(answer.status().as_u16(), started.elapsed());
    answer
}

/// The domain's answer, streamed.
fn passed_on(answer: reqwest::Response) -> Response<Body> {
    let answer: Response<reqwest::Body> = answer.into();
    let (mut parts, body) = answer.into_parts();
    for name in [CONNECTION, TRANSFER_ENCODING, TE, TRAILER, UPGRADE] {
        parts.headers.remove(name);
    }
    parts.version = axum::http::Version::HTTP_11;
    Response::from_parts(parts, Body::new(body))
}
