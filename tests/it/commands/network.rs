//! What commands say when nobody answers: who was called, through which proxy, and why not.

use std::process::Command;

use super::command;
use crate::common::text;

/// Port 1 of this machine: nothing listens there.
const NOBODY: &str = "http://127.0.0.1:1";

fn said(listing: &mut Command) -> String {
    let output = listing.output().expect("the program runs");
    assert_ne!(output.status.code(), Some(0));
    text(&output.stderr)
}

#[test]
fn an_endpoint_that_refuses_is_named_with_the_plain_cause() {
    let home = tempfile::tempdir().expect("a directory");
    let text = said(&mut command(home.path(), NOBODY, &["list"]));
    let plain = format!("`{NOBODY}` does not answer: Connection refused");
    assert!(text.contains(&plain), "{text}");
    assert!(!text.contains("dispatch failure"), "{text}");
    let text = said(&mut command(home.path(), NOBODY, &["list", "-v"]));
    assert!(text.contains("dispatch failure"), "{text}");
}

#[test]
fn the_proxy_in_use_is_named_without_its_password() {
    let home = tempfile::tempdir().expect("a directory");
    let text = said(
        command(home.path(), "https://vpce.aws.test", &["list"])
            .env("https_proxy", "http://user:hunter2@127.0.0.1:1")
            .env_remove("HTTPS_PROXY")
            .env_remove("no_proxy")
            .env_remove("NO_PROXY"),
    );
    let expected =
        format!("`https://vpce.aws.test` does not answer through the proxy `{NOBODY}`: ");
    assert!(text.contains(&expected), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    let text = said(
        command(home.path(), "http://vpce.aws.invalid:1", &["list"])
            .env("http_proxy", NOBODY)
            .env("no_proxy", "aws.invalid"),
    );
    assert!(
        text.contains("`http://vpce.aws.invalid:1` does not answer: "),
        "{text}"
    );
}

#[test]
fn an_answer_that_is_none_of_aws_is_shown_as_it_begins() {
    use std::io::{Read as _, Write as _};

    let server = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
    let endpoint = format!("http://{}", server.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for client in server.incoming() {
            let mut client = client.expect("a client");
            let mut request = [0; 8192];
            let _length = client.read(&mut request).expect("a request");
            let page = "<html>\n<h1>KeyError: 'aurora-iopt1'</h1>";
            let length = page.len();
            let answer = format!(
                "HTTP/1.1 400 Bad\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{page}"
            );
            client.write_all(answer.as_bytes()).expect("an answer");
        }
    });
    let home = tempfile::tempdir().expect("a directory");
    let text = said(&mut command(home.path(), &endpoint, &["list"]));
    let expected = "the answer begins `<html> <h1>KeyError: 'aurora-iopt1'</h1>`";
    assert!(text.contains(expected), "{text}");
}
