//! Where people log in: passwords are shown when they are asked for, and never else.

use base64::Engine as _;
use loadrig::identity::Secrets;
use secrecy::{ExposeSecret, SecretString};

use super::environment;
use crate::common::{Moto, loadrig, text};

const ENVIRONMENT: &str = "architecture: 1k\naccess: {operators: [198.51.100.7/32]}\n\
    mattermost: {release: 11.7.9, unlicensed: accept}\ntls: {host_name: chat.example.com, issuer: private}\n";

#[tokio::test]
async fn passwords_derive_from_the_seed_and_are_shown_only_when_asked_for() {
    let moto = Moto::start();
    let home = tempfile::tempdir().expect("a directory");
    environment(home.path(), "perf", ENVIRONMENT);
    let ask = |more: &[&str]| {
        let arguments = [&["credentials", "perf"], more].concat();
        let output = loadrig(home.path(), moto.endpoint(), &arguments);
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        (output.status.code(), text(&output.stdout), said)
    };
    let (code, _, said) = ask(&[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("`perf` does not exist in account"), "{said}");

    let seed = base64::engine::general_purpose::STANDARD.encode([7; 32]);
    let password = Secrets::from_seed(&SecretString::from(seed.clone())).expect("secrets");
    let password = password.admin_password();
    let password = password.expose_secret();
    aws_sdk_ssm::Client::new(&moto.sdk().await)
        .put_parameter()
        .name("/loadrig/perf/seed")
        .value(seed)
        .r#type(aws_sdk_ssm::types::ParameterType::SecureString)
        .send()
        .await
        .expect("a seed");

    let log = home.path().join("events.jsonl");
    let log = log.to_str().expect("text");
    let (code, _, said) = ask(&["--events", log]);
    assert_eq!(code, Some(0), "{said}");
    for part in [
        "mattermost at https://chat.example.com",
        "sysadmin",
        "/loadrig/perf/seed",
        "`--authority FILE`",
    ] {
        assert!(said.contains(part), "`{part}` is missing: {said}");
    }
    assert!(!said.contains(password), "{said}");
    let (_, told, _) = ask(&["--output", "json"]);
    assert!(!told.contains(password), "{told}");
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["credentials"][0]["user"], "sysadmin");
    assert!(told["credentials"][0]["password"].is_null());

    let file = home.path().join("authority.pem");
    let asked = ["--show", "--authority", file.to_str().expect("text")];
    let (_, told, _) = ask(&asked);
    assert!(told.contains(password), "{told}");
    let authority = std::fs::read_to_string(file).expect("a file");
    assert!(authority.starts_with("-----BEGIN CERTIFICATE-----"));
    let (_, told, _) = ask(&["--show", "--output", "json", "--events", log]);
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["credentials"][0]["password"], password);
    assert!(
        !std::fs::read_to_string(log)
            .expect("a log")
            .contains(password)
    );
}
