//! The credentials of the host's role, from the instance metadata service (version 2), renewed before
//! they expire.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use futures::future::BoxFuture;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;

use super::error::with_causes;

/// EC2 offers new credentials at least five minutes before the old ones expire.
const RENEWED_BEFORE: Duration = Duration::from_mins(5);
/// How long the old ones are used before renewal is tried again.
const RETRY: Duration = Duration::from_secs(20);
/// How long the metadata service may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Where credentials come from.
pub trait CredentialsSource: Send + Sync {
    /// Fetches the present ones.
    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, String>>;
}

/// The role of this host.
#[derive(Debug)]
pub struct HostRoleCredentials(ImdsCredentialsProvider);

impl Default for HostRoleCredentials {
    fn default() -> Self {
        Self(ImdsCredentialsProvider::builder().build())
    }
}

impl CredentialsSource for HostRoleCredentials {
    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, String>> {
        Box::pin(async {
            let asked = tokio::time::timeout(ANSWER, self.0.provide_credentials());
            match asked.await {
                Ok(Ok(credentials)) => Ok(credentials),
                Ok(Err(error)) => Err(with_causes(&error)),
                Err(_) => Err(format!(
                    "the instance metadata service did not answer within {} s",
                    ANSWER.as_secs()
                )),
            }
        })
    }
}

/// Credentials that are renewed in time.
pub(super) struct RenewedCredentials {
    source: Box<dyn CredentialsSource>,
    present: Mutex<Option<Credentials>>,
    /// Held while somebody asks.
    asked: AsyncMutex<LastAsked>,
}

/// When credentials were last asked for, and why there were none.
#[derive(Default)]
struct LastAsked {
    at: Option<Instant>,
    failed: Option<String>,
}

impl RenewedCredentials {
    pub(super) fn new(source: Box<dyn CredentialsSource>) -> Self {
        Self {
            source,
            present: Mutex::default(),
            asked: AsyncMutex::default(),
        }
    }

    /// Credentials that are valid now. Those that expire soon are used until new ones are there.
    pub(super) async fn get(&self) -> Result<Credentials, String> {
        let now = SystemTime::now();
        let present = self.present();
        match present {
            Some(known) if left(&known, now) > RENEWED_BEFORE => Ok(known),
            Some(known) if !left(&known, now).is_zero() => match self.asked.try_lock() {
                // One request renews; the others go on with what there is.
                Ok(mut asked) if !asked.was_within(RETRY) => {
                    Ok(self.renew(&mut asked).await.unwrap_or(known))
                }
                _ => Ok(known),
            },
            _ => {
                let since = Instant::now();
                let mut asked = self.asked.lock().await;
                // Somebody else may have fetched them meanwhile, or tried to.
                if let Some(known) = self.present()
                    && !left(&known, SystemTime::now()).is_zero()
                {
                    return Ok(known);
                }
                match (asked.at, &asked.failed) {
                    (Some(at), Some(reason)) if at > since => Err(reason.clone()),
                    _ => self.renew(&mut asked).await,
                }
            }
        }
    }

    /// Whether there are other credentials than those that the domain refused: a host can get another
    /// role while it runs, long before the credentials of the old one expire. Asks at most once in a
    /// while.
    pub(super) async fn renew_after_refusal(&self, refused: &Credentials) -> bool {
        let is_other = |one: &Credentials| one.access_key_id() != refused.access_key_id();
        let mut asked = self.asked.lock().await;
        if self.present().is_some_and(|known| is_other(&known)) {
            return true;
        }
        if asked.was_within(RETRY) {
            return false;
        }
        self.renew(&mut asked).await.is_ok_and(|new| is_other(&new))
    }

    /// Seconds until the present credentials expire.
    pub(super) fn seconds_left(&self) -> Option<u64> {
        let present = self.present()?;
        Some(left(&present, SystemTime::now()).as_secs())
    }

    async fn renew(&self, asked: &mut LastAsked) -> Result<Credentials, String> {
        let fetched = self.source.fetch().await;
        asked.at = Some(Instant::now());
        asked.failed = fetched.as_ref().err().cloned();
        match fetched {
            Ok(new) => {
                *self.present.lock().unwrap_or_else(PoisonError::into_inner) = Some(new.clone());
                Ok(new)
            }
            Err(reason) => {
                tracing::warn!(reason, "cannot renew the credentials of the host's role");
                Err(reason)
            }
        }
    }

    fn present(&self) -> Option<Credentials> {
        self.present
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl LastAsked {
    fn was_within(&self, time: Duration) -> bool {
        self.at.is_some_and(|at| at.elapsed() < time)
    }
}

/// How long credentials are still valid; those that never expire, for ever.
fn left(credentials: &Credentials, now: SystemTime) -> Duration {
    credentials.expiry().map_or(Duration::MAX, |end| {
        end.duration_since(now).unwrap_or(Duration::ZERO)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Gives credentials that are valid for so many seconds; fails from the given call on.
    struct ExpiringCredentials {
        seconds: u64,
        calls: Arc<AtomicU64>,
        fails_from: u64,
    }

    impl CredentialsSource for ExpiringCredentials {
        fn fetch(&self) -> BoxFuture<'_, Result<Credentials, String>> {
            let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
            let end = SystemTime::now() + Duration::from_secs(self.seconds);
            Box::pin(async move {
                if call >= self.fails_from {
                    return Err("no answer".to_owned());
                }
                let id = format!("KEY{call}");
                Ok(Credentials::new(id, "secret", None, Some(end), "test"))
            })
        }
    }

    fn renewed(seconds: u64, fails_from: u64) -> (RenewedCredentials, Arc<AtomicU64>) {
        let calls = Arc::new(AtomicU64::new(0));
        let source = ExpiringCredentials {
            seconds,
            calls: Arc::clone(&calls),
            fails_from,
        };
        (RenewedCredentials::new(Box::new(source)), calls)
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_are_fetched_once_while_they_are_good() {
        let (credentials, calls) = renewed(3600, u64::MAX);
        for _ in 0..3 {
            assert_eq!(credentials.get().await.unwrap().access_key_id(), "KEY1");
        }
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_are_renewed_before_they_expire() {
        let (credentials, _) = renewed(120, u64::MAX);
        assert_eq!(credentials.get().await.unwrap().access_key_id(), "KEY1");
        tokio::time::advance(RETRY).await;
        assert_eq!(credentials.get().await.unwrap().access_key_id(), "KEY2");
    }

    #[tokio::test(start_paused = true)]
    async fn old_credentials_serve_while_renewal_fails() {
        let (credentials, calls) = renewed(120, 2);
        assert_eq!(credentials.get().await.unwrap().access_key_id(), "KEY1");
        tokio::time::advance(RETRY).await;
        assert_eq!(credentials.get().await.unwrap().access_key_id(), "KEY1");
        // Not asked again with every request.
        assert_eq!(credentials.get().await.unwrap().access_key_id(), "KEY1");
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_asks_for_the_credentials_of_another_role_once_in_a_while() {
        let (credentials, calls) = renewed(3600, u64::MAX);
        let first = credentials.get().await.unwrap();
        assert!(!credentials.renew_after_refusal(&first).await);
        tokio::time::advance(RETRY).await;
        assert!(credentials.renew_after_refusal(&first).await);
        // Who was refused at the same time finds them.
        assert!(credentials.renew_after_refusal(&first).await);
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        assert_eq!(credentials.get().await.unwrap().access_key_id(), "KEY2");
    }

    #[tokio::test]
    async fn without_credentials_the_reason_is_told() {
        let (credentials, _) = renewed(120, 1);
        assert_eq!(credentials.get().await.unwrap_err(), "no answer");
    }

    /// Answers with a failure after a while.
    struct SlowFailure(Arc<AtomicU64>);

    impl CredentialsSource for SlowFailure {
        fn fetch(&self) -> BoxFuture<'_, Result<Credentials, String>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Box::pin(async {
                tokio::time::sleep(ANSWER).await;
                Err("no answer".to_owned())
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_while_one_asks_in_vain_do_not_ask_one_after_the_other() {
        let calls = Arc::new(AtomicU64::new(0));
        let credentials = RenewedCredentials::new(Box::new(SlowFailure(Arc::clone(&calls))));
        let all = futures::future::join_all((0..10).map(|_| credentials.get())).await;
        assert!(
            all.iter()
                .all(|one| one.as_ref().unwrap_err() == "no answer")
        );
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        // Who comes later asks again.
        assert!(credentials.get().await.is_err());
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }
}
