//! The rig as a diagram: boxes for groups of hosts and services, lines for who speaks to
//! whom. Laid out twice, for wide pages and for narrow ones.

use serde::Serialize;

use crate::report::model::Topology;

use super::boxes::{BOX_WIDTH, Id, TopologyBox, boxes};

/// A diagram, in units of its own view box.
#[derive(Debug, Serialize)]
pub(super) struct Diagram {
    width: f64,
    height: f64,
    frame: VpcFrame,
    boxes: Vec<TopologyBox>,
    edges: Vec<Edge>,
}

/// The VPC around what lives in it.
#[derive(Debug, Serialize)]
struct VpcFrame {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    label: String,
}

#[derive(Debug, Serialize)]
struct Edge {
    path: String,
    label: &'static str,
    label_x: f64,
    label_y: f64,
    anchor: &'static str,
    dashed: bool,
}

/// Who speaks to whom, about what, and whether it is a side matter.
const EDGES: [(Id, Id, &str, bool); 11] = [
    (Id::Operator, Id::Proxy, "web, ssh", true),
    (Id::Agents, Id::Proxy, "users", false),
    (Id::Proxy, Id::App, "8065", false),
    (Id::App, Id::Writer, "writes", false),
    (Id::App, Id::Readers, "reads", false),
    (Id::Writer, Id::Readers, "replicates", true),
    (Id::App, Id::SearchProxy, "9200", false),
    (Id::SearchProxy, Id::Search, "https", false),
    (Id::App, Id::Cache, "6379", false),
    (Id::App, Id::Bucket, "files", false),
    (Id::Job, Id::Writer, "", true),
];

/// The diagram for wide pages: from users on the left to data on the right.
pub(super) fn wide(topology: &Topology, cidr: &str) -> Diagram {
    let boxes = boxes(topology);
    let columns: [&[Id]; 5] = [
        &[Id::Operator],
        &[Id::Agents, Id::Proxy, Id::Metrics],
        &[Id::App, Id::Job],
        &[Id::Writer, Id::Readers, Id::SearchProxy, Id::Cache],
        &[Id::Search],
    ];
    let (gap_x, gap_y, top) = (74.0, 28.0, 46.0);
    let tallest = columns
        .iter()
        .map(|column| stack_height(&boxes, column, gap_y))
        .fold(0.0, f64::max);
    let mut placed: Vec<TopologyBox> = Vec::new();
    let mut x = 8.0;
    let mut data_x = x;
    for column in columns {
        let mut y = top + (tallest - stack_height(&boxes, column, gap_y)) / 2.0;
        let before = placed.len();
        for id in column {
            if let Some(node) = boxes.iter().find(|node| node.id == *id) {
                // The domain stands beside the proxy that leads to it.
                let beside = placed
                    .iter()
                    .find(|node| *id == Id::Search && node.id == Id::SearchProxy);
                placed.push(node.at(x, beside.map_or(y, |beside| beside.y), BOX_WIDTH));
                y += node.height + gap_y;
            }
        }
        if column.contains(&Id::Writer) {
            data_x = x;
        }
        if placed.len() > before {
            x += BOX_WIDTH + gap_x;
        }
    }
    let width = x - gap_x + 24.0;
    let mut height = top + tallest + 24.0;
    // The bucket is AWS's, not the VPC's: below the frame.
    if let Some(bucket) = boxes.iter().find(|node| node.id == Id::Bucket) {
        placed.push(bucket.at(data_x, height + 12.0, BOX_WIDTH));
        height += 12.0 + bucket.height + 8.0;
    }
    let edges = edges(&placed, wide_edge);
    Diagram {
        width,
        height,
        frame: frame(&placed, cidr),
        boxes: placed,
        edges,
    }
}

/// The diagram for narrow pages: from users at the top to data at the bottom.
pub(super) fn tall(topology: &Topology, cidr: &str) -> Diagram {
    let boxes = boxes(topology);
    // Two boxes fit into a row.
    let has_job = boxes.iter().any(|node| node.id == Id::Job);
    let (beside_app, beside_cache) = if has_job {
        (Id::Job, Some(Id::Metrics))
    } else {
        (Id::Metrics, None)
    };
    let cache: Vec<Id> = std::iter::once(Id::Cache).chain(beside_cache).collect();
    let rows: [&[Id]; 7] = [
        &[Id::Operator],
        &[Id::Proxy, Id::Agents],
        &[Id::App, beside_app],
        &[Id::Writer, Id::Readers],
        &[Id::SearchProxy, Id::Search],
        &cache,
        &[Id::Bucket],
    ];
    // The left margin is wide enough for lines that pass rows by.
    let (width, left, right, gap_x, gap_y) = (460.0, 30.0, 16.0, 66.0, 44.0);
    let half = (width - left - right - gap_x) / 2.0;
    let mut placed = Vec::new();
    let mut y = 8.0;
    for row in rows {
        let present: Vec<&TopologyBox> = row
            .iter()
            .filter_map(|id| boxes.iter().find(|node| node.id == *id))
            .collect();
        let tallest = present.iter().map(|n| n.height).fold(0.0, f64::max);
        for (node, x) in present.iter().zip([left, left + half + gap_x]) {
            placed.push(node.at(x, y, half));
        }
        if !present.is_empty() {
            y += tallest + gap_y;
        }
    }
    let edges = edges(&placed, tall_edge);
    Diagram {
        width,
        height: y - gap_y + 8.0,
        frame: frame(&placed, cidr),
        boxes: placed,
        edges,
    }
}

fn stack_height(boxes: &[TopologyBox], ids: &[Id], gap: f64) -> f64 {
    let heights = boxes
        .iter()
        .filter(|n| ids.contains(&n.id))
        .map(|n| n.height + gap);
    (heights.sum::<f64>() - gap).max(0.0)
}

fn frame(placed: &[TopologyBox], cidr: &str) -> VpcFrame {
    let inside: Vec<&TopologyBox> = placed.iter().filter(|node| node.in_vpc()).collect();
    let mut left = inside.iter().map(|n| n.x).fold(f64::INFINITY, f64::min);
    let mut top = inside.iter().map(|n| n.y).fold(f64::INFINITY, f64::min);
    let right = inside.iter().map(|n| n.x + n.width).fold(0.0, f64::max);
    let bottom = inside.iter().map(|n| n.y + n.height).fold(0.0, f64::max);
    if inside.is_empty() {
        (left, top) = (0.0, 0.0);
    }
    VpcFrame {
        x: left - 14.0,
        y: top - 14.0,
        width: (right - left).max(0.0) + 28.0,
        height: (bottom - top).max(0.0) + 28.0,
        label: format!("VPC {cidr}"),
    }
}

fn edges(placed: &[TopologyBox], route: fn(&TopologyBox, &TopologyBox) -> Route) -> Vec<Edge> {
    let find = |id| placed.iter().find(|node| node.id == id);
    EDGES
        .iter()
        .filter_map(|(from, to, label, dashed)| {
            let route = route(find(*from)?, find(*to)?);
            Some(Edge {
                path: route.path,
                label,
                label_x: route.label_x,
                label_y: route.label_y,
                anchor: route.anchor,
                dashed: *dashed,
            })
        })
        .collect()
}

struct Route {
    path: String,
    label_x: f64,
    label_y: f64,
    anchor: &'static str,
}

/// From the right of one column to the left of the next, or down within a column.
fn wide_edge(from: &TopologyBox, to: &TopologyBox) -> Route {
    if (from.x - to.x).abs() < 1.0 {
        return down(from, to);
    }
    let (x1, y1) = (from.x + from.width, from.y + from.height / 2.0);
    let (x2, y2) = (to.x - 7.0, to.y + to.height / 2.0);
    let middle = f64::midpoint(x1, x2);
    Route {
        path: format!("M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"),
        label_x: x2 - 6.0,
        // On the side that the line does not come from.
        label_y: if y1 < y2 - 2.0 { y2 + 15.0 } else { y2 - 7.0 },
        anchor: "end",
    }
}

/// Down to the next row, across within a row, along the margin to rows further below.
fn tall_edge(from: &TopologyBox, to: &TopologyBox) -> Route {
    if (from.y - to.y).abs() < 1.0 {
        let y = from.y + from.height.min(to.height) / 2.0;
        let (x1, x2) = if from.x < to.x {
            (from.x + from.width, to.x - 7.0)
        } else {
            (from.x, to.x + to.width + 7.0)
        };
        return Route {
            path: format!("M{x1} {y}L{x2} {y}"),
            label_x: f64::midpoint(x1, x2),
            label_y: y - 8.0,
            anchor: "middle",
        };
    }
    let is_next_row = to.y - (from.y + from.height) < 90.0;
    if is_next_row {
        return down(from, to);
    }
    // Only boxes of the left column have lines to rows further below.
    let (x1, x2, rail) = (from.x, to.x - 7.0, 7.0);
    let (y1, y2) = (from.y + from.height / 2.0, to.y + to.height / 2.0);
    Route {
        path: format!("M{x1} {y1}L{rail} {y1}L{rail} {y2}L{x2} {y2}"),
        label_x: to.x + 8.0,
        label_y: to.y - 5.0,
        anchor: "start",
    }
}

fn down(from: &TopologyBox, to: &TopologyBox) -> Route {
    let (x1, y1) = (from.x + from.width / 2.0, from.y + from.height);
    let (x2, y2) = (to.x + to.width / 2.0, to.y - 7.0);
    let middle = f64::midpoint(y1, y2);
    Route {
        path: format!("M{x1} {y1}C{x1} {middle} {x2} {middle} {x2} {y2}"),
        label_x: x2 + 6.0,
        label_y: y2 - 2.0,
        anchor: "start",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::boxes::{DOTS, LISTED};
    use crate::report::model::{DatabaseLine, HostLine, SearchLine};
    use crate::spec::Role;

    fn topology(apps: u32) -> Topology {
        with_job_servers(apps, 0)
    }

    fn with_job_servers(apps: u32, jobs: u32) -> Topology {
        let roles = [
            (Role::Proxy, 1),
            (Role::App, apps),
            (Role::Job, jobs),
            (Role::SearchProxy, 1),
            (Role::Metrics, jobs),
        ];
        let hosts = roles
            .into_iter()
            .flat_map(|(role, count)| {
                (1..=count).map(move |index| HostLine {
                    name: format!("{role}-{index}"),
                    role,
                    instance_type: "c7i.xlarge".into(),
                    address: format!("10.0.0.{index}"),
                })
            })
            .collect();
        Topology {
            hosts,
            database: Some(DatabaseLine {
                engine: "PostgreSQL 15".into(),
                instance_type: "db.r7g.large".into(),
                writer: String::new(),
                readers: vec!["r1".into()],
            }),
            search: Some(SearchLine {
                version: "OpenSearch_2.19".into(),
                instance_type: "r6g.large.search".into(),
                nodes: 2,
                endpoint: String::new(),
            }),
            cache: None,
            bucket: Some("files".into()),
        }
    }

    fn overlapping(diagram: &Diagram) -> Vec<String> {
        let boxes = &diagram.boxes;
        let apart = |a: &TopologyBox, b: &TopologyBox| {
            a.x + a.width <= b.x
                || b.x + b.width <= a.x
                || a.y + a.height <= b.y
                || b.y + b.height <= a.y
        };
        boxes
            .iter()
            .enumerate()
            .flat_map(|(i, a)| boxes.iter().skip(i + 1).map(move |b| (a, b)))
            .filter(|(a, b)| !apart(a, b))
            .map(|(a, b)| format!("{} and {}", a.title, b.title))
            .collect()
    }

    #[test]
    fn boxes_never_cover_each_other_and_stay_inside() {
        for (apps, jobs) in [(1, 0), (2, 0), (40, 0), (2, 1)] {
            let topology = with_job_servers(apps, jobs);
            for diagram in [
                wide(&topology, "10.0.0.0/16"),
                tall(&topology, "10.0.0.0/16"),
            ] {
                assert!(
                    overlapping(&diagram).is_empty(),
                    "{:?}",
                    overlapping(&diagram)
                );
                for node in &diagram.boxes {
                    assert!(node.x >= 0.0 && node.x + node.width <= diagram.width);
                    assert!(node.y >= 0.0 && node.y + node.height <= diagram.height);
                }
            }
        }
    }

    #[test]
    fn many_hosts_are_one_box_with_a_number() {
        let diagram = wide(&topology(40), "10.0.0.0/16");
        let app = diagram.boxes.iter().find(|b| b.id == Id::App).unwrap();
        assert_eq!(app.title, "Application × 40");
        assert_eq!(app.lines.len(), LISTED + 1);
        assert_eq!(app.lines[LISTED].text, "and 37 more");
        assert_eq!(app.dots.len(), DOTS);
    }

    #[test]
    fn lines_lead_only_to_what_is_there() {
        let diagram = wide(&topology(2), "10.0.0.0/16");
        assert!(diagram.edges.iter().all(|edge| edge.label != "6379"));
        let empty = wide(&Topology::default(), "10.0.0.0/16");
        assert!(empty.edges.is_empty());
        assert!(empty.frame.x.is_finite() && empty.frame.width.is_finite());
    }
}
