//! Files of another kind, named by mistake: they are refused without repeating a word of them.
//!
//! A message with an excerpt ends up in terminals and logs; `/etc/shadow` or a file of tokens
//! does not belong there. Knows text and the keys of a schema only: such a file need not be YAML.

use serde_json::Value;

use super::problem::{SourceText, SpecErrors};
use super::suggest;

/// So many lines with keys are searched for misspelt ones.
const LINES_WITH_SLIPS: usize = 100;

/// Refuses a text that has no key of a schema at its top level, misspelt ones included. Texts
/// without any content pass: they have nothing to hide, and their own message.
///
/// # Errors
/// One, without a line.
pub(super) fn refuse_foreign(
    source: &SourceText,
    what: &str,
    schema: &Value,
) -> Result<(), SpecErrors> {
    let Some(properties) = schema["properties"].as_object() else {
        return Ok(());
    };
    let keys = || properties.keys().map(String::as_str);
    let mut lines = content(&source.text).peekable();
    let Some(first) = lines.peek() else {
        return Ok(());
    };
    let margin = indentation(first);
    let found = lines
        .filter(|line| indentation(line) == margin)
        .filter_map(key)
        .enumerate()
        .any(|(index, key)| {
            properties.contains_key(key)
                || (index < LINES_WITH_SLIPS && suggest::nearest(key, keys()).is_some())
        });
    if found {
        return Ok(());
    }
    Err(SpecErrors::unplaced(
        &source.name,
        format!("this file is not {what}: it has none of the keys of one"),
        format!("expected {}", suggest::one_of(keys())),
        "check the path; nothing of the file is shown, since it may hold secrets",
    ))
}

/// The lines that are neither empty nor comments nor marks of YAML itself.
fn content(text: &str) -> impl Iterator<Item = &str> {
    let is_content = |line: &&str| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#') && line != "---" && !line.starts_with('%')
    };
    text.lines().filter(is_content)
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The key that a line begins with; items of a list are looked into.
fn key(line: &str) -> Option<&str> {
    let line = line.trim_start().trim_start_matches(['{', '-', ' ']);
    let (key, rest) = line.split_once(':')?;
    let ends = rest.is_empty() || rest.starts_with(char::is_whitespace);
    ends.then(|| key.trim().trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(text: &str) -> Option<String> {
        let schema = json!({ "properties": { "architecture": {}, "region": {} } });
        let source = SourceText::new("x.yaml", text);
        let refused = refuse_foreign(&source, "an environment", &schema);
        refused.err().map(|errors| errors.to_string())
    }

    #[test]
    fn foreign_files_are_refused_without_their_content() {
        for text in [
            "root:$6$hunter2:20228:0:99999:7:::\n",
            "PASSWORD=hunter2\n",
            "apiVersion: v1\nkind: Secret\ndata:\n  region: hunter2\n",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n",
            "{\"token\": \"hunter2\"}",
            "- hunter2\n",
        ] {
            let shown = refused(text).unwrap_or_else(|| panic!("accepted: {text}"));
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(
                shown.contains("x.yaml") && shown.contains("`architecture`"),
                "{shown}"
            );
        }
    }

    #[test]
    fn files_of_ours_pass_however_broken() {
        for text in [
            "",
            "# a comment\n",
            "---\narchitecture: 1k\n",
            "arhcitecture: 1k\n",
            "  region:\n",
            "- architecture: 1k\n",
            "{ \"region\": us-east-1 }",
            "colour: red\nregion: [\n",
        ] {
            assert_eq!(refused(text), None, "{text}");
        }
    }
}
