//! Writes what follows from the program: the tables of flags in `docs/cli.md`, the table of
//! permissions in `docs/permissions.md`, the table of errors in `docs/aws-errors.md`, those of settings
//! in `docs/settings.md`, and `schema/`. With `--check` it writes nothing and
//! fails where a file is stale.
//!
//! `cargo xtask generate` builds and runs this. It is no part of the xtask, which has to build
//! when loadrig does not.

mod cli;
mod settings;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use loadrig::blueprint::Kind;
use loadrig::preflight::{Scope, statements};

fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    match run(check) {
        Ok(stale) if stale.is_empty() => ExitCode::SUCCESS,
        Ok(stale) => {
            say(&format!(
                "stale: {}; run `cargo xtask generate`",
                stale.join(", ")
            ));
            ExitCode::FAILURE
        }
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

/// Writes every file; or, to check, returns those that would change.
fn run(check: bool) -> Result<Vec<&'static str>, String> {
    let mut stale = Vec::new();
    for (name, generate) in FILES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let now = std::fs::read_to_string(&path)
            .map_err(|error| format!("cannot read {name}: {error}"))?;
        let new = generate(&now).map_err(|error| format!("{name}: {error}"))?;
        if now == new {
            continue;
        }
        if check {
            stale.push(*name);
        } else {
            std::fs::write(&path, new).map_err(|error| format!("cannot write {name}: {error}"))?;
            say(&format!("wrote {name}"));
        }
    }
    Ok(stale)
}

/// A file's new text from its present one.
type Generate = fn(&str) -> Result<String, String>;

const FILES: &[(&str, Generate)] = &[
    ("docs/cli.md", |page| {
        let page = section(page, "global flags", &cli::global_flags())?;
        section(
            &page,
            "flags of each command",
            &cli::flags_of_each_command(),
        )
    }),
    ("docs/permissions.md", |page| {
        section(page, "actions", &actions())
    }),
    ("docs/aws-errors.md", |page| {
        let page = section(page, "errors", &errors())?;
        section(&page, "known refusals", &known_refusals())
    }),
    ("docs/settings.md", |page| {
        let page = section(page, "purposes", &settings::first_values())?;
        section(&page, "owned", &settings::owned())
    }),
    ("schema/architecture.json", |_| {
        json(loadrig::spec::architecture_schema())
    }),
    ("schema/environment.json", |_| {
        json(loadrig::spec::environment_schema())
    }),
    ("schema/scenario.json", |_| {
        json(loadrig::loadtest::scenario_schema())
    }),
];

/// A page with what stands between two marks replaced.
fn section(page: &str, name: &str, text: &str) -> Result<String, String> {
    let (start, end) = (format!("<!-- {name} -->\n"), "<!-- end -->");
    let (before, rest) = page
        .split_once(&start)
        .ok_or_else(|| format!("has no mark `<!-- {name} -->`"))?;
    let (_, after) = rest
        .split_once(end)
        .ok_or_else(|| format!("has no `{end}` after `<!-- {name} -->`"))?;
    Ok(format!("{before}{start}\n{text}\n{end}{after}"))
}

fn json(value: &serde_json::Value) -> Result<String, String> {
    let text = serde_json::to_string_pretty(value).map_err(|error| error.to_string())?;
    Ok(format!("{text}\n"))
}

/// Every action that an environment of every kind of resource needs, with reasons.
fn actions() -> String {
    let scope = Scope::new("123456789012", "us-east-1", "perf");
    let mut table = String::from("| statement | actions | why |\n|---|---|---|\n");
    for one in statements(&Kind::ALL.into_iter().collect(), &scope) {
        let actions: Vec<String> = one
            .actions
            .iter()
            .map(|action| format!("`{action}`"))
            .collect();
        let why = one.why().replace('|', "\\|");
        table.push_str(&format!(
            "| {} | {} | {why} |\n",
            one.sid,
            actions.join(" ")
        ));
    }
    table
}

/// Every error of AWS that loadrig knows, and what it does about it.
fn errors() -> String {
    let mut table = String::from(
        "| service | operations | codes | message contains | class | source |\n|---|---|---|---|---|---|\n",
    );
    for (service, row) in loadrig::aws::refusals() {
        let code = |text: &&str| format!("`{text}`");
        let list = |texts: &[&str]| texts.iter().map(code).collect::<Vec<_>>().join(" ");
        let operations = match row.operations {
            [] => "all".to_owned(),
            some => list(some),
        };
        table.push_str(&format!(
            "| {service} | {operations} | {} | {} | {:?} | {} |\n",
            list(row.codes),
            row.message,
            row.class,
            row.source
        ));
    }
    table
}

/// What AWS is known to refuse calls with, and what it means.
fn known_refusals() -> String {
    let mut table = String::from(
        "| service | operations | code | text | meaning | others wait | source |\n|---|---|---|---|---|---|---|\n",
    );
    for row in strict_cloud::known_refusals() {
        let operations = match row.operations {
            [] => "all".to_owned(),
            some => some
                .iter()
                .map(|one| format!("`{one}`"))
                .collect::<Vec<_>>()
                .join(" "),
        };
        let waits = match row.waits {
            Some(seconds) if seconds >= 60 => format!("{} min", seconds / 60),
            Some(seconds) => format!("{seconds} s"),
            None => String::new(),
        };
        table.push_str(&format!(
            "| {} | {operations} | `{}` | {} | {} | {waits} | {} |\n",
            row.service,
            row.code,
            row.message.replace('|', "\\|"),
            row.meaning.words(),
            row.source
        ));
    }
    table
}

fn say(line: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}
