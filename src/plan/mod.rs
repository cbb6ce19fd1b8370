//! What an environment needs, against what exists; what it costs.
//!
//! No I/O, no clock, no async.

mod cost;

pub use cost::{Cost, CostLine, cost};
