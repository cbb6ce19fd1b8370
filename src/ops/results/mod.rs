//! Stored results: which runs there are, how one side compares with another, and since when a
//! figure has changed. Reads files; asks no cloud.

pub mod compare;
mod conditions;
mod figures;
pub mod history;
pub mod runs;
mod store;

pub use conditions::Mismatch;
pub use figures::FigureUnit;
pub use store::StoredRun;
