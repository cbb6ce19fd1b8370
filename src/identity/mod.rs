//! Who is who: names of resources, the secrets that derive from an environment's seed, and
//! the user data that gives hosts their identity.
//!
//! Pure functions; knows neither clouds nor SSH nor the clock.

mod administrator;
pub mod names;
mod private_authority;
mod secrets;
mod user_data;

pub use administrator::{ADMINISTRATOR, ADMINISTRATOR_EMAIL};
pub use private_authority::{HalfYear, IssuedCertificate, PrivateAuthority};
pub use secrets::{Secrets, SecretsError, new_seed};
pub use user_data::{END_TIMER, user_data};
