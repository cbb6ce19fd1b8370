//! Just enough of Rust's grammar to cut generated code apart: where comments and strings
//! are, where a bracket closes, where an item ends. Knows nothing of what the items mean.

/// What a stretch of source text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Code,
    Comment,
    /// `///`, `//!` and their block forms.
    Doc,
    /// Strings and characters, which may hold brackets and slashes.
    Literal,
}

/// A stretch of source text of one class.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenSpan {
    pub(crate) class: Class,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Cuts a text into code, comments and literals.
pub(crate) fn spans(text: &str) -> Vec<TokenSpan> {
    let bytes = text.as_bytes();
    let mut spans = Vec::new();
    let (mut at, mut code) = (0, 0);
    while at < bytes.len() {
        let Some((class, end)) = other_than_code(text, at) else {
            at += 1;
            continue;
        };
        if code < at {
            spans.push(TokenSpan {
                class: Class::Code,
                start: code,
                end: at,
            });
        }
        spans.push(TokenSpan {
            class,
            start: at,
            end,
        });
        at = end;
        code = end;
    }
    if code < bytes.len() {
        spans.push(TokenSpan {
            class: Class::Code,
            start: code,
            end: bytes.len(),
        });
    }
    spans
}

fn other_than_code(text: &str, at: usize) -> Option<(Class, usize)> {
    let bytes = text.as_bytes();
    match bytes[at] {
        b'/' if bytes.get(at + 1) == Some(&b'/') => {
            let end = text[at..].find('\n').map_or(text.len(), |found| at + found);
            let doc =
                matches!(bytes.get(at + 2), Some(b'/' | b'!')) && bytes.get(at + 3) != Some(&b'/');
            Some((if doc { Class::Doc } else { Class::Comment }, end))
        }
        b'/' if bytes.get(at + 1) == Some(&b'*') => {
            let end = text[at..]
                .find("*/")
                .map_or(text.len(), |found| at + found + 2);
            let doc = matches!(bytes.get(at + 2), Some(b'*' | b'!'));
            Some((if doc { Class::Doc } else { Class::Comment }, end))
        }
        b'"' => Some((Class::Literal, end_of_string(bytes, at))),
        b'r' if !ends_identifier(bytes, at) => {
            let hashes = bytes[at + 1..]
                .iter()
                .take_while(|byte| **byte == b'#')
                .count();
            if bytes.get(at + 1 + hashes) != Some(&b'"') {
                return None;
            }
            let close = format!("\"{}", "#".repeat(hashes));
            let body = at + 2 + hashes;
            let end = text[body..]
                .find(&close)
                .map_or(text.len(), |found| body + found + close.len());
            Some((Class::Literal, end))
        }
        b'\'' => {
            // A lifetime has no closing quote after one character.
            let rest = &text[at + 1..];
            if rest.starts_with('\\') {
                let end = rest[2..]
                    .find('\'')
                    .map_or(text.len(), |found| at + 1 + 2 + found + 1);
                return Some((Class::Literal, end));
            }
            let length = rest.chars().next().map_or(0, char::len_utf8);
            (length > 0 && rest[length..].starts_with('\''))
                .then_some((Class::Literal, at + 1 + length + 1))
        }
        _ => None,
    }
}

fn ends_identifier(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_')
}

fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The text with everything but code blanked out, byte for byte in its place.
pub(crate) fn code_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for span in spans(text) {
        let part = &text[span.start..span.end];
        if span.class == Class::Code {
            out.push_str(part);
        } else {
            out.extend(
                part.bytes()
                    .map(|byte| if byte == b'\n' { '\n' } else { ' ' }),
            );
        }
    }
    out
}

/// The text without documentation comments, and without the lines that only held them.
pub(crate) fn without_docs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for span in spans(text) {
        if span.class == Class::Doc {
            let line = out.rfind('\n').map_or(0, |at| at + 1);
            if out[line..].trim().is_empty() {
                out.truncate(line);
                // The line break after it goes with it.
                if out.ends_with('\n') {
                    out.pop();
                }
            }
            continue;
        }
        out.push_str(&text[span.start..span.end]);
    }
    let mut tidy = String::with_capacity(out.len());
    let mut blank = false;
    for line in out.lines() {
        let empty = line.trim().is_empty();
        if !(empty && blank) {
            tidy.push_str(line.trim_end());
            tidy.push('\n');
        }
        blank = empty;
    }
    tidy.trim_start_matches('\n').to_owned()
}

/// The byte after the bracket that closes the one at `open`, in a text of code only.
pub(crate) fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// Cuts a file into its top-level items, each with the comments and attributes before it.
pub(crate) fn items(text: &str) -> Vec<&str> {
    let code = code_only(text);
    let bytes = code.as_bytes();
    let mut items = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < bytes.len() {
        let end = match bytes[at] {
            // An attribute belongs to what follows; `#![…]` to the file, as an item of its own.
            b'#' => {
                let open = at + usize::from(bytes.get(at + 1) == Some(&b'!')) + 1;
                let end = closing(&code, open);
                if open == at + 1 {
                    at = end;
                    continue;
                }
                end
            }
            b';' => at + 1,
            b'{' => {
                let end = closing(&code, at);
                // `use a::{b, c};` and `static X: T = T { … };` go on after the brace.
                match bytes.get(end) {
                    Some(b';') => end + 1,
                    Some(b'.' | b')') => {
                        at = end;
                        continue;
                    }
                    _ => end,
                }
            }
            b'(' | b'[' => {
                at = closing(&code, at);
                continue;
            }
            _ => {
                at += 1;
                continue;
            }
        };
        items.push(&text[start..end]);
        start = end;
        at = end;
    }
    if !text[start..].trim().is_empty() {
        items.push(&text[start..]);
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_end_at_their_rust_delimiter() {
        let text = "//! Docs {\n#![allow(x)]\n/// A `}` in a comment.\n#[derive(A)]\npub struct A {\n    b: [u8; 3],\n}\n\
            impl<'a> A { fn c() -> char { '}' } }\nuse a::{b, c};\nstatic S: &str = \"};\";\nmod d;\n";
        let found: Vec<&str> = items(text).into_iter().map(str::trim).collect();
        assert_eq!(found.len(), 6, "{found:#?}");
        assert!(found[1].ends_with("b: [u8; 3],\n}"));
        assert_eq!(found[4], "static S: &str = \"};\";");
    }

    #[test]
    fn doc_comments_are_removed_and_strings_kept() {
        let text = "/// Gone.\npub fn a() -> &'static str {\n    // Kept.\n    \"/// kept\"\n}\n";
        assert_eq!(
            without_docs(text),
            "pub fn a() -> &'static str {\n    // Kept.\n    \"/// kept\"\n}\n"
        );
    }
}
