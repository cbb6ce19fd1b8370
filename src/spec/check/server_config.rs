//! `mattermost.config`: settings of the server that somebody gives in the YAML.
//!
//! That they exist and have the right type is the schema's; here is who may set them, and what a
//! variable can hold.

use serde_json::Value;

use super::Checker;
use crate::spec::{OwnedSetting, ServerConfig, is_secret_setting};

impl Checker<'_> {
    pub(super) fn server_config(&mut self, config: &ServerConfig) {
        for (section, keys) in config {
            for (key, value) in keys {
                let name = format!("{section}.{key}");
                let place = self.key_place(&["mattermost", "config", section, key]);
                let problem = if let Some(owned) = OwnedSetting::find(section, key) {
                    place
                        .problem(
                            format!("`{name}` is set by loadrig"),
                            format!("it follows from {}", owned.from),
                        )
                        .hint("`docs/settings.md` lists the settings that loadrig owns")
                } else if is_secret_setting(section, key) {
                    place.problem(
                        format!("`{name}` is a secret"),
                        "secrets do not belong into this file",
                    )
                } else if let Some(fault) = fault(value) {
                    self.place(&["mattermost", "config", section, key])
                        .problem(format!("`{name}` cannot have this value"), fault)
                } else {
                    continue;
                };
                self.report(problem);
            }
        }
    }
}

/// What the server could not read back from a variable.
fn fault(value: &Value) -> Option<&'static str> {
    match value {
        Value::String(text) if text.chars().any(char::is_control) => {
            Some("expected text on one line")
        }
        Value::Array(words) if words.is_empty() => {
            Some("expected at least one word; leave the key out for none")
        }
        Value::Array(words) => {
            let is_word = |word: &Value| {
                let text = word.as_str().unwrap_or_default();
                !text.is_empty() && !text.chars().any(|c| c == ' ' || c.is_control())
            };
            (!words.iter().all(is_word)).then_some("expected words without spaces")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::spec::{Library, Problem};

    fn load(config: &str) -> Result<crate::spec::Spec, Vec<Problem>> {
        let text = format!("architecture: 1k\nmattermost:\n  config:\n    {config}\n");
        Library::new(Some("no-such-directory".into()))
            .load_text("test", &text)
            .map_err(|errors| errors.problems)
    }

    #[track_caller]
    fn only_problem(config: &str) -> (String, String) {
        match load(config).unwrap_err().as_slice() {
            [problem] => (problem.message.clone(), problem.label.clone()),
            other => panic!("expected one problem, found {other:#?}"),
        }
    }

    #[test]
    fn settings_keep_their_types() {
        let spec = load(
            "{TeamSettings: {MaxUsersPerTeam: 500, SiteName: 2024}, ServiceSettings: \
             {EnableLatex: true, TLSOverwriteCiphers: [A, B]}, LdapSettings: }",
        )
        .unwrap();
        let config = &spec.mattermost.config;
        assert_eq!(config["TeamSettings"]["MaxUsersPerTeam"], json!(500));
        assert_eq!(config["TeamSettings"]["SiteName"], json!("2024"));
        assert_eq!(config["ServiceSettings"]["EnableLatex"], json!(true));
        assert_eq!(
            config["ServiceSettings"]["TLSOverwriteCiphers"],
            json!(["A", "B"])
        );
    }

    #[test]
    fn misspelt_sections_and_keys_get_a_suggestion() {
        let (message, label) = only_problem("TeamSetings: {SiteName: x}");
        assert_eq!(message, "unknown key `TeamSetings` in `mattermost.config`");
        assert_eq!(label, "did you mean `TeamSettings`?");
        let (message, label) = only_problem("TeamSettings: {MaxUserPerTeam: 5}");
        assert_eq!(
            message,
            "unknown key `MaxUserPerTeam` in `mattermost.config.TeamSettings`"
        );
        assert_eq!(label, "did you mean `MaxUsersPerTeam`?");
        let (_, label) = only_problem("ServiceSettings: {Colour: blue}");
        assert!(
            label.contains("keys, which `loadrig schema` or,"),
            "{label}"
        );
    }

    #[test]
    fn types_are_checked() {
        let (message, _) = only_problem("TeamSettings: {MaxUsersPerTeam: many}");
        assert!(
            message.starts_with("`mattermost.config.TeamSettings.MaxUsersPerTeam` cannot be"),
            "{message}"
        );
        let (message, _) = only_problem("TeamSettings: {EnableOpenServer: 1}");
        assert!(message.contains("EnableOpenServer` cannot be"), "{message}");
    }

    #[test]
    fn what_loadrig_sets_is_refused_with_the_key_that_sets_it() {
        let (message, label) = only_problem("ServiceSettings: {SiteURL: 'https://a.example'}");
        assert_eq!(message, "`ServiceSettings.SiteURL` is set by loadrig");
        assert_eq!(label, "it follows from `tls.host_name` or `alb.host_name`");
    }

    #[test]
    fn secrets_and_what_variables_cannot_hold_are_refused() {
        let (message, _) = only_problem("GitLabSettings: {Secret: hunter2}");
        assert_eq!(message, "`GitLabSettings.Secret` is a secret");
        for wrong in ["[]", "['a b']", "['']"] {
            let (message, _) = only_problem(&format!(
                "ServiceSettings: {{TLSOverwriteCiphers: {wrong}}}"
            ));
            assert!(message.ends_with("cannot have this value"), "{message}");
        }
        let (message, _) = only_problem("TeamSettings: {CustomBrandText: \"a\\nb\"}");
        assert!(message.ends_with("cannot have this value"), "{message}");
    }
}
