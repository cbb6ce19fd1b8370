//! The manual page: one page with every command, its arguments and its flags.

use std::io;

use clap::Command;
use clap_mangen::Man;

/// The page, in roff.
///
/// # Errors
/// When it cannot be rendered.
pub(super) fn page(mut command: Command) -> io::Result<String> {
    command.build();
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    let mut text = String::from_utf8_lossy(&page).into_owned();
    text.push_str(&part(|page| man.render_name_section(page))?);
    text.push_str(&part(|page| man.render_synopsis_section(page))?);
    text.push_str(&part(|page| man.render_description_section(page))?);
    text.push_str(&part(|page| man.render_options_section(page))?);
    // The library's own section would name pages that nobody installs.
    text.push_str(".SH COMMANDS\n");
    for command in commands(&command) {
        text.push_str(&section(command)?);
    }
    text.push_str(&part(|page| man.render_extra_section(page))?);
    text.push_str(&part(|page| man.render_version_section(page))?);
    Ok(text)
}

/// The commands that do something, below others too.
fn commands(command: &Command) -> Vec<Command> {
    let visible = |one: &&Command| !one.is_hide_set() && one.get_name() != "help";
    command
        .get_subcommands()
        .filter(visible)
        .flat_map(|one| match one.has_subcommands() {
            true => commands(one),
            false => vec![one.clone()],
        })
        .collect()
}

/// One command. What every command has stands above all of them.
fn section(command: Command) -> io::Result<String> {
    let name = command.get_bin_name().unwrap_or_default().to_owned();
    let command = command.mut_args(|argument| match argument.get_id().as_str() {
        "help" => argument.hide(true),
        _ if argument.is_global_set() => argument.hide(true),
        _ => argument,
    });
    let man = Man::new(command);
    let mut text = format!(".SS {name}\n");
    text.push_str(&without_heading(&part(|page| {
        man.render_description_section(page)
    })?));
    text.push_str(".PP\n");
    text.push_str(&without_heading(&part(|page| {
        man.render_synopsis_section(page)
    })?));
    text.push_str(&without_heading(&part(|page| {
        man.render_options_section(page)
    })?));
    Ok(text)
}

/// A part, without the definitions that each begins with: the title has them.
fn part(render: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<String> {
    let mut page = Vec::new();
    render(&mut page)?;
    let text = String::from_utf8_lossy(&page);
    Ok(lines(&text, |line| {
        !line.starts_with(".ie ") && !line.starts_with(".el ")
    }))
}

fn without_heading(text: &str) -> String {
    lines(text, |line| !line.starts_with(".SH "))
}

fn lines(text: &str, keep: impl Fn(&str) -> bool) -> String {
    let kept = text.lines().filter(|line| keep(line));
    kept.map(|line| format!("{line}\n")).collect()
}
