//! Tables of flags, from the definition that parses them.

use clap::{Arg, ArgAction, Command};

/// The flags that every command takes.
pub(crate) fn global_flags() -> String {
    let command = built();
    table(command.get_arguments().filter(|arg| arg.is_global_set()))
}

/// The flags and arguments of each command, but for the global ones.
pub(crate) fn flags_of_each_command() -> String {
    let command = built();
    let mut text = String::new();
    for one in command.get_subcommands() {
        add(one, &mut text);
    }
    text.trim_end().to_owned() + "\n"
}

fn built() -> Command {
    let mut command = loadrig::cli::command();
    command.build();
    command
}

fn add(command: &Command, text: &mut String) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    let own: Vec<&Arg> = command
        .get_arguments()
        .filter(|arg| !arg.is_global_set() && !is_built_in(arg))
        .collect();
    if !own.is_empty() {
        let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
        text.push_str(&format!("`{name}`:\n\n{}\n", table(own.into_iter())));
    }
    for one in command.get_subcommands() {
        add(one, text);
    }
}

fn is_built_in(arg: &Arg) -> bool {
    matches!(
        arg.get_action(),
        ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
    )
}

fn table<'a>(arguments: impl Iterator<Item = &'a Arg>) -> String {
    let mut rows = String::from("| flag | meaning |\n|---|---|\n");
    for arg in arguments.filter(|arg| !arg.is_hide_set() && !is_built_in(arg)) {
        rows.push_str(&format!(
            "| {} | {} |\n",
            cell(&spelling(arg)),
            cell(&meaning(arg))
        ));
    }
    rows
}

/// `-o`, `--output text|json`; an argument without a flag by its name.
fn spelling(arg: &Arg) -> String {
    let value = value(arg);
    let mut forms = Vec::new();
    if let Some(short) = arg.get_short() {
        forms.push(format!("`-{short}`"));
    }
    if let Some(long) = arg.get_long() {
        let equals = if arg.is_require_equals_set() {
            "="
        } else {
            " "
        };
        forms.push(if value.is_empty() {
            format!("`--{long}`")
        } else {
            format!("`--{long}{equals}{value}`")
        });
    }
    if forms.is_empty() {
        forms.push(format!("`{value}`"));
    }
    forms.join(", ")
}

fn value(arg: &Arg) -> String {
    if !arg.get_action().takes_values() {
        return String::new();
    }
    let possible: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|one| !one.is_hide_set())
        .map(|one| one.get_name().to_owned())
        .collect();
    if !possible.is_empty() {
        return possible.join("|");
    }
    let names = arg.get_value_names().unwrap_or_default();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let many = arg
        .get_num_args()
        .is_some_and(|range| range.max_values() > 1)
        || matches!(arg.get_action(), ArgAction::Append);
    if many {
        format!("{}…", names.join(" "))
    } else {
        names.join(" ")
    }
}

/// The help text, with the default and the environment variable.
fn meaning(arg: &Arg) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let mut parts = vec![help.split_whitespace().collect::<Vec<_>>().join(" ")];
    let defaults: Vec<String> = arg
        .get_default_values()
        .iter()
        .map(|value| format!("`{}`", value.to_string_lossy()))
        .collect();
    if !defaults.is_empty() && arg.get_action().takes_values() {
        parts.push(format!("default {}", defaults.join(", ")));
    }
    if let Some(variable) = arg.get_env() {
        parts.push(format!("also `{}`", variable.to_string_lossy()));
    }
    parts.join("; ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
