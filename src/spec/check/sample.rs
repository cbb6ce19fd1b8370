//! Environments of tests: one section below `mattermost`, and what is said of it.

use crate::spec::{Library, Problem, Spec};

/// An environment with this text below `mattermost`.
pub(super) fn load(text: &str) -> Result<Spec, Vec<Problem>> {
    let text = format!("architecture: 1k\nmattermost:\n  {text}\n");
    Library::new(Some("no-such-directory".into()))
        .load_text("test", &text)
        .map_err(|errors| errors.problems)
}

/// The message of the one problem that it has.
#[track_caller]
pub(super) fn only_problem(text: &str) -> String {
    match load(text).unwrap_err().as_slice() {
        [problem] => problem.message.clone(),
        other => panic!("expected one problem, found {other:#?}"),
    }
}
