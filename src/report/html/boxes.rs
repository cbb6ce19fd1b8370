//! The boxes of the topology diagram: what each group of hosts and each service shows.
//!
//! Sizes only; where a box stands is the layout's.

use serde::Serialize;

use crate::report::model::{HostLine, Topology};
use crate::spec::Role;

pub(super) const BOX_WIDTH: f64 = 190.0;
const LINE_HEIGHT: f64 = 16.0;
/// Addresses that a box lists; the rest is a number.
pub(super) const LISTED: usize = 3;
/// Dots that a box draws, one per host.
pub(super) const DOTS: usize = 30;
const DOTS_PER_LINE: usize = 15;

/// A box, in units of the diagram's view box.
#[derive(Clone, Debug, Serialize)]
pub(super) struct TopologyBox {
    #[serde(skip)]
    pub(super) id: Id,
    kind: &'static str,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) title: String,
    subtitle: String,
    pub(super) lines: Vec<Text>,
    pub(super) dots: Vec<Dot>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Text {
    y: f64,
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Dot {
    x: f64,
    y: f64,
}

/// Which box it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Id {
    Operator,
    Agents,
    Proxy,
    Metrics,
    App,
    Job,
    Writer,
    Readers,
    SearchProxy,
    Search,
    Cache,
    Bucket,
}

impl TopologyBox {
    fn new(id: Id, kind: &'static str, title: String, subtitle: &str) -> Self {
        Self {
            id,
            kind,
            x: 0.0,
            y: 0.0,
            width: BOX_WIDTH,
            height: if subtitle.is_empty() { 34.0 } else { 50.0 },
            title,
            subtitle: subtitle.to_owned(),
            lines: Vec::new(),
            dots: Vec::new(),
        }
    }

    fn with_lines(mut self, texts: impl IntoIterator<Item = String>) -> Self {
        for text in texts {
            self.lines.push(Text {
                y: self.height + 4.0,
                text,
            });
            self.height += LINE_HEIGHT;
        }
        self
    }

    /// One dot per host, so that sizes can be compared visually.
    fn with_dots(mut self, count: usize) -> Self {
        if count < 2 {
            return self;
        }
        let shown = count.min(DOTS);
        for index in 0..shown {
            #[expect(clippy::cast_precision_loss, reason = "a position in a picture")]
            let (column, line) = (
                (index % DOTS_PER_LINE) as f64,
                (index / DOTS_PER_LINE) as f64,
            );
            self.dots.push(Dot {
                x: 12.0 + column * 10.0,
                y: self.height - 3.0 + line * 10.0,
            });
        }
        self.height += if shown > DOTS_PER_LINE { 24.0 } else { 14.0 };
        self
    }

    pub(super) fn at(&self, x: f64, y: f64, width: f64) -> Self {
        let mut node = self.clone();
        (node.x, node.y, node.width) = (x, y, width);
        node
    }

    pub(super) fn in_vpc(&self) -> bool {
        !matches!(self.id, Id::Operator | Id::Bucket)
    }
}

/// The boxes of a rig, none of them placed.
pub(super) fn boxes(topology: &Topology) -> Vec<TopologyBox> {
    let mut boxes = vec![TopologyBox::new(
        Id::Operator,
        "outside",
        "Operator".into(),
        "loadrig, from outside",
    )];
    for (role, id, title) in [
        (Role::Agent, Id::Agents, "Load agents"),
        (Role::Proxy, Id::Proxy, "Proxy"),
        (Role::Metrics, Id::Metrics, "Metrics"),
        (Role::App, Id::App, "Application"),
        (Role::Job, Id::Job, "Job server"),
        (Role::SearchProxy, Id::SearchProxy, "Search proxy"),
    ] {
        let hosts: Vec<&HostLine> = topology.hosts_of(role).collect();
        if let Some(first) = hosts.first() {
            let node =
                TopologyBox::new(id, "host", times(title, hosts.len()), &first.instance_type);
            let node = node.with_dots(hosts.len());
            let node = node.with_lines(addresses(&hosts));
            boxes.push(match role {
                Role::Metrics => node.with_lines(["scrapes every host".to_owned()]),
                _ => node,
            });
        }
    }
    if let Some(database) = &topology.database {
        let title = "Database writer".to_owned();
        let node = TopologyBox::new(Id::Writer, "service", title, &database.instance_type);
        boxes.push(node.with_lines([database.engine.clone()]));
        if !database.readers.is_empty() {
            let title = times("Database reader", database.readers.len());
            let node = TopologyBox::new(Id::Readers, "service", title, &database.instance_type);
            boxes.push(node.with_dots(database.readers.len()));
        }
    }
    if let Some(search) = &topology.search {
        let title = times("Search domain", 1);
        let node = TopologyBox::new(Id::Search, "service", title, &search.instance_type);
        let nodes = match search.nodes {
            1 => "1 node".to_owned(),
            nodes => format!("{nodes} nodes"),
        };
        boxes.push(node.with_lines([search.version.replace('_', " "), nodes]));
    }
    if let Some(cache) = &topology.cache {
        let title = times("Cache", cache.nodes as usize);
        boxes.push(TopologyBox::new(
            Id::Cache,
            "service",
            title,
            &cache.instance_type,
        ));
    }
    if topology.bucket.is_some() {
        boxes.push(TopologyBox::new(
            Id::Bucket,
            "outside",
            "Files".into(),
            "S3 bucket",
        ));
    }
    boxes
}

fn times(title: &str, count: usize) -> String {
    match count {
        1 => title.to_owned(),
        count => format!("{title} × {count}"),
    }
}

fn addresses(hosts: &[&HostLine]) -> Vec<String> {
    let known: Vec<&str> = hosts
        .iter()
        .map(|host| host.address.as_str())
        .filter(|address| !address.is_empty())
        .collect();
    let listed = if known.len() > LISTED + 1 {
        LISTED
    } else {
        known.len()
    };
    let mut lines: Vec<String> = known.iter().take(listed).map(|a| (*a).to_owned()).collect();
    if known.len() > listed {
        lines.push(format!("and {} more", known.len() - listed));
    }
    lines
}
