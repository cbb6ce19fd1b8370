//! Plugins of the server: their ids, where their bundles are, and what else in the environment forbids
//! them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::server::is_sha256;
use super::{Checker, Origin};
use crate::spec::plugins::PluginShape;
use crate::spec::{PluginSource, ServerConfig, ServerPlugin};

/// Settings with which the server takes no bundles.
const FORBIDDING: [(&str, bool); 3] = [
    ("Enable", false),
    ("EnableUploads", false),
    ("RequirePluginSignature", true),
];

impl Checker<'_> {
    /// The plugins; `None` when something is wrong with them.
    pub(super) fn plugins(
        &mut self,
        shapes: Vec<PluginShape>,
        config: &ServerConfig,
        origin: &Origin<'_>,
    ) -> Option<Vec<ServerPlugin>> {
        if shapes.is_empty() {
            return Some(Vec::new());
        }
        let mut wrong = self.plugins_are_forbidden(config);
        let mut ids = BTreeSet::new();
        let mut plugins = Vec::new();
        for (index, shape) in shapes.into_iter().enumerate() {
            let index = index.to_string();
            match self.plugin(&index, shape, origin) {
                Some(plugin) if !ids.insert(plugin.id.clone()) => {
                    let place = self.place(&["mattermost", "plugins", &index, "id"]);
                    let problem = place.problem(
                        format!("the plugin `{}` stands here twice", plugin.id),
                        "expected another one",
                    );
                    self.report(problem);
                    wrong = true;
                }
                Some(plugin) => plugins.push(plugin),
                None => wrong = true,
            }
        }
        (!wrong).then_some(plugins)
    }

    /// Whether a setting of the YAML keeps the server from taking bundles.
    fn plugins_are_forbidden(&mut self, config: &ServerConfig) -> bool {
        let Some(keys) = config.get("PluginSettings") else {
            return false;
        };
        let mut forbidden = false;
        for (key, value) in FORBIDDING {
            if keys.get(key) == Some(&Value::Bool(value)) {
                let path = ["mattermost", "config", "PluginSettings", key];
                let problem = self.place(&path).problem(
                    format!("`mattermost.plugins` with `PluginSettings.{key}: {value}`"),
                    format!("expected `{}`, or no plugins", !value),
                );
                self.report(problem.hint(match key {
                    "Enable" => "the server runs no plugins with it",
                    "EnableUploads" => {
                        "leave the key out: loadrig turns uploads on while it installs, and off again"
                    }
                    _ => "loadrig installs bundles without their signatures",
                }));
                forbidden = true;
            }
        }
        forbidden
    }

    fn plugin(
        &mut self,
        index: &str,
        shape: PluginShape,
        origin: &Origin<'_>,
    ) -> Option<ServerPlugin> {
        let path = |key| ["mattermost", "plugins", index, key];
        // One that is missing has been reported.
        let id = shape.id?;
        if !is_plugin_id(&id) {
            let problem = self.place(&path("id")).problem(
                format!("`{id}` is not the id of a plugin"),
                "expected 3 to 190 of: lower-case letters, digits, `.`, `-`, `_`",
            );
            self.report(problem.hint("it is the `id` in the bundle's `plugin.json`"));
            return None;
        }
        if let Some(text) = shape.sha256.as_deref().filter(|text| !is_sha256(text)) {
            let count = text.chars().count();
            let problem = self.place(&path("sha256")).problem(
                format!("the checksum of `{id}` is not a SHA-256 checksum"),
                format!("expected 64 hexadecimal digits, found {count} characters"),
            );
            self.report(problem.hint("`sha256sum FILE` prints it"));
            return None;
        }
        let sha256 = shape.sha256.map(|text| text.to_lowercase());
        let source = match (shape.file, shape.url, sha256) {
            (Some(file), None, sha256) => {
                let file = self.file(&path("file"), &file, origin)?;
                PluginSource::File { path: file, sha256 }
            }
            (None, Some(url), _) if has_account(&url) => {
                let problem = self.place(&path("url")).problem(
                    format!("the URL of `{id}` holds an account"),
                    "expected `https://HOST/…`, without `USER:PASSWORD@`",
                );
                self.report(problem.hint(
                    "fetch the bundle yourself and name it as `file`: no secret belongs into the YAML",
                ));
                return None;
            }
            (None, Some(url), Some(sha256)) if is_url(&url) => PluginSource::Url { url, sha256 },
            (None, Some(url), sha256) => {
                let (message, label) = match sha256 {
                    None => (
                        "a bundle without its checksum",
                        "expected `sha256:` beside it",
                    ),
                    Some(_) => (
                        "this is not a URL that a host can fetch",
                        "expected `https://…` or `http://…`",
                    ),
                };
                let problem = self.place(&path("url")).problem(message, label);
                self.report(problem.hint(format!("`curl -L '{url}' | sha256sum` prints it")));
                return None;
            }
            (Some(_), Some(_), _) | (None, None, _) => {
                let problem = self.place(&path("id")).problem(
                    format!("the plugin `{id}` without a bundle, or with two"),
                    "expected `file`, or `url` and `sha256`",
                );
                self.report(problem);
                return None;
            }
        };
        Some(ServerPlugin {
            settings: self.plugin_settings(index, &id, shape.settings.unwrap_or_default())?,
            id,
            source,
            enabled: shape.enabled.unwrap_or(true),
        })
    }

    /// The settings by the keys that the server stores, which are in lower case.
    fn plugin_settings(
        &mut self,
        index: &str,
        id: &str,
        given: Map<String, Value>,
    ) -> Option<Map<String, Value>> {
        let mut settings = Map::new();
        for (key, value) in given {
            let lower = key.to_lowercase();
            if settings.insert(lower, value).is_some() {
                let path = ["mattermost", "plugins", index, "settings", key.as_str()];
                let problem = self.place(&path).problem(
                    format!("the setting `{key}` of `{id}` stands here twice"),
                    "expected it once: upper and lower case are the same here",
                );
                self.report(problem);
                return None;
            }
        }
        Some(settings)
    }
}

/// `IsValidPluginId` in the server's `model/plugin_valid.go`; ids are compared in lower case.
fn is_plugin_id(id: &str) -> bool {
    let is_known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    (3..=190).contains(&id.len()) && id.chars().all(is_known)
}

/// Whether a URL says as whom to ask, a secret mostly.
fn has_account(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    host.contains('@')
}

fn is_url(url: &str) -> bool {
    let host = url.strip_prefix("https://").or(url.strip_prefix("http://"));
    let is_plain = |c: char| c.is_ascii_graphic() && !"'\"\\`".contains(c);
    host.is_some_and(|host| !host.is_empty()) && url.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::spec::PluginSource;
    use crate::spec::check::sample::{load, only_problem};

    const SUM: &str = "aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899";

    #[test]
    fn a_plugin_runs_unless_it_says_otherwise_and_its_settings_keep_their_types() {
        let text = format!(
            "plugins:\n    - id: com.example.greeter\n      url: https://example.com/g.tar.gz\n      \
             sha256: {SUM}\n      settings: {{Greeting: hello, Count: 3, Teams: [a, b], On: true, \
             Version: '5'}}\n    - {{id: other.one, file: /etc/hostname, enabled: false}}"
        );
        let plugins = load(&text).unwrap().mattermost.plugins;
        let [greeter, other] = plugins.as_slice() else {
            panic!("{plugins:?}");
        };
        assert!(greeter.enabled && !other.enabled);
        assert!(matches!(
            other.source,
            PluginSource::File { sha256: None, .. }
        ));
        let expected = json!({
            "greeting": "hello", "count": 3, "teams": ["a", "b"], "on": true, "version": "5",
        });
        assert_eq!(json!(greeter.settings), expected);
    }

    #[test]
    fn what_cannot_be_installed_is_refused() {
        for (plugin, message) in [
            (
                "{id: 'no such', file: /etc/hostname}",
                "`no such` is not the id of a plugin",
            ),
            (
                "{id: a.b}",
                "the plugin `a.b` without a bundle, or with two",
            ),
            (
                "{id: a.b, url: 'https://example.com/a'}",
                "a bundle without its checksum",
            ),
            (
                "{id: a.b, url: 'https://u:hunter2@example.com/a'}",
                "the URL of `a.b` holds an account",
            ),
            (
                "{id: a.b, file: /etc/hostname, sha256: abc}",
                "the checksum of `a.b` is not a SHA-256 checksum",
            ),
            (
                "{id: a.b, file: /etc/hostname, settings: {A: 1, a: 2}}",
                "the setting `a` of `a.b` stands here twice",
            ),
            (
                "{id: a.b, file: /etc/hostname, settings: {A: }}",
                "`mattermost.plugins.settings.A` has no value",
            ),
            (
                "{file: /etc/hostname}",
                "`mattermost.plugins` lacks the key `id`",
            ),
        ] {
            assert_eq!(only_problem(&format!("plugins: [{plugin}]")), message);
        }
        let twice = "plugins: [{id: a.b, file: /etc/hostname}, {id: a.b, file: /etc/hostname}]";
        assert_eq!(only_problem(twice), "the plugin `a.b` stands here twice");
    }

    #[test]
    fn settings_that_forbid_plugins_are_named() {
        for (setting, message) in [
            (
                "RequirePluginSignature: true",
                "`mattermost.plugins` with `PluginSettings.RequirePluginSignature: true`",
            ),
            (
                "EnableUploads: false",
                "`mattermost.plugins` with `PluginSettings.EnableUploads: false`",
            ),
        ] {
            let text = format!(
                "plugins: [{{id: a.b, file: /etc/hostname}}]\n  config: {{PluginSettings: {{{setting}}}}}"
            );
            assert_eq!(only_problem(&text), message);
        }
        // Without plugins they are nobody's business.
        assert!(load("config: {PluginSettings: {EnableUploads: false}}").is_ok());
    }
}
