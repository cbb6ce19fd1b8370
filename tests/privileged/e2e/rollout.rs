//! Changes of every application node of a rig that is in use: nobody notices. A release that does not
//! start takes one node away and no more, and the release before comes back.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::load::{Load, RATE, SOCKETS, Tally};
use super::rig::{CommandOutcome, Home, LocalCloud, Started};
use super::{broken_release, down, verify};

/// What people wait for while a node changes, on a machine with 2 cores that unpacks and starts it.
const SLOWEST: Duration = Duration::from_secs(15);
/// How long a start may take that does nothing, in place of three minutes, which nobody wants to wait for.
const IDLE: Duration = Duration::from_secs(25);
/// How long the next release migrates the database: longer, by more than what a start takes otherwise.
const MIGRATION: Duration = Duration::from_secs(45);

/// The smallest rig with two application nodes.
pub(super) const TWO_NODES: &str = "\
architecture: 1k
cloud: local
access: { address: private }
sizes:
  nodes:
    app: { count: 2 }
    search-proxy: { count: 0 }
    metrics: { count: 0 }
    agent: { count: 0 }
  database: { readers: 0 }
  search: { nodes: 0 }
";

/// A directory beside the built program with another stand-in, and so with another release.
struct OtherRelease(PathBuf);

impl OtherRelease {
    /// A stand-in that works as the first does, once it has migrated the database.
    fn migrating() -> Self {
        let delay = MIGRATION.as_millis();
        Self::wrapped(
            "rollout-next",
            &format!("export MM_STANDIN_START_DELAY={delay}"),
        )
    }

    /// A stand-in whose server ends as soon as it starts.
    fn broken() -> Self {
        let own = Self::directory("rollout-broken");
        let tarball = own.0.join("broken.tar.gz");
        std::fs::write(&tarball, broken_release()).unwrap();
        let package = format!("#!/bin/sh\nexec cp '{}' \"$3\"\n", tarball.display());
        own.standin(package.as_bytes())
    }

    /// A stand-in that starts and answers, and never sees its license.
    fn unlicensed() -> Self {
        Self::wrapped("rollout-unlicensed", "unset MM_LICENSE")
    }

    /// The stand-in, started by a script that runs a command before.
    fn wrapped(name: &str, command: &str) -> Self {
        let own = Self::directory(name);
        let built = Self::built().with_file_name("mattermost-standin");
        let package = format!(
            "#!/bin/sh\nset -e\nwork=$(mktemp -d)\n'{}' package --out \"$work/release\"\n\
             tar -xzf \"$work/release\" -C \"$work\"\ncd \"$work/mattermost/bin\"\n\
             mv mattermost wrapped\ncp '{}' mattermost\nchmod 755 mattermost\n\
             tar -czf \"$3\" -C \"$work\" mattermost\nrm -rf \"$work\"\n",
            built.display(),
            own.0.join("server.sh").display()
        );
        let server = format!("#!/bin/sh\n{command}\nexec \"$(dirname \"$0\")/wrapped\" \"$@\"\n");
        std::fs::write(own.0.join("server.sh"), server).unwrap();
        own.standin(package.as_bytes())
    }

    fn built() -> PathBuf {
        PathBuf::from(env!("CARGO_BIN_EXE_loadrig"))
    }

    fn directory(name: &str) -> Self {
        let directory = Self::built().with_file_name(name);
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir(&directory).unwrap();
        std::fs::hard_link(Self::built(), directory.join("loadrig")).unwrap();
        Self(directory)
    }

    fn standin(self, program: &[u8]) -> Self {
        let path = self.0.join("mattermost-standin");
        std::fs::write(&path, program).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// Brings the rig to this release.
    fn up(&self, home: &Home, log: &Path) -> CommandOutcome {
        self.run(
            home,
            &["up", "rolled", "--yes", "--events", log.to_str().unwrap()],
        )
    }

    /// Runs the program that installs this release.
    fn run(&self, home: &Home, arguments: &[&str]) -> CommandOutcome {
        let like = home.command(arguments);
        let mut command = Command::new(self.0.join("loadrig"));
        command.args(like.get_args()).current_dir(home.path());
        for (name, value) in like.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        // Tarballs of other stand-ins are of no use to anybody else.
        command.env("XDG_CACHE_HOME", self.0.join("cache"));
        Started::of(command).end()
    }
}

impl Drop for OtherRelease {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The texts of a log's events, in order, that have one of `texts` in them.
fn told(log: &Path, texts: &[&str]) -> Vec<String> {
    let lines = std::fs::read_to_string(log).unwrap();
    let events = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let said = events.filter_map(|event| {
        let text = event["on"].as_str().or(event["message"].as_str())?;
        texts
            .iter()
            .any(|one| text.contains(one))
            .then(|| text.to_owned())
    });
    said.collect()
}

/// The release that a node runs, and the one that it would go back to.
fn releases(home: &Home, node: &str) -> Vec<String> {
    let show =
        "sudo cat /opt/mattermost/.loadrig-release /opt/mattermost.previous/.loadrig-release";
    let shown = home.run(&["ssh", "rolled", node, "--", show]);
    shown.out.split_whitespace().map(str::to_owned).collect()
}

#[track_caller]
pub(super) fn assert_unnoticed(tally: &Tally) {
    println!("{tally}");
    assert!(tally.failed.is_empty(), "{:?}", tally.failed);
    assert!(tally.answered > 500, "{tally}");
    let rate = tally.answered as f64 / tally.lasted.as_secs_f64();
    assert!(rate > 0.9 * f64::from(RATE), "{rate:.1}/s: {tally}");
    // No more than there are connections that a browser would find closed, and soon enough for people.
    assert!(tally.sent_again <= SOCKETS as u64, "{tally}");
    assert!(tally.slowest < SLOWEST, "{tally}");
    assert!(
        tally.refused_sockets.is_empty(),
        "{:?}",
        tally.refused_sockets
    );
}

const NODES: [&str; 2] = ["app-1", "app-2"];

/// Has the runner wait for a server that does nothing no longer than [`IDLE`].
fn set_idle_limit(home: &Home) {
    let limit = format!("LOADRIG_IDLE={}", IDLE.as_secs());
    let write = format!(
        "echo {limit} | sudo tee /etc/idle-limit; \
         echo Defaults env_file=/etc/idle-limit | sudo tee /etc/sudoers.d/idle-limit; sudo -n env"
    );
    for node in NODES {
        home.run(&["ssh", "rolled", node, "--", &write])
            .code(0)
            .says(&[&format!("\n{limit}\n")]);
    }
}

fn lift_idle_limit(home: &Home) {
    for node in NODES {
        let remove = "sudo rm /etc/sudoers.d/idle-limit /etc/idle-limit";
        home.run(&["ssh", "rolled", node, "--", remove]).code(0);
    }
}

/// One node migrated the database, for longer than it may do nothing, and it was said that it did.
fn assert_waited_for(log: &Path) {
    let text = std::fs::read_to_string(log).unwrap();
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let said: Vec<&Value> = events
        .iter()
        .filter(|event| event.to_string().contains("is at work, as in a migration"))
        .collect();
    let [said] = said[..] else {
        panic!("one migration: {said:#?}");
    };
    assert!(
        said.to_string().contains("schema is being migrated"),
        "{said}"
    );
    let at = |event: &Value| -> jiff::Timestamp { event["at"].as_str().unwrap().parse().unwrap() };
    let of_node = |event: &&Value| event["step"] == said["step"];
    let mut starts = events.iter().filter(of_node).skip_while(|event| {
        !(event["event"] == "step-working" && event.to_string().contains("start mattermost"))
    });
    let began = at(starts.next().unwrap());
    let ended = at(starts
        .find(|event| event["event"] == "step-finished")
        .unwrap_or_else(|| panic!("{} did not end: {text}", said["step"])));
    let took: Duration = ended.duration_since(began).try_into().unwrap();
    println!("{} took {took:?} with its migration", said["step"]);
    assert!(took >= MIGRATION, "{took:?}");
}

#[test]
fn every_application_node_changes_and_no_request_fails() {
    let cloud = LocalCloud::start();
    let home = &cloud.home;
    home.write("environments/rolled.yaml", TWO_NODES);
    let up = home
        .run(&["up", "rolled", "--yes", "--output", "json"])
        .code(0);
    let url = up.json()["url"].as_str().unwrap().to_owned();
    let first = releases(home, "app-1");

    // Another release on both nodes, which migrates the database for longer than a start may take that
    // does nothing.
    let next = OtherRelease::migrating();
    let log = home.path().join("next.jsonl");
    set_idle_limit(home);
    let load = Load::start(&url);
    let done = next.up(home, &log);
    let tally = load.end();
    done.code(0);
    assert_waited_for(&log);
    lift_idle_limit(home);
    assert_unnoticed(&tally);
    assert_eq!(tally.by_node.len(), 2, "{tally}");
    // Each node's websockets were closed once, and went to the other node or stayed there.
    assert!(tally.reconnects >= SOCKETS as u64, "{tally}");
    let turns = told(&log, &["leaves the proxies", "is back"]);
    assert_eq!(turns.len(), 4, "{turns:?}");
    assert!(
        turns[0].contains("leaves") && turns[1].ends_with("is back, 1 of 2"),
        "{turns:?}"
    );
    assert!(
        turns[2].contains("leaves") && turns[3].ends_with("is back, 2 of 2"),
        "{turns:?}"
    );
    let second = releases(home, "app-1");
    assert_eq!(second, releases(home, "app-2"));
    assert_eq!(second[1], first[0], "the release before is kept");
    next.run(home, &["verify", "rolled"]).code(0);
    // Whose stand-in is another one would install that.
    home.run(&["verify", "rolled"])
        .code(1)
        .says(&["differs from the YAML", "restarts mattermost"]);

    // A release that does not start.
    let broken = OtherRelease::broken();
    let log = home.path().join("broken.jsonl");
    let load = Load::start(&url);
    let failed = broken.up(home, &log);
    let tally = load.end();
    failed.code(1).says(&[
        "out of order on purpose",
        "gets no requests",
        "untouched and serving as before",
        "to go back, undo the change",
        "did not come back",
    ]);
    assert_unnoticed(&tally);
    let turns = told(&log, &["leaves the proxies", "is back"]);
    assert_eq!(turns.len(), 1, "{turns:?}");
    let (lost, other) = match turns[0].starts_with("app-1") {
        true => ("app-1", "app-2"),
        false => ("app-2", "app-1"),
    };
    assert_eq!(releases(home, other), second);
    assert_eq!(releases(home, lost)[1], second[0]);

    // Back to the one before, which is still there.
    let log = home.path().join("back.jsonl");
    let load = Load::start(&url);
    let healed = next.up(home, &log);
    let tally = load.end();
    healed.code(0);
    assert_unnoticed(&tally);
    assert_eq!(told(&log, &["leaves the proxies"]).len(), 0);
    assert_eq!(releases(home, lost)[0], second[0]);
    next.run(home, &["verify", "rolled"]).code(0);

    lonely_release(home, &url, &next);
    killed_rollout(home);
    hands_on_hosts(home);
    changed_yaml(home);
    down(home, "rolled");
    cloud.finish();
}

/// A release that answers its ping and has no license, so no cluster: the first node that has it is the last.
fn lonely_release(home: &Home, url: &str, before: &OtherRelease) {
    let lonely = OtherRelease::unlicensed();
    let log = home.path().join("lonely.jsonl");
    let load = Load::start(url);
    let failed = lonely.up(home, &log);
    let tally = load.end();
    failed.code(1).says(&[
        "answers, but it has no license",
        "gets no requests",
        "untouched and serving as before",
    ]);
    assert_unnoticed(&tally);
    let turns = told(&log, &["leaves the proxies", "is back"]);
    assert_eq!(turns.len(), 1, "{turns:?}");
    // Once more: it is as planned by now, and still not let in.
    lonely
        .up(home, &log)
        .code(1)
        .says(&["answers, but it has no license"]);
    assert_eq!(told(&log, &["leaves the proxies", "is back"]), [""; 0]);
    before.up(home, &log).code(0);
    before.run(home, &["verify", "rolled"]).code(0);
}

/// A rollout that is killed leaves a node out: `verify` says so, and the next `up` goes on.
fn killed_rollout(home: &Home) {
    let log = home.path().join("killed.jsonl");
    let mut up = home.start(&["up", "rolled", "--yes", "--events", log.to_str().unwrap()]);
    up.until("a node that is left out", |_| {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        text.contains("has under way at").then_some(())
    });
    up.signal(Signal::SIGKILL);
    up.end();
    home.run(&["verify", "rolled"])
        .code(1)
        .says(&["gets no requests from proxy-1", "differs from the YAML"]);
    home.run(&["up", "rolled", "--yes"]).code(0);
    verify(home, "rolled");
}

/// What somebody does on hosts is found, and undone.
fn hands_on_hosts(home: &Home) {
    let on = |host: &str, command: &str| {
        let command = format!("sudo sh -ec {command:?}");
        home.run(&["ssh", "rolled", host, "--", &command]).code(0);
    };
    on("app-1", "chmod 644 /etc/mattermost/environment");
    on(
        "proxy-1",
        "systemctl disable -q nginx; systemctl stop prometheus-node-exporter; \
         cd /etc/nginx/conf.d; cp -p mattermost.conf /root/kept; \
         sed -i 's|return 200 .*|return 200 changed;|' mattermost.conf; systemctl reload nginx; \
         sleep 1; cp -p /root/kept mattermost.conf",
    );
    home.run(&["verify", "rolled"]).code(1).says(&[
        "/etc/mattermost/environment has mode 644, not 600",
        "nginx does not start at boot",
        "prometheus-node-exporter is inactive",
        "nginx runs with another configuration than its files have",
        "nginx has 'changed'",
    ]);
    home.run(&["up", "rolled", "--yes"]).code(0);
    verify(home, "rolled");
    on("proxy-1", "systemctl stop nginx");
    home.run(&["verify", "rolled"])
        .code(1)
        .says(&["nginx is inactive; not checked therefore: forwards to the application nodes"]);
    home.run(&["up", "rolled", "--yes"]).code(0);
}

/// A setting that was not applied is seen by every command that looks.
fn changed_yaml(home: &Home) {
    let setting = "mattermost: { config: { TeamSettings: { SiteName: Changed } } }\n";
    home.write("environments/rolled.yaml", format!("{TWO_NODES}{setting}"));
    let differs =
        "write the server's environment variables; start mattermost (restarts mattermost)";
    home.run(&["verify", "rolled"])
        .code(1)
        .says(&["differs from the YAML", differs]);
    home.run(&["plan", "rolled", "--hosts", "--detailed-exitcode"])
        .code(3)
        .says(&["app-1", differs]);
    home.run(&["plan", "rolled", "--detailed-exitcode"])
        .code(0)
        .says(&["hosts are not compared"]);
    home.run(&["status", "rolled"])
        .code(0)
        .says(&["mattermost active, differs from the YAML"]);
    home.write("environments/rolled.yaml", TWO_NODES);
    home.run(&["plan", "rolled", "--hosts", "--detailed-exitcode"])
        .code(0)
        .says(&["hosts that exist are as the YAML says"]);
}
