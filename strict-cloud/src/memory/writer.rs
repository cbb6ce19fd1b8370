//! Writes the XML of answers: elements with text, and elements within elements.

use crate::errors::escaped;

use super::account::TagMap;

/// XML that is being written.
#[derive(Debug, Default)]
pub(super) struct XmlWriter(String);

impl XmlWriter {
    /// An element with text.
    pub(super) fn text(&mut self, name: &str, value: impl AsRef<str>) {
        self.open(name);
        self.0.push_str(&escaped(value.as_ref()));
        self.close(name);
    }

    /// An element with what can be shown: a number, a flag, a time.
    pub(super) fn value(&mut self, name: &str, value: impl ToString) {
        self.text(name, value.to_string());
    }

    /// An element with text, if there is any.
    pub(super) fn maybe(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.value(name, value);
        }
    }

    /// An element with others within.
    pub(super) fn node(&mut self, name: &str, within: impl FnOnce(&mut Self)) {
        self.open(name);
        within(self);
        self.close(name);
    }

    /// A list: one element for each item, all within one.
    pub(super) fn list<T>(
        &mut self,
        name: &str,
        item: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.node(name, |xml| {
            for one in items {
                xml.node(item, |xml| write(xml, one));
            }
        });
    }

    /// A list of texts.
    pub(super) fn texts(
        &mut self,
        name: &str,
        item: &str,
        values: impl IntoIterator<Item = impl AsRef<str>>,
    ) {
        self.node(name, |xml| {
            for value in values {
                xml.text(item, value);
            }
        });
    }

    /// Tags as a list of `Key` and `Value`.
    pub(super) fn tags(&mut self, name: &str, item: &str, tags: &TagMap) {
        self.list(name, item, tags, |xml, (key, value)| {
            xml.text("Key", key);
            xml.text("Value", value);
        });
    }

    /// The text that was written.
    pub(super) fn finish(self) -> String {
        self.0
    }

    fn open(&mut self, name: &str) {
        self.0.push('<');
        self.0.push_str(name);
        self.0.push('>');
    }

    fn close(&mut self, name: &str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }
}

/// XML from a closure that writes it.
pub(super) fn xml(write: impl FnOnce(&mut XmlWriter)) -> String {
    let mut xml = XmlWriter::default();
    write(&mut xml);
    xml.finish()
}
