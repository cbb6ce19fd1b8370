//! The files: which schema one is read by, and what both engines ask of it.

use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::spec::{
    PathCheck, SourceText, SpecErrors, has_top_level_key, or_expected, read_file, read_yaml,
    schema_of, top_level_word,
};

use super::engine::ScenarioEngine;
use super::kind::Scenario;
use super::smoke::SmokeScenario;
use super::storm::StormScenario;
use super::storm_check::check_storm;

/// The scenarios that ship with the program.
const BUILT_IN: [(&str, &str); 6] = [
    ("smoke", include_str!("../../../scenarios/smoke.yaml")),
    (
        "login-storm",
        include_str!("../../../scenarios/login-storm.yaml"),
    ),
    (
        "reconnect-storm",
        include_str!("../../../scenarios/reconnect-storm.yaml"),
    ),
    (
        "node-loss",
        include_str!("../../../scenarios/node-loss.yaml"),
    ),
    (
        "database-failover",
        include_str!("../../../scenarios/database-failover.yaml"),
    ),
    (
        "rolling-restart",
        include_str!("../../../scenarios/rolling-restart.yaml"),
    ),
];

fn smoke_schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(schema_of::<SmokeScenario>);
    &SCHEMA
}

fn storm_schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(schema_of::<StormScenario>);
    &SCHEMA
}

/// JSON schema (draft 2020-12) of a scenario file: that of the engine that it names.
#[must_use]
pub fn scenario_schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        let mut smoke = smoke_schema().clone();
        let mut storm = storm_schema().clone();
        let draft = smoke["$schema"].clone();
        for (schema, title) in [(&mut smoke, "a smoke test"), (&mut storm, "a storm")] {
            if let Some(schema) = schema.as_object_mut() {
                schema.remove("$schema");
            }
            schema["title"] = json!(title);
        }
        json!({
            "$schema": draft,
            "title": "loadrig scenario",
            "type": "object",
            "if": {
                "properties": { "engine": { "const": "storm" } },
                "required": ["engine"],
            },
            "then": storm,
            "else": smoke,
        })
    });
    &SCHEMA
}

impl Scenario {
    /// The scenario of a built-in name or of a YAML file.
    ///
    /// # Errors
    /// When there is neither, and everything that is wrong with the file.
    pub fn find(name_or_path: &str) -> Result<Self, SpecErrors> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(&format!("scenarios/{name}.yaml (built in)"), text);
        }
        let path = Path::new(name_or_path);
        let looks_like_path = path.extension().is_some() || path.components().count() > 1;
        if !looks_like_path && !path.exists() {
            return Err(SpecErrors::unplaced(
                name_or_path,
                format!("there is no scenario `{name_or_path}`"),
                or_expected(name_or_path, Self::built_in()),
                "give the path of a YAML file, or the name of a built-in scenario",
            ));
        }
        Self::check(read_file(path)?.source)
    }

    /// The names of the scenarios that ship with the program.
    pub fn built_in() -> impl Iterator<Item = &'static str> + Clone {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// Reads a scenario; `origin` is what errors call the text.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(origin: &str, text: &str) -> Result<Self, SpecErrors> {
        Self::check(SourceText::new(origin, text))
    }

    /// Reads a scenario from a file's text.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn check(source: SourceText) -> Result<Self, SpecErrors> {
        read_scenario(source)
    }
}

impl SmokeScenario {
    /// The smoke scenario that ships with the program.
    ///
    /// # Errors
    /// When the program was built with a broken one.
    pub fn built_in() -> Result<Self, SpecErrors> {
        Self::parse("scenarios/smoke.yaml (built in)", BUILT_IN[0].1)
    }

    /// Reads a smoke scenario; `origin` is what errors call the text.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(origin: &str, text: &str) -> Result<Self, SpecErrors> {
        read_smoke(SourceText::new(origin, text))
    }
}

/// Reads a scenario of the engine that the file names.
fn read_scenario(source: SourceText) -> Result<Scenario, SpecErrors> {
    match engine(&source) {
        ScenarioEngine::Smoke => Ok(Scenario::Smoke(Box::new(read_smoke(source)?))),
        ScenarioEngine::Storm => {
            let storm = read_yaml(source, "a scenario", storm_schema(), |scenario, check| {
                check_name(scenario, check);
                check_storm(scenario, check);
            })?;
            Ok(Scenario::Storm(Box::new(storm)))
        }
    }
}

/// Reads a smoke scenario.
fn read_smoke(source: SourceText) -> Result<SmokeScenario, SpecErrors> {
    read_yaml(source, "a scenario", smoke_schema(), check_name)
}

/// The engine that a file is for. One that is misspelt, or left out of a file that can only be for
/// the other, is the reader's to report: by the schema that was meant.
fn engine(source: &SourceText) -> ScenarioEngine {
    let is_storm = match top_level_word(source, "engine").as_deref() {
        Some("storm") => true,
        Some("smoke") => false,
        _ => has_top_level_key(source, "phases") && !has_top_level_key(source, "steps"),
    };
    match is_storm {
        true => ScenarioEngine::Storm,
        false => ScenarioEngine::Smoke,
    }
}

/// The name becomes part of file names and of accounts on the server.
fn check_name(scenario: &Value, check: &mut PathCheck<'_>) {
    let Some(name) = scenario["name"].as_str() else {
        return;
    };
    let is_plain = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !(is_plain && (1..=32).contains(&name.len())) {
        check.report(
            &["name"],
            "the name cannot be used in file names",
            "expected 1 to 32 of a-z, 0-9 and -",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::{Diagnose, ExitCode};

    fn smoke() -> &'static str {
        BUILT_IN[0].1
    }

    fn problems(text: &str) -> Vec<(usize, String, String)> {
        let errors = Scenario::parse("my.yaml", text).unwrap_err();
        assert_eq!(errors.exit_code(), ExitCode::Usage);
        let problems = errors.problems.into_iter();
        problems
            .map(|problem| (problem.line, problem.message, problem.label))
            .collect()
    }

    #[test]
    fn every_built_in_scenario_is_valid_and_has_its_name() {
        for name in Scenario::built_in() {
            assert_eq!(Scenario::find(name).unwrap().name(), name);
        }
    }

    #[test]
    fn a_misspelt_key_is_placed_and_corrected() {
        let text = smoke().replace("transfer_file:", "transfer_fiel:");
        let line = 1 + text.lines().take_while(|l| !l.contains("fiel")).count();
        assert_eq!(
            problems(&text),
            [(
                line,
                "unknown key `transfer_fiel` in `steps`".to_owned(),
                "did you mean `transfer_file`?".to_owned()
            )]
        );
    }

    #[test]
    fn an_unknown_action_in_the_thresholds_is_corrected() {
        let text = smoke().replace("    log-in:", "    login:");
        assert_eq!(problems(&text)[0].2, "did you mean `log-in`?");
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let text = smoke()
            .replace("name: smoke", "name: Smoke Test")
            .replace("users: 50", "users: many")
            .replace("deadline: 3m", "deadline: 0s")
            .replace("title: Smoke test\n", "")
            .replace("deliver_within: 10s", "deliver_within: 10")
            .replace("bytes: 262144", "bytes: 99000000")
            .replace("p95: 20s, p99: 30s", "p95: 20x, p99: 30s")
            .replace("error_rate_percent: 0.0", "error_rate_percent: 101");
        let messages: Vec<String> = problems(&text).into_iter().map(|p| p.1).collect();
        assert_eq!(
            messages,
            [
                "the file lacks the key `title`",
                "the name cannot be used in file names",
                "`users` cannot be the text `many`",
                "`deadline` cannot be `0s`",
                "`steps.post.deliver_within` cannot be `10`",
                "`steps.transfer_file.bytes` cannot be `99000000`",
                "`thresholds.error_rate_percent` cannot be `101`",
                "`thresholds.latency.create-user.p95` cannot be `20x`",
                "`thresholds.latency.log-in.p95` cannot be `20x`",
            ]
        );
    }

    #[test]
    fn durations_say_their_bounds() {
        let text = smoke().replace("deadline: 3m", "deadline: 25h");
        assert_eq!(
            problems(&text)[0].2,
            "expected a duration from `1s` to `24h`, such as `3m`"
        );
    }

    #[test]
    fn a_file_of_another_kind_is_not_repeated_in_the_error() {
        let errors = Scenario::parse("passwd", &"root:x:0:0:root\n".repeat(300_000)).unwrap_err();
        assert_eq!(errors.problems.len(), 1);
        assert!(errors.to_string().len() < 1000, "{errors}");
        let errors = Scenario::parse("x", &"a".repeat(5_000_000)).unwrap_err();
        assert!(errors.to_string().len() < 1000);
    }

    #[test]
    fn an_unknown_name_suggests_the_nearest() {
        let errors = Scenario::find("smok").unwrap_err();
        assert_eq!(errors.problems[0].message, "there is no scenario `smok`");
        assert_eq!(errors.problems[0].label, "did you mean `smoke`?");
    }

    #[test]
    fn a_missing_file_is_a_read_error() {
        let errors = Scenario::find("no/such.yaml").unwrap_err();
        assert!(
            errors.problems[0]
                .message
                .starts_with("cannot read `no/such.yaml`")
        );
    }
}
