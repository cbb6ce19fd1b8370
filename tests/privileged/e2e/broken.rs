//! A rig that somebody breaks by hand: `verify` names what is broken, and `up` or whoever broke it mends it.

use super::rig::{CommandOutcome, Home};

fn on(home: &Home, environment: &str, host: &str, command: &str) -> CommandOutcome {
    home.run(&["ssh", environment, host, "--", command]).code(0)
}

/// The names of the checks that failed, each with what was seen.
#[track_caller]
fn failed_checks(home: &Home, environment: &str) -> Vec<(String, String)> {
    let done = home
        .run(&["verify", environment, "--output", "json"])
        .code(1);
    let answer = done.json();
    let checks = answer["checks"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    checks
        .filter(|check| check["pass"] == false)
        .map(|check| (text(&check["name"]), text(&check["detail"])))
        .collect()
}

/// A file that loadrig wrote and somebody changed is named, and `up` restores it.
pub fn a_changed_file_is_named_and_restored(home: &Home, environment: &str) {
    let file = "/etc/nginx/nginx.conf";
    let digest = format!("sudo sha256sum {file}");
    let before = on(home, environment, "proxy-1", &digest).out;
    on(
        home,
        environment,
        "proxy-1",
        &format!("echo '# by hand' | sudo tee -a {file}"),
    );
    assert_eq!(
        failed_checks(home, environment),
        [(
            "proxy-1: files are as loadrig wrote them".to_owned(),
            format!("changed on the host: {file}")
        )]
    );
    home.run(&["up", environment, "--yes"]).code(0);
    assert_eq!(on(home, environment, "proxy-1", &digest).out, before);
}
