//! What the server talks to beyond its own services: mail that is to arrive in a mailbox (dovecot), a directory (slapd),
//! files of an identity provider.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use loadrig::loadtest::{Password, PromiseMail, PromiseMailbox, PromiseVerdict, check_promises};
use serde_json::json;

use super::{
    Differs, MAIL, MailServer, make_administrator, node, plan, plan_mail, promise, psql, verdicts,
};
use crate::common::servers;
use crate::rig::client::PASSWORD;
use crate::rig::{Postgres, free_port};

const ARRIVES: &str = "mail: the message arrives in its mailbox";
const LDAP: &str = "ldap: the server reaches the directory";
const SAML: &str = "saml: the server has its files and tells its metadata";

/// One that puts messages into a Maildir.
async fn mail_server_into(maildir: &Path) -> MailServer {
    let server = MailServer::start(true).await;
    let (messages, maildir) = (Arc::clone(&server.messages), maildir.to_owned());
    tokio::spawn(async move {
        let mut count = 0;
        loop {
            let new: Vec<String> = messages.lock().unwrap()[count..].to_vec();
            for message in new {
                count += 1;
                let written = maildir.join("tmp").join(count.to_string());
                let text = message.trim_end_matches(".\r\n");
                std::fs::write(&written, text).unwrap();
                let open = std::fs::Permissions::from_mode(0o666);
                std::fs::set_permissions(&written, open).unwrap();
                std::fs::rename(&written, maildir.join(format!("new/{count}.test"))).unwrap();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    server
}

/// A program that runs; ended when dropped.
struct Running(std::process::Child);

impl Running {
    /// Waits until it listens.
    fn at(port: u16, program: &str, arguments: &[&str], file: &Path) -> Self {
        let mut command = std::process::Command::new(program);
        let running = Self(command.args(arguments).arg(file).spawn().unwrap());
        let since = std::time::Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(since.elapsed() < Duration::from_secs(30), "{program}");
            std::thread::sleep(Duration::from_millis(50));
        }
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Asked for it: dovecot has to end its own children.
        let id = nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        let _ = nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

/// A certificate for this machine beside those servers' configuration, and the same as an authority.
fn certificate(directory: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(directory.join("chain.pem"), made.cert.pem()).unwrap();
    let key = made.signing_key.serialize_pem();
    std::fs::write(directory.join("key.pem"), key).unwrap();
    made.cert.pem()
}

#[tokio::test]
async fn a_message_is_looked_for_in_its_mailbox() {
    let postgres = Postgres::start();
    let directory = tempfile::tempdir().unwrap();
    // dovecot reads mail as a user of its own.
    let open = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(directory.path(), open).unwrap();
    let authority = certificate(directory.path());
    let port = free_port();
    let config = servers::dovecot(directory.path(), "127.0.0.1", port, "it's a \"secret\"");
    let _dovecot = Running::at(port, "/usr/sbin/dovecot", &["-F", "-c"], &config);
    let arriving = mail_server_into(&directory.path().join("mail")).await;
    let well = Differs {
        mail: Some(arriving.port),
        ..Differs::default()
    };
    let node = node(&postgres, directory.path(), 1, well);
    node.await_ready();
    make_administrator(&node).await;
    let mut plan = plan(std::slice::from_ref(&node));
    let mailbox = PromiseMailbox {
        server: "127.0.0.1".to_owned(),
        port,
        username: "operations".to_owned(),
        password: Password::new("it's a \"secret\"".to_owned().into()),
        authority: Some(authority),
    };
    let mail = PromiseMail {
        mailbox: Some(Ok(mailbox.clone())),
        ..plan_mail(arriving.port)
    };
    plan.mail = Some(mail.clone());
    // A message of before is none that arrives.
    for round in 1..=2 {
        let promises = check_promises(&plan, &[]).await;
        let (_, faults) = verdicts(&promises);
        assert_eq!(faults, [], "{round}");
        let told = &promise(&promises, ARRIVES).detail;
        let place = format!(" s, in the mailbox of `operations` at 127.0.0.1:{port}");
        assert!(
            told.starts_with("after ") && told.ends_with(&place),
            "{told}"
        );
        assert_eq!(arriving.messages.lock().unwrap().len(), round);
    }

    // Whoever cannot look says why; the message went out all the same.
    let wrong = PromiseMailbox {
        password: Password::new("another".to_owned().into()),
        ..mailbox.clone()
    };
    let stranger = PromiseMailbox {
        authority: None,
        ..mailbox.clone()
    };
    for (mailbox, verdict, expected) in [
        (Ok(wrong), PromiseVerdict::Broken, "Authentication failed"),
        (Ok(stranger), PromiseVerdict::Broken, "certificate"),
        (
            Err("`MAILBOX_PASSWORD` is not set".to_owned()),
            PromiseVerdict::Doubtful,
            "not looked for: `MAILBOX_PASSWORD` is not set",
        ),
    ] {
        plan.mail = Some(PromiseMail {
            mailbox: Some(mailbox),
            ..mail.clone()
        });
        let promises = check_promises(&plan, &[]).await;
        let (_, faults) = verdicts(&promises);
        let [(ARRIVES, told_as, told)] = faults[..] else {
            panic!("{faults:?}");
        };
        assert_eq!(told_as, verdict);
        assert!(told.contains(expected), "{told}");
    }

    // A mail server that takes messages and loses them.
    drop(node);
    let losing = MailServer::start(true).await;
    let lost = Differs {
        mail: Some(losing.port),
        ..Differs::default()
    };
    let node = super::node(&postgres, directory.path(), 1, lost);
    node.await_ready();
    let mut plan = super::plan(std::slice::from_ref(&node));
    plan.mail = Some(mail);
    let promises = check_promises(&plan, &[]).await;
    let (_, faults) = verdicts(&promises);
    let [(ARRIVES, PromiseVerdict::Broken, told)] = faults[..] else {
        panic!("{faults:?}");
    };
    assert!(
        told.starts_with("none from server@example.com to s@example.com within 60 s"),
        "{told}"
    );
    assert_eq!(losing.messages.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_administrator_without_an_address_of_somebody_is_told() {
    let postgres = Postgres::start();
    let files = tempfile::tempdir().unwrap();
    let mail = MailServer::start(true).await;
    let well = Differs {
        mail: Some(mail.port),
        ..Differs::default()
    };
    let node = node(&postgres, files.path(), 1, well);
    node.await_ready();
    let account =
        json!({"username": "sysadmin", "email": "sysadmin@example.com", "password": PASSWORD});
    let client = node.client();
    client
        .send(reqwest::Method::POST, "/users", Some(account))
        .await;
    let mut plan = plan(std::slice::from_ref(&node));
    for (planned, expected) in [
        (None, "; nobody reads that address"),
        (Some("ops@example.com"), "; planned is ops@example.com"),
    ] {
        plan.mail = Some(PromiseMail {
            administrator: planned.map(str::to_owned),
            ..plan_mail(mail.port)
        });
        let promises = check_promises(&plan, &[]).await;
        let (_, faults) = verdicts(&promises);
        let [(MAIL, PromiseVerdict::Doubtful, told)] = faults[..] else {
            panic!("{faults:?}");
        };
        assert!(told.ends_with(expected), "{told}");
    }
}

#[tokio::test]
async fn a_directory_is_tried_by_the_server_itself() {
    let postgres = Postgres::start();
    let directory = tempfile::tempdir().unwrap();
    certificate(directory.path());
    let port = free_port();
    let config = servers::slapd(directory.path(), "it's a \"secret\"");
    let place = format!("ldap://127.0.0.1:{port}");
    let arguments = ["-d", "0", "-h", &place, "-f"];
    let slapd = Running::at(port, "/usr/sbin/slapd", &arguments, &config);
    for (password, expected) in [
        ("it's a \"secret\"", None),
        (
            "another",
            Some("`ent.ldap.do_login.bind_admin_user.app_error`"),
        ),
    ] {
        let differs = Differs {
            ldap: Some((port, password)),
            ..Differs::default()
        };
        let node = node(&postgres, directory.path(), 1, differs);
        node.await_ready();
        make_administrator(&node).await;
        let mut plan = plan(std::slice::from_ref(&node));
        plan.ldap = Some(format!("`127.0.0.1:{port}`"));
        let promises = check_promises(&plan, &[]).await;
        let told = promise(&promises, LDAP);
        match expected {
            None => assert_eq!(told.verdict, PromiseVerdict::Kept, "{told:?}"),
            Some(text) => {
                assert_eq!(told.verdict, PromiseVerdict::Broken, "{told:?}");
                assert!(told.detail.contains(text), "{told:?}");
            }
        }
    }
    drop(slapd);
    let gone = Differs {
        ldap: Some((port, "it's a \"secret\"")),
        ..Differs::default()
    };
    let node = node(&postgres, directory.path(), 1, gone);
    node.await_ready();
    let mut plan = plan(std::slice::from_ref(&node));
    plan.ldap = Some(format!("`127.0.0.1:{port}`"));
    let promises = check_promises(&plan, &[]).await;
    let (_, faults) = verdicts(&promises);
    let [(LDAP, PromiseVerdict::Broken, told)] = faults[..] else {
        panic!("{faults:?}");
    };
    assert!(told.contains("unable_to_connect"), "{told}");
}

#[tokio::test]
async fn an_identity_providers_files_are_told_while_they_are_missing() {
    let postgres = Postgres::start();
    let files = tempfile::tempdir().unwrap();
    let differs = Differs {
        has_saml: true,
        ..Differs::default()
    };
    let node = node(&postgres, files.path(), 1, differs);
    node.await_ready();
    make_administrator(&node).await;
    let mut plan = plan(std::slice::from_ref(&node));
    plan.saml = Some(true);
    let put = |name: &str| {
        format!(
            "INSERT INTO configurationfiles (name, data, createat, updateat) VALUES ('{name}', 'PEM', 1, 1);"
        )
    };
    for (there, expected) in [
        (
            None,
            Some(
                "the server does not find the provider's certificate, its own certificate, the key of its own \
                 certificate",
            ),
        ),
        (
            Some("loadrig-saml-idp.crt"),
            Some("the server does not find its own certificate, the key of its own certificate"),
        ),
        (
            Some("loadrig-saml.crt"),
            Some("the server does not find the key of its own certificate"),
        ),
        (Some("loadrig-saml.key"), None),
    ] {
        if let Some(name) = there {
            psql(&postgres).ask(&put(name)).await.unwrap();
        }
        let promises = check_promises(&plan, &[]).await;
        let told = promise(&promises, SAML);
        match expected {
            Some(text) => assert_eq!(
                (told.verdict, told.detail.as_str()),
                (PromiseVerdict::Broken, text)
            ),
            None => assert_eq!(
                (told.verdict, told.detail.as_str()),
                (
                    PromiseVerdict::Kept,
                    "it is `https://chat.example.com/login/sso/saml`"
                )
            ),
        }
    }
}
