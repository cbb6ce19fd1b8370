//! Where reference architectures and environments are found, and how they are loaded.
//!
//! A name is looked for in the library's directory first, then among the files that are
//! part of the program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::document::Document;
use super::embedded::{self, Embedded};
use super::found::{FoundFile, read_file};
use super::load::{Architectures, check_architecture, check_environment};
use super::problem::{Problem, SourceText, Span, SpecErrors};
use super::{Architecture, Spec, suggest, values};

/// A directory with `reference-architectures/` and `environments/`, over the built-in files.
#[derive(Clone, Debug, Default)]
pub struct Library {
    root: Option<PathBuf>,
    /// What came out of pipes, by path: they give it once, and a command looks at a file more
    /// than once.
    piped: Arc<Mutex<BTreeMap<PathBuf, FoundFile>>>,
}

/// A file that passed every check.
#[derive(Clone, Debug)]
pub enum Checked {
    /// An environment, merged with its architecture.
    Environment(Box<Spec>),
    /// A reference architecture, which no environment has changed.
    Architecture(Box<Architecture>),
}

impl Library {
    /// A library over a directory; without one, over the current directory.
    ///
    /// Neither has to hold anything: the built-in architectures and environments are always
    /// there, and a file in the directory hides a built-in one of the same name.
    #[must_use]
    pub fn new(root: Option<PathBuf>) -> Self {
        Library {
            root,
            ..Self::default()
        }
    }

    /// Loads an environment by its name or by the path of its file.
    ///
    /// # Errors
    /// Everything that is wrong with the environment and its architecture, at once.
    pub fn load(&self, reference: &str) -> Result<Spec, SpecErrors> {
        let source = self.environment_source(reference)?;
        check_environment(self, source)
    }

    /// Loads an environment from text that has no file; `name` stands in for the file's.
    ///
    /// # Errors
    /// Everything that is wrong with the environment and its architecture, at once.
    pub fn load_text(&self, name: &str, text: &str) -> Result<Spec, SpecErrors> {
        check_environment(
            self,
            FoundFile {
                source: SourceText::new(name, text),
                stem: name.to_owned(),
                directory: None,
            },
        )
    }

    /// Checks a file of either kind, given as a path or as the name of an environment.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn validate(&self, reference: &str) -> Result<Checked, SpecErrors> {
        let found = self.environment_source(reference)?;
        if is_architecture(&found) {
            let checked = check_architecture(found)?;
            return Ok(Checked::Architecture(Box::new(checked)));
        }
        let spec = check_environment(self, found)?;
        Ok(Checked::Environment(Box::new(spec)))
    }

    /// The scenario that a path leads to, which [`validate`](Self::validate) knows nothing of.
    #[must_use]
    pub(crate) fn scenario(&self, reference: &str) -> Option<SourceText> {
        let path = is_path(reference).then(|| Path::new(reference))?;
        let found = self.read(path).ok()?;
        is_scenario(&found).then_some(found.source)
    }

    /// Reads a file; what is no regular file is read once.
    fn read(&self, path: &Path) -> Result<FoundFile, SpecErrors> {
        if path.is_file() {
            return read_file(path);
        }
        let mut piped = match self.piped.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        };
        if let Some(found) = piped.get(path) {
            return Ok(found.clone());
        }
        let found = read_file(path)?;
        piped.insert(path.to_owned(), found.clone());
        Ok(found)
    }

    /// Every reference architecture, smallest first.
    ///
    /// # Errors
    /// Everything that is wrong with any of them, at once.
    pub fn architectures(&self) -> Result<Vec<Architecture>, SpecErrors> {
        let mut architectures = Vec::new();
        let mut problems = Vec::new();
        for name in self.architecture_names() {
            match self.architecture(&name) {
                Ok(architecture) => architectures.push(architecture),
                Err(errors) => problems.extend(errors.problems),
            }
        }
        SpecErrors::check(problems)?;
        architectures.sort_by_key(|a| (a.concurrent_users, a.name.clone()));
        Ok(architectures)
    }

    /// One reference architecture by name.
    ///
    /// # Errors
    /// Everything that is wrong with it, or that there is none of this name.
    pub fn architecture(&self, name: &str) -> Result<Architecture, SpecErrors> {
        let known = self.architecture_names();
        let Some(found) = self.named("reference-architectures", name, embedded::ARCHITECTURES)?
        else {
            let label = suggest::nearest_sizes(name, &known);
            return Err(SpecErrors::unplaced(
                name,
                format!("there is no reference architecture `{name}`"),
                label,
                "`loadrig architectures` lists them",
            ));
        };
        check_architecture(found)
    }

    /// Names of the reference architectures.
    #[must_use]
    pub fn architecture_names(&self) -> Vec<String> {
        self.names("reference-architectures", embedded::ARCHITECTURES)
    }

    /// Names of the environments that have a file here or in the program.
    #[must_use]
    pub fn environment_names(&self) -> Vec<String> {
        self.names("environments", embedded::ENVIRONMENTS)
    }

    /// The file of an environment given by name or path; a built-in one has none.
    #[must_use]
    pub fn resolve(&self, reference: &str) -> Option<PathBuf> {
        let path = if is_path(reference) {
            PathBuf::from(reference)
        } else {
            self.path("environments", reference)
        };
        path.is_file().then_some(path)
    }

    /// Whether a reference is a path that no file can be read at.
    #[must_use]
    pub fn is_dead_path(&self, reference: &str) -> bool {
        is_path(reference)
            && self
                .resolve(reference)
                .is_none_or(|path| std::fs::File::open(path).is_err())
    }

    /// Where an environment of this name has, or would have, its file.
    pub(crate) fn path(&self, directory: &str, name: &str) -> PathBuf {
        self.in_root(Path::new(directory).join(format!("{name}.yaml")))
    }

    /// A path below the library's directory.
    pub(crate) fn in_root(&self, file: impl AsRef<Path>) -> PathBuf {
        match &self.root {
            Some(root) => root.join(file),
            None => file.as_ref().to_owned(),
        }
    }

    /// A problem with the value at a path of an environment's YAML, for whoever looks at what the
    /// YAML names. Where the path is missing, the file's beginning is meant.
    pub(crate) fn problem_at(
        &self,
        reference: &str,
        path: &[&str],
        message: &str,
        label: &str,
    ) -> Result<Problem, SpecErrors> {
        let found = self.environment_source(reference)?;
        let document = Document::parse(found.source, &mut Vec::new());
        let span = document.find(path).unwrap_or(Span::START);
        Ok(document.place(span).problem(message, label))
    }

    pub(super) fn environment_source(&self, reference: &str) -> Result<FoundFile, SpecErrors> {
        if is_path(reference) {
            return self.read(Path::new(reference));
        }
        if let Some(found) = self.named("environments", reference, embedded::ENVIRONMENTS)? {
            return Ok(found);
        }
        let known = self.environment_names();
        Err(SpecErrors::unplaced(
            &self.path("environments", reference).display().to_string(),
            format!("there is no environment `{reference}`"),
            suggest::or_expected(reference, known.iter().map(String::as_str)),
            &match values::name_fault(reference) {
                _ if self
                    .architecture_names()
                    .iter()
                    .any(|name| name == reference) =>
                {
                    format!(
                        "`{reference}` is a size: `loadrig init NAME --architecture {reference}` writes an environment of it"
                    )
                }
                Some(fault) => format!("the name `{reference}` {fault}"),
                None => format!("`loadrig init {reference} --architecture 10k` writes one"),
            },
        ))
    }

    pub(crate) fn named(
        &self,
        directory: &str,
        name: &str,
        embedded: &[Embedded],
    ) -> Result<Option<FoundFile>, SpecErrors> {
        // A name is one path component; anything else would reach outside the directory.
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
            return Ok(None);
        }
        let path = self.path(directory, name);
        if path.is_file() {
            return read_file(&path).map(Some);
        }
        let built_in = embedded.iter().find(|file| file.name == name);
        Ok(built_in.map(|file| FoundFile {
            source: SourceText::new(format!("{directory}/{name}.yaml (built in)"), file.text),
            stem: name.to_owned(),
            directory: None,
        }))
    }

    fn names(&self, directory: &str, embedded: &[Embedded]) -> Vec<String> {
        let mut names: Vec<String> = embedded.iter().map(|file| file.name.to_owned()).collect();
        let listed = self.path(directory, "any");
        let entries = listed.parent().and_then(|dir| std::fs::read_dir(dir).ok());
        let mut own: Vec<String> = entries
            .into_iter()
            .flatten()
            .filter_map(|entry| yaml_stem(&entry.ok()?.path()))
            .filter(|name| !names.contains(name))
            .collect();
        own.sort();
        names.append(&mut own);
        names
    }
}

impl Architectures for Library {
    fn find(&self, name: &str) -> Result<Option<FoundFile>, SpecErrors> {
        self.named("reference-architectures", name, embedded::ARCHITECTURES)
    }

    fn names(&self) -> Vec<String> {
        self.architecture_names()
    }
}

fn is_path(reference: &str) -> bool {
    reference.contains('/') || yaml_stem(Path::new(reference)).is_some()
}

/// A file is a scenario when it says so by where it is or by what it holds.
fn is_scenario(found: &FoundFile) -> bool {
    let directory = found.directory.as_deref().and_then(Path::file_name);
    let document = Document::parse(found.source.clone(), &mut Vec::new());
    directory.is_some_and(|name| name == "scenarios")
        || ["steps", "phases", "thresholds"]
            .iter()
            .any(|key| document.find(&[key]).is_some())
}

/// A file is an architecture when it says so by where it is or by what it holds.
fn is_architecture(found: &FoundFile) -> bool {
    let directory = found.directory.as_deref().and_then(Path::file_name);
    let mut ignored = Vec::new();
    directory.is_some_and(|name| name == "reference-architectures")
        || Document::parse(found.source.clone(), &mut ignored)
            .find(&["concurrent_users"])
            .is_some()
}

fn yaml_stem(path: &Path) -> Option<String> {
    let extension = path.extension()?.to_str()?;
    let is_yaml = matches!(extension, "yaml" | "yml");
    let stem = path.file_stem()?.to_str()?;
    is_yaml.then(|| stem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_hides_the_built_in_one_of_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let library = Library::new(Some(directory.path().to_path_buf()));
        assert_eq!(library.load("demo").unwrap().architecture, "1k");
        assert_eq!(library.resolve("demo"), None);
        std::fs::create_dir(directory.path().join("environments")).unwrap();
        let path = directory.path().join("environments/demo.yaml");
        std::fs::write(&path, "architecture: 2k").unwrap();
        assert_eq!(library.load("demo").unwrap().architecture, "2k");
        assert_eq!(library.resolve("demo"), Some(path));
        assert!(
            library
                .environment_names()
                .contains(&"gold-standard".to_owned())
        );
    }

    #[test]
    fn a_user_architecture_is_found_beside_the_built_in_ones() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("reference-architectures")).unwrap();
        let text = embedded::ARCHITECTURES[1]
            .text
            .replace("concurrent_users: 1000", "concurrent_users: 500");
        std::fs::write(
            directory.path().join("reference-architectures/tiny.yaml"),
            text,
        )
        .unwrap();
        let library = Library::new(Some(directory.path().to_path_buf()));
        let names: Vec<String> = library
            .architectures()
            .unwrap()
            .into_iter()
            .map(|a| a.name)
            .collect();
        assert_eq!(names[..3], ["200", "tiny", "1k"]);
        let spec = library.load_text("test", "architecture: tiny").unwrap();
        assert_eq!(spec.concurrent_users, 500);
    }

    #[test]
    fn names_do_not_reach_outside_the_directory() {
        let library = Library::default();
        for name in ["../demo", "..", ".hidden", "a/b", ""] {
            assert!(library.architecture(name).is_err(), "{name}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_file_without_end_is_refused() {
        let errors = Library::default().load("/dev/zero").unwrap_err();
        assert_eq!(
            errors.problems[0].message,
            "`/dev/zero` is larger than 1 MiB"
        );
    }

    #[test]
    fn scenarios_and_environments_are_distinguished_by_content() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let library = Library::default();
        let is_scenario = |path: &str| library.scenario(path).is_some();
        assert!(is_scenario(&write("a.yaml", "name: a\nsteps: {}\n")));
        assert!(!is_scenario(&write("b.yaml", "architecture: 1k\n")));
        assert!(!is_scenario("no/such.yaml"));
    }

    #[test]
    fn an_unreadable_file_is_reported_without_a_line_number() {
        let directory = tempfile::tempdir().unwrap();
        let binary = directory.path().join("x.yaml");
        std::fs::write(&binary, [0xff, 0xfe, 0x00]).unwrap();
        let library = Library::default();
        for reference in [
            binary.to_str().unwrap(),
            "./no/such/file.yaml",
            "no-such-environment",
        ] {
            let errors = library.load(reference).unwrap_err();
            assert_eq!(errors.problems[0].line, 0, "{reference}");
        }
        let errors = library.load("dmeo").unwrap_err();
        assert_eq!(errors.problems[0].label, "did you mean `demo`?");
    }
}
