//! What this process made a moment ago.
//!
//! VPC, subnet, gateway and route table have neither client token nor unique name, so a
//! repeated creation looks by tag for what the first one made. Lists lag behind creations:
//! for seconds the look finds nothing, and a second call would make a twin. What this very
//! process made it does not need to look for.

use std::sync::PoisonError;

use crate::engine::Request;

use super::Aws;

impl Aws {
    /// The id of what this process made at the request's address.
    pub(super) fn made(&self, request: &Request<'_>) -> Option<String> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.get(&key(request)).cloned()
    }

    /// Remembers what was made at the request's address.
    pub(super) fn remember(&self, request: &Request<'_>, id: &str) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.insert(key(request), id.to_owned());
    }

    /// Forgets what is removed, so that its address can be filled again.
    pub(super) fn forget(&self, id: &str) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.retain(|_, known| known != id);
    }
}

fn key(request: &Request<'_>) -> (String, String) {
    (request.environment.to_owned(), request.address.to_string())
}
