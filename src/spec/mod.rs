//! Declarative YAML (reference architectures and environments) to validated types.
//!
//! Knows nothing of AWS clients, SSH or the clock; only files and values.

mod model;

pub use model::*;
