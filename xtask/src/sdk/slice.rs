//! One SDK crate, cut down to some operations and what they reach.
//!
//! Generated crates are regular: every reference to another module is spelled from `crate::`,
//! and a few *index* modules only declare and re-export what other files hold. So files are
//! kept or dropped whole, by following those references from the operations; of index modules
//! each item is looked at by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::lexer::{closing, code_only, items, without_docs};
use super::methods::{used, without_unused};

/// Modules that hold nothing of their own but a line for each of many files.
const INDEXES: &[&str] = &[
    "",
    "client",
    "lens",
    "operation",
    "protocol_serde",
    "serde_util",
    "types",
    "types::builders",
    "types::error",
    "types::error::builders",
    "waiters",
];

/// Kept in any case; the rest of the crate's root only where something refers to it.
const ROOTS: &[&str] = &[
    "client",
    "client::customize",
    "config",
    "error",
    "meta",
    "operation",
    "primitives",
    "types",
];

/// The crate's error of all errors, which nobody asks for and everything hangs on, and waiters:
/// loadrig waits by its own clock.
const UNWANTED: &[&str] = &["error_meta", "waiters"];

struct Item {
    text: String,
    /// Names it defines or re-exports.
    names: Vec<String>,
    /// `mod name;`
    module: Option<String>,
    /// Paths from the crate's root that it mentions.
    paths: Vec<Vec<String>>,
    kept: bool,
}

struct Module {
    file: PathBuf,
    items: Vec<Item>,
    reached: bool,
}

/// A crate's modules by path, such as `types::_tag`.
pub(crate) struct CrateSource {
    modules: BTreeMap<String, Module>,
}

impl CrateSource {
    /// Reads `src/` of an unpacked crate.
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let mut modules = BTreeMap::new();
        read_modules(&root.join("src"), Path::new(""), &mut modules)?;
        Ok(Self { modules })
    }

    /// Names of the client's methods that make a call.
    pub(crate) fn operations(&self) -> BTreeSet<String> {
        let client = self
            .modules
            .keys()
            .filter_map(|path| path.strip_prefix("client::"));
        client
            .filter(|name| self.modules.contains_key(&format!("operation::{name}")))
            .map(str::to_owned)
            .collect()
    }

    /// Operations that the crate's fixed parts call themselves, as S3's sessions do.
    pub(crate) fn inner_operations(&self) -> BTreeSet<String> {
        let single = [
            "client::",
            "lens",
            "operation::",
            "protocol_serde::",
            "serde_util",
            "types::",
            "waiters",
        ];
        let mut called = self.operations();
        let fixed = self
            .modules
            .iter()
            .filter(|(path, _)| !single.iter().any(|prefix| path.starts_with(prefix)));
        let code: String = fixed
            .flat_map(|(_, module)| module.items.iter().map(|item| code_only(&item.text)))
            .collect();
        called.retain(|name| code.contains(&format!(".{name}()")));
        called
    }

    /// Follows every reference from the crate's fixed parts and these operations.
    pub(crate) fn reach(&mut self, operations: &BTreeSet<String>) {
        let mut open: Vec<Vec<String>> = ROOTS.iter().map(|path| segments(path)).collect();
        for name in operations {
            open.push(segments(&format!("client::{name}")));
            open.push(segments(&format!("operation::{name}")));
        }
        // Index items that are no declaration belong to the crate's fixed parts, but for the
        // functions that are there for single operations.
        for (path, module) in &mut self.modules {
            if !INDEXES.contains(&path.as_str()) || ["lens", "serde_util"].contains(&path.as_str())
            {
                continue;
            }
            for item in &mut module.items {
                let foreign = item.module.is_none() && !item.text.contains("use crate::");
                if foreign
                    && !item.text.contains("error_meta::")
                    && !code_only(&item.text).contains("Waiters")
                {
                    item.kept = true;
                    open.extend(item.paths.iter().cloned());
                }
            }
        }
        while let Some(path) = open.pop() {
            self.follow(&path, &mut open);
        }
    }

    fn follow(&mut self, path: &[String], open: &mut Vec<Vec<String>>) {
        let known = (0..=path.len())
            .rev()
            .find(|length| self.modules.contains_key(&path[..*length].join("::")));
        let Some(length) = known else { return };
        let name = path[..length].join("::");
        if UNWANTED.contains(&name.as_str()) {
            return;
        }
        // A module is declared by those above it.
        for above in 0..length {
            self.enter(&path[..above].join("::"), open);
        }
        self.enter(&name, open);
        let (true, Some(wanted)) = (INDEXES.contains(&name.as_str()), path.get(length)) else {
            return;
        };
        let Some(module) = self.modules.get_mut(&name) else {
            return;
        };
        for item in &mut module.items {
            if !item.kept && item.names.contains(wanted) {
                item.kept = true;
                open.extend(item.paths.iter().cloned());
            }
        }
    }

    fn enter(&mut self, name: &str, open: &mut Vec<Vec<String>>) {
        let Some(module) = self.modules.get_mut(name) else {
            return;
        };
        if std::mem::replace(&mut module.reached, true) || INDEXES.contains(&name) {
            return;
        }
        let registry = name.ends_with("type_registry");
        for item in &mut module.items {
            item.kept = true;
            // A registry names every type there is: those are dropped that nothing else names.
            if !registry {
                open.extend(item.paths.iter().cloned());
            }
            if let Some(child) = &item.module {
                open.push(segments(&format!("{name}::{child}")));
            }
        }
    }

    /// Writes what was reached, without the methods that neither it nor the program calls.
    pub(crate) fn write(&self, root: &Path, program: &BTreeSet<String>) -> io::Result<usize> {
        let kept = || {
            let reached = self.modules.iter().filter(|(_, module)| module.reached);
            reached.flat_map(|(name, module)| {
                module
                    .items
                    .iter()
                    .filter(|item| item.kept)
                    .map(move |item| (name, item.text.as_str()))
            })
        };
        let trimmed = kept()
            .filter(|(name, _)| is_data(name))
            .map(|(_, text)| text);
        let others = kept()
            .filter(|(name, _)| !is_data(name))
            .map(|(_, text)| text);
        let used = used(trimmed, others, program);
        let mut lines = 0;
        for (name, module) in &self.modules {
            let index = INDEXES.contains(&name.as_str());
            if !module.reached {
                continue;
            }
            let mut text = String::new();
            for item in &module.items {
                let keep = match &item.module {
                    Some(child) if index => self.is_reached(&join(name, child)),
                    _ => item.kept,
                };
                if keep && is_data(name) {
                    text.push_str(&without_unused(&item.text, &used));
                } else if keep {
                    text.push_str(&item.text);
                }
            }
            if name.ends_with("type_registry") {
                text = self.without_unreached_shapes(&text);
            }
            if name.is_empty() {
                text = text.replace(
                    "#![warn(missing_docs)]",
                    "#![allow(warnings, clippy::all, clippy::pedantic)]",
                );
            }
            let text = without_docs(&text);
            lines += text.lines().count();
            let file = root.join("src").join(&module.file);
            if let Some(folder) = file.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::write(file, text)?;
        }
        Ok(lines)
    }

    fn is_reached(&self, module: &str) -> bool {
        self.modules
            .get(module)
            .is_some_and(|module| module.reached)
    }

    /// A registry without the entries of types that are not there.
    fn without_unreached_shapes(&self, text: &str) -> String {
        let code = code_only(text);
        let mut out = String::new();
        let mut at = 0;
        while let Some(found) = code[at..].find(".insert_") {
            let start = at + found;
            let open = code[start..]
                .find('(')
                .map_or(code.len(), |found| start + found);
            let end = closing(&code, open);
            out.push_str(&text[at..start]);
            let there = paths(&code[start..end]).iter().all(|path| {
                let (name, module) = (path.get(path.len().saturating_sub(2)), path);
                let index = module[..module.len().saturating_sub(2)].join("::");
                let items = self
                    .modules
                    .get(&index)
                    .map_or(&[][..], |module| &module.items);
                name.is_none_or(|name| {
                    items
                        .iter()
                        .any(|item| item.kept && item.names.contains(name))
                })
            });
            if there {
                out.push_str(&text[start..end]);
            }
            at = end;
        }
        out.push_str(&text[at..]);
        out
    }
}

/// Modules of operations and types, nearly all of whose code is setters and getters.
fn is_data(module: &str) -> bool {
    module.starts_with("operation::")
        || module.starts_with("types::_")
        || module.starts_with("types::error::_")
}

fn join(module: &str, child: &str) -> String {
    if module.is_empty() {
        child.to_owned()
    } else {
        format!("{module}::{child}")
    }
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(str::to_owned).collect()
}

fn read_modules(
    root: &Path,
    folder: &Path,
    modules: &mut BTreeMap<String, Module>,
) -> io::Result<()> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(root.join(folder))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    entries.sort();
    for path in entries {
        let file = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
        if path.is_dir() {
            read_modules(root, &file, modules)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = file.with_extension("").to_string_lossy().replace('/', "::");
            let name = if name == "lib" { String::new() } else { name };
            let text = std::fs::read_to_string(&path)?;
            modules.insert(
                name,
                Module {
                    file,
                    items: read_items(&text),
                    reached: false,
                },
            );
        }
    }
    Ok(())
}

fn read_items(text: &str) -> Vec<Item> {
    items(text)
        .into_iter()
        .filter(|text| !is_test(text))
        .map(read_item)
        .collect()
}

fn is_test(text: &str) -> bool {
    let code = code_only(text);
    let attributes = code.len() - head(&code).len();
    code[..attributes].contains("#[cfg(test)]")
}

fn read_item(text: &str) -> Item {
    let code = code_only(text);
    let body = head(&code);
    let words: Vec<&str> = body
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .collect();
    let after = |keyword: &str| {
        words
            .iter()
            .position(|word| *word == keyword)
            .and_then(|at| words.get(at + 1))
            .map(|word| (*word).to_owned())
    };
    let declares = body.trim_end().ends_with(';') && !body.contains('{');
    let module = after("mod").filter(|_| declares && !body.contains("use "));
    let mut names = Vec::new();
    if body.contains("use ") {
        names.extend(words.last().map(|word| (*word).to_owned()));
    } else {
        let keywords = ["fn", "struct", "enum", "trait", "static", "const", "type"];
        names.extend(
            words
                .iter()
                .position(|word| keywords.contains(word))
                .and_then(|at| words.get(at + 1))
                .map(|word| (*word).to_owned()),
        );
    }
    Item {
        text: text.to_owned(),
        names,
        module,
        paths: paths(&code),
        kept: false,
    }
}

/// An item without the attributes before it.
fn head(code: &str) -> &str {
    let mut rest = code.trim_start();
    while rest.starts_with("#[") {
        rest = rest[closing(rest, 1)..].trim_start();
    }
    rest
}

/// Every `crate::…` of a piece of code, without the `crate`.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':')
            .unwrap_or(rest.len());
        let path: Vec<String> = rest[..end]
            .split("::")
            .filter(|part| !part.is_empty() && !part.contains(':'))
            .map(str::to_owned)
            .collect();
        if !path.is_empty() {
            found.push(path);
        }
    }
    found
}
