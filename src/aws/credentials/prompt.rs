//! Questions that only a person can answer: the code of a second factor.

use secrecy::SecretString;

/// Asks whoever sits at the terminal.
pub trait Prompt: std::fmt::Debug + Send + Sync {
    /// The code that the device shows.
    ///
    /// # Errors
    /// Why nobody could be asked.
    fn code(&self, device: &str) -> Result<SecretString, String>;
}

/// Stands where nobody can be asked.
#[derive(Debug)]
pub struct NobodyToAsk;

impl Prompt for NobodyToAsk {
    fn code(&self, _device: &str) -> Result<SecretString, String> {
        Err("there is no terminal to ask for it on".to_owned())
    }
}
