//! Prints what a storm is like, second by second, as lines of JSON.

use crate::events::{Event, EventKind, Listener};

use super::printer::Printer;

/// Prints each second of a storm as a line of JSON, before the report.
pub(super) struct SampleLines(pub(super) Printer);

impl Listener for SampleLines {
    fn event(&mut self, event: &Event) {
        if let EventKind::StormSample(_) = event.kind
            && let Ok(line) = serde_json::to_string(event)
        {
            self.0.data(&line);
        }
    }
}
