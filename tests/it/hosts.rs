//! Hosts over SSH, against a real sshd on loopback.

mod canary;
mod sshd;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use loadrig::blueprint::Stage;
use loadrig::diagnose::Diagnose;
use loadrig::events::Outcome;
use loadrig::hosts::{Applied, Blob, Bundle, BundleStep, File, HostError, Keyring, Listen};
use secrecy::SecretString;
use tokio::time::Instant;

use crate::common::free_port;
use sshd::{Sshd, app, host, keyring, login, recorded, secrets, soon, waits};

fn applied(applied: &Applied) -> Vec<&str> {
    applied
        .applied
        .iter()
        .map(|(name, _)| name.as_str())
        .collect()
}

fn bundle(steps: Vec<BundleStep>) -> Bundle {
    let mut bundle = Bundle::new(app(), Stage::Configure);
    for step in steps {
        let _ = bundle.push(step);
    }
    bundle
}

fn motd(text: &str) -> BundleStep {
    BundleStep::files("motd", "greet", vec![File::new("/etc/motd", text)])
}

async fn apply(keyring: &Keyring, bundle: &Bundle) -> Result<Applied, HostError> {
    let (events, _) = recorded();
    keyring
        .apply(
            bundle,
            "host/app-1/configure",
            &events,
            soon(),
            std::future::pending(),
        )
        .await
}

#[tokio::test]
async fn commands_run_and_report_their_exit_status() {
    let (_sshd, keyring) = host().await;
    let (events, _) = recorded();
    let session = keyring
        .connect(app(), "host/app-1", &events, soon())
        .await
        .unwrap();
    let output = session.run("echo out; echo err >&2; exit 3").await.unwrap();
    assert_eq!((output.status, output.text().as_str()), (3, "out\n"));
    assert_eq!(output.complaint(), "err");
    assert_eq!(session.run("no-such-program").await.unwrap().status, 127);
}

#[tokio::test]
async fn large_input_and_output_arrive_complete() {
    let (_sshd, keyring) = host().await;
    let (events, _) = recorded();
    let session = keyring
        .connect(app(), "host/app-1", &events, soon())
        .await
        .unwrap();
    let data: Vec<u8> = (0..8_000_000_u32).map(|i| (i % 251) as u8).collect();
    let output = session.run_with_input("cat", data.clone()).await.unwrap();
    assert!(
        output.stdout == data,
        "{} bytes came back",
        output.stdout.len()
    );
    // A command may leave its input.
    assert!(
        session
            .run_with_input("true", data)
            .await
            .unwrap()
            .success()
    );
}

#[tokio::test]
async fn output_lines_arrive_while_the_command_runs() {
    let (_sshd, keyring) = host().await;
    let (events, _) = recorded();
    let session = keyring
        .connect(app(), "host/app-1", &events, soon())
        .await
        .unwrap();
    // The second line is only written after the first was answered through the file.
    let command = "read name; echo hello $name; until [ -e \"$LOADRIG_ROOT/go\" ]; do sleep 0.02; done; echo bye";
    let mut lines = session.lines(command, "rig\n").await.unwrap();
    assert_eq!(lines.next().await.unwrap().as_deref(), Some("hello rig"));
    session.run("touch \"$LOADRIG_ROOT/go\"").await.unwrap();
    assert_eq!(lines.next().await.unwrap().as_deref(), Some("bye"));
    assert!(lines.finish().await.unwrap().success());
}

#[tokio::test]
async fn an_unexpected_host_key_fails_at_once() {
    let secrets = secrets(7);
    let other = "app-2".parse().unwrap();
    let sshd = Sshd::start(&secrets.host_key(other), &secrets.operator_key());
    let keyring = keyring(&secrets, sshd.login()).await;
    let (events, recorder) = recorded();
    let error = keyring
        .connect(app(), "host/app-1", &events, soon())
        .await
        .unwrap_err();
    assert!(matches!(error, HostError::HostKey { .. }), "{error:?}");
    assert!(!error.is_retryable());
    let text = error.to_string();
    assert!(
        text.starts_with("`app-1` at 127.0.0.1 has another host key"),
        "{text}"
    );
    assert!(error.hints()[0].contains("does not retry"));
    // It may have waited for sshd to come up, for nothing else.
    assert!(
        waits(&recorder).iter().all(|wait| wait.contains("refused")),
        "{:?}",
        waits(&recorder)
    );
    // A person's `ssh` is as strict.
    let output = keyring
        .ssh_command(app())
        .unwrap()
        .arg("true")
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("Host key verification failed"));
}

#[tokio::test]
async fn a_refused_operator_key_says_so() {
    let secrets = secrets(7);
    let sshd = Sshd::start(&secrets.host_key(app()), &sshd::secrets(8).operator_key());
    let keyring = keyring(&secrets, sshd.login()).await;
    let (events, _) = recorded();
    let error = keyring
        .connect(app(), "host/app-1", &events, soon())
        .await
        .unwrap_err();
    assert!(matches!(error, HostError::Denied { .. }), "{error:?}");
    assert!(
        error.to_string().contains("refused the operator's key"),
        "{error}"
    );
}

#[tokio::test]
async fn a_host_behind_a_bastion_is_reached_through_it() {
    let (jump, _sshd, keyring) = sshd::behind_a_bastion("bastion-1").await;
    let (events, _) = recorded();
    // Many at once, as an `up` does: all of them share one connection to the bastion.
    let many = (0..12).map(|_| async {
        let session = keyring
            .connect(app(), "host/app-1", &events, soon())
            .await?;
        session.run("echo \"$SSH_CONNECTION\"").await
    });
    for output in futures::future::join_all(many).await {
        // Its own address, as the host sees it.
        assert!(output.unwrap().text().contains(" 127.0.0.2 "));
    }
    let log = jump.log();
    assert!(log.contains("Accepted publickey"), "{log}");
    // A person gets in by the same way.
    let output = keyring.ssh_command(app()).unwrap().arg("true").output();
    assert!(output.unwrap().status.success());
    drop(jump);
}

#[tokio::test]
async fn a_bastion_with_an_unexpected_host_key_is_not_used() {
    let (_jump, sshd, keyring) = sshd::behind_a_bastion("app-2").await;
    let (events, _) = recorded();
    let error = keyring
        .connect(app(), "host/app-1", &events, soon())
        .await
        .unwrap_err();
    assert!(matches!(error, HostError::HostKey { .. }), "{error:?}");
    assert!(error.to_string().contains("bastion-1: Host key"), "{error}");
    let log = sshd.log();
    assert!(!log.contains("Accepted"), "{log}");
}

#[tokio::test]
async fn an_unreachable_host_is_reported_at_the_deadline() {
    let keyring = keyring(&secrets(7), login(free_port())).await;
    let (events, recorder) = recorded();
    let deadline = Instant::now() + Duration::from_secs(5);
    let error = keyring
        .connect(app(), "host/app-1", &events, deadline)
        .await
        .unwrap_err();
    assert!(matches!(error, HostError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("Connection refused"), "{error}");
    // The same reason is told once.
    assert_eq!(waits(&recorder).len(), 1, "{:?}", waits(&recorder));
}

#[tokio::test]
async fn a_lost_connection_is_distinguished_from_a_failing_command() {
    let (_sshd, keyring) = host().await;
    let (events, _) = recorded();
    let session = keyring
        .connect(app(), "host/app-1", &events, soon())
        .await
        .unwrap();
    let error = session
        .run("kill -9 $(ps -o ppid= -p $$); sleep 30")
        .await
        .unwrap_err();
    assert!(matches!(error, HostError::Disconnected { .. }), "{error:?}");
    assert!(error.is_retryable());
    let error = session.run("true").await.unwrap_err();
    assert!(matches!(error, HostError::Disconnected { .. }), "{error:?}");
}

#[tokio::test]
async fn a_bundle_survives_the_connection_that_applies_it() {
    let (sshd, keyring) = host().await;
    // Kills the connection under the runner the first time, as a cut line would.
    let cut = "mkdir \"$LOADRIG_ROOT/once\" || exit 0; p=$$; \
               while [ \"$(ps -o comm= -p $p)\" != sshd ]; do p=$(ps -o ppid= -p $p | tr -d ' '); done; \
               kill -9 $p";
    let step = BundleStep::command("cut", "cut the line", &["sh", "-c", cut]);
    let bundle = bundle(vec![step, motd("hello\n")]);
    let result = apply(&keyring, &bundle).await.unwrap();
    assert!(applied(&result).contains(&"motd"), "{result:?}");
    assert_eq!(sshd.read("/etc/motd"), "hello\n");
}

#[tokio::test]
async fn applying_again_does_only_what_changed() {
    let (sshd, keyring) = host().await;
    let other = || BundleStep::files("issue", "warn", vec![File::new("/etc/issue", "private\n")]);
    let first = bundle(vec![motd("one\n"), other()]);
    assert_eq!(
        applied(&apply(&keyring, &first).await.unwrap()),
        ["motd", "issue"]
    );
    assert_eq!(sshd.read("/etc/motd"), "one\n");

    let again = apply(&keyring, &first).await.unwrap();
    assert_eq!(again.outcome(), Outcome::Unchanged);

    let second = bundle(vec![motd("two\n"), other()]);
    assert_eq!(applied(&apply(&keyring, &second).await.unwrap()), ["motd"]);
    assert_eq!(sshd.read("/etc/motd"), "two\n");
}

#[tokio::test]
async fn a_manually_changed_file_is_restored() {
    let (sshd, keyring) = host().await;
    let bundle = bundle(vec![motd("one\n")]);
    apply(&keyring, &bundle).await.unwrap();
    std::fs::write(sshd.path("/etc/motd"), "mine\n").unwrap();
    assert_eq!(applied(&apply(&keyring, &bundle).await.unwrap()), ["motd"]);
    assert_eq!(sshd.read("/etc/motd"), "one\n");
}

#[tokio::test]
async fn services_restart_or_reload_only_when_their_inputs_changed() {
    let (sshd, keyring) = host().await;
    let render = |unit: &str, config: &str| {
        let mut bundle = Bundle::new(app(), Stage::Configure);
        let unit = File::new("/etc/systemd/system/nginx.service", unit);
        let unit = bundle.push(BundleStep::files("unit", "write the unit", vec![unit]));
        let config = bundle.push(motd(config));
        let _ = bundle.push(BundleStep::service("nginx", &[unit], &[config]));
        bundle
    };
    let log = |sshd: &Sshd| {
        let text = sshd.read("/systemctl.log");
        std::fs::remove_file(sshd.path("/systemctl.log")).unwrap();
        let verbs = text.lines().filter_map(|line| line.split(' ').next());
        verbs
            .filter(|verb| ["restart", "reload"].contains(verb))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    apply(&keyring, &render("a", "1")).await.unwrap();
    assert_eq!(log(&sshd), ["restart"]);
    apply(&keyring, &render("a", "1")).await.unwrap();
    assert!(log(&sshd).is_empty());
    apply(&keyring, &render("a", "2")).await.unwrap();
    assert_eq!(log(&sshd), ["reload"]);
    apply(&keyring, &render("b", "2")).await.unwrap();
    assert_eq!(log(&sshd), ["restart"]);
    // It may have read what somebody wrote into a file of ours.
    std::fs::write(sshd.path("/etc/motd"), "mine\n").unwrap();
    let again = apply(&keyring, &render("b", "2")).await.unwrap();
    assert_eq!(applied(&again), ["motd", "nginx"]);
    assert_eq!(log(&sshd), ["restart"]);
    // Somebody stopped it.
    std::fs::remove_file(sshd.path("/units/nginx")).unwrap();
    let again = apply(&keyring, &render("b", "2")).await.unwrap();
    assert_eq!(applied(&again), ["nginx"]);
    assert_eq!(log(&sshd), ["restart"]);
}

#[tokio::test]
async fn what_somebody_did_to_a_host_is_found_and_undone() {
    let (sshd, keyring) = host().await;
    let render = |config: &str| {
        let mut bundle = Bundle::new(app(), Stage::Configure);
        let secret = File::new("/etc/secret", "hunter2").secret_of("root");
        let secret = bundle.push(BundleStep::files("secret", "write secrets", vec![secret]));
        let config = bundle.push(motd(config));
        let _ = bundle.push(BundleStep::service("nginx", &[secret], &[config]));
        bundle
    };
    let look = async |planned: &Bundle| {
        let (events, _) = recorded();
        let session = keyring
            .connect(app(), "verify", &events, soon())
            .await
            .unwrap();
        session
            .inspect(std::slice::from_ref(planned))
            .await
            .unwrap()
    };
    let one = render("one\n");
    let before = look(&one).await;
    assert!(before.is_unfinished, "{before:?}");
    apply(&keyring, &one).await.unwrap();
    // The other stage was never applied here.
    let sound = look(&one).await;
    assert!(sound.differing_steps.is_empty(), "{sound:?}");
    assert_eq!(sound.same_files, 2, "{sound:?}");
    assert!(sound.units[0].is_active() && sound.units[0].starts_at_boot);

    // The YAML changed.
    let two = look(&render("two\n")).await;
    assert_eq!(two.differing_steps, ["greet", "start or reload nginx"]);
    assert_eq!(
        (two.restarts.len(), two.reloads.as_slice()),
        (0, &["nginx".to_owned()][..])
    );

    // Somebody was there.
    let mode = |mode| <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(mode);
    std::fs::set_permissions(sshd.path("/etc/secret"), mode(0o644)).unwrap();
    std::fs::remove_file(sshd.path("/etc/motd")).unwrap();
    std::fs::remove_file(sshd.path("/units/nginx.boot")).unwrap();
    let touched = look(&one).await;
    assert_eq!(touched.missing_files, ["/etc/motd"]);
    assert_eq!(touched.modes[0].path, "/etc/secret");
    assert_eq!(
        (
            touched.modes[0].seen.as_str(),
            touched.modes[0].written.as_str()
        ),
        ("644", "600")
    );
    assert!(!touched.units[0].starts_at_boot);
    let healed = apply(&keyring, &one).await.unwrap();
    assert_eq!(applied(&healed), ["secret", "motd", "nginx"]);
    assert_eq!(look(&one).await, sound);

    // Permissions alone are noticed, and need no restart.
    std::fs::remove_file(sshd.path("/systemctl.log")).unwrap();
    std::fs::set_permissions(sshd.path("/etc/secret"), mode(0o644)).unwrap();
    assert_eq!(applied(&apply(&keyring, &one).await.unwrap()), ["secret"]);
    assert!(
        !sshd.path("/systemctl.log").exists() || !sshd.read("/systemctl.log").contains("restart")
    );
}

#[tokio::test]
async fn a_program_that_somebody_deleted_is_missed_and_installed_again() {
    let (sshd, keyring) = host().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tool");
    std::fs::write(&path, "#!/bin/sh\n").unwrap();
    let tool = "/opt/loadrig/bin/tool";
    // The service comes first, as on hosts.
    let planned = bundle(vec![
        BundleStep::service("nginx", &[], &[]),
        BundleStep::program(tool, Blob::of(&path).unwrap()),
    ]);
    apply(&keyring, &planned).await.unwrap();
    assert_eq!(applied(&apply(&keyring, &planned).await.unwrap()), [""; 0]);
    std::fs::remove_file(sshd.path(tool)).unwrap();
    let (events, _) = recorded();
    let session = keyring.connect(app(), "verify", &events, soon());
    let session = session.await.unwrap();
    let look = async || {
        session
            .inspect(std::slice::from_ref(&planned))
            .await
            .unwrap()
    };
    let seen = look().await;
    assert_eq!(seen.missing_files, [tool]);
    assert_eq!(seen.restarts, ["nginx"]);
    let again = apply(&keyring, &planned).await.unwrap();
    assert_eq!(applied(&again), ["nginx", "program"]);
    assert!(sshd.path(tool).exists());
    // Nothing is left for the next time.
    let seen = look().await;
    assert_eq!(
        (seen.differing_steps, seen.restarts),
        (Vec::<String>::new(), Vec::<String>::new())
    );
}

#[tokio::test]
async fn a_change_that_interrupts_nobody_is_told_from_one_that_may() {
    let (sshd, keyring) = host().await;
    let render = |config: &str, harmless: &str| {
        let mut bundle = Bundle::new(app(), Stage::Configure);
        let config = bundle.push(motd(config));
        let _ = bundle.push(BundleStep::service("nginx", &[config], &[]));
        let step = BundleStep::command("harmless", "do no harm", &["sh", "-c", harmless]);
        let _ = bundle.push(step.while_serving());
        bundle
    };
    let (events, _) = recorded();
    let session = keyring.connect(app(), "verify", &events, soon());
    let session = session.await.unwrap();
    let serves = async |planned: &Bundle| {
        let seen = session.inspect(std::slice::from_ref(planned)).await;
        seen.unwrap().serves_meanwhile()
    };
    // The other stage is not in question, but has to have been applied.
    apply(&keyring, &Bundle::new(app(), Stage::Prepare))
        .await
        .unwrap();
    assert!(
        !serves(&render("one\n", "true")).await,
        "it was never set up"
    );
    apply(&keyring, &render("one\n", "true")).await.unwrap();
    assert!(serves(&render("one\n", "exit 1")).await);
    assert!(!serves(&render("two\n", "true")).await);
    // One that failed is no reason to interrupt anybody the next time.
    apply(&keyring, &render("one\n", "exit 1"))
        .await
        .unwrap_err();
    assert!(serves(&render("one\n", "true")).await);
    std::fs::write(sshd.path("/etc/motd"), "mine\n").unwrap();
    assert!(!serves(&render("one\n", "true")).await);
}

#[tokio::test]
async fn an_up_that_fails_is_not_taken_for_somebodys_change() {
    let (sshd, keyring) = host().await;
    let render = |text: &str| {
        let fail = "test -e \"$LOADRIG_ROOT/repaired\"";
        let probe = BundleStep::command("probe", "probe the disk", &["sh", "-c", fail]);
        bundle(vec![motd(text), probe])
    };
    std::fs::write(sshd.path("/repaired"), "").unwrap();
    apply(&keyring, &render("one\n")).await.unwrap();
    std::fs::remove_file(sshd.path("/repaired")).unwrap();
    let two = bundle(vec![
        motd("two\n"),
        BundleStep::command("probe", "probe the disk", &["sh", "-c", "exit 1"]),
    ]);
    apply(&keyring, &two).await.unwrap_err();
    let (events, _) = recorded();
    let session = keyring
        .connect(app(), "verify", &events, soon())
        .await
        .unwrap();
    let seen = session.inspect(&[two]).await.unwrap();
    assert!(seen.is_unfinished, "{seen:?}");
    assert_eq!(seen.changed_files, [""; 0]);
    assert_eq!(seen.differing_steps, ["probe the disk"]);
}

#[tokio::test]
async fn a_command_of_the_operators_that_fails_is_named() {
    let (_sshd, keyring) = host().await;
    let commands = ["true", "exit 3", "touch never"].map(str::to_owned);
    let step = BundleStep::commands(
        "before",
        "run the commands of `hosts.app.before`",
        &commands,
    );
    let error = apply(&keyring, &bundle(vec![step])).await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("command 2 failed with status 3: exit 3"),
        "{said}"
    );
    assert!(
        error.hints()[0].contains("`loadrig ssh demo app-1`"),
        "{:?}",
        error.hints()
    );
}

#[tokio::test]
async fn blobs_are_shipped_once() {
    let (sshd, keyring) = host().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tool");
    std::fs::write(&path, vec![7; 3_000_000]).unwrap();
    let blob = Blob::of(&path).unwrap();
    let program = BundleStep::program("/opt/loadrig/bin/tool", blob);
    apply(&keyring, &bundle(vec![program.clone()]))
        .await
        .unwrap();
    assert_eq!(
        sshd.path("/opt/loadrig/bin/tool").metadata().unwrap().len(),
        3_000_000
    );

    // Without the file here, shipping it again would fail.
    std::fs::remove_file(&path).unwrap();
    let second = bundle(vec![program, motd("one\n")]);
    assert_eq!(applied(&apply(&keyring, &second).await.unwrap()), ["motd"]);

    // A bundle that no longer names it lets it go.
    apply(&keyring, &bundle(vec![motd("one\n")])).await.unwrap();
    assert_eq!(
        std::fs::read_dir(sshd.path("/var/lib/loadrig/blobs"))
            .unwrap()
            .count(),
        0
    );
}

#[tokio::test]
async fn an_unreadable_blob_is_the_reported_error() {
    let (_sshd, keyring) = host().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tool");
    std::fs::write(&path, "x").unwrap();
    let blob = Blob::of(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let error = apply(
        &keyring,
        &bundle(vec![BundleStep::program("/opt/tool", blob)]),
    )
    .await
    .unwrap_err();
    assert!(matches!(error, HostError::Ship { .. }), "{error:?}");
}

#[tokio::test]
async fn a_failing_step_shows_its_last_lines_without_secrets_and_is_resumed() {
    let (sshd, keyring) = host().await;
    let script = "seq 1 30; echo password is hunter22; test -e \"$LOADRIG_ROOT/repaired\"";
    let mut bundle = bundle(vec![
        motd("one\n"),
        BundleStep::command("probe", "probe the disk", &["sh", "-c", script]),
    ]);
    bundle.hide("database-password", SecretString::from("hunter22"));
    let error = apply(&keyring, &bundle).await.unwrap_err();
    let HostError::Step {
        step,
        status,
        output,
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!((step.as_str(), *status), ("probe", 1));
    assert_eq!(output.lines().count(), 20);
    assert!(
        output.ends_with("30\npassword is <database-password>"),
        "{output}"
    );
    assert!(
        error
            .to_string()
            .starts_with("`app-1` failed to probe the disk (configure,")
    );

    std::fs::write(sshd.path("/repaired"), "").unwrap();
    assert_eq!(applied(&apply(&keyring, &bundle).await.unwrap()), ["probe"]);
}

#[tokio::test]
async fn the_state_kept_on_hosts_holds_no_secrets() {
    let (sshd, keyring) = host().await;
    let file = File::new("/etc/secret", "hunter22").secret_of("root");
    let bundle = bundle(vec![BundleStep::files(
        "secret",
        "write secrets",
        vec![file],
    )]);
    apply(&keyring, &bundle).await.unwrap();
    let found = std::process::Command::new("grep")
        .args(["-rl", "hunter22"])
        .arg(sshd.path("/"))
        .output()
        .unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    assert_eq!(found.trim(), sshd.path("/etc/secret").display().to_string());
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &sshd.path("/etc/secret").metadata().unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn ports_are_forwarded() {
    let (_sshd, keyring) = host().await;
    let (events, _) = recorded();
    let session = keyring
        .connect(app(), "host/app-1", &events, soon())
        .await
        .unwrap();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let local = free_port();
    let address = ([127, 0, 0, 1], local).into();
    session
        .forward(Listen::Tcp(address), "127.0.0.1", port)
        .await
        .unwrap();
    let talk = tokio::task::spawn_blocking(move || {
        let mut client = std::net::TcpStream::connect(address).unwrap();
        let (mut peer, _) = server.accept().unwrap();
        client.write_all(b"ping").unwrap();
        let mut heard = [0; 4];
        peer.read_exact(&mut heard).unwrap();
        heard
    });
    assert_eq!(&talk.await.unwrap(), b"ping");
}

#[tokio::test]
async fn interactive_ssh_uses_the_same_keys() {
    let (_sshd, keyring) = host().await;
    let (events, _) = recorded();
    // Waits for sshd.
    keyring
        .connect(app(), "host/app-1", &events, soon())
        .await
        .unwrap();
    let output = keyring
        .ssh_command(app())
        .unwrap()
        .args(["echo", "hello"])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "hello\n",
        "{output:?}"
    );
}
