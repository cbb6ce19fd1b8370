//! One thing that AWS answers a failed call with, and what it means.

use crate::engine::FailureClass;

/// What an error code of a service means, for some or all of its operations.
///
/// Of several rows that fit, the most specific decides: one with a message goes before one
/// without, and one with operations before one for the whole service.
pub struct Row {
    /// Operations without their service, as in `ReleaseAddress`; empty for all.
    pub operations: &'static [&'static str],
    /// Error codes by exact text; one that begins with `.` is the end of a code.
    pub codes: &'static [&'static str],
    /// Text that the message contains; empty for any message.
    pub message: &'static str,
    /// What to do about it.
    pub class: FailureClass,
    /// Where it is documented, or who met it.
    pub source: &'static str,
}

impl Row {
    /// A row for all operations of the service, whatever the message.
    pub(super) const fn of(
        class: FailureClass,
        source: &'static str,
        codes: &'static [&'static str],
    ) -> Self {
        Self {
            operations: &[],
            codes,
            message: "",
            class,
            source,
        }
    }

    /// The same for certain operations only.
    pub(super) const fn at(mut self, operations: &'static [&'static str]) -> Self {
        self.operations = operations;
        self
    }

    /// The same for messages that contain `text` only.
    pub(super) const fn saying(mut self, text: &'static str) -> Self {
        self.message = text;
        self
    }

    pub(super) fn fits(&self, operation: &str, code: &str, message: &str) -> bool {
        let named = |known: &&str| match known.strip_prefix('.') {
            Some(_) => code.ends_with(known),
            None => code == *known,
        };
        (self.operations.is_empty() || self.operations.contains(&operation))
            && self.codes.iter().any(named)
            && message.contains(self.message)
    }

    /// More specific rows are greater.
    pub(super) fn specificity(&self) -> (bool, bool) {
        (!self.message.is_empty(), !self.operations.is_empty())
    }
}
