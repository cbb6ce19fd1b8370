//! Tables of the server's settings.

use loadrig::spec::{CONNECTION_SETTINGS, OWNED_SETTINGS, PURPOSE_SETTINGS, SettingValue};

/// What administrators' settings start with.
pub(crate) fn first_values() -> String {
    let mut table = String::from(
        "| setting | `rig` | `gold-standard` | why | source |\n|---|---|---|---|---|\n",
    );
    for one in PURPOSE_SETTINGS {
        table.push_str(&format!(
            "| `{}.{}` | {} | {} | {} | {} |\n",
            one.section,
            one.key,
            cell(one.rig),
            cell(one.gold_standard),
            one.why,
            one.source.links(),
        ));
    }
    table
}

fn cell(value: SettingValue) -> String {
    match value {
        SettingValue::Default => "default".to_owned(),
        SettingValue::Text("") => "empty".to_owned(),
        SettingValue::Text(text) => format!("`{text}`"),
        SettingValue::Flag(flag) => format!("`{flag}`"),
        SettingValue::Number(number) => format!("`{number}`"),
    }
}

/// What loadrig sets.
pub(crate) fn owned() -> String {
    let mut table = String::from("| setting | follows from | value |\n|---|---|---|\n");
    for one in OWNED_SETTINGS.iter().chain(CONNECTION_SETTINGS) {
        table.push_str(&format!(
            "| `{}.{}` | {} | {} |\n",
            one.section, one.key, one.from, one.why
        ));
    }
    table
}
