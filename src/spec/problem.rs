//! What is wrong with a file and where, shown the way compilers show it.
//!
//! Knows nothing of environments; only text, places and words.

use std::fmt;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Serialize;

use crate::diagnose::{Diagnose, ExitCode};

/// Most characters of a message or label: values of any length may stand in them.
const LONGEST_TEXT: usize = 600;
/// Most characters of a source line that JSON output repeats.
const LONGEST_SOURCE_LINE: usize = 400;
/// Most problems that are kept; the rest are counted.
const MOST_SHOWN: usize = 50;

/// The text of one file and the name that people know it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceText {
    /// Path as the user wrote it, or `(built in) …` for a file inside the program.
    pub(crate) name: String,
    /// The whole text.
    pub(crate) text: String,
    /// Where each line begins, in bytes: files with thousands of problems show thousands of lines.
    line_starts: Vec<usize>,
}

impl SourceText {
    /// A text and its name.
    pub(crate) fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let after = text.match_indices('\n').map(|(end, _)| end + 1);
        let line_starts = std::iter::once(0).chain(after).collect();
        Self {
            name: name.into(),
            text,
            line_starts,
        }
    }

    /// A line, counted from 1, without its end; nothing beyond the last one.
    pub(crate) fn line(&self, number: usize) -> &str {
        let start = |index: usize| self.line_starts.get(index).copied();
        let Some(from) = number.checked_sub(1).and_then(start) else {
            return "";
        };
        let to = start(number).unwrap_or(self.text.len());
        self.text[from..to].trim_end_matches(['\r', '\n'])
    }
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
pub(crate) struct SourcePlace {
    pub(crate) source: Arc<SourceText>,
    pub(crate) span: Span,
}

impl SourcePlace {
    /// A problem at this place; `label` is shown beside the caret.
    pub(crate) fn problem(&self, message: impl Into<String>, label: impl Into<String>) -> Problem {
        Problem {
            file: self.source.name.clone(),
            line: self.span.line,
            column: self.span.column,
            width: self.span.width,
            source_line: cut(self.source.line(self.span.line), LONGEST_SOURCE_LINE),
            message: cut(&message.into(), LONGEST_TEXT),
            label: cut(&label.into(), LONGEST_TEXT),
            hint: None,
            source: Some(Arc::clone(&self.source)),
        }
    }
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Path of the file, as it was named.
    pub file: String,
    /// Line, from 1; 0 when the file itself is meant.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// How many characters are meant.
    pub width: usize,
    /// The text of the line; a very long line is cut and ends with `…`.
    pub source_line: String,
    /// What is wrong, with the value in backticks.
    pub message: String,
    /// What was expected, or what was probably meant.
    pub label: String,
    /// How to put it right, when that takes more than the label.
    pub hint: Option<String>,
    /// The whole file, from which the excerpt is rendered; a file that cannot be read has none.
    #[serde(skip)]
    source: Option<Arc<SourceText>>,
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
            printable(&self.file),
            printable(&self.label)
        )?;
        match &self.hint {
            Some(hint) => write!(f, "\n   = hint: {}", printable(hint)),
            None => Ok(()),
        }
    }

    /// The line of the file that is meant, and the bytes of it to mark.
    fn excerpt(&self) -> (String, std::ops::Range<usize>) {
        let source = self.source.as_ref();
        let line = source.map_or("", |source| source.line(self.line));
        // One character for one: the column stays right, and a tab is one column wide.
        let line = printable(line);
        let byte_of = |character: usize| {
            let mut starts = line.char_indices().map(|(start, _)| start);
            starts.nth(character).unwrap_or(line.len())
        };
        let start = byte_of(self.column.saturating_sub(1));
        let end = byte_of(self.column.saturating_sub(1) + self.width.max(1));
        (line, start..end)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return self.fmt_unplaced(f);
        }
        let (line, span) = self.excerpt();
        let snippet = Snippet::source(line)
            .line_start(self.line)
            .path(printable(&self.file))
            .annotation(
                AnnotationKind::Primary
                    .span(span)
                    .label(printable(&self.label)),
            );
        let report = Level::ERROR
            .primary_title(printable(&self.message))
            .element(snippet)
            .elements(
                self.hint
                    .as_ref()
                    .map(|hint| Level::HELP.with_name("hint").message(printable(hint))),
            );
        f.write_str(&Renderer::plain().render(&[report]))
    }
}

/// Text that is safe to print: control characters, and the invisible characters that reorder or
/// hide text on a terminal, become visible. One character stays one character.
fn printable(text: &str) -> String {
    let visible = |c: char| match c {
        c if c.is_control() => ' ',
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}' => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(visible).collect()
}

/// At most `most` characters of a text.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Everything that is wrong with an environment and its architecture, in reading order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[must_use]
pub struct SpecErrors {
    /// The first problems; never empty.
    pub problems: Vec<Problem>,
    /// How many there are.
    pub count: usize,
}

impl From<Problem> for SpecErrors {
    fn from(problem: Problem) -> Self {
        SpecErrors {
            problems: vec![problem],
            count: 1,
        }
    }
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
        let count = problems.len();
        problems.truncate(MOST_SHOWN);
        Err(SpecErrors { problems, count })
    }

    /// One problem that has no line: a file that cannot be found or read.
    pub(crate) fn unplaced(file: &str, message: String, label: String, hint: &str) -> SpecErrors {
        let problem = Problem {
            file: file.to_owned(),
            line: 0,
            column: 0,
            width: 0,
            source_line: String::new(),
            message: cut(&message, LONGEST_TEXT),
            label: cut(&label, LONGEST_TEXT),
            hint: Some(hint.to_owned()),
            source: None,
        };
        problem.into()
    }
}

impl fmt::Display for SpecErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            write!(f, "{problem}\n\n")?;
        }
        match (self.count, self.problems.len()) {
            (1, _) => write!(f, "1 problem"),
            (count, shown) if count > shown => {
                write!(f, "{count} problems; the first {shown} are shown")
            }
            (count, _) => write!(f, "{count} problems"),
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
        let source = SourceText::new("a.yaml", "x: 1\nregion: mars\n");
        let place = SourcePlace {
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
    fn lines_are_found_whatever_ends_them() {
        let source = SourceText::new("a.yaml", "a\r\nb\n\nc");
        let lines: Vec<&str> = (0..6).map(|number| source.line(number)).collect();
        assert_eq!(lines, ["", "a", "b", "", "c", ""]);
    }

    fn problem_at(text: &str, column: usize, width: usize) -> Problem {
        let source = SourceText::new("a.yaml", text);
        let place = SourcePlace {
            source: Arc::new(source),
            span: Span {
                line: 1,
                column,
                width,
            },
        };
        place.problem("bad", "x")
    }

    #[test]
    fn a_long_line_is_cut_around_the_value() {
        let text = format!("{}MARK{}\n", "a".repeat(100_000), "b".repeat(100_000));
        let problem = problem_at(&text, 100_001, 4);
        let shown = problem.to_string();
        assert!(
            shown.contains("MARK") && shown.contains("^^^^ x"),
            "{shown}"
        );
        assert!(shown.contains("a.yaml:1:100001"), "{shown}");
        assert!(
            shown.lines().all(|line| line.chars().count() < 250),
            "{shown}"
        );
        assert!(problem.source_line.chars().count() <= LONGEST_SOURCE_LINE + 1);
    }

    #[test]
    fn a_long_value_does_not_flood_the_message() {
        let source = SourceText::new("a.yaml", "x\n");
        let place = SourcePlace {
            source: Arc::new(source),
            span: Span::START,
        };
        let problem = place.problem("m".repeat(5_000_000), "l".repeat(5_000_000));
        assert!(problem.to_string().len() < 3000);
    }

    #[test]
    fn only_the_first_problems_are_shown() {
        let problems = (1..=9000).map(|column| problem_at("x: 1", column, 1));
        let errors = SpecErrors::check(problems.collect()).unwrap_err();
        assert_eq!(errors.problems.len(), MOST_SHOWN);
        let shown = errors.to_string();
        assert!(shown.ends_with("9000 problems; the first 50 are shown"));
        assert!(shown.len() < 20_000);
    }

    #[test]
    fn characters_that_reorder_text_are_made_visible() {
        let shown = problem_at("x: \u{202e}gnihton\u{2066}\u{200b}", 4, 8).to_string();
        assert!(
            shown.contains("x: \u{fffd}gnihton\u{fffd}\u{fffd}"),
            "{shown}"
        );
        assert!(!shown.contains('\u{202e}'));
    }

    #[test]
    fn control_characters_are_not_printed() {
        let source = SourceText::new("a.yaml", "x: \u{1b}[31m\n");
        let place = SourcePlace {
            source: Arc::new(source),
            span: Span::START,
        };
        assert!(!place.problem("bad", "x").to_string().contains('\u{1b}'));
    }
}
