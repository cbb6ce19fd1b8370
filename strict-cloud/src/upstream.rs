//! What stands behind the strict cloud. Knows no rule.

use axum::body::Body;
use futures::future::BoxFuture;
use http::Response;

use crate::call::Call;

/// Carries calls out: an emulator, or an account in memory.
///
/// Time is tokio's: an upstream whose resources take time reads `tokio::time::Instant::now`,
/// so that a test with a paused clock can put both sides forward at once.
pub trait Upstream: Send + Sync {
    /// Carries one call out and answers it. The answer is as it goes over the wire: status,
    /// headers and a body in the protocol of the call's service. An error by AWS's rules
    /// is an answer; an error says that there is none.
    fn send<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Response<Body>, UpstreamError>>;
}

/// The upstream did not answer. The call may have been carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no answer from the upstream: {0}")]
pub struct UpstreamError(pub String);
