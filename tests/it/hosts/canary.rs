//! The host of a canary: reached over SSH at a real sshd on loopback, with a metadata service of
//! its own, and what is said of one that is not as it should be.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, put};
use loadrig::blueprint::{Address, AttributeValue, CANARY_HOST, Kind, Stage, canary_spec};
use loadrig::engine::{HostRequest, Hosts as _, TaskError, Urgency};
use loadrig::events::{Events, Outcome};
use loadrig::ops::doctor::CanarySsh;
use loadrig::ops::error::HostTrialError;
use loadrig::plan::{Inventory, Observed, Snapshot, State};
use loadrig::spec::{HostName, Library};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::sshd::{Sshd, secrets};

const NAME: &str = "canary-000001";
const TOKEN: &str = "token-1";

/// What cloud-init says once everything is carried out.
const DONE: &str = "status: done\nboot_status_code: enabled-by-generator\n";

/// The host as AWS would have it. Programs that Debian's image has and this machine lacks, or that
/// look at this machine, are replaced; the commands that run are those that a host gets.
struct LoopbackHost {
    sshd: Sshd,
    metadata: String,
}

impl LoopbackHost {
    /// A host that shows the key of `shown`, whose cloud-init says `booted`, and that acts in `role`.
    async fn start(shown: HostName, booted: &str, role: Option<&'static str>) -> Self {
        let secrets = secrets(7);
        let sshd = Sshd::start(&secrets.host_key(shown), &secrets.operator_key());
        let metadata = serve_metadata(role).await;
        std::fs::write(sshd.path("/booted"), booted).unwrap();
        sshd.install(
            "cloud-init",
            "#!/bin/sh\ncat \"$LOADRIG_ROOT/booted\"\n! grep -q error \"$LOADRIG_ROOT/booted\"\n",
        );
        Self { sshd, metadata }
    }

    /// A host that is as it should be, but for what a test changes.
    async fn fine() -> Self {
        let host = Self::start(CANARY_HOST, DONE, Some("lr-canary-000001-host")).await;
        host.start_timer();
        host
    }

    fn start_timer(&self) {
        std::fs::create_dir_all(self.sshd.path("/units")).unwrap();
        std::fs::write(self.sshd.path("/units/loadrig-end.timer"), "").unwrap();
    }

    /// What a canary finds. It looks once at each thing.
    async fn tried(&self) -> Result<Outcome, TaskError> {
        let library = Library::new(Some("no-such-directory".into()));
        let spec = library
            .load_text("perf", "architecture: 1k\naccess: { address: private }\n")
            .unwrap();
        let spec = canary_spec(&spec, NAME);
        let hosts = CanarySsh {
            login: self.sshd.login(),
            metadata: self.metadata.clone(),
            answer: Duration::from_mins(1),
            boot: Duration::ZERO,
            ..CanarySsh::new(spec)
        };
        let (_user, stop) = watch::channel(Urgency::None);
        hosts
            .apply(HostRequest {
                host: CANARY_HOST,
                stage: Stage::Prepare,
                step: "host/agent-1/prepare".to_owned(),
                inventory: inventory(),
                away: BTreeSet::new(),
                secrets: secrets(7),
                events: Events::default(),
                stop,
            })
            .await
    }
}

/// An account in which the canary's host is at loopback.
fn inventory() -> Inventory {
    let private_ip = AttributeValue::from("127.0.0.1");
    Inventory::from(Snapshot {
        resources: vec![Observed {
            address: Address::instance(CANARY_HOST),
            kind: Kind::Instance,
            id: "i-1".to_owned(),
            state: State::Ready,
            status: "running".to_owned(),
            attributes: [("private_ip", private_ip)].into_iter().collect(),
        }],
    })
}

/// Version 2 of the instance metadata service, as far as a host's role is told by it. Where it is.
async fn serve_metadata(role: Option<&'static str>) -> String {
    let token = put(|headers: HeaderMap| async move {
        match headers.get("x-aws-ec2-metadata-token-ttl-seconds") {
            Some(_) => Ok(TOKEN),
            None => Err(StatusCode::BAD_REQUEST),
        }
    });
    let credentials = get(move |headers: HeaderMap| async move {
        match headers.get("x-aws-ec2-metadata-token") {
            Some(token) if token == TOKEN => role.ok_or(StatusCode::NOT_FOUND),
            _ => Err(StatusCode::UNAUTHORIZED),
        }
    });
    let service = Router::new()
        .route("/latest/api/token", token)
        .route("/latest/meta-data/iam/security-credentials/", credentials);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    at
}

fn trial_error(tried: Result<Outcome, TaskError>) -> HostTrialError {
    let error: Box<dyn std::error::Error> = tried.unwrap_err();
    error
        .downcast_ref::<HostTrialError>()
        .cloned()
        .unwrap_or_else(|| panic!("{error}"))
}

#[tokio::test]
async fn a_host_that_is_as_it_should_be_passes() {
    let host = LoopbackHost::fine().await;
    assert_eq!(host.tried().await.unwrap(), Outcome::Applied);
    assert!(host.sshd.log().contains("Accepted publickey"));
}

#[tokio::test]
async fn a_host_with_another_key_is_not_entered() {
    let other = "agent-2".parse().unwrap();
    let host = LoopbackHost::start(other, DONE, Some("lr-canary-000001-host")).await;
    let error = host.tried().await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("`agent-1` at 127.0.0.1 has another host key"),
        "{text}"
    );
    assert!(!host.sshd.log().contains("Accepted"));
}

#[tokio::test]
async fn user_data_that_is_not_carried_out_is_named() {
    for (said, named) in [
        ("status: running\n", "status: running"),
        (
            "status: error\ndetail: ('runcmd', RuntimeError)\n",
            "status: error; detail: ('runcmd', RuntimeError)",
        ),
    ] {
        let host = LoopbackHost::start(CANARY_HOST, said, Some("lr-canary-000001-host")).await;
        let error = trial_error(host.tried().await);
        assert_eq!(
            error.to_string(),
            format!("the host has not carried out its user data: {named}")
        );
    }
}

#[tokio::test]
async fn a_host_without_its_role_is_named() {
    for (role, named) in [
        (None, "HTTP Error 404: Not Found"),
        (Some("somebody-elses-role"), "somebody-elses-role"),
    ] {
        let host = LoopbackHost::start(CANARY_HOST, DONE, role).await;
        host.start_timer();
        let text = trial_error(host.tried().await).to_string();
        assert!(
            text.starts_with("the host does not have its role"),
            "{text}"
        );
        assert!(text.contains(named), "{text}");
    }
}

#[tokio::test]
async fn a_host_that_nothing_ends_is_named() {
    let host = LoopbackHost::start(CANARY_HOST, DONE, Some("lr-canary-000001-host")).await;
    let error = trial_error(host.tried().await);
    assert_eq!(error.to_string(), "the host's timer does not run: inactive");
}
