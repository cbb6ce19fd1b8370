//! `loadrig architectures`: the sizes on offer.

use comfy_table::{CellAlignment, ContentArrangement};
use serde_json::{Value, json};

use crate::cli::App;
use crate::cli::args::ArchitecturesArgs;
use crate::cli::failure::Outcome;
use crate::cli::plan_text;
use crate::cli::printer::table;
use crate::diagnose::ExitCode;
use crate::engine::CloudError;
use crate::ops::plan::price;
use crate::spec::{Architecture, Role, SourceKind};

/// Width of the list, columns.
const WIDTH: u16 = 100;

/// Lists the sizes, or shows one in full.
pub(crate) fn run(app: &App, args: &ArchitecturesArgs) -> Outcome {
    app.event_log()?;
    match &args.show {
        Some(name) => {
            let size = app.library.architecture(name)?;
            show(app, &size)?;
        }
        None => list(app, &app.library.architectures()?)?,
    }
    Ok(ExitCode::Done)
}

fn list(app: &App, sizes: &[Architecture]) -> Result<(), CloudError> {
    if app.printer.is_json() {
        let all = sizes.iter().map(document).collect::<Result<Vec<_>, _>>()?;
        app.printer.json(&all);
        return Ok(());
    }
    let mut table = table();
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header([
            "size", "users", "app", "database", "search", "agents", "$/hour", "headroom", "source",
        ]);
    let mut days = String::new();
    for size in sizes {
        let cost = price(&size.example())?;
        days = cost.days();
        table.add_row([
            size.name.clone(),
            size.concurrent_users.to_string(),
            group(size, Role::App),
            some(
                size.database.readers + 1,
                size.database.instance_type.trim_start_matches("db."),
            ),
            some(
                size.search.nodes,
                size.search.instance_type.trim_end_matches(".search"),
            ),
            size.nodes
                .get(&Role::Agent)
                .map_or(0, |agents| agents.count)
                .to_string(),
            format!("{:.2}", cost.per_hour),
            size.headroom()
                .map_or("unknown".to_owned(), |h| format!("{:.0} %", h * 100.0)),
            source(size).to_owned(),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    for column in [1, 5, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    app.printer.data(&table.to_string());
    app.printer.say(&format!(
        "on-demand prices of us-east-1, {days}; `loadrig architectures SIZE` shows\nevery part, \
         the cost of a month and where a size comes from"
    ));
    Ok(())
}

fn document(size: &Architecture) -> Result<Value, CloudError> {
    let cost = price(&size.example())?;
    Ok(json!({ "architecture": size, "headroom": size.headroom(), "cost": cost }))
}

fn group(size: &Architecture, role: Role) -> String {
    size.nodes
        .get(&role)
        .filter(|group| group.count > 0)
        .map_or("-".to_owned(), |group| {
            some(group.count, &group.instance_type)
        })
}

fn some(count: u32, kind: &str) -> String {
    match count {
        0 => "-".to_owned(),
        count => format!("{count}×{kind}"),
    }
}

fn source(size: &Architecture) -> &'static str {
    match size.source.kind {
        SourceKind::Published => "published",
        SourceKind::Derived => "derived",
    }
}

fn show(app: &App, size: &Architecture) -> Result<(), CloudError> {
    if app.printer.is_json() {
        app.printer.json(&document(size)?);
        return Ok(());
    }
    let cost = price(&size.example())?;
    let mut text = format!(
        "{}: {} concurrent users\n{}: {}\n{}\n",
        size.name,
        size.concurrent_users,
        source(size),
        size.source.url,
        size.source.note.trim()
    );
    if let (Some(ceiling), Some(headroom)) = (size.measured_ceiling_users, size.headroom()) {
        text.push_str(&format!(
            "measured ceiling: {ceiling} users, headroom {:.0} %\n",
            headroom * 100.0
        ));
    }
    text.push_str(&plan_text::bill(&cost));
    text.push_str(&format!("\n{}\n", plan_text::sums(&cost)));
    app.printer.data(&text);
    Ok(())
}
