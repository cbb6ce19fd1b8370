//! The page of known faults against the tests that it names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where tests are.
const FOLDERS: &[&str] = &["tests/it", "src", "strict-cloud/src"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

/// The functions that follow an attribute of a test.
fn tests_of(code: &str) -> Vec<String> {
    let after = code.split("test]\n").skip(1);
    let after = after.chain(code.split("test(flavor").skip(1));
    let names = after.filter_map(|rest| {
        let (_, rest) = rest.split_once("fn ")?;
        Some(rest.split('(').next()?.to_owned())
    });
    names.collect()
}

#[test]
fn every_known_fault_has_the_tests_that_its_page_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in FOLDERS {
        sources(&root.join(folder), &mut files);
    }
    let known: BTreeSet<String> = files
        .iter()
        .flat_map(|path| tests_of(&std::fs::read_to_string(path).unwrap()))
        .collect();
    let page = include_str!("../../docs/strict-cloud.md");
    let section = page.split("## Known faults and their tests").nth(1);
    let section = section.unwrap().split("\n## ").next().unwrap();
    let mut named = 0;
    for row in section.lines().filter(|line| line.starts_with("| ")) {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for test in tests.split(' ').filter(|word| word.starts_with('`')) {
            let test = test.trim_matches('`');
            assert!(known.contains(test), "no test is called `{test}`");
            named += 1;
        }
    }
    assert!(named > 20, "{named}");
}
