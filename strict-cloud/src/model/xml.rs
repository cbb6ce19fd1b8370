//! Reads XML by its model: bodies of REST-XML requests, and the answers of every XML service.

use roxmltree::Node;
use serde_json::{Map, Value};

use super::ViolatedRule;
use super::decode::{ModelReading, join, kind_name};
use super::shapes::{ModelShape, ShapeKind, ShapeReference};

impl ModelReading<'_> {
    /// Reads one element.
    pub(super) fn xml(
        &mut self,
        at: &str,
        reference: &ShapeReference,
        node: Node<'_, '_>,
    ) -> Value {
        let Some(shape) = self.model.shape(reference) else {
            return Value::Null;
        };
        match shape.kind {
            ShapeKind::Structure => self.xml_structure(at, shape, node, &[]),
            ShapeKind::List => {
                let items: Vec<_> = elements(node).collect();
                self.xml_list(at, shape, &items, true)
            }
            ShapeKind::Map => {
                let entries: Vec<_> = elements(node).collect();
                self.xml_map(at, shape, &entries)
            }
            _ => {
                if let Some(child) = elements(node).next() {
                    let name = join(at, child.tag_name().name());
                    self.wrong(&name, ViolatedRule::Unknown, text(child));
                }
                self.leaf(at, shape, text(node))
            }
        }
    }

    /// Reads the members of a structure; elements named in `besides` are none.
    pub(super) fn xml_structure(
        &mut self,
        at: &str,
        shape: &ModelShape,
        node: Node<'_, '_>,
        besides: &[&str],
    ) -> Value {
        let mut out = Map::new();
        let mut known = Vec::new();
        for (name, reference) in &shape.members {
            if reference.location.is_some() {
                continue;
            }
            if reference.xml_attribute {
                let local = reference.name(name).rsplit(':').next().unwrap_or_default();
                let found = node.attributes().find(|one| one.name() == local);
                if let Some(found) = found {
                    out.insert(name.clone(), found.value().into());
                }
                continue;
            }
            let Some(inner) = self.model.shape(reference) else {
                continue;
            };
            let flat = inner.flattened || reference.flattened;
            let element = self.element_name(name, reference, inner, flat);
            let found: Vec<_> = elements(node)
                .filter(|child| child.tag_name().name() == element)
                .collect();
            known.push(element);
            let path = join(at, name);
            let Some(first) = found.first() else {
                continue;
            };
            let value = match inner.kind {
                ShapeKind::List if flat => self.xml_list(&path, inner, &found, false),
                ShapeKind::Map if flat => self.xml_map(&path, inner, &found),
                _ => {
                    if found.len() > 1 {
                        self.wrong(&path, ViolatedRule::Type("single element".to_owned()), "");
                    }
                    self.xml(&path, reference, *first)
                }
            };
            out.insert(name.clone(), value);
        }
        for child in elements(node) {
            let name = child.tag_name().name();
            if !known.iter().any(|known| known == name) && !besides.contains(&name) {
                self.wrong(&join(at, name), ViolatedRule::Unknown, text(child));
            }
        }
        if elements(node).next().is_none() && !text(node).trim().is_empty() {
            self.wrong(at, ViolatedRule::Type("structure".to_owned()), text(node));
        }
        Value::Object(out)
    }

    fn element_name(
        &self,
        name: &str,
        reference: &ShapeReference,
        shape: &ModelShape,
        flat: bool,
    ) -> String {
        let of_items = shape
            .member
            .as_ref()
            .and_then(|member| member.location_name.clone());
        match (&reference.location_name, of_items) {
            (Some(given), _) => given.clone(),
            (None, Some(given)) if flat => given,
            _ => name.to_owned(),
        }
    }

    fn xml_list(
        &mut self,
        at: &str,
        shape: &ModelShape,
        items: &[Node<'_, '_>],
        wrapped: bool,
    ) -> Value {
        let Some(member) = &shape.member else {
            return Value::Null;
        };
        let expected = member.name("member");
        let mut out = Vec::new();
        for item in items {
            let path = join(at, &(out.len() + 1).to_string());
            let found = item.tag_name().name();
            if wrapped && found != expected {
                self.wrong(&join(at, found), ViolatedRule::Unknown, text(*item));
                continue;
            }
            out.push(self.xml(&path, member, *item));
        }
        Value::Array(out)
    }

    fn xml_map(&mut self, at: &str, shape: &ModelShape, entries: &[Node<'_, '_>]) -> Value {
        let (Some(key), Some(value)) = (&shape.key, &shape.value) else {
            return Value::Null;
        };
        let mut out = Map::new();
        for entry in entries {
            let child = |name: &str| elements(*entry).find(|one| one.tag_name().name() == name);
            let (Some(name), Some(found)) = (child(key.name("key")), child(value.name("value")))
            else {
                let expected = ViolatedRule::Type(kind_name(shape.kind).to_owned());
                self.wrong(at, expected, text(*entry));
                continue;
            };
            let read = self.xml(&join(at, text(name)), value, found);
            out.insert(text(name).to_owned(), read);
        }
        Value::Object(out)
    }
}

pub(super) fn elements<'a, 'i>(node: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(Node::is_element)
}

fn text<'a>(node: Node<'a, '_>) -> &'a str {
    node.text().unwrap_or_default()
}
