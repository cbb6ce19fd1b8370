//! Holds the modules to the direction of their dependencies: an import that is not in the
//! table is a decision, to be made in `ARCHITECTURE.md` and here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each module with the modules that it may import.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("diagnose", &[]),
    ("events", &[]),
    ("spec", &["diagnose"]),
    ("blueprint", &["spec"]),
    ("identity", &["blueprint", "diagnose", "spec"]),
    ("plan", &["blueprint", "spec"]),
    ("preflight", &["blueprint", "identity", "plan", "spec"]),
    (
        "engine",
        &[
            "blueprint",
            "diagnose",
            "events",
            "identity",
            "plan",
            "spec",
        ],
    ),
    // `local_cloud.rs` alone looks at the local cloud: it implements that module's trait.
    (
        "aws",
        &[
            "blueprint",
            "engine",
            "identity",
            "localcloud",
            "plan",
            "preflight",
            "spec",
        ],
    ),
    (
        "hosts",
        &["blueprint", "diagnose", "events", "identity", "spec"],
    ),
    ("loadtest", &["diagnose", "events", "spec"]),
    (
        "report",
        &["blueprint", "events", "loadtest", "plan", "spec"],
    ),
    ("localcloud", &["diagnose"]),
    (
        "ops",
        &[
            "aws",
            "blueprint",
            "diagnose",
            "engine",
            "events",
            "hosts",
            "identity",
            "loadtest",
            "localcloud",
            "plan",
            "preflight",
            "report",
            "spec",
        ],
    ),
    // `place.rs` and `commands/local.rs` alone look at `aws` and `localcloud`: they wire adapters.
    (
        "cli",
        &[
            "aws",
            "blueprint",
            "diagnose",
            "engine",
            "events",
            "loadtest",
            "localcloud",
            "ops",
            "plan",
            "preflight",
            "report",
            "spec",
        ],
    ),
];

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The text without its tests, which may arrange what the module itself may not know.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

fn imports(text: &str) -> BTreeSet<String> {
    code(text)
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}

#[test]
fn modules_import_only_what_stands_below_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut wrong = Vec::new();
    for (module, may) in &allowed {
        let mut found = Vec::new();
        let directory = root.join(module);
        if directory.is_dir() {
            files(&directory, &mut found);
        } else {
            found.push(directory.with_extension("rs"));
        }
        for file in found {
            for import in imports(&std::fs::read_to_string(&file).unwrap()) {
                let known = allowed.contains_key(import.as_str());
                if known && import != *module && !may.contains(&import.as_str()) {
                    wrong.push(format!("{} imports {import}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_is_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = std::fs::read_to_string(root.join("lib.rs")).unwrap();
    for module in lib.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        let module = module.trim_end_matches(';');
        assert!(
            MAY_IMPORT.iter().any(|(name, _)| *name == module),
            "{module}"
        );
    }
}

#[test]
fn sdk_ssh_and_output_stay_behind_their_doors() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&root, &mut found);
    let mut wrong = Vec::new();
    for file in found {
        let text = std::fs::read_to_string(&file).unwrap();
        let place = file
            .strip_prefix(&root)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        for (word, door) in [
            ("aws_sdk_", "aws/"),
            ("aws_config", "aws/"),
            ("openssh::", "hosts/"),
            ("println!(", "nowhere"),
        ] {
            // The SSH library's name is also a format's in the key crate.
            let hit = code(&text)
                .lines()
                .any(|line| !line.trim_start().starts_with("//") && line.contains(word));
            if hit && !place.starts_with(door) {
                wrong.push(format!("{place} has `{word}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn operations_know_no_command_line_and_no_terminal() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops");
    let mut found = Vec::new();
    files(&root, &mut found);
    assert!(found.len() > 20, "the operations are elsewhere");
    let mut wrong = Vec::new();
    for file in found {
        let text = std::fs::read_to_string(&file).unwrap();
        for word in [
            "clap",
            "print!(",
            "println!(",
            "io::stdin",
            "io::stdout",
            "io::stderr",
            "IsTerminal",
            "indicatif",
            "comfy_table",
            "process::exit",
            "crate::cli",
        ] {
            let hit = code(&text)
                .lines()
                .any(|line| !line.trim_start().starts_with("//") && line.contains(word));
            if hit {
                wrong.push(format!("{} has `{word}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_command_calls_another() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/commands");
    let mut found = Vec::new();
    files(&root, &mut found);
    let mut wrong = Vec::new();
    for file in found.iter().filter(|file| !file.ends_with("mod.rs")) {
        let text = std::fs::read_to_string(file).unwrap();
        let hit = code(&text)
            .lines()
            .any(|line| line.contains("commands::") || line.contains("use super::super"));
        if hit {
            wrong.push(file.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
