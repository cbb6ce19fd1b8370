//! Calls that nobody waits for: they go on beside whatever else their client does, in the order in
//! which they were made.

use std::future::Future;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;

/// What a client has under way besides.
pub(crate) struct Errands<'a>(FuturesUnordered<BoxFuture<'a, ()>>);

impl<'a> Errands<'a> {
    pub(crate) fn new() -> Self {
        Self(FuturesUnordered::new())
    }

    /// Sends something on its way.
    pub(crate) fn send(&mut self, errand: impl Future<Output = ()> + Send + 'a) {
        self.0.push(Box::pin(errand));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Goes on with them until one is done; never returns if there is none.
    pub(crate) async fn one(&mut self) {
        if self.0.next().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Goes on with them while something else is waited for.
    pub(crate) async fn during<T>(&mut self, step: impl Future<Output = T>) -> T {
        tokio::pin!(step);
        loop {
            tokio::select! {
                biased;
                // What was sent earlier is written earlier.
                () = self.one() => {}
                outcome = &mut step => return outcome,
            }
        }
    }

    /// Waits for all of them.
    pub(crate) async fn all(mut self) {
        while self.0.next().await.is_some() {}
    }
}
