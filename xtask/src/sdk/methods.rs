//! Methods that nothing calls: most of a generated type is setters and getters for fields
//! that loadrig has no use for.
//!
//! Goes by name: a method stays if a method of its name is named in the program, called in code
//! that stays, or from another method that stays. A setter that only its namesake on the inner
//! builder calls is not thereby used.

use std::collections::{BTreeMap, BTreeSet};

use super::lexer::{closing, code_only, items};

/// Names of the methods that are called, and all that follows a double colon.
fn called(code: &str) -> BTreeSet<String> {
    let bytes = code.as_bytes();
    let mut names = BTreeSet::new();
    let mut at = 0;
    while at < bytes.len() {
        if !is_word(bytes[at]) {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && is_word(bytes[at]) {
            at += 1;
        }
        // `r#type` is a name too.
        let before = code[..start]
            .strip_suffix("r#")
            .unwrap_or(&code[..start])
            .trim_end();
        let path = before.ends_with("::");
        let call = code[at..].starts_with('(') || code[at..].starts_with("::<");
        if path || (call && before.ends_with('.')) {
            names.insert(code[start..at].to_owned());
        }
    }
    names
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// An `impl` block of a type's own methods, cut into its head, its methods and its end.
struct Block<'a> {
    head: &'a str,
    methods: Vec<(String, &'a str)>,
    end: &'a str,
}

fn block(item: &str) -> Option<Block<'_>> {
    let code = code_only(item);
    let start = code.find("impl")?;
    let open = start + code[start..].find('{')?;
    if !code[..start].trim().is_empty() || code[start..open].contains(" for ") {
        return None;
    }
    let close = closing(&code, open) - 1;
    let methods = items(&item[open + 1..close])
        .into_iter()
        .map(|method| (method_name(method), method))
        .collect();
    Some(Block {
        head: &item[..=open],
        methods,
        end: &item[close..],
    })
}

fn method_name(method: &str) -> String {
    let code = code_only(method);
    let name = code
        .find("fn ")
        .map_or("", |at| &code[at + 3..])
        .trim_start()
        .trim_start_matches("r#");
    name.chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect()
}

/// Which methods stay, of all that `trimmed` items hold.
pub(crate) fn used<'a>(
    trimmed: impl Iterator<Item = &'a str>,
    others: impl Iterator<Item = &'a str>,
    program: &BTreeSet<String>,
) -> BTreeSet<String> {
    let mut bodies: BTreeMap<String, Vec<BTreeSet<String>>> = BTreeMap::new();
    let mut open: Vec<String> = program.iter().cloned().collect();
    for item in trimmed {
        match block(item) {
            Some(block) => {
                for (name, text) in block.methods {
                    let names = called(&code_only(text));
                    bodies.entry(name).or_default().push(names);
                }
            }
            None => open.extend(called(&code_only(item))),
        }
    }
    for item in others {
        open.extend(called(&code_only(item)));
    }
    let mut used = BTreeSet::new();
    while let Some(name) = open.pop() {
        if used.insert(name.clone()) {
            open.extend(bodies.get(&name).into_iter().flatten().flatten().cloned());
        }
    }
    used
}

/// An item without the methods that are not used; nothing if none is left.
pub(crate) fn without_unused(item: &str, used: &BTreeSet<String>) -> String {
    let Some(block) = block(item) else {
        return item.to_owned();
    };
    let kept: String = block
        .methods
        .iter()
        .filter(|(name, _)| name.is_empty() || used.contains(name))
        .map(|(_, text)| *text)
        .collect();
    if kept.trim().is_empty() {
        return String::new();
    }
    format!("{}{kept}\n{}", block.head, block.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_kept_if_something_but_its_namesake_calls_it() {
        let builder = "impl B {\n    pub fn name(self) {}\n    pub fn set_name(self) {}\n    pub fn get_name(&self) {}\n}";
        let fluent = "impl F {\n    pub fn name(self) { self.inner.name() }\n    pub fn set_name(self) { self.inner.set_name() }\n}";
        let program = called("f.name(x)");
        let used = used([builder, fluent].into_iter(), std::iter::empty(), &program);
        assert_eq!(
            without_unused(builder, &used),
            "impl B {\n    pub fn name(self) {}\n}"
        );
        assert!(!without_unused(fluent, &used).contains("set_name"));
    }
}
