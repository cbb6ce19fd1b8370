//! What values mean: everything that a schema cannot say.
//!
//! Works on shapes whose keys may be missing (they were wrong, or another file has them),
//! so that one wrong value hides no other. Problems point at the file that the value in
//! force came from.

mod settings;
mod sizes;

pub(crate) use settings::{DEFAULT_ZONES, Origin};
pub(crate) use sizes::CheckedSizes;

use super::document::Document;
use super::problem::{Place, Problem, Span};
use super::suggest;

/// The files that a rig is described by, and what is wrong with them.
pub(crate) struct Checker<'a> {
    /// Most specific first, each with the path under which its sizes stand.
    layers: Vec<(&'a Document, &'static [&'static str])>,
    /// The file that the command was about.
    main: &'a Document,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Checker<'a> {
    /// Checks a reference architecture by itself.
    pub(crate) fn architecture(document: &'a Document, problems: &'a mut Vec<Problem>) -> Self {
        Checker {
            layers: vec![(document, &[])],
            main: document,
            problems,
        }
    }

    /// Checks an environment over its architecture, where that was found.
    pub(crate) fn environment(
        document: &'a Document,
        architecture: Option<&'a Document>,
        problems: &'a mut Vec<Problem>,
    ) -> Self {
        let sizes: (_, &'static [&'static str]) = (document, &["sizes"]);
        let base: Option<(_, &'static [&'static str])> = architecture.map(|a| (a, &[][..]));
        Checker {
            layers: std::iter::once(sizes).chain(base).collect(),
            main: document,
            problems,
        }
    }

    /// Where the value in force of a size stands, or the nearest section around it.
    fn size_place(&self, path: &[&str]) -> Place {
        (1..=path.len())
            .rev()
            .flat_map(|depth| self.layers.iter().map(move |layer| (depth, layer)))
            .find_map(|(depth, (document, prefix))| {
                let whole: Vec<&str> = prefix.iter().chain(&path[..depth]).copied().collect();
                document.find(&whole).map(|span| document.place(span))
            })
            .unwrap_or_else(|| self.main.place(Span::START))
    }

    /// Where a setting of the environment stands, or the nearest section around it.
    fn place(&self, path: &[&str]) -> Place {
        (1..=path.len())
            .rev()
            .find_map(|depth| self.main.find(&path[..depth]))
            .map_or_else(|| self.main.place(Span::START), |span| self.main.place(span))
    }

    fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Says that there is no such architecture.
    pub(crate) fn unknown_architecture(&mut self, name: &str, known: &[String]) {
        let label = suggest::or_expected(name, known.iter().map(String::as_str));
        let problem = self
            .place(&["architecture"])
            .problem(format!("there is no reference architecture `{name}`"), label)
            .hint("`loadrig architectures` shows what each is for");
        self.report(problem);
    }
}
