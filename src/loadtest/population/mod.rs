//! The accounts, teams, channels and posts that a storm needs, written into the server's database.
//!
//! Creating 15,000 accounts through the API would take an hour, since the server hashes each
//! password slowly on purpose. So they are written in bulk: one password and one hash for all of
//! them, and rows that `generate_series` makes inside the database. All ids follow from the numbers
//! of the rows, so that writing them again finds them.
//!
//! Knows SQL and the server's tables, and reaches the database through a trait alone.

mod caches;
mod change;
mod columns;
mod database;
mod error;
mod hash;
mod marker;
mod members;
mod places;
mod removal;
mod rows;
mod seed;

pub use caches::invalidate_caches;
pub use change::PopulationChange;
pub use database::{DatabaseFailure, ServerDatabase};
pub use error::PopulationError;
pub use hash::AccountHash;
pub use rows::ACCOUNT_PREFIX;
pub use seed::{SeededPopulation, WantedPopulation, seed};
