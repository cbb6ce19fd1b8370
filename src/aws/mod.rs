//! temporary
pub mod world;
