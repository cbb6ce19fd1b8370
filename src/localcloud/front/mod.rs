//! The endpoint that loadrig talks to: passes every call on to moto and stands
//! where AWS differs from it. It notes the passwords that no describe call gives
//! back, tells the reconciler when something changed, and lets nothing be ready
//! before it is. Knows hosts by their readiness only.

mod call;
mod rewrite;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Response, StatusCode, header};
use bytes::Bytes;
use secrecy::SecretString;
use tokio::sync::Notify;

use super::error::{Error, Result};
use super::mirror::Mirror;
use super::names::RDS_TRUST_HOST;
use call::Call;

/// Largest request that is passed on, in bytes.
const LARGEST: usize = 2 << 30;
/// How long moto may be silent.
const SILENCE: Duration = Duration::from_secs(120);

/// Which of the things that the API reports are really there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readiness {
    ready: Arc<Mutex<BTreeSet<String>>>,
}

impl Readiness {
    pub(crate) fn set(&self, guest: &str, ready: bool) {
        let mut set = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if ready {
            set.insert(guest.to_owned());
        } else {
            set.remove(guest);
        }
    }

    pub(crate) fn is(&self, guest: &str) -> bool {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).contains(guest)
    }
}

/// Master passwords of databases, as given when they were made; in memory alone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Passwords {
    by_database: Arc<Mutex<BTreeMap<String, SecretString>>>,
}

impl Passwords {
    fn note(&self, database: &str, password: &str) {
        let mut map = self.by_database.lock().unwrap_or_else(PoisonError::into_inner);
        map.insert(database.to_owned(), SecretString::from(password));
    }

    pub(crate) fn of(&self, database: &str) -> Option<SecretString> {
        self.by_database.lock().unwrap_or_else(PoisonError::into_inner).get(database).cloned()
    }
}

/// The front's shared parts.
#[derive(Debug, Clone)]
pub(crate) struct Front {
    client: reqwest::Client,
    upstream: String,
    region: String,
    /// Wakes the reconciler.
    changed: Arc<Notify>,
    readiness: Readiness,
    passwords: Passwords,
    /// What RDS's bundle of authorities holds here.
    authorities: String,
    mirror: Mirror,
}

/// What a front is made of.
pub(crate) struct Parts {
    /// URL of moto.
    pub upstream: String,
    /// The region that domains' endpoints are in.
    pub region: String,
    /// Told when something changed.
    pub changed: Arc<Notify>,
    /// Asked what is there.
    pub readiness: Readiness,
    /// Where master passwords are noted.
    pub passwords: Passwords,
    /// What RDS's bundle of authorities holds here, PEM.
    pub authorities: String,
    /// Answers for the package lists' hosts.
    pub mirror: Mirror,
}

impl Front {
    /// A front made of these parts.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub(crate) fn new(parts: Parts) -> Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(SILENCE)
            .build()
            .map_err(|error| Error::Unsupported(format!("cannot make an HTTP client: {error}")))?;
        let Parts { upstream, region, changed, readiness, passwords, authorities, mirror } = parts;
        Ok(Self { client, upstream, region, changed, readiness, passwords, authorities, mirror })
    }

    /// The HTTP service.
    pub(crate) fn router(self) -> Router {
        Router::new().fallback(handle).with_state(Arc::new(self))
    }

    async fn pass_on(&self, request: Request) -> std::result::Result<Response<Body>, String> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, LARGEST).await.map_err(|error| format!("cannot read the request: {error}"))?;
        let call = Call::of(&parts.method, &parts.uri, &parts.headers, &body);
        if let Some((database, password)) = call.master_password() {
            self.passwords.note(database, password);
        }
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = self.client.request(parts.method.clone(), format!("{}{path}", self.upstream)).body(body.clone());
        for (name, value) in &parts.headers {
            if !per_connection(name) {
                request = request.header(name, value);
            }
        }
        let answer = request.send().await.map_err(|error| format!("moto does not answer: {error}"))?;
        let succeeded = answer.status().is_success();
        let answer = if call.rewritten() && succeeded {
            let status = answer.status();
            let headers = answer.headers().clone();
            let body = answer.bytes().await.map_err(|error| format!("moto broke off: {error}"))?;
            let body = rewrite::answer(&call, &body, &self.region, &self.readiness).map_or(body, Bytes::from);
            let mut answer = response(status, &headers, Body::from(body));
            answer.headers_mut().remove(header::CONTENT_LENGTH);
            answer
        } else {
            let (parts, body) = axum::http::Response::<reqwest::Body>::from(answer).into_parts();
            response(parts.status, &parts.headers, Body::new(body))
        };
        if call.changes() && succeeded {
            tracing::debug!(service = call.service(), action = call.action(), "change");
            self.changed.notify_one();
        }
        Ok(answer)
    }
}

async fn handle(State(front): State<Arc<Front>>, request: Request) -> Response<Body> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    if host == RDS_TRUST_HOST {
        return Response::new(Body::from(front.authorities.clone()));
    }
    if front.mirror.hosts().contains(host) {
        return front.mirror.answer(host, request.uri().path(), request.headers());
    }
    front.pass_on(request).await.unwrap_or_else(|reason| {
        tracing::warn!(reason, "call failed in the front");
        let mut answer = Response::new(Body::from(format!(
            "<ErrorResponse><Error><Code>ServiceUnavailable</Code><Message>{reason}</Message></Error></ErrorResponse>"
        )));
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        answer
    })
}

fn response(status: StatusCode, headers: &HeaderMap, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kept = headers.iter().filter(|(name, _)| !per_connection(name));
    response.headers_mut().extend(kept.map(|(name, value)| (name.clone(), value.clone())));
    response
}

/// Headers that are about one connection, or that each side writes for itself.
fn per_connection(name: &HeaderName) -> bool {
    [header::CONNECTION, header::TRANSFER_ENCODING, header::EXPECT, header::UPGRADE, header::TE].contains(name)
        || name.as_str() == "keep-alive"
}
