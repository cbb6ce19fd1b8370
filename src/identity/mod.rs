//! Who is who: the secrets of an environment and the user data that gives hosts their identity.
//!
//! Pure functions of one seed; knows neither clouds nor SSH.

mod secrets;
mod user_data;

pub use secrets::{Secrets, SecretsError, new_seed};
pub use user_data::user_data;
