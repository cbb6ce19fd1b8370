//! The runner's own functions, run by the shell of this machine with tools that only pretend.

mod administrator;
mod authorities;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// What the journal of a server without its file store holds.
const NO_FILE_STORE: &str = "\
    echo \"error [2026-11-28 23:00:00.023 Z] Failed to read the file store error=no such host\"\n\
    for second in 1 2 3 4 5; do\n\
    echo \"warn  [2026-11-28 23:00:0$second.123 Z] Unable to test filestore connection. \
    caller=api4/system.go:176 request_id=abc$second error=Error response code .\"\ndone\n\
    echo \"info  [2026-11-28 23:00:09.123 Z] Server is listening\"\n\
    echo \"warn  [2026-11-28 23:00:09.223 Z] No license\"\n";

/// A bundle with one step, and tools that stand in for the system's: `tools` beside a journal and
/// a unit that was never restarted.
fn bundle(step: &str, tools: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    std::fs::create_dir_all(path.join("bin")).unwrap();
    std::fs::create_dir_all(path.join("steps")).unwrap();
    std::fs::write(path.join("steps/ready.sh"), step).unwrap();
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let read = |name: &str| std::fs::read_to_string(templates.join(name)).unwrap();
    let runner = read("look.sh") + &read("runner.sh");
    std::fs::write(path.join("runner.sh"), runner).unwrap();
    let journal = format!("case $1 in UNIT=*) exit ;; esac\n{NO_FILE_STORE}");
    let usual = [("systemctl", "echo 0\n"), ("journalctl", journal.as_str())];
    for (tool, script) in usual.iter().chain(tools) {
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
        .env("LOADRIG_LOOK", "1")
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
    let bundle = bundle(&format!("ready mattermost 60 60 answers {url}\n"), &[]);
    let (done, text) = run(bundle.path(), 1, 5);
    assert!(!done, "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "waits ready mattermost says that its file store does not work \
             (HTTP 500, filestore_status UNHEALTHY)",
            "mattermost says that its file store does not work \
             (HTTP 500, filestore_status UNHEALTHY), for 5 s",
            // Once, with its count, although other lines are newer.
            "it logged: warn Unable to test filestore connection. caller=api4/system.go:176 \
             error=Error response code . (×5)",
            // The one that says what the other side did.
            "and before: error Failed to read the file store error=no such host",
        ]
    );
}

#[test]
fn a_server_without_its_database_is_named_with_its_own_words() {
    // What concerns something else is newer.
    let journal = "case $1 in UNIT=*) exit ;; esac\n\
        for second in 1 2; do\n\
        echo \"error [2026-11-28 23:00:0$second.023 Z] Cannot ping the database error=dial tcp \
        10.93.1.4:5432: connect: connection refused\"\ndone\n\
        echo \"warn  [2026-11-28 23:00:09.223 Z] No license\"\n";
    for (parts, what, named) in [
        (
            "\"database_status\":\"UNHEALTHY\",\"filestore_status\":\"OK\"",
            "its database does not work",
            "database_status UNHEALTHY",
        ),
        (
            "\"database_status\":\"UNHEALTHY\",\"filestore_status\":\"UNHEALTHY\"",
            "its database and its file store do not work",
            "database_status UNHEALTHY filestore_status UNHEALTHY",
        ),
    ] {
        let answer = format!(
            "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n\r\n\
             {{\"status\":\"UNHEALTHY\",{parts}}}"
        );
        let url = server(answer.leak());
        let step = format!("ready mattermost 60 60 answers {url}\n");
        let bundle = bundle(&step, &[("journalctl", journal)]);
        let (done, text) = run(bundle.path(), 1, 2);
        assert!(!done, "{text}");
        let said = format!("mattermost says that {what} (HTTP 500, {named})");
        assert!(text.contains(&format!("waits ready {said}\n")), "{text}");
        assert!(text.contains(&format!("\n{said}, for 2 s\n")), "{text}");
        if what == "its database does not work" {
            let logged = "it logged: error Cannot ping the database error=dial tcp 10.93.1.4:5432: \
                          connect: connection refused (×2)";
            assert!(text.contains(logged), "{text}");
        }
    }
}

/// An address where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/ping", listener.local_addr().unwrap())
}

/// A unit whose process has not said yet that it is ready.
const STARTING: &str = "case \"$*\" in\n*ActiveState*) echo activating ;;\n\
    *MainPID*) echo 77 ;;\n*) echo 0 ;;\nesac\n";
const CONNECTED: &str =
    "echo '0 0 10.93.0.7:40112 10.93.1.4:5432 users:((\"mattermost\",pid=77,fd=9))'\n";

#[test]
fn a_server_that_migrates_its_database_is_waited_for_longer() {
    let quiet = "echo 'info  [2026-11-28 23:00:00.123 Z] Starting up'\n";
    let tools = [
        ("systemctl", STARTING),
        ("ss", CONNECTED),
        ("journalctl", quiet),
    ];
    let step = format!("ready mattermost 2 6 answers {}\n", nobody());
    let migrating = bundle(&step, &tools);
    let (done, text) = run(migrating.path(), 2, 60);
    assert!(!done, "{text}");
    assert_eq!(text.matches("waits ready mattermost").count(), 1, "{text}");
    assert!(
        text.contains("is at work, as in a migration of its database; it has until 6 s"),
        "{text}"
    );
    assert!(text.contains("mattermost is not ready after 6 s"), "{text}");
    assert!(!text.contains("warning"), "{text}");
}

#[test]
fn a_server_that_logs_faults_or_has_no_connection_is_not_at_work() {
    let step = format!("ready mattermost 2 30 answers {}\n", nobody());
    let faulty = "echo 'error [2026-11-28 23:00:00.123 Z] Failed to ping DB'\n";
    let local = "echo '0 0 127.0.0.1:40112 127.0.0.1:8065 users:((\"mattermost\",pid=77,fd=9))'\n";
    for (connections, log) in [(CONNECTED, faulty), (local, "true\n"), ("true\n", "true\n")] {
        let tools = [
            ("systemctl", STARTING),
            ("ss", connections),
            ("journalctl", log),
        ];
        let failing = bundle(&step, &tools);
        let (done, text) = run(failing.path(), 20, 60);
        assert!(!done, "{text}");
        assert!(text.contains("mattermost is not ready after 2 s"), "{text}");
    }
}

#[test]
fn a_server_that_never_listens_fails_at_the_limit_with_the_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/ping", listener.local_addr().unwrap());
    drop(listener);
    let bundle = bundle(&format!("ready mattermost 2 2 answers {url}\n"), &[]);
    let (done, text) = run(bundle.path(), 1, 60);
    assert!(!done, "{text}");
    assert!(
        text.contains("mattermost is not ready after 2 s: curl: (7)"),
        "{text}"
    );
}

#[test]
fn a_server_that_systemd_cannot_start_fails_with_what_systemd_says() {
    // The journal has the end of the run before, and nothing of this one.
    let journal = "case $* in\n\
        UNIT=*) echo 'mattermost.service: Control process exited, code=exited, status=203/EXEC'\n\
        echo \"mattermost.service: Failed with result 'exit-code'.\" ;;\n\
        *--since\\ @[0-9]*.5*) ;;\n\
        *) echo 'error the run before' ;;\nesac\n";
    let step = format!(
        "mkdir -p \"$state/services\"\necho $(date +%s).5 >\"$state/services/mattermost.began\"\n\
         ready mattermost 2 2 answers {}\n",
        nobody()
    );
    let host = ReleaseHost(bundle(&step, &[("journalctl", journal)]));
    let (done, text) = host.run(&step);
    assert!(!done, "{text}");
    assert!(
        text.contains("systemd: mattermost.service: Failed with result 'exit-code'."),
        "{text}"
    );
    assert!(text.contains("status=203/EXEC"), "{text}");
    assert!(!text.contains("the run before"), "{text}");
}

#[test]
fn a_bundle_that_cannot_be_had_is_named_with_its_plugin() {
    let host = ReleaseHost(bundle(
        "",
        &[("curl", "echo 'curl: (6) no such host' >&2\nexit 6\n")],
    ));
    let step =
        "mkdir -p \"$state/blobs\"\nplugin_from_url com.example.greeter aa https://x/g.tar.gz\n";
    let (done, text) = host.run(step);
    assert!(!done, "{text}");
    assert!(
        text.contains(
            "the bundle of the plugin com.example.greeter in mattermost.plugins cannot be had from https://x/g.tar.gz"
        ),
        "{text}"
    );
    // What is there is not fetched again.
    let (done, text) = host.run(&format!(
        "mkdir -p \"$state/blobs\"\ntouch \"$state/blobs/aa\"\n{step}"
    ));
    assert!(done, "{text}");
}

#[test]
fn nginx_is_behind_when_its_files_are_younger_than_its_workers() {
    let host = ReleaseHost::new();
    let root = host.root();
    std::fs::create_dir_all(root.join("etc/nginx/conf.d")).unwrap();
    std::fs::create_dir_all(root.join("run")).unwrap();
    std::fs::write(root.join("etc/nginx/conf.d/site.conf"), "old").unwrap();
    let behind = || {
        host.run("if nginx_behind; then echo behind; else echo current; fi\n")
            .1
    };
    // Nothing runs. It takes longer than the clock ticks, so the worker is younger than the file.
    assert_eq!(behind(), "current\n");
    // A worker, by the name that nginx gives it.
    let mut worker = Command::new("bash")
        .args(["-c", "exec -a 'nginx: worker process' sleep 60"])
        .spawn()
        .unwrap();
    std::fs::write(root.join("run/nginx.pid"), std::process::id().to_string()).unwrap();
    assert_eq!(behind(), "current\n");
    // An old file that is put back, with the time of its content.
    let copied = Command::new("cp")
        .arg("-p")
        .arg(root.join("etc/nginx/conf.d/site.conf"))
        .arg(root.join("etc/nginx/conf.d/saved.conf"))
        .status();
    assert!(copied.unwrap().success());
    assert_eq!(behind(), "behind\n");
    worker.kill().unwrap();
    worker.wait().unwrap();
    assert_eq!(behind(), "current\n");
}

/// What a script of the proxies says of the nodes that answer.
fn nodes(served_by: &str, nodes: &[&str]) -> (bool, String) {
    let curl = format!("printf '{served_by}'\n");
    let host = bundle("true\n", &[("curl", &curl)]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/proxy/nodes.sh");
    let tools = host.path().join("bin");
    let output = Command::new("sh")
        .arg(script)
        .args(["proxy-1", "http://localhost", ""])
        .args(nodes)
        .env(
            "PATH",
            format!("{}:{}", tools.display(), std::env::var("PATH").unwrap()),
        )
        .output()
        .unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.success(), text.trim().to_owned())
}

#[test]
fn a_node_that_a_proxy_sends_nothing_to_is_named() {
    let both = ["app-1=10.0.0.5", "app-2=10.0.0.6"];
    // The second could not be connected to, and is asked all the same.
    let (done, text) = nodes("10.0.0.5:8065\\n10.0.0.6:8065, 10.0.0.5:8065\\n", &both);
    assert_eq!((done, text.as_str()), (true, "2 of 2"));
    let (done, text) = nodes("10.0.0.6:8065\\n", &both);
    assert_eq!(
        (done, text.as_str()),
        (false, "app-1 gets no requests from proxy-1")
    );
    let (_, text) = nodes("10.0.0.9:8065\\n", &both);
    assert_eq!(text, "app-1, app-2 get no requests from proxy-1");
    let (_, text) = nodes("10.0.0.5:8065\\n10.0.0.6:8065\\n10.0.0.9:8065\\n", &both);
    assert_eq!(
        text,
        "proxy-1 sends requests to what is no application node: 10.0.0.9:8065"
    );
    let (_, text) = nodes("", &both);
    assert_eq!(text, "proxy-1 does not say which node answers");
}

#[test]
fn a_healthy_server_is_ready() {
    let url = server("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"status\":\"OK\"}");
    let bundle = bundle(&format!("ready mattermost 60 60 answers {url}\n"), &[]);
    let (done, text) = run(bundle.path(), 20, 60);
    assert!(done, "{text}");
    assert_eq!(text, "");
}

/// A tarball laid out as a release, whose server says `text`.
fn tarball(directory: &Path, text: &str) -> std::path::PathBuf {
    let tree = directory.join("made/mattermost");
    std::fs::create_dir_all(tree.join("bin")).unwrap();
    std::fs::create_dir_all(tree.join("config")).unwrap();
    let program = tree.join("bin/mattermost");
    std::fs::write(&program, format!("#!/bin/sh\necho {text}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(tree.join("config/config.json"), "{}").unwrap();
    let tarball = directory.join(format!("{text}.tar.gz"));
    let packed = Command::new("tar")
        .args(["-czf", tarball.to_str().unwrap(), "-C"])
        .arg(directory.join("made"))
        .arg("mattermost")
        .status();
    assert!(packed.unwrap().success());
    tarball
}

/// A host whose releases are staged and switched below a directory.
struct ReleaseHost(tempfile::TempDir);

impl ReleaseHost {
    fn new() -> Self {
        // A user of that name need not exist here.
        Self(bundle(
            "true\n",
            &[("chown", "true\n"), ("systemctl", "true\n")],
        ))
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    /// Runs functions of the runner; says what they print.
    fn run(&self, script: &str) -> (bool, String) {
        std::fs::write(self.root().join("steps/ready.sh"), script).unwrap();
        let tools = format!(
            "{}:{}",
            self.root().join("bin").display(),
            std::env::var("PATH").unwrap()
        );
        let output = Command::new("sh")
            .arg(self.root().join("runner.sh"))
            .args(["step", self.root().to_str().unwrap(), "ready"])
            .env("PATH", tools)
            .env("LOADRIG_ROOT", self.root())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    }

    #[track_caller]
    fn change(&self, release: &str) {
        let tarball = tarball(self.root(), release);
        let script = format!(
            "has_tree {release} || stage mattermost {release} {0}\nrm -f {0}\nswitch mattermost {release}\n",
            tarball.display()
        );
        let (done, text) = self.run(&script);
        assert!(done, "{text}");
    }

    /// A file below `/opt`.
    fn read(&self, path: &str) -> String {
        let text = std::fs::read_to_string(self.root().join("opt").join(path));
        text.unwrap_or_default().trim().to_owned()
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.root().join("opt").join(path), text).unwrap();
    }

    fn trees(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.root().join("opt"))
            .unwrap()
            .flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[test]
fn a_release_is_staged_beside_the_one_that_runs_and_the_old_one_is_kept() {
    let host = ReleaseHost::new();
    host.change("one");
    host.write("mattermost/config/config.json", "of the deployment");
    host.write("mattermost/data/upload", "of a user");
    let two = tarball(host.root(), "two");
    let (done, text) = host.run(&format!("stage mattermost two {}\n", two.display()));
    assert!(done, "{text}");
    assert_eq!(host.read("mattermost/.loadrig-release"), "one");
    assert_eq!(host.read("mattermost.next/.loadrig-release"), "two");

    host.change("two");
    assert_eq!(host.trees(), ["mattermost", "mattermost.previous"]);
    assert!(host.read("mattermost/bin/mattermost").contains("echo two"));
    assert_eq!(
        host.read("mattermost/config/config.json"),
        "of the deployment"
    );
    assert_eq!(host.read("mattermost/data/upload"), "of a user");
    assert_eq!(host.read("mattermost.previous/.loadrig-release"), "one");

    // Back, without a tarball: with the settings and uploads of now.
    host.write("mattermost/config/config.json", "changed since");
    let (done, text) = host.run("has_tree one\nswitch mattermost one\n");
    assert!(done, "{text}");
    assert_eq!(host.trees(), ["mattermost", "mattermost.previous"]);
    assert!(host.read("mattermost/bin/mattermost").contains("echo one"));
    assert_eq!(host.read("mattermost/config/config.json"), "changed since");
    assert_eq!(host.read("mattermost/data/upload"), "of a user");
    assert_eq!(host.read("mattermost.previous/.loadrig-release"), "two");
    // And a third one takes no more room than two.
    host.change("three");
    assert_eq!(host.trees(), ["mattermost", "mattermost.previous"]);
    assert_eq!(host.read("mattermost.previous/.loadrig-release"), "one");
}

#[test]
fn a_switch_that_was_cut_off_is_completed() {
    let host = ReleaseHost::new();
    host.change("one");
    host.write("mattermost/data/upload", "of a user");
    let two = tarball(host.root(), "two");
    // Cut off between its two moves.
    let script = format!(
        "stage mattermost two {}\ncarry \"$home\" \"$home.next\"\nmv \"$home\" \"$home.swapped\"\n",
        two.display()
    );
    let (done, text) = host.run(&script);
    assert!(done, "{text}");
    host.change("two");
    assert_eq!(host.trees(), ["mattermost", "mattermost.previous"]);
    assert_eq!(host.read("mattermost/data/upload"), "of a user");
    assert_eq!(host.read("mattermost.previous/.loadrig-release"), "one");

    let (done, text) = host.run("switch mattermost never\n");
    assert!(!done);
    assert!(text.contains("was not staged"), "{text}");
    assert_eq!(host.read("mattermost/.loadrig-release"), "two");
}

/// A job server's host: the unit's start in seconds of the machine's clock, and its journal.
fn job_server(state: &str, since: u64, journal: &str) -> (bool, String) {
    let systemctl = format!(
        "case \"$*\" in *ActiveEnterTimestampMonotonic*) echo {since}000000 ;; *ActiveState*) echo {state} ;; \
         *InvocationID*) echo f00d ;; *) echo 0 ;; esac\n"
    );
    let journalctl =
        format!("case \"$*\" in *_SYSTEMD_INVOCATION_ID=f00d*) echo '{journal}' ;; esac\n");
    let step = "ready mattermost-jobserver 1 1 says mattermost-jobserver \"Starting Mattermost job server\"\n";
    let tools = [
        ("systemctl", systemctl.as_str()),
        ("journalctl", journalctl.as_str()),
        ("cut", "echo 10000\n"),
    ];
    run(bundle(step, &tools).path(), 60, 60)
}

#[test]
fn a_job_server_is_ready_once_it_has_said_so() {
    let started = "info  [2026-11-28 23:00:09.123 Z] Starting Mattermost job server caller=x";
    assert!(job_server("active", 9990, started).0);
    let (done, text) = job_server("active", 9990, "info Starting Server...");
    assert!(!done && text.contains("it has not logged"), "{text}");
    let (done, text) = job_server("activating", 9990, started);
    assert!(!done && text.contains("it does not run"), "{text}");
    // The journal of one that has run for long need not reach so far back.
    assert!(job_server("active", 6000, "").0);
}
