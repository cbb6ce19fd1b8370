//! YAML text to a tree in which every key and value knows its place.
//!
//! Knows nothing of what the keys mean. Only the part of YAML that a person would write:
//! one document, text keys, anchors and aliases, no custom tags, no merge keys.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};

use super::problem::{Problem, SourcePlace, SourceText, Span};

/// Deeper than this no file of ours goes; a guard for the recursion over the tree.
const MAX_DEPTH: usize = 32;
/// More values than any file of ours has; a guard against aliases that multiply.
const MAX_NODES: usize = 20_000;

/// A parsed file.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) source: Arc<SourceText>,
    /// The top-level value; an empty file has none.
    pub(crate) root: Option<YamlNode>,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct YamlNode {
    pub(crate) span: Span,
    pub(crate) content: Content,
}

/// What a value is, before anybody asks for a type.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Nothing, `~` or `null`.
    Null,
    /// Text as written; `plain` when without quotes, so that it may be a number or a boolean.
    Scalar { text: String, plain: bool },
    /// A list.
    Sequence(Vec<YamlNode>),
    /// Keys and values.
    Mapping(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: YamlNode,
}

impl YamlNode {
    /// The entries of a mapping; nothing else has any.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// What a reader would call it.
    pub(crate) fn describe(&self) -> String {
        match &self.content {
            Content::Null => "nothing".to_owned(),
            Content::Sequence(_) => "a list".to_owned(),
            Content::Mapping(_) => "a mapping".to_owned(),
            Content::Scalar { text, plain } if *plain && is_bool(text) => format!("`{text}`"),
            Content::Scalar { text, plain } if *plain && text.parse::<f64>().is_ok() => {
                format!("the number `{text}`")
            }
            Content::Scalar { text, .. } => format!("the text `{}`", shorten(text)),
        }
    }

    /// How many items or keys it has.
    pub(crate) fn len(&self) -> usize {
        match &self.content {
            Content::Sequence(items) => items.len(),
            Content::Mapping(entries) => entries.len(),
            Content::Null | Content::Scalar { .. } => 0,
        }
    }

    fn size(&self) -> usize {
        1 + match &self.content {
            Content::Sequence(items) => items.iter().map(YamlNode::size).sum(),
            Content::Mapping(entries) => entries.iter().map(|e| 1 + e.value.size()).sum(),
            Content::Null | Content::Scalar { .. } => 0,
        }
    }

    fn depth(&self) -> usize {
        1 + match &self.content {
            Content::Sequence(items) => items.iter().map(YamlNode::depth).max().unwrap_or(0),
            Content::Mapping(entries) => entries.iter().map(|e| e.value.depth()).max().unwrap_or(0),
            Content::Null | Content::Scalar { .. } => 0,
        }
    }
}

impl Document {
    /// Parses a file; what cannot be understood is reported and left out of the tree.
    pub(crate) fn parse(source: SourceText, problems: &mut Vec<Problem>) -> Document {
        let source = Arc::new(source);
        let mut builder = TreeBuilder::new(Arc::clone(&source), problems);
        for event in Parser::new_from_str(&source.text) {
            let outcome = match event {
                Ok((event, span)) => builder.event(event, &span),
                Err(error) => Err(syntax_problem(&source, &error).into()),
            };
            if let Err(problem) = outcome {
                builder.problems.push(*problem);
                return Document { source, root: None };
            }
        }
        let root = builder.root.take();
        Document { source, root }
    }

    /// The place of a span of this file.
    pub(crate) fn place(&self, span: Span) -> SourcePlace {
        SourcePlace {
            source: Arc::clone(&self.source),
            span,
        }
    }

    /// The value at a path; list items are named by their number.
    pub(crate) fn node(&self, path: &[&str]) -> Option<&YamlNode> {
        let mut node = self.root.as_ref()?;
        for name in path {
            node = match &node.content {
                Content::Sequence(items) => items.get(name.parse::<usize>().ok()?)?,
                _ => &node.entries().iter().find(|e| e.key == *name)?.value,
            };
        }
        Some(node)
    }

    /// Where the value at a path stands; list items are named by their number.
    pub(crate) fn find(&self, path: &[&str]) -> Option<Span> {
        self.entry_spans(path).map(|(_, value)| value)
    }

    /// Where the key at the end of a path stands.
    pub(crate) fn find_key(&self, path: &[&str]) -> Option<Span> {
        self.entry_spans(path).map(|(key, _)| key)
    }

    fn entry_spans(&self, path: &[&str]) -> Option<(Span, Span)> {
        let mut node = self.root.as_ref()?;
        let mut spans = (node.span, node.span);
        for name in path {
            match &node.content {
                Content::Sequence(items) => {
                    node = items.get(name.parse::<usize>().ok()?)?;
                    spans = (node.span, node.span);
                }
                _ => {
                    let entry = node.entries().iter().find(|entry| entry.key == *name)?;
                    node = &entry.value;
                    spans = (entry.key_span, entry.target());
                }
            }
        }
        Some(spans)
    }
}

impl Entry {
    /// The value when it is one word that a caret can point at, else the key.
    pub(crate) fn target(&self) -> Span {
        match self.value.content {
            Content::Scalar { .. } => self.value.span,
            _ => self.key_span,
        }
    }
}

pub(crate) fn is_bool(text: &str) -> bool {
    matches!(text, "true" | "false" | "True" | "False" | "TRUE" | "FALSE")
}

fn shorten(text: &str) -> String {
    let first: String = text
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(60)
        .collect();
    if first.len() < text.trim_end().len() {
        format!("{first}…")
    } else {
        first
    }
}

/// A problem after which reading on makes no sense.
type Fatal = Box<Problem>;

/// A collection whose end has not been seen.
struct Open {
    node: YamlNode,
    anchor: usize,
    /// The key that waits for its value.
    key: Option<(String, Span)>,
    /// The lines of the keys so far.
    lines: HashMap<String, usize>,
}

struct TreeBuilder<'a> {
    source: Arc<SourceText>,
    problems: &'a mut Vec<Problem>,
    root: Option<YamlNode>,
    open: Vec<Open>,
    anchors: HashMap<usize, YamlNode>,
    documents: usize,
    nodes: usize,
}

impl<'a> TreeBuilder<'a> {
    fn new(source: Arc<SourceText>, problems: &'a mut Vec<Problem>) -> Self {
        TreeBuilder {
            source,
            problems,
            root: None,
            open: Vec::new(),
            anchors: HashMap::new(),
            documents: 0,
            nodes: 0,
        }
    }

    /// Takes one event; an error ends the parse.
    fn event(&mut self, event: Event<'_>, span: &saphyr_parser::Span) -> Result<(), Fatal> {
        let at = self.span(span);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(self
                        .place(at)
                        .problem(
                            "a second YAML document starts here",
                            "expected one document per file",
                        )
                        .into());
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && !is_text_tag(tag.as_deref());
                self.refuse_tag(tag.as_deref(), at);
                let content = if plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL") {
                    Content::Null
                } else {
                    Content::Scalar {
                        text: text.into_owned(),
                        plain,
                    }
                };
                self.value(YamlNode { span: at, content }, anchor)?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.as_deref(), at);
                self.open(Content::Sequence(Vec::new()), anchor, at)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.as_deref(), at);
                self.open(Content::Mapping(Vec::new()), anchor, at)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(done) = self.open.pop() {
                    self.value(done.node, done.anchor)?;
                }
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => self.value(node, 0)?,
                None => {
                    return Err(self
                        .place(at)
                        .problem(
                            "alias inside the value that it names",
                            "a value cannot contain itself",
                        )
                        .into());
                }
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn open(&mut self, content: Content, anchor: usize, span: Span) -> Result<(), Fatal> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self
                .place(span)
                .problem(
                    "nested too deeply",
                    format!("expected at most {MAX_DEPTH} levels"),
                )
                .into());
        }
        self.open.push(Open {
            node: YamlNode { span, content },
            anchor,
            key: None,
            lines: HashMap::new(),
        });
        Ok(())
    }

    /// A finished value goes to its parent, to its anchor, or becomes the root.
    fn value(&mut self, node: YamlNode, anchor: usize) -> Result<(), Fatal> {
        let nested = matches!(node.content, Content::Sequence(_) | Content::Mapping(_));
        self.nodes += if nested { node.size() } else { 1 };
        if self.nodes > MAX_NODES * 2 || (nested && self.open.len() + node.depth() > MAX_DEPTH) {
            let problem = self.place(node.span).problem(
                "too many values in the file",
                format!(
                    "expected at most {MAX_NODES} values and {MAX_DEPTH} levels, aliases written out"
                ),
            );
            return Err(problem.into());
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut parent.node.content, parent.key.take()) {
            (Content::Sequence(items), _) => items.push(node),
            (Content::Mapping(_), None) => parent.key = Some(key(&self.source, node)?),
            (Content::Mapping(entries), Some((key, key_span))) => {
                if let Some(line) = parent.lines.get(&key).copied() {
                    let problem = self.place(key_span).problem(
                        format!("duplicate key `{key}`"),
                        format!("first given on line {line}"),
                    );
                    self.problems.push(problem);
                } else {
                    parent.lines.insert(key.clone(), key_span.line);
                    entries.push(Entry {
                        key,
                        key_span,
                        value: node,
                    });
                }
            }
            (Content::Null | Content::Scalar { .. }, _) => {}
        }
        Ok(())
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, span: Span) {
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) {
            let problem = self.place(span).problem(
                format!("the tag `{tag}` has no meaning here"),
                "remove the tag",
            );
            self.problems.push(problem);
        }
    }

    fn place(&self, span: Span) -> SourcePlace {
        SourcePlace {
            source: Arc::clone(&self.source),
            span,
        }
    }

    fn span(&self, span: &saphyr_parser::Span) -> Span {
        let (line, column) = (span.start.line().max(1), span.start.col() + 1);
        let width = if span.end.line() == span.start.line() {
            span.end.col().saturating_sub(span.start.col())
        } else {
            let text = self.source.line(line);
            (text.trim_end().chars().count() + 1).saturating_sub(column)
        };
        Span {
            line,
            column,
            width: width.max(1),
        }
    }
}

fn key(source: &Arc<SourceText>, node: YamlNode) -> Result<(String, Span), Fatal> {
    match node.content {
        Content::Scalar { text, .. } => Ok((text, node.span)),
        _ => {
            let place = SourcePlace {
                source: Arc::clone(source),
                span: node.span,
            };
            let message = format!("{} cannot be a key", node.describe());
            Err(place.problem(message, "expected a word").into())
        }
    }
}

fn is_text_tag(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str")
}

/// The scanner speaks of tokens; say what a person did wrong where that is clear.
fn syntax_problem(source: &Arc<SourceText>, error: &ScanError) -> Problem {
    let lines = source.text.lines().count().max(1);
    let line = error.marker().line().clamp(1, lines);
    let text = source.line(line);
    let column = error.marker().col().min(text.chars().count()) + 1;
    let place = SourcePlace {
        source: Arc::clone(source),
        span: Span {
            line,
            column,
            width: 1,
        },
    };
    let info = error.info();
    let indent_has_tab = text
        .chars()
        .take_while(|c| c.is_whitespace())
        .any(|c| c == '\t');
    if indent_has_tab {
        let column = text.chars().position(|c| c == '\t').unwrap_or(0) + 1;
        let span = Span {
            column,
            ..place.span
        };
        return SourcePlace { span, ..place }
            .problem("tab in indentation", "YAML indents with spaces only")
            .hint("replace the tab with two spaces");
    }
    let problem = place.problem("the file is not valid YAML", info);
    if info.contains("mapping values are not allowed") || info.contains("simple key") {
        problem.hint("check the indentation of this line and the one before; a value that contains `: ` needs quotes")
    } else if info.contains("quoted scalar") {
        problem.hint("is a closing quote missing?")
    } else if info.contains("flow") || info.contains("bracket") {
        problem.hint("is a `]` or `}` missing?")
    } else {
        problem
    }
}
