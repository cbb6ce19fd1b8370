//! Sessions that this node has seen lately, as Mattermost caches them: 35,000
//! of them, for ten minutes each. It may not know HTTP or the database.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::model::UserSession;

/// Sessions that are remembered.
const CAPACITY: usize = 35_000;

/// Sessions by token, so that not every request reads the database.
#[derive(Debug)]
pub(crate) struct SessionCache {
    lifetime: Duration,
    entries: Mutex<HashMap<String, (Instant, UserSession)>>,
}

impl SessionCache {
    /// A cache that forgets sessions after `lifetime`.
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            entries: Mutex::default(),
        }
    }

    /// The session with this token, unless it is too old at `now`.
    pub(crate) fn get(&self, token: &str, now: Instant) -> Option<UserSession> {
        let entries = self.lock();
        let (since, session) = entries.get(token)?;
        (now.duration_since(*since) < self.lifetime).then(|| session.clone())
    }

    /// Remembers a session from `now` on.
    pub(crate) fn put(&self, session: UserSession, now: Instant) {
        let mut entries = self.lock();
        if entries.len() >= CAPACITY {
            let lifetime = self.lifetime;
            entries.retain(|_, (since, _)| now.duration_since(*since) < lifetime);
        }
        // Still full: this one is read from the database each time.
        if entries.len() < CAPACITY {
            entries.insert(session.token.clone(), (now, session));
        }
    }

    /// Forgets a session that has ended.
    pub(crate) fn remove(&self, token: &str) {
        self.lock().remove(token);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Instant, UserSession)>> {
        // No code panics between two changes that belong together.
        self.entries
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_is_forgotten_after_its_time_or_its_end() {
        let cache = SessionCache::new(Duration::from_mins(10));
        let start = Instant::now();
        let session = UserSession {
            token: "t".to_owned(),
            ..UserSession::default()
        };
        cache.put(session.clone(), start);
        assert_eq!(
            cache.get("t", start + Duration::from_secs(599)),
            Some(session)
        );
        assert_eq!(cache.get("t", start + Duration::from_mins(10)), None);
        cache.remove("t");
        assert_eq!(cache.get("t", start), None);
    }
}
