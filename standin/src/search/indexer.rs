//! Sends posts to the search server, in batches.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

use super::SearchState;
use crate::error::chain;
use crate::model::Post;

/// Longest time that a post waits for its batch to fill.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);
/// Times that a batch is sent before it is dropped and counted.
const ATTEMPTS: u32 = 5;

/// The other end of a [`SearchClient`](super::SearchClient): sends posts to the server until the last
/// client is gone.
#[derive(Debug)]
pub(crate) struct Indexer {
    inner: Arc<SearchState>,
    posts: mpsc::Receiver<Post>,
}

impl Indexer {
    /// An indexer of the posts that arrive.
    pub(super) fn new(inner: Arc<SearchState>, posts: mpsc::Receiver<Post>) -> Self {
        Self { inner, posts }
    }

    /// Makes the index, then sends posts in batches until all clients are
    /// gone. A batch goes out when it is full or its first post has waited
    /// for a second.
    pub(crate) async fn run(mut self) {
        if !self.inner.settings.enable_indexing {
            return;
        }
        // Not before there is a license: the first post waits for one.
        let mut has_index = self.inner.is_unlocked() && self.make_index().await;
        let size = self.inner.settings.live_indexing_batch_size.max(1);
        while let Some(first) = self.posts.recv().await {
            let mut batch = vec![first];
            let flush_at = Instant::now() + FLUSH_INTERVAL;
            while batch.len() < size
                && let Ok(Some(post)) = timeout_at(flush_at, self.posts.recv()).await
            {
                batch.push(post);
            }
            has_index = has_index || self.make_index().await;
            self.send(&batch).await;
        }
    }

    async fn make_index(&self) -> bool {
        match self.inner.make_index().await {
            Ok(()) => {
                info!(index = self.inner.index_name(), "search index is there");
                true
            }
            Err(error) => {
                warn!(
                    error = chain(&error),
                    "cannot create the search index; retrying"
                );
                false
            }
        }
    }

    async fn send(&self, batch: &[Post]) {
        let metrics = &self.inner.metrics;
        for attempt in 1..=ATTEMPTS {
            match self.inner.bulk(batch).await {
                Ok(()) => return metrics.search_posts_indexed.add(batch.len() as u64),
                Err(error) => {
                    warn!(
                        posts = batch.len(),
                        attempt,
                        error = chain(&error),
                        "bulk index failed"
                    );
                }
            }
            tokio::time::sleep(FLUSH_INTERVAL * attempt).await;
        }
        metrics.search_index_errors.add(batch.len() as u64);
    }
}
