//! Dependencies that nothing names, and crates that do not take the workspace's lints.

use std::collections::BTreeSet;
use std::fs;

use crate::{TaskFailure, root};

/// Fails if a manifest has a dependency that its crate's sources do not name, or if the
/// workspace lists one that no crate takes.
pub(crate) fn check() -> Result<(), TaskFailure> {
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
    let mut wrong = Vec::new();
    let mut inherited = BTreeSet::new();
    for member in members(&manifest) {
        let folder = root().join(&member);
        let text = fs::read_to_string(folder.join("Cargo.toml"))?;
        let mut named = BTreeSet::new();
        for sources in ["benches", "build.rs", "examples", "src", "tests"] {
            crate::sdk::collect_names(&folder.join(sources), &mut named)?;
        }
        if member == "." {
            crate::sdk::collect_names(&folder.join("xtask/generate"), &mut named)?;
        }
        if member == "storm" {
            // Its tests start the stand-in with that one's own test rig.
            let rig = root().join("standin/tests/server/rig");
            crate::sdk::collect_names(&rig, &mut named)?;
        }
        for dependency in entries(&text, |section| {
            section.ends_with("dependencies]") && section != "[workspace.dependencies]"
        }) {
            if !named.contains(&dependency.replace('-', "_")) {
                wrong.push(format!("{member}/Cargo.toml: nothing names `{dependency}`"));
            }
            inherited.insert(dependency);
        }
        if !text.contains("[lints]\nworkspace = true") {
            wrong.push(format!(
                "{member}/Cargo.toml: `[lints] workspace = true` is missing"
            ));
        }
    }
    for dependency in entries(&manifest, |section| section == "[workspace.dependencies]") {
        if !inherited.contains(&dependency) {
            wrong.push(format!(
                "Cargo.toml: no crate takes `{dependency}` from the workspace"
            ));
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(TaskFailure(wrong.join("\n")))
    }
}

fn members(manifest: &str) -> Vec<String> {
    let line = manifest
        .lines()
        .find(|line| line.starts_with("members = "))
        .unwrap_or_default();
    line.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// Keys of the sections that are wanted.
fn entries(manifest: &str, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = wanted(line.trim());
        } else if inside && line.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            let end = line
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
                .unwrap_or(line.len());
            found.push(line[..end].to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_the_keys_of_a_section() {
        let manifest = "[package]\nname = \"a\"\n[dependencies]\n# Why.\nserde_json = \"1\"\ntokio.workspace = true\n[lints]\nworkspace = true\n";
        assert_eq!(
            entries(manifest, |section| section == "[dependencies]"),
            ["serde_json", "tokio"]
        );
        assert_eq!(members("members = [\".\", \"standin\"]"), [".", "standin"]);
    }
}
