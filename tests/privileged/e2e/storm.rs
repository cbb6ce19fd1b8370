//! A storm goes on while its operator is away, and keeps others from changing the rig; somebody comes
//! back and reads its result.

use nix::sys::signal::Signal;
use serde_json::Value;

use super::rig::Home;

/// 300 users in 18 s: the rate of 15,000 in 15 minutes. How many of them get in depends on the
/// machine, which checks passwords at their full price.
const STORM: &str = "\
engine: storm
name: small-storm
title: Small storm
description: 300 people log in within 18 s.
users: 300
deadline: 2m
population: { teams: 2, channels: 40, channels_per_user: 10, unread_channels: 3, posts_per_channel: 20 }
client: { patience: 30s, retry: { after: 3s, jitter: 0s }, on_429: { heed_retry_after: true } }
phases:
  - storm: { over: 18s, shape: uniform }
  - drain: { at_most: 15s }
thresholds: { users_in_percent: 100, start_lag_p99: 10ms }
";

/// The report after the lines of a storm's seconds, and how many seconds there were.
fn report(out: &str) -> (Value, usize) {
    // Every line is JSON of its own.
    let mut lines: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let report = lines.pop().expect("a report");
    (report, lines.len())
}

pub fn it_goes_on_without_its_operator(home: &Home) {
    home.write("small-storm.yaml", STORM);
    home.run(&["test", "demo", "--attach"])
        .code(1)
        .says(&["there is no storm on the agents of `demo`"]);

    let mut operator = home.start(&["test", "demo", "small-storm.yaml"]);
    operator.until("the storm", |operator| {
        let (_, err) = operator.so_far();
        err.contains("goes on without this command").then_some(())
    });
    operator.signal(Signal::SIGKILL);
    operator.end();

    // Nobody changes the rig under it, and there is one storm at a time.
    for command in [
        ["up", "demo", "--yes"].as_slice(),
        &["down", "demo", "--yes"],
        &["test", "demo", "small-storm.yaml"],
        &["measure-hash", "demo", "--logins"],
    ] {
        home.run(command)
            .code(5)
            .says(&["small-storm", "goes on by itself", "--attach"]);
    }

    let back = home.run(&["test", "demo", "--attach", "--output", "json"]);
    let (report, seconds) = report(&back.out);
    let result = &report["scenarios"][0];
    let storm = &result["storm"]["storm"];
    assert_eq!(result["scenario"], "small-storm", "{back}");
    // However often it is read, it is one result.
    let again = home.run(&["test", "demo", "--attach", "--output", "json"]);
    let (again, _) = self::report(&again.out);
    assert_eq!(again["scenarios"][0]["run"], result["run"], "{back}");
    let runs = home.run(&["runs", "demo", "--output", "json"]).code(0);
    assert_eq!(runs.out.matches("\"small-storm\"").count(), 1, "{runs}");
    assert_eq!(storm["users"]["offered"], 300, "{back}");
    let users = |key: &str| storm["users"][key].as_u64().expect("a count");
    assert!(users("logged_in") > 0, "{back}");
    assert_eq!(users("logged_in") + users("never"), 300, "{back}");
    assert_eq!(storm["cut_short"], false, "{back}");
    assert_eq!(result["storm"]["gaps"].as_array().map(Vec::len), Some(0));
    assert_eq!(result["server"]["standin"], true, "{back}");
    // What hosts did was measured while nobody watched, and what was to be expected is beside it.
    let hosts = result["storm"]["hosts"].as_array().expect("hosts");
    let app = hosts.iter().find(|host| host["host"] == "app-1");
    let points = app.expect("app-1 was sampled")["points"].as_array();
    let worked = |point: &Value| point["server_processors"].as_f64() > Some(0.05);
    assert!(
        points.is_some_and(|points| points.iter().any(worked)),
        "{back}"
    );
    let expected = result["storm"]["forecast"]["users_in"].as_array();
    assert!(expected.is_some_and(|points| !points.is_empty()), "{back}");
    assert!(seconds >= 18, "{seconds} seconds were told{back}");
    // On a busy machine the agent may have been too slow to say anything of the server.
    let (passed, invalid) = (&result["passed"], &result["storm"]["invalid"]);
    let code = match (passed == true, invalid.is_null()) {
        (true, _) => 0,
        (false, true) => 4,
        (false, false) => 1,
    };
    assert_eq!(back.code, Some(code), "{back}");

    // The lock is free again: a storm that is left to itself can be slowed down and ended.
    home.run(&["test", "demo", "small-storm.yaml", "--detach"])
        .code(0)
        .says(&["--attach"]);
    home.run(&["test", "demo", "--rate", "0"])
        .code(0)
        .says(&["is held"]);
    let stopped = home.run(&["test", "demo", "--stop"]);
    assert!(stopped.code != Some(0), "{stopped}");
    stopped.says(&["the storm ran to its end", "stopped"]);
    home.run(&["test", "demo", "--rate", "1"])
        .code(1)
        .says(&["is over"]);
    home.run(&["up", "demo", "--yes"])
        .code(0)
        .says(&["nothing to do"]);
}

/// A node that is lost for 8 s while 60 users are in.
const NODE_LOSS: &str = "\
engine: storm
name: small-loss
title: Small loss
description: 60 people are in when a node is lost for 8 s.
users: 60
deadline: 3m
population: { teams: 2, channels: 40, channels_per_user: 10, unread_channels: 3, posts_per_channel: 20 }
phases:
  - ramp: { over: 30s }
  - hold: { for: 15s }
  - hold: { for: 20s }
  - drain: { at_most: 60s }
events:
  - phase: hold 2
    lose-node: { node: 2, for: 8s }
thresholds:
  recovery: { connected: { p99: 1m, last: 1m }, caught_up: { p99: 1m, last: 1m }, errors: 30s }
";

/// The node is killed and comes back by itself, and what clients noticed of it is in the report.
pub fn a_lost_node_comes_back_and_its_clients_too(home: &Home) {
    home.write("small-loss.yaml", NODE_LOSS);
    home.write("no-such-node.yaml", NODE_LOSS.replace("node: 2", "node: 9"));
    home.run(&["test", "demo", "no-such-node.yaml"])
        .code(2)
        .says(&["event `lose-node` is about `app-9`, and the environment has 2"]);
    let restart = NODE_LOSS.replace("lose-node: { node: 2, for: 8s }", "rolling-restart: {}");
    home.write("restart.yaml", &restart);
    home.run(&["test", "demo", "restart.yaml", "--detach"])
        .code(2)
        .says(&["is carried out by the command that follows the storm"]);

    let test = home.run(&["test", "demo", "small-loss.yaml", "--output", "json"]);
    let (report, _) = report(&test.out);
    let figures = &report["scenarios"][0]["storm"];
    let event = &figures["events"][0];
    assert_eq!(event["action"], "lose-node", "{test}");
    assert!(event["failure"].is_null(), "{test}");
    let ms = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{event}{test}"));
    let (begin, end) = (ms(&event["begin_ms"]), ms(&event["end_ms"]));
    assert!(
        begin.abs_diff(ms(&event["planned_ms"])) < 5_000,
        "{event}{test}"
    );
    assert!(end - begin >= 8_000, "{event}{test}");
    // A proxy spreads clients over both nodes: some lost their websocket, not all.
    let recovery = &event["recovery"];
    let lost = ms(&recovery["lost"]);
    assert!((1..60).contains(&lost), "{event}{test}");
    assert!(
        ms(&recovery["connected"]["last_ms"]) >= 3_000,
        "{event}{test}"
    );
    assert!(
        ms(&recovery["caught_up"]["last_ms"]) >= ms(&recovery["connected"]["last_ms"]),
        "{event}{test}"
    );
    home.run(&[
        "ssh",
        "demo",
        "app-2",
        "--",
        "systemctl",
        "is-active",
        "mattermost",
    ])
    .code(0);
    home.run(&["up", "demo", "--yes"])
        .code(0)
        .says(&["nothing to do"]);
}
