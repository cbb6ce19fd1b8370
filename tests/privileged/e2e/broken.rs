//! A rig that somebody breaks by hand: `verify` names what is broken, and `up` or whoever broke it repairs it.

use std::process::Command;
use std::time::{Duration, Instant};

use super::rig::{CommandOutcome, Home};

/// How long the server may take to notice that its cache is gone, or back: it asks every 10 s and waits 5 s.
const NOTICED: Duration = Duration::from_mins(1);

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
    // The server is asked nevertheless.
    home.run(&["verify", environment])
        .code(1)
        .says(&["entrance: the administrator logs in", "license: as planned"]);
    home.run(&["up", environment, "--yes"]).code(0);
    assert_eq!(on(home, environment, "proxy-1", &digest).out, before);
}

/// A server that cannot reach its cache is named.
pub fn a_lost_cache_is_named(home: &Home, environment: &str) {
    let connections = "ss -Htn state established '( dport = :6379 )'";
    let peer = on(home, environment, "app-1", connections).out;
    let peer = peer.split_whitespace().nth(3).unwrap();
    let (address, _) = peer.rsplit_once(':').unwrap();
    let until = |what: &str, is_there: bool| {
        let started = Instant::now();
        let seen = || on(home, environment, "app-1", connections).out;
        while seen().trim().is_empty() == is_there {
            assert!(started.elapsed() < NOTICED, "{what}");
            std::thread::sleep(Duration::from_secs(2));
        }
    };
    let route = |verb: &str| {
        let command = format!("sudo ip route {verb} blackhole {address}");
        on(home, environment, "app-1", &command);
    };
    route("add");
    until("the connection to the cache stays", false);
    assert_eq!(
        failed_checks(home, environment),
        [
            (
                "app-1: uses the cache".to_owned(),
                "the server has no connection to port 6379".to_owned()
            ),
            (
                "server: license, cluster, logins, events, files, search".to_owned(),
                "not checked, because of `app-1: uses the cache`".to_owned()
            )
        ]
    );
    route("del");
    until("the connection to the cache does not come back", true);
}

/// A cache that hangs keeps its connections, and takes new ones: only asking it tells.
pub fn a_hung_cache_is_named(home: &Home, environment: &str) {
    // There is one local cloud, and one environment in it.
    let signal = |name: &str| {
        let done = Command::new("pkill")
            .args([name, "--exact", "redis-server"])
            .status();
        assert!(done.unwrap().success(), "no cache runs");
    };
    signal("--signal=STOP");
    let failed = failed_checks(home, environment);
    signal("--signal=CONT");
    for node in ["app-1", "app-2"] {
        let name = format!("{node}: uses the cache");
        let found = failed.iter().find(|(check, _)| *check == name);
        let (_, detail) = found.unwrap_or_else(|| panic!("`{name}` passed: {failed:?}"));
        assert!(
            detail.contains("does not answer PING within 5 s") || detail.contains("no connection"),
            "{detail}"
        );
    }
    let started = Instant::now();
    while home.run(&["verify", environment]).code != Some(0) {
        assert!(started.elapsed() < NOTICED, "the cache does not come back");
    }
}

/// A command of the operator's own before the server's start fails: `up` ends soon, with what failed.
pub fn a_start_that_is_refused_is_named(home: &Home, environment: &str) {
    let directory = "/etc/systemd/system/mattermost.service.d";
    let by_hand = format!(
        "sudo mkdir -p {directory} && printf '[Service]\\nExecStartPre=/bin/ls /no-such-disk\\n' \
         | sudo tee {directory}/own.conf && sudo systemctl daemon-reload && sudo systemctl stop mattermost"
    );
    on(home, environment, "app-1", &by_hand);
    let failed = home.run(&["up", environment, "--yes"]).code(1);
    let failed = failed.says(&["app-1", "mattermost", "no-such-disk"]);
    assert!(failed.took < Duration::from_mins(2), "{failed}");
    let undone = format!("sudo rm -r {directory} && sudo systemctl daemon-reload");
    on(home, environment, "app-1", &undone);
    home.run(&["up", environment, "--yes"]).code(0);
}
