//! Calls of other principals in the account: none that loadrig makes.

use axum::http::{Request, header};
use bytes::Bytes;
use strict_cloud::{AwsAccount, Call};

use super::outcome::later;
use super::process::REGION;
use super::sweep::LATER;

/// A call of a service with forms; the answer's text.
pub fn call(account: &mut AwsAccount, service: &str, action: &str, fields: &[&str]) -> String {
    let pairs = fields.iter().filter_map(|field| field.split_once('='));
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", action)
        .append_pair("Version", "2016-11-15")
        .extend_pairs(pairs)
        .finish();
    send(account, service, "POST", "/", &[], &body)
}

/// A call to a path; the answer's text.
pub fn send(
    account: &mut AwsAccount,
    service: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> String {
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDOTHER/20250101/{REGION}/{service}/aws4_request, Signature=0"
    );
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, scope);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Bytes::from(body.to_owned()));
    let answer = account.answer(account.now(), &Call::parse(request.expect("a request")));
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    assert!(
        answer.status().is_success(),
        "{service} {method} {path} {body}: {text}"
    );
    text
}

/// The same, until lists show what was done; the text of an element of the answer.
pub fn create(
    account: &mut AwsAccount,
    service: &str,
    action: &str,
    element: &str,
    fields: &[&str],
) -> String {
    let text = call(account, service, action, fields);
    *account = later(account.clone(), LATER);
    let start = format!("<{element}>");
    let rest = text
        .split_once(&start)
        .and_then(|(_, rest)| rest.split_once('<'));
    rest.unwrap_or_else(|| panic!("{text}")).0.to_owned()
}

/// The id of the one resource of a kind, or of the first of them.
pub fn id_of(account: &AwsAccount, kind: &str) -> String {
    let resources = account.resources().into_iter();
    let mut of_kind = resources.filter(|resource| resource.kind == kind);
    of_kind.next().unwrap_or_else(|| panic!("no {kind}")).id
}

/// Deletes a resource behind everybody's back.
pub fn delete(account: &mut AwsAccount, kind: &str, id: &str) {
    let field = |name: &str| format!("{name}={id}");
    match kind {
        "instance" => {
            call(
                account,
                "ec2",
                "TerminateInstances",
                &[&field("InstanceId.1")],
            );
        }
        "key pair" => {
            call(account, "ec2", "DeleteKeyPair", &[&field("KeyName")]);
        }
        "security group" => {
            call(account, "ec2", "DeleteSecurityGroup", &[&field("GroupId")]);
        }
        "database" => {
            let fields = [&field("DBInstanceIdentifier"), "SkipFinalSnapshot=true"];
            call(account, "rds", "DeleteDBInstance", &fields);
        }
        "search domain" => {
            let path = format!("/2021-01-01/opensearch/domain/{id}");
            send(account, "es", "DELETE", &path, &[], "");
        }
        "bucket" => {
            send(account, "s3", "DELETE", &format!("/{id}"), &[], "");
        }
        other => panic!("nobody deletes a {other} here"),
    }
}

/// Kinds that `delete` can delete.
pub const DELETABLE: &[&str] = &[
    "instance",
    "key pair",
    "database",
    "search domain",
    "bucket",
];
