//! The published clients against the stand-in: JavaScript's, which the web application uses, and
//! Go's, which load-test-ng uses. A test whose tools or packages are not to be had says so and
//! passes. What is downloaded and built stays in a cache outside the checkout.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::rig::{Postgres, ServerNode};
use crate::settings;

/// The client of the web application, and what it needs.
const NODE_PACKAGES: [&str; 2] = ["@mattermost/client@11.9.0", "@mattermost/types@11.9.0"];

/// Where the test programs are.
fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/server/clients")
}

/// A directory outside the checkout that later runs find again.
fn cache(name: &str) -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir);
    let directory = base.join("loadrig/standin-clients").join(name);
    std::fs::create_dir_all(&directory).expect("cache");
    directory
}

/// Runs a command that a machine may lack, or that may lack its network.
fn attempt(command: &mut Command) -> Result<Output, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(5)..].join(" ");
    Err(format!("{name} ended with {}: {last}", output.status))
}

/// Says so past the capture of the test's output: a test that did not run must not look as if.
fn not_run(reason: &str) {
    let told = writeln!(std::io::stderr(), "not run: {reason}");
    assert!(told.is_ok());
}

/// Runs a test program, which has to succeed, against a new server.
fn check(client: &str, mut program: Command) {
    let postgres = Postgres::start();
    let node = ServerNode::start(&settings(&postgres));
    let ended = program.arg(node.url()).output().expect("program runs");
    let out = String::from_utf8_lossy(&ended.stdout);
    let error = String::from_utf8_lossy(&ended.stderr);
    assert!(
        ended.status.success(),
        "{client}: {out}\n{error}\n{}",
        node.log()
    );
    let last = out.lines().last().unwrap_or_default();
    assert!(last.starts_with("answered "), "{client}: {out}");
    println!("{client}: {last}");
}

#[test]
fn published_javascript_client_gets_along() {
    match web_client() {
        Ok(modules) => {
            let mut program = Command::new("node");
            program
                // Before Node 22 a websocket is there on request alone.
                .args(["--no-warnings", "--experimental-websocket"])
                .arg(sources().join("web_client.mjs"))
                .arg(modules);
            check("@mattermost/client", program);
        }
        Err(reason) => not_run(&reason),
    }
}

/// Installs the client unless it is there, and returns where.
fn web_client() -> Result<PathBuf, String> {
    attempt(Command::new("node").arg("--version"))?;
    let directory = cache("node-11.9.0");
    let installed = directory.join("node_modules/@mattermost/types/package.json");
    if !installed.exists() {
        std::fs::write(directory.join("package.json"), "{\"private\": true}\n").expect("write");
        let mut install = Command::new("npm");
        install
            .args(["install", "--ignore-scripts", "--no-audit", "--no-fund"])
            .args(["--no-package-lock", "--legacy-peer-deps", "--no-save"])
            // A machine without a network is told so soon.
            .args(["--fetch-retries=0", "--fetch-timeout=30000"])
            .args(NODE_PACKAGES)
            .current_dir(&directory);
        attempt(&mut install)?;
    }
    Ok(directory)
}

#[test]
fn published_go_client_gets_along() {
    match go_client() {
        Ok(program) => check("Client4", Command::new(program)),
        Err(reason) => not_run(&reason),
    }
}

/// Builds the test program and returns where it is; Go knows what has to be built again.
fn go_client() -> Result<PathBuf, String> {
    attempt(Command::new("go").arg("version"))?;
    let program = cache("go").join("standin-client");
    let mut build = Command::new("go");
    build
        .args(["build", "-mod=readonly", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(sources().join("go"));
    attempt(&mut build)?;
    Ok(program)
}
