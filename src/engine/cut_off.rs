//! What it means, for people, that nobody waits for the end of a step any more.

/// Cut off: a call that creates something was sent, and its answer is not known.
pub(in crate::engine) const MAY_EXIST: &str = "interrupted while in flight: it may exist now";
/// Cut off: a call that deletes something was sent, and its answer is not known.
pub(in crate::engine) const MAY_BE_GONE: &str = "interrupted while in flight: it may be gone now";
/// Cut off: the host goes on with the step that it is at.
pub(in crate::engine) const ON_HOST: &str =
    "interrupted while the host was at work: `up` continues there";
/// Cut off: it only looked.
pub(in crate::engine) const NOTHING_CHANGED: &str = "interrupted";
