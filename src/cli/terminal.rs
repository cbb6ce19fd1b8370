//! Asks whoever sits at the terminal for the code of a second factor.

use std::io::{BufRead, IsTerminal};

use secrecy::SecretString;

use crate::aws::credentials::Prompt;

use super::printer::Printer;

/// Standard input and standard error.
#[derive(Debug)]
pub(super) struct Terminal {
    /// Where the question goes.
    pub printer: Printer,
}

impl Prompt for Terminal {
    fn code(&self, device: &str) -> Result<SecretString, String> {
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return Err("there is no terminal to ask for it on".to_owned());
        }
        self.printer
            .insist(&format!("code that {device} shows now:"));
        let mut answer = String::new();
        stdin
            .lock()
            .read_line(&mut answer)
            .map_err(|error| format!("it could not be read: {error}"))?;
        match answer.trim() {
            "" => Err("none was entered".to_owned()),
            code => Ok(SecretString::from(code.to_owned())),
        }
    }
}
