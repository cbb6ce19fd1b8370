//! Settings of the server: the administrator's stay, and those of the YAML apply.

use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::rig::Home;

/// Runs `work` with the address of a tunnel into an environment, and ends it with Ctrl-C.
pub fn through_tunnel<T>(
    home: &Home,
    environment: &str,
    service: &str,
    work: impl FnOnce(&str) -> T,
) -> T {
    let mut tunnel = home.start(&["tunnel", environment, service, "--output", "json"]);
    let address = tunnel.until("an open port", |tunnel| {
        let (out, _) = tunnel.so_far();
        let answer: Value = serde_json::from_str(&out).ok()?;
        Some(answer["address"].as_str()?.to_owned())
    });
    let done = work(&address);
    tunnel.signal(Signal::SIGINT);
    tunnel.end().code(0);
    done
}

/// Stores what the System Console would.
pub fn administrator_closes_sign_up(home: &Home) {
    let variables = home
        .run(&[
            "ssh",
            "demo",
            "app-1",
            "--",
            "sudo grep ^MM_CONFIG= /etc/mattermost/environment",
        ])
        .code(0);
    let dsn = variables.out.trim().trim_start_matches("MM_CONFIG=");
    let (user, rest) = dsn.split_once('@').unwrap();
    let database = rest.split(['/', '?']).nth(1).unwrap();
    through_tunnel(home, "demo", "database", |address| {
        let changed = Command::new("psql")
            .arg(format!("{user}@{address}/{database}?sslmode=require"))
            .args([
                "-c",
                "UPDATE configurations SET value = jsonb_set(value::jsonb, \
                 '{TeamSettings,EnableOpenServer}', 'false')::text WHERE active",
            ])
            .output()
            .unwrap();
        let out = String::from_utf8_lossy(&changed.stdout);
        assert_eq!(out.trim(), "UPDATE 1", "{changed:?}");
    });
}

/// What clients are told: a setting of the YAML, and one that the administrator changed.
pub fn both_apply(home: &Home) {
    let told = through_tunnel(home, "demo", "mattermost", |address| {
        super::get(address, "/api/v4/config/client?format=old")
    });
    for setting in [
        "\"SiteName\":\"From YAML\"",
        "\"EnableOpenServer\":\"false\"",
    ] {
        assert!(told.contains(setting), "{setting}: {told}");
    }
}
