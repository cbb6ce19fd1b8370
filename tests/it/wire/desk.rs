//! An account in memory behind a socket, and an operator's machine that runs the program.

use std::path::Path;
use std::process::{Command, Stdio};

use strict_cloud::{AccountProfile, AwsAccount, SharedAccount, StrictCloud, StrictOptions};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub const NAME: &str = "past";
pub const REGION: &str = "us-east-1";
/// AWS's times, this much shorter.
const SCALE: f64 = 0.001;

pub const YAML: &str = "architecture: 1k\ncloud: aws\nregion: us-east-1\n\
    mattermost: { release: standin }\naccess: { operators: [198.51.100.7/32] }\n";

pub const UP: &[&str] = &["up", NAME, "--resources-only", "--accept-unchecked", "all"];
pub const DOWN: &[&str] = &["down", NAME];

/// An account behind a socket, and an operator's directory.
pub struct Desk {
    pub runtime: Runtime,
    account: SharedAccount,
    pub endpoint: String,
    files: tempfile::TempDir,
    pub session_token: bool,
}

/// What a command ended with.
pub struct Ended {
    pub code: Option<i32>,
    pub said: String,
}

impl Desk {
    pub fn open(profile: AccountProfile, more: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (account, endpoint) = runtime.block_on(async {
            let account = SharedAccount::new(AwsAccount::of_profile(profile, REGION, SCALE));
            let cloud = StrictCloud::new(StrictOptions::models(account.clone()));
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let endpoint = format!("http://{}", listener.local_addr().unwrap());
            tokio::spawn(cloud.serve(listener));
            (account, endpoint)
        });
        let files = tempfile::tempdir().unwrap();
        let environments = files.path().join("rig/environments");
        std::fs::create_dir_all(&environments).unwrap();
        let file = environments.join(format!("{NAME}.yaml"));
        std::fs::write(file, format!("{YAML}{more}")).unwrap();
        Self {
            runtime,
            account,
            endpoint,
            files,
            session_token: false,
        }
    }

    pub fn loadrig(&self, words: &[&str]) -> Ended {
        let home = self.files.path().join("home");
        std::fs::create_dir_all(&home).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadrig"));
        command
            .args(["--yes", "--api-rate", "unlimited", "--endpoint-url"])
            .arg(&self.endpoint)
            .arg("--dir")
            .arg(self.files.path().join("rig"))
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", AsRef::<Path>::as_ref(&home))
            .env("AWS_ACCESS_KEY_ID", "AKIDPAST")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null());
        if self.session_token {
            command.env("AWS_SESSION_TOKEN", "token");
        }
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended {
            code: output.status.code(),
            said: format!("{}{}", text(&output.stdout), text(&output.stderr)),
        }
    }

    /// What exists apart from the registry's bucket, which outlives environments.
    pub fn left(&self) -> Vec<String> {
        let _entered = self.runtime.enter();
        let resources = self.account.account().resources().into_iter();
        let ours = resources.filter(|one| !(one.kind == "bucket" && one.id.contains("registry")));
        ours.map(|one| format!("{} {}", one.kind, one.id)).collect()
    }
}

#[track_caller]
pub fn says(ended: &Ended, parts: &[&str]) {
    for part in parts {
        assert!(
            ended.said.contains(part),
            "`{part}` is not in: {}",
            ended.said
        );
    }
}
