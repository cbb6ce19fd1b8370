//! What a caller wires: the way to an account.

use std::net::Ipv4Addr;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::aws::Aws;
use crate::engine::CloudError;

/// Opens the adapters through which operations act.
///
/// Whoever implements it has decided where that is: AWS, another endpoint, or the local cloud.
/// Operations do not ask.
pub trait Adapters: Send + Sync {
    /// The region to act in; it outweighs the environment's own.
    fn region(&self) -> &str;

    /// Connects to the account. Sends nothing unless a second factor has to be asked for.
    fn cloud(&self) -> BoxFuture<'_, Result<Arc<Aws>, CloudError>>;

    /// The operator's address as hosts see it, where it is known without asking anybody.
    fn operator_address(&self) -> Option<Ipv4Addr> {
        None
    }

    /// Whether the account exists on this machine alone. A process that died here then left
    /// no call in flight anywhere, so nobody has to wait for its lease to end.
    fn is_on_this_machine(&self) -> bool {
        false
    }
}
