//! The settings of a Mattermost server that variables can set, `server-settings/mattermost.yaml`: the
//! server shows and locks them all, so the stand-in does too, whether or not it acts on them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// What a setting holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum VariableKind {
    Text,
    Boolean,
    Integer,
    Words,
}

#[derive(Default, Deserialize)]
struct VariableList {
    sections: BTreeMap<String, BTreeMap<String, VariableKind>>,
}

const TEXT: &str = include_str!("../../../server-settings/mattermost.yaml");

/// Section, key and kind of the setting that a variable names.
pub(super) fn known_setting(variable: &str) -> Option<(String, String, VariableKind)> {
    // A list that does not parse is caught by the test below.
    static KNOWN: LazyLock<VariableList> =
        LazyLock::new(|| serde_yaml::from_str(TEXT).unwrap_or_default());
    let wanted = variable.strip_prefix("MM_")?;
    KNOWN.sections.iter().find_map(|(section, keys)| {
        let key = wanted.strip_prefix(&section.to_uppercase())?;
        let key = key.strip_prefix('_')?;
        let (found, kind) = keys.iter().find(|(name, _)| name.to_uppercase() == key)?;
        Some((section.clone(), found.clone(), *kind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_name_settings_of_the_server() {
        let list: VariableList = serde_yaml::from_str(TEXT).expect("a list");
        assert!(list.sections.len() > 35);
        let named = |variable| known_setting(variable).map(|(section, key, _)| (section, key));
        let limit = ("TeamSettings".to_owned(), "MaxChannelsPerTeam".to_owned());
        assert_eq!(named("MM_TEAMSETTINGS_MAXCHANNELSPERTEAM"), Some(limit));
        assert_eq!(named("MM_TEAMSETTINGS_NOSUCHKEY"), None);
        assert_eq!(named("MM_CONFIG"), None);
    }
}
