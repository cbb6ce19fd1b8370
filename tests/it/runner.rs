//! The runner's own functions, run by the shell of this machine with tools that only pretend.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// A bundle with one step, and tools that stand in for the system's.
fn bundle(step: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    std::fs::create_dir_all(path.join("bin")).unwrap();
    std::fs::create_dir_all(path.join("steps")).unwrap();
    std::fs::write(path.join("steps/ready.sh"), step).unwrap();
    let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/runner.sh");
    std::fs::copy(runner, path.join("runner.sh")).unwrap();
    let log = "for second in 1 2 3 4 5; do\n\
               echo \"2026-11-28T23:00:0$second.123Z  WARN file store is not healthy\"\ndone\n\
               echo \"2026-11-28T23:00:09.123Z  INFO listening\"\n";
    for (tool, script) in [("systemctl", "echo 0\n"), ("journalctl", log)] {
        let file = path.join("bin").join(tool);
        std::fs::write(&file, format!("#!/bin/sh\n{script}")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    directory
}

/// What a step prints, warnings included, and whether it succeeded.
fn run(bundle: &Path, slow: u32, unwell: u32) -> (bool, String) {
    let tools = format!(
        "{}:{}",
        bundle.join("bin").display(),
        std::env::var("PATH").unwrap()
    );
    let script = format!("sh '{0}/runner.sh' step '{0}' ready 3>&1", bundle.display());
    let output = Command::new("sh")
        .args(["-c", &script])
        .env("PATH", tools)
        .env("LOADRIG_SLOW", slow.to_string())
        .env("LOADRIG_UNWELL", unwell.to_string())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), text)
}

/// A server that answers every request with a status and a body.
fn server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/ping", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn a_server_without_its_file_store_is_named_early_and_fails_soon() {
    let url = server(
        "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n\r\n\
         {\"status\":\"UNHEALTHY\",\"database_status\":\"OK\",\"filestore_status\":\"UNHEALTHY\"}",
    );
    let bundle = bundle(&format!("ready mattermost 60 answers {url}\n"));
    let (done, text) = run(bundle.path(), 1, 3);
    assert!(!done, "{text}");
    let warnings: Vec<&str> = text.lines().filter(|l| l.starts_with("warning")).collect();
    let [warning] = warnings.as_slice() else {
        panic!("one warning is expected:\n{text}");
    };
    for part in [
        "warning ready mattermost is not ready after 1 s",
        "\"filestore_status\":\"UNHEALTHY\"",
        "file store is not healthy (5 times)",
    ] {
        assert!(warning.contains(part), "`{part}` is missing:\n{text}");
    }
    // Once in the warning, once at the end: never fifteen times.
    assert_eq!(
        text.matches("file store is not healthy").count(),
        2,
        "{text}"
    );
    assert!(
        text.contains("has answered for 3 s that it is not healthy"),
        "{text}"
    );
}

#[test]
fn a_server_that_never_listens_fails_at_the_limit_with_the_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/ping", listener.local_addr().unwrap());
    drop(listener);
    let bundle = bundle(&format!("ready mattermost 2 answers {url}\n"));
    let (done, text) = run(bundle.path(), 1, 60);
    assert!(!done, "{text}");
    assert!(
        text.contains("mattermost is not ready after 2 s: curl: (7)"),
        "{text}"
    );
}

#[test]
fn a_healthy_server_is_ready() {
    let url = server("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"status\":\"OK\"}");
    let bundle = bundle(&format!("ready mattermost 60 answers {url}\n"));
    let (done, text) = run(bundle.path(), 20, 60);
    assert!(done, "{text}");
    assert_eq!(text, "");
}
