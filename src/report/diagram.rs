//! A plan as a picture: every resource in its place, coloured by what becomes of it. One SVG
//! file that needs nothing else.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::blueprint::kinds::Band;
use crate::blueprint::{Address, Blueprint, Desired, Kind};
use crate::plan::{Action, Change, Plan};
use crate::spec::Spec;

const CHIP_WIDTH: f64 = 216.0;
const CHIP_HEIGHT: f64 = 40.0;
const GAP: f64 = 8.0;
const PAD: f64 = 12.0;
const HEAD: f64 = 26.0;
/// Chips beside each other in a band that spans the picture.
const COLUMNS: usize = 4;

/// What becomes of things, with the colours of fill and border.
const ACTIONS: [(Action, &str, &str, &str); 6] = [
    (Action::Create, "create", "#d9f2e0", "#1f7a3d"),
    (Action::Update, "update in place", "#fff1cc", "#946200"),
    (Action::Replace, "replace", "#e9defa", "#6b3fa0"),
    (Action::Delete, "delete", "#fbdcdc", "#b3261e"),
    (Action::Refuse, "cannot be done", "#ffffff", "#b3261e"),
    (Action::Keep, "unchanged", "#f1f3f5", "#8a949e"),
];

/// A resource as a chip.
struct Chip {
    action: Action,
    label: String,
    detail: String,
}

/// A frame with chips.
struct DiagramFrame {
    title: String,
    chips: Vec<Chip>,
}

/// Draws a plan.
#[must_use]
pub fn plan_diagram(spec: &Spec, blueprint: &Blueprint, plan: &Plan) -> String {
    let changes: BTreeMap<&Address, &Change> = plan
        .changes
        .iter()
        .filter(|change| change.action != Action::Delete)
        .map(|change| (&change.address, change))
        .collect();
    // In the blueprint's order: public ones first.
    let mut subnets: Vec<(&Address, u8, DiagramFrame)> = Vec::new();
    let mut bands: [DiagramFrame; 4] = ["network", "managed services", "account", "going away"]
        .map(|t| DiagramFrame {
            title: t.to_owned(),
            chips: Vec::new(),
        });
    for (address, desired) in blueprint.resources() {
        let chip = chip(address, desired, changes.get(address).copied());
        match desired {
            Desired::Subnet(subnet) => {
                let title = format!("{address} · {}", word(chip.action));
                let frame = DiagramFrame {
                    title,
                    chips: Vec::new(),
                };
                subnets.push((address, subnet.zone, frame));
            }
            _ => {
                let subnet = subnets
                    .iter_mut()
                    .find(|(known, ..)| Some(*known) == desired.subnet());
                match subnet {
                    Some((_, _, frame)) => frame.chips.push(chip),
                    None => bands[band(desired.kind())].chips.push(chip),
                }
            }
        }
    }
    let leaving = plan
        .changes
        .iter()
        .filter(|change| change.action == Action::Delete);
    bands[3].chips.extend(leaving.map(|change| Chip {
        action: change.action,
        label: change.address.to_string(),
        detail: change.reason.clone(),
    }));
    let subnets = subnets.into_iter().map(|(_, zone, frame)| (zone, frame));
    render(spec, plan, subnets.collect(), &bands)
}

/// The frame of what is in no one subnet.
fn band(kind: Kind) -> usize {
    match kind.info().band {
        Band::Network => 0,
        Band::ManagedServices => 1,
        Band::Account => 2,
    }
}

fn chip(address: &Address, desired: &Desired, change: Option<&Change>) -> Chip {
    // A creation differs from nothing in every attribute: its size says more.
    let detail = match change.filter(|change| change.action != Action::Create) {
        Some(change) if !change.differences.is_empty() => {
            let names: Vec<String> = change
                .differences
                .iter()
                .map(|one| match one.old.len() + one.new.len() {
                    0..=24 => format!("{} {} → {}", one.attribute, one.old, one.new),
                    _ => one.attribute.clone(),
                })
                .collect();
            names.join(", ")
        }
        _ => size(desired),
    };
    Chip {
        action: change.map_or(Action::Keep, |change| change.action),
        label: address.to_string(),
        detail,
    }
}

/// What tells how large a resource is, with units.
fn size(desired: &Desired) -> String {
    let attributes = desired.attributes();
    let parts = [
        ("nodes", " ×"),
        ("instance_type", ""),
        ("class", ""),
        ("disk_gib", " GiB"),
        ("storage_gib", " GiB"),
        ("cidr", ""),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter_map(|(name, unit)| Some(format!("{}{unit}", attributes.get(name)?)))
        .collect();
    parts.join(" ")
}

fn word(action: Action) -> &'static str {
    ACTIONS
        .iter()
        .find(|(known, ..)| *known == action)
        .map_or("", |(_, word, ..)| word)
}

fn render(
    spec: &Spec,
    plan: &Plan,
    subnets: Vec<(u8, DiagramFrame)>,
    bands: &[DiagramFrame],
) -> String {
    let zones = subnets.iter().map(|(zone, _)| zone + 1).max().unwrap_or(1);
    let per_zone = (COLUMNS / usize::from(zones)).max(1);
    let wide = |columns: usize| to_f64(columns) * (CHIP_WIDTH + GAP) - GAP + 2.0 * PAD;
    let zone_width = wide(per_zone);
    let inner = (f64::from(zones) * (zone_width + PAD) - PAD).max(wide(COLUMNS));
    let width = inner + 4.0 * PAD;
    let mut body = String::new();
    let mut y = 84.0;
    let top = y;
    y += HEAD;
    for (index, frame) in bands.iter().enumerate() {
        // Subnets come between the network and the services in them.
        if index == 1 {
            let mut ends = vec![y; usize::from(zones)];
            for (zone, subnet) in &subnets {
                let column = usize::from(*zone);
                let x = 2.0 * PAD + f64::from(*zone) * (zone_width + PAD);
                if let Some(end) = ends.get_mut(column) {
                    *end += draw(&mut body, subnet, (x, *end), zone_width, per_zone) + GAP;
                }
            }
            y = ends.into_iter().fold(y, f64::max);
        }
        if index == 2 {
            let label = format!("VPC {} in {}", spec.network.cidr, spec.region);
            let frame = (PAD, top, width - 2.0 * PAD, y - top + GAP);
            body.insert_str(0, &outline(frame, &label, "vpc"));
            y += PAD + GAP;
        }
        if !frame.chips.is_empty() {
            let columns = COLUMNS.max(per_zone * usize::from(zones));
            y += draw(&mut body, frame, (2.0 * PAD, y), inner, columns) + GAP;
        }
    }
    let height = y + PAD;
    let title = format!("{} ({})", spec.name, spec.architecture);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" \
         font-family=\"system-ui, 'DejaVu Sans', sans-serif\">\n\
         <title>plan of {0}</title>\n\
         <style>.vpc {{ fill: #fbfcfd; stroke: #5b6770; stroke-dasharray: 6 4 }} \
         .frame {{ fill: #ffffff; stroke: #c3cad1 }} text {{ fill: #1b2126 }} \
         .small {{ font-size: 11px; fill: #46515a }}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"{PAD}\" y=\"30\" font-size=\"20\" font-weight=\"600\">{0}</text>\n{1}{body}</svg>\n",
        escape(&title),
        legend(plan),
    )
}

/// What the colours mean, with how many there are.
fn legend(plan: &Plan) -> String {
    let mut text = String::new();
    let mut x = PAD;
    for (action, word, fill, stroke) in ACTIONS {
        let label = format!("{} {word}", plan.count(action));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "<rect x=\"{x}\" y=\"46\" width=\"14\" height=\"14\" rx=\"3\" fill=\"{fill}\" stroke=\"{stroke}\"/>\
             <text x=\"{}\" y=\"58\" font-size=\"13\">{label}</text>",
            x + 20.0
        );
        x += 44.0 + 7.4 * to_f64(label.chars().count());
    }
    text
}

/// Draws a frame with its chips; answers its height.
fn draw(
    body: &mut String,
    frame: &DiagramFrame,
    at: (f64, f64),
    width: f64,
    columns: usize,
) -> f64 {
    let (x, y) = at;
    let rows = frame.chips.len().div_ceil(columns);
    let height = HEAD + to_f64(rows) * (CHIP_HEIGHT + GAP) + PAD - GAP;
    let height = if rows == 0 { HEAD + GAP } else { height };
    body.push_str(&outline((x, y, width, height), &frame.title, "frame"));
    for (index, chip) in frame.chips.iter().enumerate() {
        let left = x + PAD + to_f64(index % columns) * (CHIP_WIDTH + GAP);
        let top = y + HEAD + to_f64(index / columns) * (CHIP_HEIGHT + GAP);
        body.push_str(&draw_chip(chip, left, top));
    }
    height
}

fn draw_chip(chip: &Chip, x: f64, y: f64) -> String {
    let colours = ACTIONS.iter().find(|(action, ..)| *action == chip.action);
    let (fill, stroke) = colours.map_or(("#ffffff", "#000000"), |(_, _, fill, stroke)| {
        (*fill, *stroke)
    });
    format!(
        "<g><title>{0}: {1}</title>\
         <rect x=\"{x}\" y=\"{y}\" width=\"{CHIP_WIDTH}\" height=\"{CHIP_HEIGHT}\" rx=\"5\" fill=\"{fill}\" stroke=\"{stroke}\"/>\
         <text x=\"{2}\" y=\"{3}\" font-size=\"12.5\" font-weight=\"600\">{4}</text>\
         <text x=\"{2}\" y=\"{5}\" class=\"small\">{6}</text></g>\n",
        escape(&chip.label),
        word(chip.action),
        x + 9.0,
        y + 17.0,
        escape(&short(&chip.label, 28)),
        y + 32.0,
        escape(&short(
            &format!("{} {}", word(chip.action), chip.detail),
            36
        )),
    )
}

fn outline((x, y, width, height): (f64, f64, f64, f64), title: &str, class: &str) -> String {
    format!(
        "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>\
         <text x=\"{}\" y=\"{}\" font-size=\"13\" font-weight=\"600\">{}</text>\n",
        x + PAD,
        y + 17.0,
        escape(title)
    )
}

fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most - 1).collect();
    format!("{kept}…")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\n', ", ")
}

fn to_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use crate::blueprint::blueprint;
    use crate::plan::{Snapshot, plan};
    use crate::spec::Library;

    use super::*;

    #[test]
    fn every_resource_is_drawn_once_and_within_the_picture() {
        for size in ["1k", "50k", "200k"] {
            let library = Library::new(Some("no-such-directory".into()));
            let spec = library.architecture(size).unwrap().example();
            let blueprint = blueprint(&spec, &[]);
            let svg = plan_diagram(&spec, &blueprint, &plan(&blueprint, &Snapshot::default()));
            let subnets = blueprint
                .resources()
                .filter(|(_, desired)| desired.kind() == Kind::Subnet)
                .count();
            let chips = svg.matches("<g><title>").count();
            assert_eq!(chips + subnets, blueprint.resources().count(), "{size}");
            let number = |name: &str| -> f64 {
                let rest = svg.split(&format!(" {name}=\"")).nth(1).unwrap();
                rest.split('"').next().unwrap().parse().unwrap()
            };
            let (width, height) = (number("width"), number("height"));
            for rect in svg.split("<rect x=\"").skip(1) {
                let mut values = rect.split('"').step_by(2);
                let x: f64 = values.next().unwrap().parse().unwrap();
                let y: f64 = values.next().unwrap().parse().unwrap();
                assert!(x + CHIP_WIDTH <= width || y < 80.0, "{size}: {x}");
                assert!(y + CHIP_HEIGHT <= height, "{size}: {y}");
            }
        }
    }

    #[test]
    fn a_chip_shows_the_size_of_what_is_created_and_names_what_changes() {
        let library = Library::new(Some("no-such-directory".into()));
        let spec = library.architecture("10k").unwrap().example();
        let blueprint = blueprint(&spec, &[]);
        let plan = plan(&blueprint, &Snapshot::default());
        let (address, desired) = blueprint
            .resources()
            .find(|(_, desired)| desired.kind() == Kind::Instance)
            .unwrap();
        let mut change = plan
            .changes
            .iter()
            .find(|change| change.address == *address)
            .unwrap()
            .clone();
        let size = desired
            .attributes()
            .text("instance_type")
            .unwrap()
            .to_owned();
        let created = chip(address, desired, Some(&change)).detail;
        assert!(created.starts_with(&size), "{created}");
        assert!(created.ends_with(" GiB"), "{created}");
        change.action = Action::Replace;
        change
            .differences
            .retain(|one| one.attribute == "instance_type");
        change.differences[0].old = "c7i.large".into();
        let replaced = chip(address, desired, Some(&change)).detail;
        assert_eq!(replaced, format!("instance_type c7i.large → {size}"));
    }

    #[test]
    fn text_cannot_break_out() {
        assert_eq!(escape("<a & \"b\">\n"), "&lt;a &amp; &quot;b&quot;&gt;, ");
        assert_eq!(short("abcdef", 4), "abc…");
    }
}
