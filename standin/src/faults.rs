//! What is wrong with what the server depends on. Probes repeat; the log gets a line when a
//! fault begins, changes or ends.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tracing::{info, warn};

/// Faults by the name of what has them, each with how often it was found.
#[derive(Debug, Default)]
pub(crate) struct FaultLog(Mutex<HashMap<&'static str, (String, u32)>>);

impl FaultLog {
    /// Takes the result of a probe.
    pub(crate) fn record(&self, name: &'static str, fault: Option<String>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (fault, known.get_mut(name)) {
            (Some(fault), Some((text, count))) if *text == fault => *count += 1,
            (Some(fault), _) => {
                warn!(error = fault, "{name} is not healthy");
                known.insert(name, (fault, 1));
            }
            (None, Some((_, count))) => {
                info!(failed_probes = *count, "{name} is healthy again");
                known.remove(name);
            }
            (None, None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_logged_once_and_then_counted() {
        let faults = FaultLog::default();
        for _ in 0..15 {
            faults.record("file store", Some("refused".to_owned()));
        }
        let known = faults.0.lock().unwrap();
        assert_eq!(known["file store"], ("refused".to_owned(), 15));
        drop(known);
        faults.record("file store", None);
        assert!(faults.0.lock().unwrap().is_empty());
    }
}
