//! The only door to standard output and standard error.
//!
//! Standard output carries data; everything else goes to standard error.

use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

use comfy_table::{Table, TableComponent, presets};

use super::args::{Global, OutputFormat};

/// What could not be written of what was asked for: data, or the log of events.
static LOST: OnceLock<String> = OnceLock::new();

/// An environment's name, and the path by which the user gave it.
static GIVEN: OnceLock<(String, String)> = OnceLock::new();

/// A table with a line below its header and no others.
#[must_use]
pub(super) fn table() -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_style(TableComponent::HeaderLines, '─')
        .set_style(TableComponent::MiddleHeaderIntersections, '─');
    table
}

/// A text whose commands name the environment as the user did.
pub(super) fn as_given(text: &str) -> Cow<'_, str> {
    match GIVEN.get() {
        Some((name, given)) => Cow::Owned(renamed(text, name, given)),
        None => Cow::Borrowed(text),
    }
}

/// Puts what was given in the place of a name, in each command of loadrig between backticks.
fn renamed(text: &str, name: &str, given: &str) -> String {
    let given: Cow<'_, str> = match given.contains(char::is_whitespace) {
        true => format!("'{given}'").into(),
        false => given.into(),
    };
    let parts = text.split('`').enumerate().map(|(index, part)| {
        if index % 2 == 0 || !part.starts_with("loadrig ") {
            return part.to_owned();
        }
        let words = part.split(' ');
        let words = words.map(|word| if word == name { &*given } else { word });
        words.collect::<Vec<_>>().join(" ")
    });
    parts.collect::<Vec<_>>().join("`")
}

/// Writes the results of a command to standard output, and all else to standard error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    /// Text or JSON.
    pub format: OutputFormat,
    /// Less on standard error.
    pub quiet: bool,
    /// Whether colour may be used on standard error.
    pub colour: bool,
    /// Whether colour may be used on standard output.
    pub data_colour: bool,
    /// Whether standard error is a terminal that can redraw.
    pub live: bool,
}

impl Printer {
    /// As the user asked.
    #[must_use]
    pub(crate) fn new(global: &Global) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let no_colour =
            global.no_color || std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        Self {
            format: global.output,
            quiet: global.quiet,
            colour: terminal && !no_colour,
            data_colour: std::io::stdout().is_terminal() && !no_colour,
            live: terminal && !global.quiet,
        }
    }

    /// Data. A closed pipe is not an error: the reader has seen enough. Any other failure,
    /// a full disk above all, is told at the end.
    pub(crate) fn data(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        if let Err(error) = write!(out, "{text}{newline}").and_then(|()| out.flush())
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            Self::lose(format!("cannot write to standard output: {error}"));
        }
    }

    /// Commands that are told name the environment as the user did: a file that is not in
    /// `environments/` cannot be found by its name, or another one is found.
    pub(crate) fn name_as_given(name: &str, given: &str) {
        if name != given {
            // A command is for one environment.
            let _first = GIVEN.set((name.to_owned(), given.to_owned()));
        }
    }

    /// Notes that something the user asked for could not be written.
    pub(crate) fn lose(what: String) {
        // The first says why; the others follow from it.
        let _told = LOST.set(what);
    }

    /// What could not be written, if so.
    #[must_use]
    pub(crate) fn lost() -> Option<&'static str> {
        LOST.get().map(String::as_str)
    }

    /// Data as JSON.
    pub(crate) fn json(&self, value: &impl serde::Serialize) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.data(&text),
            Err(error) => self.error(&format!("cannot encode the answer: {error}")),
        }
    }

    /// Prints data as one line of JSON: the last of several.
    pub(crate) fn json_line(&self, value: &impl serde::Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.data(&text),
            Err(error) => self.error(&format!("cannot encode the answer: {error}")),
        }
    }

    /// Whether data is printed as JSON.
    #[must_use]
    pub(crate) fn is_json(&self) -> bool {
        self.format == OutputFormat::Json
    }

    /// A line about what goes on.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            Self::err(&as_given(text));
        }
    }

    /// A line that is not held back by `--quiet`: a question, or what is acted on.
    pub(crate) fn insist(&self, text: &str) {
        Self::err(&as_given(text));
    }

    /// What went wrong.
    pub(crate) fn error(&self, text: &str) {
        // Messages about YAML come in a compiler's form, with the word in front.
        let text = text.strip_prefix("error: ").unwrap_or(text);
        let (on, off) = self.paint("31;1");
        Self::err(&format!("{on}error{off}: {}", as_given(text)));
    }

    /// What went wrong without deciding the outcome.
    pub(crate) fn warning(&self, text: &str) {
        let (on, off) = self.paint("33;1");
        Self::err(&format!("{on}warning{off}: {}", as_given(text)));
    }

    /// What to do about it.
    pub(crate) fn hint(&self, text: &str) {
        let (on, off) = self.paint("36");
        Self::err(&format!("{on}hint{off}: {}", as_given(text)));
    }

    fn paint(&self, code: &str) -> (String, &'static str) {
        if self.colour {
            (format!("\x1b[{code}m"), "\x1b[0m")
        } else {
            (String::new(), "")
        }
    }

    fn err(text: &str) {
        let _closed = writeln!(std::io::stderr().lock(), "{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::renamed;

    #[test]
    fn commands_name_the_environment_as_it_was_given() {
        let told = renamed(
            "storm of demo: `loadrig test demo --attach`, `--stop demo` or `loadrig down demo`",
            "demo",
            "/tmp/a b/demo.yaml",
        );
        assert_eq!(
            told,
            "storm of demo: `loadrig test '/tmp/a b/demo.yaml' --attach`, `--stop demo` or \
             `loadrig down '/tmp/a b/demo.yaml'`"
        );
    }
}
