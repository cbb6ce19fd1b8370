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
            "diagnose",
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
fn modules_import_only_from_lower_layers() {
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
fn sdk_ssh_and_output_are_used_in_their_modules_only() {
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
fn operations_do_not_use_the_command_line_or_terminal() {
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

/// A module with the text of its file.
struct SourceFile {
    /// Its path below `src`.
    path: String,
    text: String,
}

/// Every module below `src` by its path in the crate: `["aws", "tags"]`.
fn source_files() -> BTreeMap<Vec<String>, SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&root, &mut found);
    let mut modules = BTreeMap::new();
    for file in found {
        let path = file.strip_prefix(&root).unwrap().with_extension("");
        let mut module: Vec<String> = path
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        if module == ["main"] {
            continue;
        }
        if module == ["lib"] {
            module.clear();
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let text: String = code(&text)
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .flat_map(|line| [line, "\n"])
            .collect();
        let path = file.strip_prefix(&root).unwrap().display().to_string();
        modules.insert(module, SourceFile { path, text });
    }
    modules
}

/// The paths of a use tree, one for each leaf: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn leaves(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((prefix, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or(tree);
        return vec![path.split_whitespace().collect()];
    };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for c in inner.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(c);
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts
        .flat_map(|part| leaves(part))
        .map(|leaf| format!("{}{leaf}", prefix.trim()))
        .collect()
}

/// A path of a module's text from the crate's root; `None` when it leads out of the crate.
fn from_root(
    path: &str,
    module: &[String],
    modules: &BTreeMap<Vec<String>, SourceFile>,
) -> Option<Vec<String>> {
    let mut parts = path.split("::").map(str::to_owned).peekable();
    let mut base = module.to_vec();
    match parts.peek()?.as_str() {
        "crate" => {
            parts.next();
            base.clear();
        }
        "self" => {
            parts.next();
        }
        "super" => {
            while parts.next_if(|part| part == "super").is_some() {
                base.pop();
            }
        }
        child => {
            let child = [module, &[child.to_owned()]].concat();
            modules.get(&child)?;
        }
    }
    base.extend(parts);
    Some(base)
}

/// What a module imports by `use`, and names by path, from the crate's root; with what it
/// re-exports.
fn paths_of(
    module: &[String],
    modules: &BTreeMap<Vec<String>, SourceFile>,
) -> (Vec<Vec<String>>, BTreeMap<String, Vec<String>>) {
    let text = &modules[module].text;
    let (mut paths, mut exported) = (Vec::new(), BTreeMap::new());
    let mut body = String::new();
    for statement in text.split_inclusive(';') {
        let start = statement
            .match_indices("use ")
            .map(|(at, _)| at)
            .find(|at| at == &0 || statement[..*at].ends_with(['\n', ' ']));
        let tree = start.map(|at| (at, statement[at + 4..].trim_end_matches(';')));
        let Some((at, tree)) = tree.filter(|(_, tree)| is_use_tree(tree)) else {
            body.push_str(statement);
            continue;
        };
        let line = statement[..at].rsplit('\n').next().unwrap_or_default();
        body.push_str(&statement[..at]);
        for leaf in leaves(tree) {
            let Some(path) = from_root(&leaf, module, modules) else {
                continue;
            };
            if line.trim_start().starts_with("pub")
                && let Some(name) = path.last()
            {
                exported.insert(name.clone(), path.clone());
            }
            paths.push(path);
        }
    }
    for word in body.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':') {
        let start = ["crate::", "super::"].iter().find_map(|s| word.find(s));
        if let Some(at) = start {
            paths.extend(from_root(word[at..].trim_end_matches(':'), module, modules));
        }
    }
    (paths, exported)
}

fn is_use_tree(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_:{},* \n".contains(c);
    text.contains("::") && text.chars().all(fits)
}

#[test]
fn no_two_files_import_each_other() {
    let modules = source_files();
    let parsed: BTreeMap<&Vec<String>, _> = modules
        .keys()
        .map(|module| (module, paths_of(module, &modules)))
        .collect();
    // The file that defines what a path names: re-exports are followed.
    let definer = |path: &[String]| -> Option<Vec<String>> {
        let mut path = path.to_vec();
        for _ in 0..8 {
            let at = (0..=path.len())
                .rev()
                .find(|n| modules.contains_key(&path[..*n]))?;
            let (module, rest) = path.split_at(at);
            let Some(name) = rest.first() else {
                return Some(module.to_vec());
            };
            let exported = parsed[&module.to_vec()].1.get(name);
            match exported.filter(|target| target.as_slice() != path) {
                Some(target) => path = [target.as_slice(), &rest[1..]].concat(),
                None => return Some(module.to_vec()),
            }
        }
        None
    };
    let mut edges: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (module, (paths, _)) in &parsed {
        let from = modules[*module].path.as_str();
        for to in paths.iter().filter_map(|path| definer(path)) {
            let to = modules[&to].path.as_str();
            // What only declares and re-exports is no part of a circle.
            if from != to && ![from, to].iter().any(|path| is_declaring(path)) {
                edges.insert((from, to));
            }
        }
    }
    assert!(
        edges.len() > 300,
        "the parser found {} imports",
        edges.len()
    );
    let circles: Vec<String> = edges
        .iter()
        .filter(|(from, to)| from < to && edges.contains(&(*to, *from)))
        .map(|(from, to)| format!("{from} and {to} import each other"))
        .collect();
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

fn is_declaring(path: &str) -> bool {
    path == "lib.rs" || path.ends_with("mod.rs")
}

/// The one name that is defined twice, and where: a type for each kind of system, of which a
/// build has one.
const DEFINED_FOR_EACH_SYSTEM: (&str, &str) = ("Signals", "src/cli/stop.rs");

/// The name of the type that a line defines.
fn defined_type(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = match line.strip_prefix("pub(") {
        Some(rest) => rest.split_once(')')?.1.trim_start(),
        None => line.strip_prefix("pub ").unwrap_or(line),
    };
    let mut words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let keyword = words.next()?;
    let name = words.next()?;
    let defines = ["struct", "enum", "trait", "union"].contains(&keyword);
    // In a macro the name may be one of its variables.
    (defines && name.starts_with(|c: char| c.is_ascii_uppercase())).then_some(name)
}

#[test]
fn no_type_name_is_defined_twice() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for directory in [
        "src",
        "strict-cloud/src",
        "standin/src",
        "storm/src",
        "license/src",
        "local-image/src",
        "search-proxy/src",
        "xtask",
        "examples",
    ] {
        files(&root.join(directory), &mut found);
    }
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in found.iter().filter(|file| !file.ends_with("tests.rs")) {
        let text = std::fs::read_to_string(file).unwrap();
        let place = file.strip_prefix(root).unwrap().display().to_string();
        for name in code(&text).lines().filter_map(defined_type) {
            let at = places.entry(name.to_owned()).or_default();
            if !((name, place.as_str()) == DEFINED_FOR_EACH_SYSTEM && at.contains(&place)) {
                at.push(place.clone());
            }
        }
    }
    assert!(places.len() > 500, "the types are elsewhere");
    let twice: Vec<String> = places
        .iter()
        .filter(|(_, places)| places.len() > 1)
        .map(|(name, places)| format!("{name} is defined in {}", places.join(" and ")))
        .collect();
    assert!(twice.is_empty(), "{}", twice.join("\n"));
}
