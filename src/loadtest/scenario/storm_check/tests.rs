//! What is wrong with a storm, and where: one test for each rule between keys.

use crate::loadtest::{Scenario, StormScenario};

/// Messages and labels of what is wrong with a storm of these parts.
fn problems(text: &str) -> Vec<(String, String)> {
    let head = "name: s\ntitle: S\ndescription: s\nengine: storm\n";
    match Scenario::parse("s.yaml", &format!("{head}{text}")) {
        Ok(_) => Vec::new(),
        Err(errors) => errors
            .problems
            .into_iter()
            .map(|problem| {
                assert!(problem.line > 0, "{problem:?}");
                (problem.message, problem.label)
            })
            .collect(),
    }
}

fn messages(text: &str) -> Vec<String> {
    problems(text)
        .into_iter()
        .map(|problem| problem.0)
        .collect()
}

const PHASES: &str = "phases: [storm: {over: 10s}, drain: {at_most: 1m}]\n";

#[test]
fn the_least_that_a_storm_needs_is_accepted() {
    let text = format!("users: 10\ndeadline: 2m\n{PHASES}");
    assert_eq!(problems(&text), []);
}

#[test]
fn phases_that_bring_too_many_are_refused_where_it_happens() {
    let text = "users: 100\ndeadline: 1h\n\
                phases:\n\
                - ramp: {users: 60, over: 1m}\n\
                - step: {users: 60, for: 1m}\n\
                - burst: {}\n\
                - drain: {at_most: 1m}\n";
    assert_eq!(
        messages(text),
        [
            "120 users come by then, and there are 100",
            "nobody is left who could come in `burst`: all 100 users came before",
        ]
    );
}

#[test]
fn a_deadline_before_the_end_of_the_phases_is_refused() {
    let text = "users: 10\ndeadline: 1m\n\
                phases: [storm: {over: 30s}, drain: {at_most: 1m}]\n";
    assert_eq!(
        problems(text),
        [(
            "the phases take up to 1m 30s, the deadline is after 1m".to_owned(),
            "expected at least `1m 30s`".to_owned()
        )]
    );
}

#[test]
fn the_order_of_phases_is_checked() {
    let of = |phases: &str| messages(&format!("users: 10\ndeadline: 1h\nphases: {phases}\n"));
    assert_eq!(
        of("[drop: {share: 1.0}, storm: {over: 1s}, drain: {at_most: 1s}]"),
        ["nobody is in yet whose websocket could break"]
    );
    assert_eq!(
        of("[storm: {over: 1s}, drain: {at_most: 1s}, drop: {share: 1.0}, hold: {for: 1s}]"),
        ["nothing waits for those who are on their way after `drop`"]
    );
    assert_eq!(of("[hold: {for: 1s}]"), ["no phase brings users"]);
    assert_eq!(of("[]"), ["a storm without phases does nothing"]);
    assert_eq!(
        of("[{storm: {over: 1s}, drain: {at_most: 1s}}]"),
        ["one phase cannot be `drain` and `storm` together"]
    );
    assert_eq!(
        of("[{}, storm: {over: 1s}, drain: {at_most: 1s}]"),
        ["this phase says nothing"]
    );
}

#[test]
fn thresholds_of_what_is_not_measured_are_refused() {
    let text = "users: 10\ndeadline: 1h\n\
                phases: [ramp: {users: 1, over: 1s}, drain: {at_most: 1s}, storm: {over: 1s}, \
                drain: {at_most: 1s}]\n\
                mix: {search: 0}\n\
                thresholds:\n  \
                  last_user_in: 1m\n  \
                  reconnected: {p99: 1s}\n  \
                  calls:\n    \
                    search-posts: {p99: 1s}\n    \
                    avatar: {p95: 1s}\n    \
                    system-ping: {p95: 1s}\n    \
                    create-post: {p95: 1s}\n";
    assert_eq!(
        problems(text)
            .into_iter()
            .map(|(message, label)| format!("{message}: {label}"))
            .collect::<Vec<_>>(),
        [
            "this scenario cannot measure `last_user_in`: it counts from the start of the storm, \
             which a `drain` before it leaves open",
            "this scenario cannot measure `reconnected`: it has neither a phase `drop` nor \
             `events`, by which websockets break",
            "this scenario cannot measure `calls.search-posts`: `mix.search` is 0",
            "this scenario cannot measure `calls.avatar`: `client.avatars` is 0",
            "this scenario cannot measure `calls.system-ping`: no client makes this call",
        ]
    );
}

#[test]
fn a_client_that_only_logs_in_measures_logins_alone() {
    let text = format!(
        "users: 10\ndeadline: 1h\n{PHASES}client: {{calls: login-only}}\n\
         thresholds: {{last_user_in: 1m, last_user_usable: 1m, error_rate_percent: 1, \
         calls: {{login: {{p95: 1s}}, others: {{p95: 1s}}, teams: {{p95: 1s}}}}}}\n"
    );
    let measured: Vec<String> = messages(&text);
    assert_eq!(
        measured,
        [
            "last_user_usable",
            "error_rate_percent",
            "calls.others",
            "calls.teams"
        ]
        .map(|name| format!("this scenario cannot measure `{name}`"))
    );
}

#[test]
fn a_population_that_cannot_be_is_refused() {
    let text = format!(
        "users: 10\ndeadline: 1h\n{PHASES}\
         population: {{teams: 4, channels: 20, channels_per_user: 6, unread_channels: 7}}\n"
    );
    assert_eq!(
        messages(&text),
        [
            "a user cannot be in 6 channels of a team that has 5",
            "a user in 6 channels cannot have unread posts in 7",
        ]
    );
}

#[test]
fn every_problem_of_a_storm_is_reported_at_once() {
    let text = "users: 0\ndeadline: 1m\nseed: x\n\
                client: {patience: 10, web_client: \"11.8\", htp: http2}\n\
                phases:\n\
                - storm: {over: 10s, shape: {decai: {tau: 1s}}}\n\
                - strom: {over: 10s}\n\
                - drop: {share: 1.5}\n\
                thresholds: {calls: {logn: {p95: 1s}}, login: {p90: 1s}}\n";
    let told: Vec<String> = problems(text)
        .into_iter()
        .map(|(message, label)| format!("{message}: {label}"))
        .collect();
    assert_eq!(
        told,
        [
            "`users` cannot be `0`: expected a whole number from 1 to 250000",
            "`seed` cannot be the text `x`: expected a whole number from 0 to 9007199254740991",
            "`client.patience` cannot be `10`: expected a duration from `100ms` to `1h`, such as `10s`",
            "`client.web_client` cannot be `11.8`: did you mean `11.6`?",
            "unknown key `htp` in `client`: did you mean `http`?",
            "unknown key `decai` in `phases.storm.shape`: did you mean `decay`?",
            "unknown key `strom` in `phases`: did you mean `storm`?",
            "`phases.drop.share` cannot be `1.5`: expected a number from 0 to 1",
            "unknown key `logn` in `thresholds.calls`: did you mean `login`?",
            "unknown key `p90` in `thresholds.login`: did you mean `p50`?",
        ]
    );
}

#[test]
fn a_storm_that_does_not_say_so_is_told_how() {
    let text = format!("name: s\ntitle: S\ndescription: s\nusers: 10\ndeadline: 2m\n{PHASES}");
    let errors = Scenario::parse("s.yaml", &text).unwrap_err();
    let messages: Vec<&str> = errors.problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(messages, ["the file lacks the key `engine`"]);
    assert!(errors.problems[0].label.contains("`storm`"), "{errors}");
    let misspelt = format!("engine: strom\n{text}");
    let errors = Scenario::parse("s.yaml", &misspelt).unwrap_err();
    assert_eq!(errors.problems.len(), 1, "{errors}");
    assert_eq!(errors.problems[0].label, "did you mean `storm`?");
}

#[test]
fn engines_are_not_mixed() {
    let text = format!("users: 10\ndeadline: 2m\n{PHASES}steps: {{}}\n");
    assert_eq!(messages(&text), ["unknown key `steps`"]);
}

#[test]
fn a_stored_storm_is_read_again() {
    for name in ["login-storm", "reconnect-storm"] {
        let Ok(Scenario::Storm(storm)) = Scenario::find(name) else {
            panic!("{name}");
        };
        let text = serde_json::to_string(&storm).unwrap();
        let again: StormScenario = serde_json::from_str(&text).unwrap();
        assert_eq!(again, *storm);
    }
}

/// Messages about events in a storm of a ramp, two holds, a drain and a third hold.
fn event_problems(events: &str) -> Vec<(String, String)> {
    problems(&format!(
        "users: 10\ndeadline: 1h\n\
         phases: [ramp: {{over: 1m}}, hold: {{for: 1m}}, hold: {{for: 2m}}, drain: {{at_most: 1m}}, \
         hold: {{for: 1m}}]\n\
         events:\n{events}"
    ))
}

#[test]
fn events_come_in_a_phase_of_known_start() {
    let good = "- {phase: hold 1, lose-node: {node: 2, for: 20s}}\n\
                - {phase: hold 2, at: 2m, rolling-restart: {}}\n\
                - {phase: ramp, at: 5s, lose-proxy: {}}\n\
                - {phase: hold 2, at: 1s, fail-over-database: {}}\n";
    assert_eq!(event_problems(good), []);
    let bad = "- {phase: hold, lose-node: {}}\n\
               - {phase: hold 1, at: 90s, lose-proxy: {for: 5s}}\n\
               - {phase: hold 3, rolling-restart: {}}\n";
    assert_eq!(
        event_problems(bad),
        [
            (
                "there is no phase `hold`".to_owned(),
                "expected `ramp`, `hold 1`, `hold 2`, `drain` or `hold 3`".to_owned()
            ),
            (
                "phase `hold 1` is over after 1m".to_owned(),
                "expected at most `1m`".to_owned()
            ),
            (
                "when `rolling-restart` comes is not known: `drain` ends as soon as nobody is on \
                 the way"
                    .to_owned(),
                "expected a phase before the first `drain`".to_owned()
            ),
        ]
    );
}

#[test]
fn an_event_does_one_thing_to_a_host_that_is_there() {
    let keys = "`lose-node`, `lose-proxy`, `rolling-restart`, `fail-over-database`";
    assert_eq!(
        event_problems(
            "- {phase: hold 1}\n- {phase: hold 1, lose-node: {}, rolling-restart: {}}\n"
        ),
        [
            (
                "this event does nothing".to_owned(),
                format!("expected one of {keys}")
            ),
            (
                "one event cannot be `lose-node` and `rolling-restart` together".to_owned(),
                "write each as an item of its own".to_owned()
            ),
        ]
    );
    // Down twice at once: until the end, and for a time.
    let twice = "- {phase: hold 1, lose-node: {node: 1}}\n\
                 - {phase: hold 2, lose-node: {node: 1, for: 5s}}\n\
                 - {phase: hold 2, lose-node: {node: 2, for: 5s}}\n\
                 - {phase: hold 2, at: 5s, lose-node: {node: 2, for: 5s}}\n";
    assert_eq!(
        event_problems(twice)
            .into_iter()
            .map(|problem| problem.0)
            .collect::<Vec<_>>(),
        ["`app-1` is down already at that time"]
    );
}

#[test]
fn time_to_recover_is_measured_after_what_breaks_websockets() {
    let recovery = "thresholds: {recovery: {connected: {p99: 5s}, errors: 5s}}\n";
    let text = format!("users: 10\ndeadline: 1h\n{PHASES}{recovery}");
    assert_eq!(
        problems(&text),
        [
            (
                "this scenario cannot measure `recovery.connected`".to_owned(),
                "it has neither a phase `drop` nor `events` to recover from".to_owned()
            ),
            (
                "this scenario cannot measure `recovery.errors`".to_owned(),
                "it has neither a phase `drop` nor `events` to recover from".to_owned()
            ),
        ]
    );
    let drops = "phases: [ramp: {over: 1m}, drop: {share: 0.5}, drain: {at_most: 1m}]\n";
    let text = format!("users: 10\ndeadline: 1h\n{drops}{recovery}");
    assert_eq!(problems(&text), []);
}
