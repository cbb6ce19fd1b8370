//! Words and commands for POSIX shells.

use std::borrow::Cow;

/// A line that calls a function of the runner.
pub(super) fn call(function: &str, arguments: &[&str]) -> String {
    let mut line = function.to_owned();
    for argument in arguments {
        line.push(' ');
        line += &quote(argument);
    }
    line.push('\n');
    line
}

/// A word for a POSIX shell.
pub(super) fn quote(word: &str) -> Cow<'_, str> {
    shell_escape::unix::escape(word.into())
}

/// A command that runs a script of POSIX shell with arguments.
#[must_use]
pub fn script_command(script: &str, arguments: &[String]) -> String {
    let words = arguments.iter().map(|word| quote(word));
    let words: Vec<Cow<'_, str>> = words.collect();
    format!("sh -c {} script {}", quote(script), words.join(" "))
}
