//! The memory that requests hold while they are collected and sent: bounded for each and for all together.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use bytes::BytesMut;
use futures::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::failure::ForwardFailure;

/// What requests may hold.
pub(super) struct HeldRequests {
    /// The largest request, in bytes.
    largest: usize,
    /// A permit for each byte that is still free.
    free: Arc<Semaphore>,
}

/// A whole request, whose memory is given back with it.
pub(super) struct HeldBody {
    pub(super) bytes: Bytes,
    _held: OwnedSemaphorePermit,
}

impl HeldRequests {
    pub(super) fn new(largest: usize, together: usize) -> Self {
        Self {
            largest,
            free: Arc::new(Semaphore::new(together.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Collects a request. One that says its length is refused before anything of it is read.
    pub(super) async fn collect(
        &self,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<HeldBody, ForwardFailure> {
        let announced = headers.get(CONTENT_LENGTH);
        let announced = announced.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        let announced = announced.unwrap_or(0);
        let mut held = self.hold(announced, announced)?;
        let mut bytes = BytesMut::with_capacity(announced);
        let mut chunks = body.into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| ForwardFailure::Interrupted(error.to_string()))?;
            let size = bytes.len().saturating_add(chunk.len());
            held.merge(self.hold(size, size.saturating_sub(held.num_permits()))?);
            bytes.extend_from_slice(&chunk);
        }
        Ok(HeldBody {
            bytes: bytes.freeze(),
            _held: held,
        })
    }

    /// Takes `more` bytes for a request that has `size` with them.
    fn hold(&self, size: usize, more: usize) -> Result<OwnedSemaphorePermit, ForwardFailure> {
        if size > self.largest {
            return Err(ForwardFailure::TooLarge(self.largest));
        }
        let more = u32::try_from(more).map_err(|_| ForwardFailure::Full)?;
        let free = Arc::clone(&self.free);
        free.try_acquire_many_owned(more)
            .map_err(|_| ForwardFailure::Full)
    }
}
