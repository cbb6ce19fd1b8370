//! Who is who: names of resources and the secrets that derive from an environment's seed.
//!
//! Pure functions; knows no client and no clock.

pub mod names;
