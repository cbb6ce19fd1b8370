//! The critical path of a walk: the chain of steps that decided how long it took.

use std::collections::BTreeMap;

use super::spans::{CriticalStep, StepSpan};

/// From the step that ended last, back over whichever dependency ended last.
pub(super) fn critical_path(
    steps: &[StepSpan],
    after: &BTreeMap<String, Vec<String>>,
) -> Vec<CriticalStep> {
    let spans: BTreeMap<&str, &StepSpan> = steps
        .iter()
        .filter(|span| after.contains_key(&span.step))
        .map(|span| (span.step.as_str(), span))
        .collect();
    let mut path = Vec::new();
    let mut next = spans
        .values()
        .copied()
        .max_by_key(|span| (span.finished, span.started));
    while let Some(span) = next {
        let before = after
            .get(&span.step)
            .into_iter()
            .flatten()
            .filter_map(|name| spans.get(name.as_str()).copied())
            // Clocks that step back must not lead in a circle.
            .filter(|before| before.finished <= span.started)
            .max_by_key(|before| (before.finished, before.started));
        let ready = before.map_or(span.started, |before| before.finished);
        path.push(CriticalStep {
            step: span.step.clone(),
            took: span.finished.duration_since(span.started),
            stood: span.started.duration_since(ready),
        });
        // A graph has fewer links than steps; a longer chain would be a cycle.
        next = before.filter(|_| path.len() <= spans.len());
    }
    path.reverse();
    path
}
