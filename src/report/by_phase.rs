//! Calls of a storm by phase, as the page and the terminal show them: what the rig was like while
//! users came, and with everybody in.

use loadrig_storm::ClientCall;
use serde::Serialize;

use super::figures::{count, millis};
use crate::loadtest::storm::{PhaseCallSummary, StormFigures, StormPhaseSpan};

/// Columns of a table at the most; a storm of more phases has several tables.
const COLUMNS: usize = 6;

/// Some phases, side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct PhaseTable {
    /// Their names.
    pub(super) phases: Vec<String>,
    /// How many requests there were and how many of them failed; then a row for each kind of call.
    pub(super) rows: Vec<PhaseRow>,
}

/// A row of it: a cell for each phase.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct PhaseRow {
    pub(super) name: &'static str,
    pub(super) cells: Vec<String>,
}

/// The 95th percentile of each of these calls in each phase. Nothing of a storm whose calls were
/// all to begin in one phase: that says no more than the table of all calls.
pub(super) fn by_phase(figures: &StormFigures, calls: &[ClientCall]) -> Vec<PhaseTable> {
    let phases: Vec<&StormPhaseSpan> = figures
        .phases
        .iter()
        .filter(|phase| !phase.calls.is_empty())
        .collect();
    if phases.len() < 2 {
        return Vec::new();
    }
    phases
        .chunks(COLUMNS)
        .map(|phases| table(phases, calls))
        .collect()
}

fn table(phases: &[&StormPhaseSpan], calls: &[ClientCall]) -> PhaseTable {
    let row = |name, cell: &dyn Fn(&StormPhaseSpan) -> String| PhaseRow {
        name,
        cells: phases.iter().map(|phase| cell(phase)).collect(),
    };
    let sum = |phase: &StormPhaseSpan, of: fn(&PhaseCallSummary) -> u64| {
        count(phase.calls.values().map(of).sum())
    };
    let mut rows = vec![
        row("requests", &|phase| sum(phase, |call| call.count)),
        row("failed", &|phase| sum(phase, |call| call.failed)),
    ];
    let made = calls
        .iter()
        .filter(|call| phases.iter().any(|phase| phase.calls.contains_key(*call)));
    rows.extend(made.map(|call| row(call.as_str(), &|phase| p95(phase.calls.get(call)))));
    PhaseTable {
        phases: phases.iter().map(|phase| phase.name.clone()).collect(),
        rows,
    }
}

fn p95(call: Option<&PhaseCallSummary>) -> String {
    match call.map(|call| call.times) {
        None => "-".to_owned(),
        Some(None) => "failed".to_owned(),
        Some(Some(times)) => millis(times.p95_ms),
    }
}
