//! The calls held against the published web client: `@mattermost/client` and `mattermost-redux`
//! from npm. Where they are not to be had the test says so and passes. What is downloaded stays
//! in a cache outside the checkout.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use loadrig_storm::{ActionMix, StormPhase};

use crate::relay::Relay;
use crate::stage::{Stage, storm};

const PACKAGES: [&str; 3] = [
    "@mattermost/client@11.9.0",
    "@mattermost/types@11.9.0",
    "mattermost-redux@11.9.0",
];

/// The order in which the published client sends what it sends at once, after a login.
const AFTER_LOGIN: &str = "POST /api/v4/users/login";

/// A directory with the packages.
fn packages() -> Result<PathBuf, String> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir);
    let directory = base.join("loadrig/storm-clients/node-11.9.0");
    std::fs::create_dir_all(&directory).expect("cache");
    attempt(Command::new("node").arg("--version"))?;
    if !directory
        .join("node_modules/mattermost-redux/package.json")
        .exists()
    {
        std::fs::write(directory.join("package.json"), "{\"private\": true}\n").expect("write");
        attempt(
            Command::new("npm")
                .args(["install", "--ignore-scripts", "--no-audit", "--no-fund"])
                .args(["--no-package-lock", "--legacy-peer-deps", "--no-save"])
                // A machine without a network is told so soon.
                .args(["--fetch-retries=0", "--fetch-timeout=30000"])
                .args(PACKAGES)
                .current_dir(&directory),
        )?;
    }
    Ok(directory)
}

fn attempt(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let ended = command
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    match ended.status.success() {
        true => Ok(()),
        false => Err(format!(
            "{name} ended with {}: {}",
            ended.status,
            String::from_utf8_lossy(&ended.stderr)
        )),
    }
}

/// A request without ids and times.
fn shape(request: &str) -> String {
    let mut shape = String::new();
    let mut word = String::new();
    for letter in request.chars().chain([' ']) {
        if letter.is_ascii_alphanumeric() {
            word.push(letter);
            continue;
        }
        let is_time = word.len() >= 12 && word.chars().all(|c| c.is_ascii_digit());
        match word.len() == 26 || is_time {
            true => shape.push('#'),
            false => shape.push_str(&word),
        }
        word.clear();
        shape.push(letter);
    }
    shape.trim_end().to_owned()
}

/// What is sent after the login, up to the limits; roles come whenever they are needed.
fn after_login(seen: &[String]) -> Vec<String> {
    let mut seen: Vec<String> = seen
        .iter()
        .map(|request| shape(request))
        .skip_while(|request| request != AFTER_LOGIN)
        .filter(|request| !request.ends_with("roles/names"))
        .take(9)
        .collect();
    // Those six are sent at once, on as many connections: they arrive in any order.
    seen[1..7].sort();
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_those_of_the_published_client_in_its_order() {
    let directory = match packages() {
        Ok(directory) => directory,
        Err(reason) => {
            println!("not run: {reason}");
            return;
        }
    };
    let stage = Stage::new(2).await;
    let published = Relay::start(&stage.url(), 0).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/storms/web_client.mjs");
    let url = published.url();
    let run = tokio::task::spawn_blocking(move || {
        attempt(
            Command::new("node")
                .args(["--no-warnings", "--experimental-websocket"])
                .arg(script)
                .arg(directory)
                .arg(url),
        )
    });
    run.await
        .expect("no panic")
        .expect("the published client gets along");

    let ours = Relay::start(&stage.url(), 0).await;
    let mut plan = stage.plan(2, 100);
    plan.entrances[0].url = ours.url();
    let often = 3600.0;
    plan.mix = ActionMix {
        read: often,
        scroll: often,
        post: often,
        typing: often,
        thread: often,
        search: often,
        reload: 0.0,
        focused: 1.0,
    };
    plan.phases.extend([
        StormPhase::Hold { for_ms: 8_000 },
        StormPhase::Drop {
            share: 1.0,
            over_ms: 0,
        },
        StormPhase::Hold { for_ms: 10_000 },
    ]);
    let result = storm(plan).await;
    assert_eq!(result.users.usable, 2);

    let seen = published.seen();
    // One user's, whose calls do not mix with another's: the published client is one too.
    let alone = Relay::start(&stage.url(), 0).await;
    let mut plan = stage.plan(1, 0);
    plan.entrances[0].url = alone.url();
    storm(plan).await;
    assert_eq!(after_login(&alone.seen()), after_login(&seen));

    let known: BTreeSet<String> = seen.iter().map(|request| shape(request)).collect();
    let made: BTreeSet<String> = ours.seen().iter().map(|request| shape(request)).collect();
    // A reconnection names the connection and the number of the next event.
    let made = made
        .into_iter()
        .filter(|request| !(request.contains("websocket") && request.contains("connection_id=#")));
    let strange: Vec<String> = made.filter(|request| !known.contains(request)).collect();
    assert!(strange.is_empty(), "{strange:#?} are not among {known:#?}");
}
