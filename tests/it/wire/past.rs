//! The program itself in accounts with a past: what a policy denies is told before anything is
//! created, or ends the run with AWS's own words, and `down` leaves nothing.

use std::path::Path;
use std::process::{Command, Stdio};

use strict_cloud::{AccountProfile, AwsAccount, SharedAccount, StrictCloud, StrictOptions};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const NAME: &str = "past";
const REGION: &str = "us-east-1";
/// AWS's times, this much shorter.
const SCALE: f64 = 0.001;

const YAML: &str = "architecture: 1k\ncloud: aws\nregion: us-east-1\n\
    mattermost: { release: standin }\naccess: { operators: [198.51.100.7/32] }\n";

const UP: &[&str] = &["up", NAME, "--resources-only", "--accept-unchecked", "all"];
const DOWN: &[&str] = &["down", NAME];

/// An account behind a socket, and an operator's directory.
struct Desk {
    runtime: Runtime,
    account: SharedAccount,
    endpoint: String,
    files: tempfile::TempDir,
    session_token: bool,
}

/// What a command ended with.
struct Ended {
    code: Option<i32>,
    said: String,
}

impl Desk {
    fn open(profile: AccountProfile, more: &str) -> Self {
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

    fn loadrig(&self, words: &[&str]) -> Ended {
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
    fn left(&self) -> Vec<String> {
        let _entered = self.runtime.enter();
        let resources = self.account.account().resources().into_iter();
        let ours = resources.filter(|one| !(one.kind == "bucket" && one.id.contains("registry")));
        ours.map(|one| format!("{} {}", one.kind, one.id)).collect()
    }
}

#[track_caller]
fn says(ended: &Ended, parts: &[&str]) {
    for part in parts {
        assert!(
            ended.said.contains(part),
            "`{part}` is not in: {}",
            ended.said
        );
    }
}

#[track_caller]
fn down_leaves_nothing(desk: &Desk) {
    let down = desk.loadrig(DOWN);
    assert_eq!(down.code, Some(0), "{}", down.said);
    assert_eq!(desk.left(), Vec::<String>::new());
}

#[test]
fn a_rig_comes_up_in_an_enterprise_account_that_it_complies_with() {
    let tags = format!("tags: {{ {}: tests }}\n", AccountProfile::MANDATORY_TAG);
    let desk = Desk::open(AccountProfile::Enterprise, &tags);
    let up = desk.loadrig(UP);
    assert_eq!(up.code, Some(0), "{}", up.said);
    let plan = desk.loadrig(&["plan", NAME, "--detailed-exitcode"]);
    assert_eq!(plan.code, Some(0), "{}", plan.said);
    down_leaves_nothing(&desk);
}

#[test]
fn a_denial_that_can_be_simulated_is_told_before_anything_is_created() {
    let desk = Desk::open(AccountProfile::EnterpriseNetwork, "");
    let up = desk.loadrig(UP);
    assert_ne!(up.code, Some(0), "{}", up.said);
    says(&up, &["ec2:CreateInternetGateway", "by the organisation"]);
    assert_eq!(desk.left(), Vec::<String>::new());
}

#[test]
fn a_denial_during_up_is_told_in_the_words_of_aws_and_down_leaves_nothing() {
    for (profile, parts) in [
        (
            AccountProfile::EnterpriseBoundary,
            [
                "iam:CreateRole",
                "with an explicit deny in an identity-based policy",
            ],
        ),
        (
            AccountProfile::Enterprise,
            [
                "ec2:RunInstances",
                "with an explicit deny in a service control policy",
            ],
        ),
    ] {
        let desk = Desk::open(profile, "");
        let up = desk.loadrig(UP);
        assert_ne!(up.code, Some(0), "{}", up.said);
        says(&up, &parts);
        says(&up, &["`loadrig down past` removes everything"]);
        down_leaves_nothing(&desk);
    }
}

#[test]
fn commands_end_at_once_where_every_call_is_denied() {
    for (profile, policy) in [
        (AccountProfile::EnterpriseRegion, "a service control policy"),
        (AccountProfile::EnterpriseMfa, "an identity-based policy"),
        (
            AccountProfile::EnterpriseAddress,
            "an identity-based policy",
        ),
    ] {
        let mut desk = Desk::open(profile, "");
        // The first call of both asks for the bucket of locks by HeadBucket, whose refusals say nothing.
        for words in [UP, DOWN] {
            let ended = desk.loadrig(words);
            assert_ne!(ended.code, Some(0), "{}", ended.said);
            says(
                &ended,
                &[
                    "s3:ListBucket failed",
                    &format!("with an explicit deny in {policy}"),
                    "no permission outweighs an explicit denial",
                ],
            );
        }
        let status = desk.loadrig(&["status", NAME]);
        assert_ne!(status.code, Some(0), "{}", status.said);
        says(
            &status,
            &[
                &format!("with an explicit deny in {policy}"),
                "no permission outweighs an explicit denial",
            ],
        );
        assert_eq!(desk.left(), Vec::<String>::new());
        if profile == AccountProfile::EnterpriseMfa {
            desk.session_token = true;
            let plan = desk.loadrig(&["plan", NAME]);
            assert_eq!(plan.code, Some(0), "{}", plan.said);
        }
    }
}
