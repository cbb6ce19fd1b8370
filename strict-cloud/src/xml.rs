//! Reads and corrects XML answers: finds elements by their name and cuts or replaces
//! their text in place, so that all else stays as it was written. Pure.

use std::ops::Range;

use roxmltree::{Document, Node};

/// Corrections to one text.
#[derive(Debug, Default)]
pub(crate) struct Edits(Vec<(Range<usize>, String)>);

impl Edits {
    /// Cuts an element out.
    pub(crate) fn drop(&mut self, node: Node<'_, '_>) {
        self.0.push((node.range(), String::new()));
    }

    /// Puts `text` in place of an element, tags included.
    pub(crate) fn replace(&mut self, node: Node<'_, '_>, text: impl Into<String>) {
        self.0.push((node.range(), text.into()));
    }

    /// Puts `text` in place of the text within a child, which is added if it is missing.
    pub(crate) fn set(&mut self, node: Node<'_, '_>, child: &str, text: &str) {
        let element = format!("<{child}>{text}</{child}>");
        match child_of(node, child) {
            Some(found) => self.replace(found, element),
            None => {
                if let Some(first) = node.first_child() {
                    let start = first.range().start;
                    self.0.push((start..start, element));
                }
            }
        }
    }

    /// Puts `element` behind all that is in a node.
    pub(crate) fn append(&mut self, node: Node<'_, '_>, element: String) {
        if let Some(last) = node.last_child() {
            let end = last.range().end;
            self.0.push((end..end, element));
        }
    }

    fn apply(mut self, text: &str) -> String {
        self.0.sort_by_key(|(range, _)| (range.start, range.end));
        let mut corrected = String::with_capacity(text.len());
        let mut at = 0;
        for (range, replacement) in self.0 {
            // What lies within an element that was cut is gone already.
            if range.start < at {
                continue;
            }
            corrected.push_str(text.get(at..range.start).unwrap_or_default());
            corrected.push_str(&replacement);
            at = range.end;
        }
        corrected.push_str(text.get(at..).unwrap_or_default());
        corrected
    }
}

/// Corrects a text; none if it is no XML or nothing is to correct.
pub(crate) fn edit(text: &str, work: impl FnOnce(&Document<'_>, &mut Edits)) -> Option<String> {
    let document = Document::parse(text).ok()?;
    let mut edits = Edits::default();
    work(&document, &mut edits);
    (!edits.0.is_empty()).then(|| edits.apply(text))
}

/// Reads something out of a text; the default if it is no XML.
pub(crate) fn read<T: Default>(text: &str, work: impl FnOnce(&Document<'_>) -> T) -> T {
    Document::parse(text).map_or_else(|_| T::default(), |document| work(&document))
}

/// Every element of this name.
pub(crate) fn named<'a, 'i: 'a>(
    document: &'a Document<'i>,
    name: &'a str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    document.descendants().filter(move |node| is(*node, name))
}

/// Elements directly within the elements of this name.
pub(crate) fn items<'a, 'i: 'a>(
    document: &'a Document<'i>,
    set: &'a str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    named(document, set).flat_map(|node| node.children().filter(Node::is_element))
}

/// The element of this name directly within.
pub(crate) fn child_of<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| is(*child, name))
}

/// The text of the element of this name directly within.
pub(crate) fn text_of<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    child_of(node, name)?.text().map(str::trim)
}

/// The texts of all elements of this name anywhere within.
pub(crate) fn texts_in(node: Node<'_, '_>, name: &str) -> Vec<String> {
    node.descendants()
        .filter(|child| is(*child, name))
        .filter_map(|child| child.text())
        .map(|text| text.trim().to_owned())
        .collect()
}

/// The texts of all elements of this name.
pub(crate) fn texts(text: &str, name: &str) -> Vec<String> {
    read(text, |document| texts_in(document.root(), name))
}

/// The text of the first element of this name.
pub(crate) fn first(text: &str, name: &str) -> Option<String> {
    texts(text, name).into_iter().next()
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "<R xmlns=\"x\"><set><item><id>a</id><s>old</s></item><item><id>b</id></item></set><n/></R>";

    #[test]
    fn elements_are_removed_and_set_and_the_rest_is_kept() {
        let corrected = edit(LIST, |document, edits| {
            for item in items(document, "set") {
                match text_of(item, "id") {
                    Some("a") => edits.set(item, "s", "new"),
                    _ => edits.set(item, "s", "added"),
                }
            }
        });
        assert_eq!(
            corrected.unwrap(),
            "<R xmlns=\"x\"><set><item><id>a</id><s>new</s></item><item><s>added</s><id>b</id></item></set><n/></R>"
        );
        let cut = edit(LIST, |document, edits| {
            for item in items(document, "set") {
                edits.drop(item);
                edits.set(item, "s", "within what is cut");
            }
        });
        assert_eq!(cut.unwrap(), "<R xmlns=\"x\"><set></set><n/></R>");
        assert_eq!(edit(LIST, |_, _| ()), None);
        assert_eq!(texts(LIST, "id"), ["a", "b"]);
    }
}
