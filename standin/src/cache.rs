//! A cache with a time to live. What it holds is forgotten when it is too old, when it is told
//! to, or when the process ends; it may not know what it holds.
//!
//! A value that is read from the database while somebody changes it must not be kept. So a
//! reader asks for a ticket before it reads, and what it then brings is kept only if nothing has
//! been removed in the meantime.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Values by key.
#[derive(Debug)]
pub(crate) struct TimedCache<V> {
    slots: Mutex<CacheSlots<V>>,
    lifetime: Duration,
    capacity: usize,
}

#[derive(Debug)]
struct CacheSlots<V> {
    known: HashMap<String, (Instant, V)>,
    /// Who reads which value now.
    reading: HashMap<String, u64>,
    tickets: u64,
}

/// Leave to keep what is read from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CacheTicket(u64);

impl<V: Clone> TimedCache<V> {
    /// A cache that keeps each of at most `capacity` values for `lifetime`.
    pub(crate) fn new(lifetime: Duration, capacity: usize) -> Self {
        Self {
            slots: Mutex::new(CacheSlots {
                known: HashMap::new(),
                reading: HashMap::new(),
                tickets: 0,
            }),
            lifetime,
            capacity,
        }
    }

    /// The value of a key, if it is known and young enough at `now`.
    pub(crate) fn get(&self, key: &str, now: Instant) -> Option<V> {
        let slots = self.lock();
        let (since, value) = slots.known.get(key)?;
        (now.duration_since(*since) < self.lifetime).then(|| value.clone())
    }

    /// Says that the value of a key is about to be read.
    pub(crate) fn begin(&self, key: &str) -> CacheTicket {
        let mut slots = self.lock();
        slots.tickets += 1;
        let ticket = slots.tickets;
        slots.reading.insert(key.to_owned(), ticket);
        CacheTicket(ticket)
    }

    /// Keeps a value that was read, unless it was removed since `ticket`.
    pub(crate) fn fill(&self, key: &str, ticket: CacheTicket, value: Option<V>, now: Instant) {
        let mut slots = self.lock();
        if slots.reading.get(key) != Some(&ticket.0) {
            return;
        }
        slots.reading.remove(key);
        if let Some(value) = value {
            self.insert(&mut slots, key, value, now);
        }
    }

    /// Keeps a value that has just been made.
    pub(crate) fn put(&self, key: &str, value: V, now: Instant) {
        self.insert(&mut self.lock(), key, value, now);
    }

    fn insert(&self, slots: &mut CacheSlots<V>, key: &str, value: V, now: Instant) {
        if slots.known.len() >= self.capacity {
            let lifetime = self.lifetime;
            slots
                .known
                .retain(|_, (since, _)| now.duration_since(*since) < lifetime);
        }
        // Still full: this one is read each time.
        if slots.known.len() < self.capacity {
            slots.known.insert(key.to_owned(), (now, value));
        }
    }

    /// Forgets the value of a key.
    pub(crate) fn remove(&self, key: &str) {
        let mut slots = self.lock();
        slots.known.remove(key);
        slots.reading.remove(key);
    }

    /// Forgets the values for which `gone` holds, and those that are being read, about which
    /// nothing is known yet.
    pub(crate) fn remove_where(&self, gone: impl Fn(&V) -> bool) {
        let mut slots = self.lock();
        slots.known.retain(|_, (_, value)| !gone(value));
        slots.reading.clear();
    }

    fn lock(&self) -> MutexGuard<'_, CacheSlots<V>> {
        // No code panics between two changes that belong together.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_forgotten_after_its_time_or_its_end() {
        let cache = TimedCache::new(Duration::from_mins(10), 10);
        let start = Instant::now();
        cache.put("k", 7, start);
        assert_eq!(cache.get("k", start + Duration::from_secs(599)), Some(7));
        assert_eq!(cache.get("k", start + Duration::from_mins(10)), None);
        cache.remove("k");
        assert_eq!(cache.get("k", start), None);
    }

    #[test]
    fn value_that_changed_while_it_was_read_is_not_kept() {
        let cache = TimedCache::new(Duration::from_mins(10), 10);
        let now = Instant::now();
        let ticket = cache.begin("k");
        cache.remove("k");
        cache.fill("k", ticket, Some("old"), now);
        assert_eq!(cache.get("k", now), None);
        let ticket = cache.begin("k");
        cache.remove_where(|_| false);
        cache.fill("k", ticket, Some("old"), now);
        assert_eq!(cache.get("k", now), None);
        let ticket = cache.begin("k");
        cache.fill("k", ticket, Some("new"), now);
        assert_eq!(cache.get("k", now), Some("new"));
    }

    #[test]
    fn full_cache_makes_room_by_age_alone() {
        let cache = TimedCache::new(Duration::from_mins(10), 1);
        let start = Instant::now();
        cache.put("a", 1, start);
        cache.put("b", 2, start);
        assert_eq!(cache.get("b", start), None);
        let later = start + Duration::from_mins(10);
        cache.put("b", 2, later);
        assert_eq!(
            (cache.get("a", later), cache.get("b", later)),
            (None, Some(2))
        );
    }
}
