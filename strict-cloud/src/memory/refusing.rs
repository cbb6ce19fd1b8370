//! Refusals from the table ([`crate::refusals`]) that a test wants to see.

use std::time::Duration;

use jiff::Timestamp;

use crate::call::Call;
use crate::errors::AwsError;
use crate::refusals::KnownRefusal;

use super::account::AwsAccount;

/// A refusal that an account answers an operation with.
#[derive(Debug, Clone)]
pub(super) struct Refusing {
    service: &'static str,
    operation: String,
    error: AwsError,
    /// How long from the first call on; for good without.
    lasts: Option<Duration>,
    since: Option<Timestamp>,
}

/// What a call of an operation is known by: parts of a bucket by their query.
fn action_of(operation: &str) -> &str {
    match operation {
        "PutBucketLifecycleConfiguration" => "PUTBucket lifecycle",
        "PutBucketVersioning" => "PUTBucket versioning",
        "PutPublicAccessBlock" => "PUTBucket publicAccessBlock",
        _ => operation,
    }
}

impl AwsAccount {
    /// The name by which [`crate::Call::name`] tells calls of an operation.
    #[must_use]
    pub fn call_name(service: &str, operation: &str) -> String {
        format!("{service}:{}", action_of(operation))
    }

    /// Refuses every call of an operation so, from the first one for as long as `lasts` says or,
    /// without it, until [`Self::refuse_no_more`]. The call has no effect.
    pub fn refuse(
        &mut self,
        service: &'static str,
        operation: &str,
        refusal: &KnownRefusal,
        lasts: Option<Duration>,
    ) {
        self.refusing.push(Refusing {
            service,
            operation: action_of(operation).to_owned(),
            error: AwsError::known(refusal),
            lasts,
            since: None,
        });
    }

    /// Whatever it was asked to refuse, it does no more.
    pub fn refuse_no_more(&mut self) {
        self.refusing.clear();
    }

    pub(super) fn refuse_if_asked(&mut self, call: &Call) -> Result<(), AwsError> {
        let now = self.now;
        for one in &mut self.refusing {
            if one.service != call.service || one.operation != call.action {
                continue;
            }
            let since = *one.since.get_or_insert(now);
            let over = one
                .lasts
                .is_some_and(|lasts| since.checked_add(lasts).is_ok_and(|until| until <= now));
            if !over {
                return Err(one.error.clone());
            }
        }
        Ok(())
    }
}
