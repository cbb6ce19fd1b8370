//! What is wrong with a file and where, shown the way compilers show it.
//!
//! Knows nothing of environments; only text, places and words.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::diagnose::{Diagnose, ExitCode};

/// The text of one file and the name that people know it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// Path as the user wrote it, or `(built in) …` for a file inside the program.
    pub(crate) name: String,
    /// The whole text.
    pub(crate) text: String,
}

/// A stretch of one line. Lines and columns count from 1, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) width: usize,
}

impl Span {
    /// Where a file begins.
    pub(crate) const START: Span = Span {
        line: 1,
        column: 1,
        width: 1,
    };
}

/// A stretch of a line of a file.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) source: Arc<Source>,
    pub(crate) span: Span,
}

impl Place {
    /// A problem at this place; `label` stands beside the caret.
    pub(crate) fn problem(&self, message: impl Into<String>, label: impl Into<String>) -> Problem {
        let line = self.source.text.lines().nth(self.span.line - 1);
        Problem {
            file: self.source.name.clone(),
            line: self.span.line,
            column: self.span.column,
            width: self.span.width,
            source_line: line.unwrap_or_default().to_owned(),
            message: message.into(),
            label: label.into(),
            hint: None,
        }
    }
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// Line, from 1; 0 when the file itself is meant.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// How many characters are meant.
    pub width: usize,
    /// The text of the line.
    pub source_line: String,
    /// What is wrong, with the value in backticks.
    pub message: String,
    /// What was expected, or what was probably meant.
    pub label: String,
    /// How to put it right, when that takes more than the label.
    pub hint: Option<String>,
}

impl Problem {
    /// The same problem with a hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Without a line there is nothing to put a caret under.
    fn fmt_unplaced(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "error: {}\n  --> {}\n   = {}",
            printable(&self.message),
            self.file,
            self.label
        )?;
        match &self.hint {
            Some(hint) => write!(f, "\n   = hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return self.fmt_unplaced(f);
        }
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        // A tab would move the caret by an unknown amount: print it as one space.
        let line = printable(&self.source_line);
        let before = " ".repeat(self.column.saturating_sub(1));
        let carets = "^".repeat(self.width.max(1));
        writeln!(f, "error: {}", printable(&self.message))?;
        writeln!(f, "{gutter}--> {}:{}:{}", self.file, self.line, self.column)?;
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{}", format!("{number} | {line}").trim_end())?;
        let label = printable(&self.label);
        write!(
            f,
            "{gutter} | {}",
            format!("{before}{carets} {label}").trim_end()
        )?;
        if let Some(hint) = &self.hint {
            write!(f, "\n{gutter} = hint: {hint}")?;
        }
        Ok(())
    }
}

/// Control characters of a broken file must not reach the terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Everything that is wrong with an environment and its architecture, in reading order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[must_use]
pub struct SpecErrors {
    /// The problems; never empty.
    pub problems: Vec<Problem>,
}

impl SpecErrors {
    /// `Ok` when there are no problems.
    pub(crate) fn check(mut problems: Vec<Problem>) -> Result<(), SpecErrors> {
        if problems.is_empty() {
            return Ok(());
        }
        // Stable: problems of one place stay in the order in which they were found, and
        // the file that was found wanting first comes first.
        let mut files: Vec<String> = Vec::new();
        for problem in &problems {
            if !files.contains(&problem.file) {
                files.push(problem.file.clone());
            }
        }
        let rank = |file: &String| files.iter().position(|known| known == file);
        problems.sort_by_key(|p| (rank(&p.file), p.line, p.column));
        problems.dedup();
        Err(SpecErrors { problems })
    }

    /// One problem that has no line: a file that cannot be found or read.
    pub(crate) fn unplaced(file: &str, message: String, label: String, hint: &str) -> SpecErrors {
        SpecErrors {
            problems: vec![Problem {
                file: file.to_owned(),
                line: 0,
                column: 0,
                width: 0,
                source_line: String::new(),
                message,
                label,
                hint: Some(hint.to_owned()),
            }],
        }
    }
}

impl fmt::Display for SpecErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            write!(f, "{problem}\n\n")?;
        }
        match self.problems.len() {
            1 => write!(f, "1 problem"),
            count => write!(f, "{count} problems"),
        }
    }
}

impl std::error::Error for SpecErrors {}

impl Diagnose for SpecErrors {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_value() {
        let source = Source {
            name: "a.yaml".to_owned(),
            text: "x: 1\nregion: mars\n".to_owned(),
        };
        let place = Place {
            source: Arc::new(source),
            span: Span {
                line: 2,
                column: 9,
                width: 4,
            },
        };
        let text = place.problem("no region `mars`", "unknown").to_string();
        assert_eq!(
            text,
            "error: no region `mars`\n --> a.yaml:2:9\n  |\n2 | region: mars\n  |         ^^^^ unknown"
        );
    }

    #[test]
    fn control_characters_are_not_printed() {
        let source = Source {
            name: "a.yaml".to_owned(),
            text: "x: \u{1b}[31m\n".to_owned(),
        };
        let place = Place {
            source: Arc::new(source),
            span: Span::START,
        };
        assert!(!place.problem("bad", "x").to_string().contains('\u{1b}'));
    }
}
