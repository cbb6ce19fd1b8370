//! Licenses of a rig that is in use, other limits on logins, and a rig without a license.

use std::path::PathBuf;

use mattermost_license::{Sku, sign_for_standin, standin_license};

use super::load::Load;
use super::rig::{Home, LocalCloud};
use super::rollout::{TWO_NODES, assert_unnoticed};
use super::{down, verify};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// A license that has so many days left.
fn license(home: &Home, id: &str, users: i64, days: i64) -> PathBuf {
    let mut license = standin_license(&Sku::Enterprise, users);
    id.clone_into(&mut license.id);
    license.expires_at = jiff::Timestamp::now().as_millisecond() + days * DAY_MS;
    home.write("company.license", sign_for_standin(&license).unwrap())
}

/// Two application nodes behind two proxies.
fn two_nodes(license: &std::path::Path, gate: &str) -> String {
    let proxies = "  nodes:\n    proxy: { count: 2 }\n";
    let nodes = TWO_NODES.replacen("  nodes:\n", proxies, 1);
    let license = license.display();
    format!("{nodes}proxy: {{ login_gate: {gate} }}\nmattermost: {{ license_file: {license} }}\n")
}

#[test]
fn a_renewed_license_and_other_limits_reach_a_rig_in_use() {
    let cloud = LocalCloud::start();
    let home = &cloud.home;
    let yaml = "environments/licensed.yaml";
    let file = license(home, "former00000000000000000000", 1000, 20);
    home.write(yaml, two_nodes(&file, "{ rate: 5, burst: 20 }"));
    let up = home
        .run(&["up", "licensed", "--yes", "--output", "json"])
        .code(0);
    let url = up.json()["url"].as_str().unwrap().to_owned();
    home.run(&["status", "licensed"])
        .code(0)
        .says(&["Enterprise for 1000 users", "ends in"]);

    // The renewed one lies where the former lay.
    license(home, "renewed0000000000000000000", 2000, 400);
    home.run(&["verify", "licensed"])
        .code(1)
        .says(&["another license, Enterprise for 1000 users"]);
    home.run(&["plan", "licensed", "--hosts", "--detailed-exitcode"])
        .code(3)
        .says(&["app-1", "restarts mattermost"]);
    let load = Load::start(&url);
    let renewed = home.run(&["up", "licensed", "--yes"]);
    let tally = load.end();
    renewed.code(0);
    assert_unnoticed(&tally);
    verify(home, "licensed");
    home.run(&["status", "licensed"])
        .code(0)
        .says(&["Enterprise for 2000 users"]);

    // Other limits on logins: nothing restarts, no websocket is closed.
    home.write(yaml, two_nodes(&file, "{ rate: 7, burst: 30 }"));
    home.run(&["verify", "licensed"])
        .code(1)
        .says(&["login gate"]);
    let load = Load::start(&url);
    let limited = home.run(&["up", "licensed", "--yes"]);
    std::thread::sleep(std::time::Duration::from_secs(5));
    let tally = load.end();
    limited.code(0);
    assert_unnoticed(&tally);
    assert_eq!(tally.reconnects, 0, "{tally}");
    verify(home, "licensed");

    down(home, "licensed");
    cloud.finish();
}

#[test]
fn a_rig_without_a_license_has_what_works_without_one() {
    let cloud = LocalCloud::start();
    let home = &cloud.home;
    let access = "cloud: local\naccess: { address: private }\n";
    let yaml = format!("architecture: 1k\n{access}mattermost: {{ unlicensed: accept }}\n");
    home.write("environments/bare.yaml", yaml);
    let what = "1 application node in place of 2";
    home.run(&["plan", "bare"]).code(0).says(&[what]);
    home.run(&["up", "bare", "--yes"]).code(0);
    home.run(&["status", "bare"]).code(0).says(&[what]);
    verify(home, "bare").says(&["no license, so"]);
    let test = home
        .run(&["test", "bare", "smoke", "--output", "json"])
        .code(0);
    assert_eq!(test.json()["scenarios"][0]["passed"], true, "{test}");
    home.run(&["report", "bare"]).code(0).says(&["no license"]);
    down(home, "bare");
    cloud.finish();
}
