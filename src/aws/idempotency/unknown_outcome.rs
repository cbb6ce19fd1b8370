//! Creations that AWS would carry out twice.
//!
//! VPC, subnet, gateway, route table and elastic address have neither client token nor unique
//! name, so a repeated creation first looks by tag for what the one before created. Lists lag
//! behind creations: for some seconds nothing is found, and a second call would create a twin.
//!
//! Hence two rules. What this very process created is remembered by its id and never looked
//! for. Where the answer to a creation was lost, or was a server error, its outcome is unknown: it
//! is looked for until lists must show it, and only then is it created again. Meanwhile the failure
//! stays the last answer of AWS, so an outage is waited out, and reported, as that of any other
//! call. For the same reason the SDK must not repeat these calls by itself. Should a twin come about all the same (a run killed between
//! creation and answer, and the next run within seconds), its tag gives it away, and the next
//! plan removes it.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_ec2::config::retry::RetryConfig;
use tokio::time::Instant;

use crate::aws::error_table::is_throttling;
use crate::engine::{Attempts, CloudError, FailureClass, Request};

/// How long after a creation whose outcome is unknown it is looked for: lists were seen to lag by
/// 1 to 5 s.
const LIST_LAG: Duration = Duration::from_secs(15);

/// What is known of a creation that has no token.
#[derive(Clone, Debug)]
pub(in crate::aws) enum Creation {
    /// It created this id or name.
    Known(String),
    /// It failed so at this time, and may have created something.
    UnknownOutcome(Instant, Box<CloudError>),
}

/// The creations of this process, by environment and address.
#[derive(Debug, Default)]
pub(in crate::aws) struct Creations(Mutex<BTreeMap<(String, String), Creation>>);

impl Creations {
    /// The id of what is at the request's address: what this process created, what `find` finds
    /// by tag, or else what `create` creates.
    pub(in crate::aws) async fn find_or_create(
        &self,
        request: &Request<'_>,
        find: impl Future<Output = Result<Option<String>, CloudError>> + Send,
        create: impl Future<Output = Result<String, CloudError>> + Send,
    ) -> Result<String, CloudError> {
        let before = self.get(request);
        if let Some(Creation::Known(id)) = before {
            return Ok(id);
        }
        if let Some(id) = find.await? {
            self.remember(request, Creation::Known(id.clone()));
            return Ok(id);
        }
        if let Some(Creation::UnknownOutcome(since, failure)) = before
            && since.elapsed() < LIST_LAG
        {
            return Err(CloudError {
                attempts: Attempts::NONE,
                ..*failure
            });
        }
        match create.await {
            Ok(id) => {
                self.remember(request, Creation::Known(id.clone()));
                Ok(id)
            }
            Err(error) => {
                // A throttled call had no effect: nothing has to be looked for.
                if error.class == FailureClass::Transient && !is_throttling(&error.code) {
                    let failure = Box::new(error.clone());
                    self.remember(request, Creation::UnknownOutcome(Instant::now(), failure));
                }
                Err(error)
            }
        }
    }

    /// Forgets what is deleted, so that its address can be used again.
    pub(in crate::aws) fn forget(&self, id: &str) {
        self.lock()
            .retain(|_, creation| !matches!(creation, Creation::Known(known) if known == id));
    }

    /// Whether this process created what is at the request's address.
    pub(in crate::aws) fn contains(&self, request: &Request<'_>) -> bool {
        matches!(self.get(request), Some(Creation::Known(_)))
    }

    pub(in crate::aws) fn remember(&self, request: &Request<'_>, creation: Creation) {
        self.lock().insert(key(request), creation);
    }

    fn get(&self, request: &Request<'_>) -> Option<Creation> {
        self.lock().get(&key(request)).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), Creation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Settings of a call that the SDK must not repeat by itself.
pub(in crate::aws) fn without_sdk_retries() -> aws_sdk_ec2::config::Builder {
    aws_sdk_ec2::config::Builder::new().retry_config(RetryConfig::disabled())
}

fn key(request: &Request<'_>) -> (String, String) {
    (request.environment.to_owned(), request.address.to_string())
}
