//! Nodes keep rows in memory: after rows were written past them, they have to forget.

use crate::loadtest::api::{Api, ApiError};
use crate::loadtest::promises::PromiseNode;
use crate::loadtest::wire::Admin;

/// Makes every node forget what it holds in memory. Each is asked itself: nodes without a license
/// tell each other nothing.
///
/// # Errors
/// When a node does not answer, or the administrator cannot log in.
pub async fn invalidate_caches(nodes: &[PromiseNode], admin: &Admin) -> Result<(), ApiError> {
    let mut session = None;
    for node in nodes {
        let api = Api::new(&node.url, None)?;
        let session = match &session {
            Some(session) => session,
            // All nodes share the sessions, which are in the database.
            None => session.insert(api.administrator(admin).await?),
        };
        api.invalidate_caches(session).await?;
    }
    Ok(())
}
