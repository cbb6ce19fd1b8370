//! A lane of a sweep: an emulator of its own, the strict cloud before it, and the program,
//! which can be killed at a call.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use strict_cloud::{
    Call, Emulator, FaultPlan, Intervention, Moment, StrictCloud, StrictOptions, Timing,
};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::inventory::{IdsByKind, WATCHER, inventory, remove_lock};
use crate::common::Moto;

/// How long a command may take; far more than any does.
const PATIENCE: Duration = Duration::from_mins(4);

/// The environment of every sweep.
pub const ENVIRONMENT: &str = "sweep";

/// What is watched of a run.
#[derive(Default)]
struct Watch {
    calls: u64,
    /// The call to die at, and on which side of its effect.
    kill: Option<(u64, Moment)>,
    /// The call before which the user interrupts, as Ctrl-C does.
    interrupt: Option<u64>,
    /// That call's number in the strict cloud.
    number: Option<u64>,
    victim: Option<Child>,
    killed_at: Option<String>,
}

impl Watch {
    fn see(&mut self, moment: Moment, call: &Call) -> Intervention {
        if call.key_id == WATCHER || call.service.is_empty() {
            return Intervention::Proceed;
        }
        if moment == Moment::Before {
            self.calls += 1;
        }
        if moment == Moment::Before && self.interrupt == Some(self.calls) {
            let victim = self.victim.as_ref().expect("it runs");
            let pid = victim.id().to_string();
            let sent = Command::new("kill").args(["-INT", &pid]).status();
            assert!(sent.is_ok_and(|status| status.success()));
            self.interrupt = None;
        }
        let Some((at, side)) = self.kill else {
            return Intervention::Proceed;
        };
        if moment == Moment::Before && self.calls == at && self.killed_at.is_none() {
            self.number.get_or_insert(call.number);
        }
        if moment == side && self.number == Some(call.number) {
            if let Some(victim) = &mut self.victim {
                // SIGKILL; it may have ended by itself.
                let _ = victim.kill();
            }
            self.killed_at = Some(call.name());
            return Intervention::Cut;
        }
        Intervention::Proceed
    }
}

/// What became of a command.
#[derive(Debug)]
pub struct Ran {
    /// Exit code; none if it was killed or did not end.
    pub code: Option<i32>,
    /// The call that it was killed at.
    pub killed_at: Option<String>,
    /// How many calls it made.
    pub calls: u64,
    /// The end of what it said.
    pub said: String,
}

/// One emulator with a strict cloud before it, and the program that runs against them.
pub struct Lane {
    moto: Moto,
    runtime: Runtime,
    client: reqwest::Client,
    watch: Arc<Mutex<Watch>>,
    endpoint: String,
    files: tempfile::TempDir,
    homes: u32,
    keys: u32,
}

impl Lane {
    pub fn open() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_mins(1))
            .build()
            .unwrap();
        let mut lane = Self {
            moto: Moto::start(),
            runtime,
            client,
            watch: Arc::default(),
            endpoint: String::new(),
            files: tempfile::tempdir().unwrap(),
            homes: 0,
            keys: 0,
        };
        lane.start_cloud(None, 0.001);
        lane
    }

    /// A new strict cloud with these failures, and an emulator that has forgotten everything.
    pub fn start_cloud(&mut self, faults: Option<FaultPlan>, scale: f64) {
        let watch = Arc::clone(&self.watch);
        let strict = StrictCloud::new(StrictOptions {
            timing: Timing::Aws,
            scale,
            faults: faults.map(|plan| FaultPlan {
                spared_key: Some(WATCHER.to_owned()),
                ..plan
            }),
            observer: Some(Arc::new(move |moment, call| {
                watch.lock().unwrap().see(moment, call)
            })),
            ..StrictOptions::instant(Emulator::new(self.moto.endpoint()).unwrap())
        });
        let listener = self
            .runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        self.endpoint = format!("http://{}", listener.local_addr().unwrap());
        self.runtime.spawn(strict.serve(listener));
        self.reset();
    }

    /// Forgets everything, in the emulator and on the operator's machine.
    pub fn reset(&mut self) {
        let url = format!("{}/moto-api/reset", self.endpoint);
        let answer = self
            .runtime
            .block_on(async { self.client.post(url).send().await });
        assert!(answer.unwrap().status().is_success());
        self.new_home();
    }

    /// Another machine: nothing of what was written down is there.
    pub fn new_home(&mut self) {
        self.homes += 1;
        let dir = self.files.path().join("rig/environments");
        fs::create_dir_all(dir).unwrap();
    }

    /// Credentials are renewed.
    pub fn new_key(&mut self) {
        self.keys += 1;
    }

    /// Writes the environment's YAML.
    pub fn write(&self, yaml: &str) {
        let path = format!("rig/environments/{ENVIRONMENT}.yaml");
        fs::write(self.files.path().join(path), yaml).unwrap();
    }

    fn home(&self) -> PathBuf {
        let home = self.files.path().join(format!("home-{}", self.homes));
        fs::create_dir_all(&home).unwrap();
        home
    }

    /// Runs a command on the environment, to be killed at a call if so wished.
    pub fn loadrig(&self, words: &[&str], kill: Option<(u64, Moment)>) -> Ran {
        self.run(words, kill, None)
    }

    /// Runs a command that the user interrupts before a call.
    pub fn interrupted(&self, words: &[&str], at: u64) -> Ran {
        self.run(words, None, Some(at))
    }

    fn run(&self, words: &[&str], kill: Option<(u64, Moment)>, interrupt: Option<u64>) -> Ran {
        let said = self.files.path().join("said");
        let output = fs::File::create(&said).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadrig"));
        command
            .args(["--yes", "--endpoint-url", &self.endpoint, "--dir"])
            .arg(self.files.path().join("rig"))
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .env("AWS_ACCESS_KEY_ID", format!("AKIDSWEEP{}", self.keys))
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output);
        {
            // Held while it starts, so that no call is seen before the victim is known.
            let mut watch = self.watch.lock().unwrap();
            *watch = Watch {
                kill,
                interrupt,
                victim: Some(command.spawn().unwrap()),
                ..Watch::default()
            };
        }
        let status = self.ended();
        let watch = std::mem::take(&mut *self.watch.lock().unwrap());
        let text = fs::read_to_string(&said).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        Ran {
            code: status.and_then(|status| status.code()),
            killed_at: watch.killed_at,
            calls: watch.calls,
            said: lines[lines.len().saturating_sub(12)..].join("\n"),
        }
    }

    /// Waits until the program has ended; none if it had to be ended.
    fn ended(&self) -> Option<std::process::ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            {
                let mut watch = self.watch.lock().unwrap();
                let victim = watch.victim.as_mut().unwrap();
                if let Some(status) = victim.try_wait().unwrap() {
                    return Some(status);
                }
                if Instant::now() > deadline {
                    victim.kill().unwrap();
                    victim.wait().unwrap();
                    return None;
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Lets the lease of a run that is no more run out. `tests/it/lock.rs` is about leases; a
    /// sweep need not wait a minute for each.
    pub fn let_lease_run_out(&self) {
        self.runtime
            .block_on(remove_lock(&self.client, &self.endpoint, ENVIRONMENT));
    }

    /// Everything that exists, by kind.
    pub fn inventory(&self) -> IdsByKind {
        self.runtime
            .block_on(inventory(&self.client, &self.endpoint))
    }
}
