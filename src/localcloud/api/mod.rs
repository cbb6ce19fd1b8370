//! The endpoint that loadrig talks to: passes every call on to the strict cloud. It notes
//! the passwords that no describe call gives back, tells the reconciler when something
//! changed, and lets nothing be ready before it is. Knows hosts by their readiness only.

mod calls;
mod rewrite;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{Request, Response, StatusCode, header};
use secrecy::SecretString;
use strict_cloud::{Call, CallOutcome, StrictCloud};
use tokio::sync::{Notify, broadcast};

use super::mirror::Mirror;
use super::names::RDS_TRUST_HOST;

/// Largest request that is passed on, in bytes.
const LARGEST: usize = 2 << 30;

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
        self.ready
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(guest)
    }
}

/// Master passwords of databases, as given when they were made; in memory alone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Passwords {
    by_database: Arc<Mutex<BTreeMap<String, SecretString>>>,
}

impl Passwords {
    fn note(&self, database: &str, password: &str) {
        let mut map = self
            .by_database
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        map.insert(database.to_owned(), SecretString::from(password));
    }

    pub(crate) fn of(&self, database: &str) -> Option<SecretString> {
        self.by_database
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(database)
            .cloned()
    }
}

/// The API of the local cloud, made of these parts.
#[derive(Debug, Clone)]
pub(crate) struct CloudApi {
    /// What every call is passed on to.
    pub strict: StrictCloud,
    /// The region that domains' endpoints are in.
    pub region: String,
    /// Told when something changed.
    pub changed: Arc<Notify>,
    /// Told of databases that are to be restarted.
    pub reboots: broadcast::Sender<String>,
    /// Asked what is there.
    pub readiness: Readiness,
    /// Where master passwords are noted.
    pub passwords: Passwords,
    /// What RDS's bundle of authorities holds here, PEM.
    pub authorities: String,
    /// Answers for the package lists' hosts.
    pub mirror: Mirror,
}

impl CloudApi {
    /// The HTTP service.
    pub(crate) fn router(self) -> Router {
        Router::new().fallback(handle).with_state(Arc::new(self))
    }

    async fn pass_on(&self, request: Request<Body>) -> std::result::Result<Response<Body>, String> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, LARGEST)
            .await
            .map_err(|error| format!("cannot read the request: {error}"))?;
        let call = Call::parse(Request::from_parts(parts, body));
        if let Some((database, password)) = calls::master_password(&call) {
            self.passwords.note(database, password);
        }
        let mut answer = match self.strict.answer(call.clone()).await {
            CallOutcome::Answered(answer) => answer,
            CallOutcome::Cut => return Err("the strict cloud cut the connection".to_owned()),
        };
        let succeeded = answer.status().is_success();
        if calls::is_rewritten(&call) && succeeded {
            let (parts, body) = answer.into_parts();
            let body = to_bytes(body, LARGEST)
                .await
                .map_err(|error| format!("moto broke off: {error}"))?;
            let body = match rewrite::answer(&call, &body, &self.region, &self.readiness) {
                Some(corrected) => Body::from(corrected),
                None => Body::from(body),
            };
            answer = Response::from_parts(parts, body);
            answer.headers_mut().remove(header::CONTENT_LENGTH);
        }
        if let Some(database) = calls::rebooted_database(&call)
            && succeeded
        {
            let guest = super::database::guest(database);
            // Not there again before it was away.
            self.readiness.set(&guest, false);
            let _nobody_runs_it = self.reboots.send(guest);
        }
        if calls::changes_hosts(&call) && succeeded {
            tracing::debug!(call = call.name(), "change");
            self.changed.notify_one();
        }
        Ok(answer)
    }
}

async fn handle(State(api): State<Arc<CloudApi>>, request: Request<Body>) -> Response<Body> {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    if host == RDS_TRUST_HOST {
        return Response::new(Body::from(api.authorities.clone()));
    }
    if api.mirror.hosts().contains(host) {
        return api
            .mirror
            .answer(host, request.uri().path(), request.headers());
    }
    api.pass_on(request).await.unwrap_or_else(|reason| {
        tracing::warn!(reason, "a call to the local cloud failed");
        let mut answer = Response::new(Body::from(format!(
            "<ErrorResponse><Error><Code>ServiceUnavailable</Code><Message>{reason}</Message></Error></ErrorResponse>"
        )));
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        answer
    })
}
