//! Who is there. A node remembers the presence that it has written, so that an active user costs
//! a write every two minutes and not every request.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often the presence of an active user is written at most.
const INTERVAL: Duration = Duration::from_mins(2);

/// The presence of users as this node has written it last.
#[derive(Debug, Default)]
pub(crate) struct PresenceLog(Mutex<HashMap<String, (Instant, String)>>);

impl PresenceLog {
    /// Whether `status` of a user has to be written at `now`. Who asks writes it.
    pub(crate) fn is_due(&self, user_id: &str, status: &str, now: Instant) -> bool {
        let mut written = self.lock();
        if let Some((last, known)) = written.get(user_id)
            && known == status
            && now.duration_since(*last) < INTERVAL
        {
            return false;
        }
        written.insert(user_id.to_owned(), (now, status.to_owned()));
        true
    }

    /// Notes what is written of a user, and whether it differs from what was known.
    pub(crate) fn note(&self, user_id: &str, status: &str, now: Instant) -> bool {
        let entry = (now, status.to_owned());
        let before = self.lock().insert(user_id.to_owned(), entry);
        before.is_none_or(|(_, known)| known != status)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Instant, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_is_written_when_it_changes_and_every_two_minutes() {
        let log = PresenceLog::default();
        let start = Instant::now();
        assert!(log.is_due("ann", "online", start));
        assert!(!log.is_due("ann", "online", start + Duration::from_secs(119)));
        assert!(log.is_due("ann", "away", start + Duration::from_secs(119)));
        assert!(log.is_due("ann", "away", start + Duration::from_secs(239)));
        assert!(log.note("ann", "dnd", start));
        assert!(!log.note("ann", "dnd", start));
    }
}
