//! The account as the proxy's upstream, on tokio's clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use futures::future::BoxFuture;
use http::Response;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::call::Call;
use crate::upstream::{Upstream, UpstreamError};

use super::account::AwsAccount;

/// An account that several clients share. Its clock is tokio's, so a test with a paused clock
/// waits for nothing. Copies share the account.
#[derive(Debug, Clone)]
pub struct SharedAccount {
    account: Arc<Mutex<AwsAccount>>,
    started: (Timestamp, Instant),
}

impl SharedAccount {
    /// Time in the account goes on from where it was.
    #[must_use]
    pub fn new(account: AwsAccount) -> Self {
        Self {
            started: (account.now(), Instant::now()),
            account: Arc::new(Mutex::new(account)),
        }
    }

    /// What time it is in the account.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let (at, since) = self.started;
        at.checked_add(since.elapsed()).unwrap_or(Timestamp::MAX)
    }

    /// Answers a call now.
    #[must_use]
    pub fn answer(&self, call: &Call) -> Response<bytes::Bytes> {
        self.lock().answer(self.now(), call)
    }

    /// A copy of the account as it is now.
    #[must_use]
    pub fn account(&self) -> AwsAccount {
        let mut account = self.lock();
        account.pass_until(self.now());
        account.clone()
    }

    /// As [`AwsAccount::answers`], now.
    #[must_use]
    pub fn answers(&self, instance: &str) -> bool {
        let mut account = self.lock();
        account.pass_until(self.now());
        account.answers(instance)
    }

    /// Changes the account now, behind the clients' backs.
    pub fn change(&self, change: impl FnOnce(&mut AwsAccount)) {
        let mut account = self.lock();
        account.pass_until(self.now());
        change(&mut account);
    }

    fn lock(&self) -> MutexGuard<'_, AwsAccount> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upstream for SharedAccount {
    fn send<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Response<Body>, UpstreamError>> {
        Box::pin(async { Ok(self.answer(call).map(Body::from)) })
    }
}
