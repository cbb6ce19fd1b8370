//! The HTTP status of an answer that was a success: the SDK's results no longer have it, and records
//! of what AWS answered are to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;

/// Keeps the status of the last answer to the calls that it is put into; copies share it.
#[derive(Clone, Debug, Default)]
pub(in crate::aws) struct AnswerStatus(Arc<AtomicU16>);

impl AnswerStatus {
    /// The status of the last answer; none before the first.
    pub(in crate::aws) fn last(&self) -> Option<u16> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            status => Some(status),
        }
    }
}

impl Intercept for AnswerStatus {
    fn name(&self) -> &'static str {
        "AnswerStatus"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let status = context.response().status().as_u16();
        self.0.store(status, Ordering::Relaxed);
        Ok(())
    }
}
