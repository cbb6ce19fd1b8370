//! The built program on a local cloud of its own, and a look at the machine before and after.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// The smallest rig: one application node and one proxy.
const SMALL: &str = "\
architecture: 1k
cloud: local
sizes:
  nodes:
    app: { count: 1 }
    search-proxy: { count: 0 }
    metrics: { count: 0 }
    agent: { count: 0 }
  database: { readers: 0 }
  search: { nodes: 0 }
";

/// How long any one command may take.
const PATIENCE: Duration = Duration::from_mins(5);

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What a command came to.
pub struct CommandOutcome {
    pub command: String,
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    pub took: Duration,
}

impl std::fmt::Display for CommandOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "\n$ {}\n--- standard output\n{}\n--- standard error\n{}\n--- code {:?} after {:?}",
            self.command, self.out, self.err, self.code, self.took
        )
    }
}

impl CommandOutcome {
    /// The same, if it ended with this code.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "another exit code{self}");
        self
    }

    /// The same, if standard output and standard error together have every text.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        let all = format!("{}{}", self.out, self.err);
        for text in texts {
            assert!(all.contains(text), "`{text}` is missing{self}");
        }
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("not JSON: {error}{self}"))
    }
}

/// Homes and files of one user.
pub struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("environments")).unwrap();
        Self { directory }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file below the home directory.
    pub fn write(&self, file: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(file);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Writes an environment of the smallest size, and what is to be added to it.
    pub fn small(&self, name: &str, more: &str) -> PathBuf {
        let access = if more.contains("access:") {
            ""
        } else {
            "access: { address: private }\n"
        };
        self.write(
            &format!("environments/{name}.yaml"),
            format!("{SMALL}{access}{more}"),
        )
    }

    /// The program, as this user starts it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadrig"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env("HOME", self.path())
            .env("XDG_STATE_HOME", self.path().join("state"))
            // What the local cloud is made from takes minutes to build: that of the machine.
            .env("XDG_CACHE_HOME", cache())
            .env("LOADRIG_HOME", self.path())
            .env("NO_COLOR", "1")
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> CommandOutcome {
        Started::of(self.command(arguments)).end()
    }

    /// Starts the program.
    pub fn start(&self, arguments: &[&str]) -> Started {
        Started::of(self.command(arguments))
    }
}

/// A program that runs; killed when dropped.
pub struct Started {
    child: Option<Child>,
    command: String,
    since: Instant,
    files: tempfile::TempDir,
}

impl Started {
    pub fn of(mut command: Command) -> Self {
        // Into files: who waits for an end need not read meanwhile.
        let files = tempfile::tempdir().unwrap();
        let arguments: Vec<_> = command.get_args().map(|a| a.to_string_lossy()).collect();
        let said = format!("loadrig {}", arguments.join(" "));
        let child = command
            .stdout(File::create(files.path().join("out")).unwrap())
            .stderr(File::create(files.path().join("err")).unwrap())
            .spawn()
            .unwrap();
        Self {
            child: Some(child),
            command: said,
            since: Instant::now(),
            files,
        }
    }

    pub fn signal(&self, signal: Signal) {
        let id = self.child.as_ref().unwrap().id();
        kill(Pid::from_raw(i32::try_from(id).unwrap()), signal).unwrap();
    }

    /// What it printed so far.
    pub fn so_far(&self) -> (String, String) {
        let read = |file| {
            let bytes = std::fs::read(self.files.path().join(file)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        (read("out"), read("err"))
    }

    /// Waits until something is so, unless the program ends before.
    #[track_caller]
    pub fn until<T>(&mut self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            if ended.is_some() || self.since.elapsed() > PATIENCE {
                let (out, err) = self.so_far();
                panic!(
                    "{}: never came to {what}, ended {ended:?}\n{out}\n{err}",
                    self.command
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self) -> CommandOutcome {
        let mut child = self.child.take().unwrap();
        let code = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status.code();
            }
            if self.since.elapsed() > PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                let (out, err) = self.so_far();
                panic!("`{}` hangs\n{out}\n{err}", self.command);
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let (out, err) = self.so_far();
        let done = CommandOutcome {
            command: self.command.clone(),
            code,
            out,
            err,
            took: self.since.elapsed(),
        };
        // Shown with `--nocapture`: where the time of these tests goes.
        println!("{:>6.1} s  {}", done.took.as_secs_f64(), done.command);
        done
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The local cloud, for one test alone; stopped when dropped.
pub struct LocalCloud {
    pub home: Home,
    before: Machine,
    finished: bool,
    _turn: File,
    _one: MutexGuard<'static, ()>,
}

impl LocalCloud {
    pub fn start() -> Self {
        let one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        // The same file as the local cloud's own tests: there is one on a machine.
        let turn = File::create(std::env::temp_dir().join("loadrig-local-cloud-tests")).unwrap();
        turn.lock().unwrap();
        let home = Home::new();
        let status = home.run(&["local", "status", "--output", "json"]);
        assert_eq!(
            status.json()["running"],
            false,
            "a local cloud runs already; these tests would stop it: `loadrig local stop`"
        );
        // What a killed run left is not this test's: taken away as a user would.
        if status.code == Some(1) {
            home.run(&["local", "stop", "--yes"]).code(0);
        }
        let before = Machine::look(home.path());
        let cloud = Self {
            home,
            before,
            finished: false,
            _turn: turn,
            _one: one,
        };
        cloud.home.run(&["local", "start"]).code(0);
        cloud
    }

    /// Stops it and looks for what it left.
    #[track_caller]
    pub fn finish(mut self) {
        self.finished = true;
        let stopped = self
            .home
            .run(&["local", "stop", "--yes", "--output", "json"])
            .code(0);
        let checked = stopped.json();
        let checked = checked.as_array().unwrap();
        assert!(!checked.is_empty(), "nothing was looked at{stopped}");
        for look in checked {
            assert_eq!(look["found"], 0, "{look} is left{stopped}");
        }
        // A killed command leaves connections that see for themselves that nobody is there.
        let since = Instant::now();
        loop {
            let after = Machine::look(self.home.path());
            let left = after.beyond(&self.before);
            if left.is_empty() {
                break;
            }
            assert!(
                since.elapsed() < Duration::from_secs(10),
                "left on the machine: {left:#?}"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for LocalCloud {
    fn drop(&mut self) {
        if !self.finished {
            let _ = self.home.command(&["local", "stop", "--yes"]).output();
        }
    }
}

/// What a local cloud could leave on a machine, found without loadrig's help. A process counts
/// by its control group and by the home that it was started for, never by its name: others may
/// run the same programs on the same machine.
struct Machine(BTreeSet<String>);

impl Machine {
    fn look(home: &Path) -> Self {
        let mut found = BTreeSet::new();
        let netns = Command::new("ip").arg("netns").output().unwrap();
        for line in String::from_utf8_lossy(&netns.stdout).lines() {
            found.insert(format!("network namespace {line}"));
        }
        for line in std::fs::read_to_string("/proc/mounts").unwrap().lines() {
            if line.contains("loadrig") {
                found.insert(format!("mount {line}"));
            }
        }
        let home = home.to_str().unwrap();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let read = |file: &str| {
                let text = std::fs::read(entry.path().join(file)).unwrap_or_default();
                String::from_utf8_lossy(&text).replace('\0', " ")
            };
            let command = read("cmdline");
            let is_kernel_or_zombie = command.is_empty();
            let in_group = read("cgroup")
                .lines()
                .any(|line| line.contains(":/loadrig"));
            let of_home = command.contains(home) || read("environ").contains(home);
            if !is_kernel_or_zombie && (in_group || of_home) {
                let pid = entry.file_name().to_string_lossy().into_owned();
                found.insert(format!("process {pid} {command}"));
            }
        }
        Self(found)
    }

    fn beyond<'a>(&'a self, before: &'a Self) -> Vec<&'a String> {
        self.0.difference(&before.0).collect()
    }
}

/// Finished steps in an event log with one of these outcomes; without any, none.
pub fn steps(log: &Path, outcomes: &[&str]) -> Vec<String> {
    std::fs::read_to_string(log)
        .unwrap_or_default()
        .lines()
        // The last line may be half written.
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|event| event["event"] == "step-finished")
        .filter(|event| outcomes.iter().any(|outcome| event["outcome"] == *outcome))
        .map(|event| event["step"].as_str().unwrap().to_owned())
        .collect()
}

fn cache() -> PathBuf {
    std::env::var_os("XDG_CACHE_HOME").map_or_else(
        || std::env::home_dir().unwrap().join(".cache"),
        PathBuf::from,
    )
}
