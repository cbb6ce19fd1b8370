//! An environment in which some keys come from elsewhere than its file, as from the command
//! line.

use serde_json::{Map, Value};

use super::document::Document;
use super::load::check_environment;
use super::problem::{SourceText, SpecErrors};
use super::{Library, Spec, environment_schema, reader};

/// An environment that has no file of its own.
#[derive(Clone, Debug)]
pub struct OverlaidEnvironment {
    /// What it says.
    pub spec: Spec,
    /// The same as YAML, for a file.
    pub text: String,
}

impl Library {
    /// Loads an environment with the keys of its file as `change` leaves them.
    ///
    /// # Errors
    /// Everything that is wrong with the environment's file; or else with what the change makes of it.
    pub fn load_changed(
        &self,
        reference: &str,
        change: impl FnOnce(&mut Map<String, Value>),
    ) -> Result<OverlaidEnvironment, SpecErrors> {
        let mut found = self.environment_source(reference)?;
        let mut problems = Vec::new();
        let document = Document::parse(found.source, &mut problems);
        let mut read = reader::read(&document, environment_schema(), &mut problems);
        SpecErrors::check(problems)?;
        if let Some(keys) = read.as_object_mut() {
            change(keys);
        }
        let text = yaml(&read);
        let name = format!("{} with the options of the command", document.source.name);
        found.source = SourceText::new(name, text.clone());
        let spec = check_environment(self, found)?;
        Ok(OverlaidEnvironment { spec, text })
    }
}

/// A tree as YAML. Its keys are those of the schema at the two upper levels, where they are
/// written as people do; below, JSON is YAML.
fn yaml(tree: &Value) -> String {
    let mut text = String::new();
    for (key, value) in tree.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(members) if !members.is_empty() => {
                text += &format!("{key}:\n");
                for (key, value) in members {
                    text += &format!("  {}: {value}\n", Value::from(key.as_str()));
                }
            }
            _ => text += &format!("{key}: {value}\n"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_from_elsewhere_replace_those_of_the_file_and_the_text_says_the_same() {
        let library = Library::new(Some("no-such-directory".into()));
        let found = library.load_changed("demo", |keys| {
            keys.insert("time_to_live".to_owned(), json!("2h"));
            keys.insert("tags".to_owned(), json!({"purpose": "another"}));
        });
        let found = found.unwrap();
        assert_eq!(found.spec.name, "demo");
        assert_eq!(found.spec.tags["purpose"], "another");
        assert_eq!(found.spec.architecture, "1k");
        assert_eq!(library.load_text("demo", &found.text).unwrap(), found.spec);
    }

    #[test]
    fn what_the_keys_make_wrong_is_refused_at_its_line() {
        let library = Library::new(Some("no-such-directory".into()));
        let wrong = library.load_changed("demo", |keys| {
            keys.insert("time_to_live".to_owned(), json!("soon"));
        });
        let errors = wrong.unwrap_err();
        let [problem] = errors.problems.as_slice() else {
            panic!("{errors:?}");
        };
        assert!(problem.file.contains("with the options"), "{problem:?}");
        assert!(problem.source_line.contains("soon"), "{problem:?}");
    }
}
