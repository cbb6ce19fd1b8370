//! Creations that AWS would carry out twice.
//!
//! VPC, subnet, gateway, route table and elastic address have neither client token nor unique
//! name, so a repeated creation looks by tag for what the first one made. Lists lag behind
//! creations: for seconds the look finds nothing, and a second call would make a twin. What this
//! very process made it does not need to look for; and where the answer to a creation was lost,
//! it looks for a while before it creates again. For the same reason the SDK must not repeat
//! these calls by itself.

use std::future::Future;
use std::sync::PoisonError;
use std::time::Duration;

use aws_sdk_ec2::config::retry::RetryConfig;
use tokio::time::Instant;

use crate::engine::{CloudError, FailureClass, Request};

use crate::aws::Aws;
use crate::aws::error::{had_no_effect, refused};

/// So long after a creation whose answer was lost it is looked for: lists were seen to lag by
/// 1 to 5 s.
const LAG: Duration = Duration::from_secs(15);

/// What is known of a creation that has no token.
#[derive(Clone, Debug)]
pub(in crate::aws) enum Made {
    /// It made this.
    Id(String),
    /// Its answer was lost then.
    Doubtful(Instant),
}

impl Aws {
    /// The id of what is at the request's address: what this process made, what `look` finds
    /// by tag, or else what `make` makes.
    pub(in crate::aws) async fn once(
        &self,
        request: &Request<'_>,
        look: impl Future<Output = Result<Option<String>, CloudError>> + Send,
        make: impl Future<Output = Result<String, CloudError>> + Send,
    ) -> Result<String, CloudError> {
        let known = self.known(request);
        if let Some(Made::Id(id)) = known {
            return Ok(id);
        }
        if let Some(id) = look.await? {
            self.remember(request, Made::Id(id.clone()));
            return Ok(id);
        }
        if let Some(Made::Doubtful(since)) = known
            && since.elapsed() < LAG
        {
            return Err(CloudError {
                class: FailureClass::Converging,
                ..refused(
                    "create",
                    request.address,
                    "NotVisibleYet",
                    "the answer to its creation was lost, and it is not listed yet",
                )
            });
        }
        match make.await {
            Ok(id) => {
                self.remember(request, Made::Id(id.clone()));
                Ok(id)
            }
            Err(error) => {
                if error.class == FailureClass::Transient && !had_no_effect(&error.code) {
                    self.remember(request, Made::Doubtful(Instant::now()));
                }
                Err(error)
            }
        }
    }

    /// Settings for a call that must not be repeated blindly.
    pub(in crate::aws) fn unrepeated() -> aws_sdk_ec2::config::Builder {
        aws_sdk_ec2::config::Builder::new().retry_config(RetryConfig::disabled())
    }

    /// Forgets what is removed, so that its address can be filled again.
    pub(in crate::aws) fn forget(&self, id: &str) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.retain(|_, known| !matches!(known, Made::Id(known) if known == id));
    }

    /// Whether this process made what is at the request's address.
    pub(in crate::aws) fn has_made(&self, request: &Request<'_>) -> bool {
        matches!(self.known(request), Some(Made::Id(_)))
    }

    fn known(&self, request: &Request<'_>) -> Option<Made> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.get(&key(request)).cloned()
    }

    pub(in crate::aws) fn remember(&self, request: &Request<'_>, what: Made) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.insert(key(request), what);
    }
}

fn key(request: &Request<'_>) -> (String, String) {
    (request.environment.to_owned(), request.address.to_string())
}
