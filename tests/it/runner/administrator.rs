//! The first administrator, made over a local socket that answers as the server's does.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// The account that is sent.
const ACCOUNT: &str = r#"{"username":"sysadmin","password":"hunter2hunter2"}"#;
const ADMINISTRATOR: &str = r#"{"username":"sysadmin","roles":"system_admin system_user"}"#;
/// As the server describes the account, and with another address.
const AT_EXAMPLE: &str = r#"{"id":"u1","username":"sysadmin","email":"sysadmin@example.com","roles":"system_admin system_user","notify_props":{"email":"true"}}"#;
const AT_CORP: &str = r#"{"id":"u1","username":"sysadmin","email":"ops&1@corp.io","roles":"system_admin system_user","notify_props":{"email":"true"}}"#;
const USER: &str = r#"{"username":"sysadmin","roles":"system_user"}"#;
const MISSING: (u16, &str) = (404, r#"{"id":"app.user.get_by_username.app_error"}"#);

/// What the server answers: whether it knows the account, whom it has, and to the new one.
struct Answers {
    known: (u16, &'static str),
    accounts: &'static str,
    created: (u16, &'static str),
}

/// A server at the local socket below `root`; what was posted to it.
fn server(root: &Path, answers: Answers) -> Arc<Mutex<Vec<String>>> {
    std::fs::create_dir_all(root.join("var/tmp")).unwrap();
    let listener = UnixListener::bind(root.join("var/tmp/mattermost_local.socket")).unwrap();
    let posted = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&posted);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = [0; 4096];
            let length = stream.read(&mut bytes).unwrap();
            let request = String::from_utf8_lossy(&bytes[..length]).into_owned();
            let (status, body) = match request.split(' ').nth(1).unwrap() {
                "/api/v4/users/username/sysadmin" => answers.known,
                "/api/v4/users?per_page=200" => (200, answers.accounts),
                "/api/v4/users" | "/api/v4/users/u1" => {
                    seen.lock().unwrap().push(request);
                    answers.created
                }
                other => panic!("{other}"),
            };
            let head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n");
            let text = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(text.as_bytes()).unwrap();
        }
    });
    posted
}

/// Runs the step against such a server: whether it succeeded, what it said, what was posted.
fn run(answers: Answers) -> (bool, String, Vec<String>) {
    run_step("administrator sysadmin\n", answers)
}

fn run_step(step: &str, answers: Answers) -> (bool, String, Vec<String>) {
    let bundle = super::bundle("", &[]);
    let path = bundle.path();
    std::fs::create_dir_all(path.join("inputs")).unwrap();
    std::fs::write(path.join("inputs/administrator"), ACCOUNT).unwrap();
    std::fs::write(path.join("steps/administrator.sh"), step).unwrap();
    let posted = server(path, answers);
    let output = Command::new("sh")
        .arg(path.join("runner.sh"))
        .args(["step", path.to_str().unwrap(), "administrator"])
        .env("LOADRIG_ROOT", path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let posted = posted.lock().unwrap().clone();
    assert!(!text.contains("hunter2"), "{text}");
    (output.status.success(), text, posted)
}

#[test]
fn a_server_without_accounts_gets_the_administrator() {
    for accounts in ["[]", r#"[{"username":"feedbackbot","is_bot":true}]"#] {
        let (done, text, posted) = run(Answers {
            known: MISSING,
            accounts,
            created: (201, ADMINISTRATOR),
        });
        assert!(done, "{text}");
        assert_eq!(text, "");
        assert_eq!(posted.len(), 1);
        assert!(posted[0].ends_with(ACCOUNT), "{posted:?}");
    }
}

#[test]
fn an_administrator_who_is_there_is_left_alone() {
    let (done, text, posted) = run(Answers {
        known: (200, ADMINISTRATOR),
        accounts: "",
        created: (500, ""),
    });
    assert!(done && text.is_empty(), "{text}");
    assert!(posted.is_empty());
}

#[test]
fn an_administrator_is_given_the_address_of_the_environment() {
    let step = "administrator sysadmin 'ops&1@corp.io'\n";
    let known = |known| Answers {
        known: (200, known),
        accounts: "",
        created: (200, AT_CORP),
    };
    let (done, text, posted) = run_step(step, known(AT_EXAMPLE));
    assert!(done && text.is_empty(), "{text}");
    assert_eq!(posted.len(), 1);
    assert!(posted[0].starts_with("PUT /api/v4/users/u1 "), "{posted:?}");
    assert!(posted[0].ends_with(AT_CORP), "{posted:?}");

    let (done, text, posted) = run_step(step, known(AT_CORP));
    assert!(done && text.is_empty() && posted.is_empty(), "{text}");

    // It waits for a link in a message to be followed, or is not taken at all.
    for (answer, expected) in [
        ((200, AT_EXAMPLE), "has not given sysadmin the address"),
        (
            (400, r#"{"id":"app.user.save.email_exists.app_error"}"#),
            "does not take ops&1@corp.io as the address of sysadmin",
        ),
    ] {
        let (done, text, _) = run_step(
            step,
            Answers {
                created: answer,
                ..known(AT_EXAMPLE)
            },
        );
        assert!(done && text.contains(expected), "{text}");
    }
}

#[test]
fn a_database_with_accounts_is_left_alone_and_said_so() {
    let (done, text, posted) = run(Answers {
        known: MISSING,
        accounts: r#"[{"username":"ann"},{"username":"feedbackbot","is_bot":true}]"#,
        created: (500, ""),
    });
    assert!(done && posted.is_empty(), "{text}");
    assert!(
        text.contains("the database has accounts already, and sysadmin is none of them"),
        "{text}"
    );
    let (done, text, posted) = run(Answers {
        known: (200, USER),
        accounts: "",
        created: (500, ""),
    });
    assert!(done && posted.is_empty(), "{text}");
    assert!(text.contains("does not administer the server"), "{text}");
}

#[test]
fn a_refusal_and_a_stranger_who_was_faster_fail_the_step() {
    let refusal = r#"{"id":"model.user.is_valid.pwd_symbol.app_error"}"#;
    for (created, expected) in [
        ((400, refusal), "refuses the account sysadmin: HTTP 400"),
        (
            (201, USER),
            "somebody else has made the server's first account",
        ),
    ] {
        let (done, text, _) = run(Answers {
            known: MISSING,
            accounts: "[]",
            created,
        });
        assert!(!done && text.contains(expected), "{text}");
    }
}
