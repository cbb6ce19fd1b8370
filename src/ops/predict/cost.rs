//! What a change costs more, and what of that is not known.

use serde::Serialize;

use crate::plan::Cost;

/// What a change costs more than the environment as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ExtraCost {
    /// US dollars per hour, of what has a known price in the region.
    pub per_hour: f64,
    /// What has none, of what is more or less then: it is missing from the sum.
    pub unpriced: Vec<String>,
}

impl ExtraCost {
    /// What one estimate is more than another.
    #[must_use]
    pub fn between(base: &Cost, changed: &Cost) -> Self {
        let count = |cost: &Cost, what: &str| {
            let line = cost.lines.iter().find(|line| line.what == what);
            line.map_or(0, |line| line.count)
        };
        let mut unpriced: Vec<String> = base.unpriced.clone();
        unpriced.extend(changed.unpriced.iter().cloned());
        unpriced.sort();
        unpriced.dedup();
        unpriced.retain(|what| count(base, what) != count(changed, what));
        let per_hour = changed.per_hour - base.per_hour;
        Self {
            // What does not change is no cost, whatever rounding left.
            per_hour: if per_hour.abs() < 1e-6 { 0.0 } else { per_hour },
            unpriced,
        }
    }

    /// Whether all of it has a price.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.unpriced.is_empty()
    }
}
