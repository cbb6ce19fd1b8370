//! What commands say of the files that they read and write.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use super::{ENVIRONMENT, command, environment};
use crate::common::text;

/// Without any credentials: whoever needs some says so.
pub(super) fn run(home: &Path, arguments: &[&str]) -> Output {
    command(home, "http://127.0.0.1:1", arguments)
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .expect("the program runs")
}

pub(super) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn problems_of_named_files_have_the_place_and_form_of_all_others() {
    let home = tempfile::tempdir().expect("a directory");
    let at = |name: &str| home.path().join(name).display().to_string();
    std::fs::write(at("release.tar.gz"), "no tarball").expect("a file");
    std::fs::write(at("key"), "-----BEGIN OPENSSH PRIVATE KEY-----\n").expect("a file");
    environment(
        home.path(),
        "perf",
        &format!(
            "architecture: 1k\nmattermost:\n  release: {}\n  sha256: {}\n  unlicensed: accept\naccess:\n  key:\n    file: {}\n",
            at("release.tar.gz"),
            "0".repeat(64),
            at("key"),
        ),
    );
    let output = run(home.path(), &["validate", "perf", "--output", "json"]);
    assert_eq!(output.status.code(), Some(2));
    let answer = &json(&output)[0];
    let lines: Vec<_> = answer["problems"]
        .as_array()
        .expect("problems")
        .iter()
        .map(|problem| problem["line"].as_u64().expect("a line"))
        .collect();
    assert_eq!(lines, [3, 4, 8]);
    assert_eq!(answer["problem_count"], 3);

    environment(home.path(), "broken", "architecture: 1k\nregionn: x\n");
    let other = json(&run(
        home.path(),
        &["validate", "broken", "--output", "json"],
    ));
    let keys = |problem: &Value| -> Vec<String> {
        problem
            .as_object()
            .expect("a problem")
            .keys()
            .cloned()
            .collect()
    };
    assert_eq!(keys(&answer["problems"][0]), keys(&other[0]["problems"][0]));
    let said = text(&run(home.path(), &["validate", "perf"]).stderr);
    assert!(said.contains("environments/perf.yaml:8:11"), "{said}");
    assert!(
        said.contains("^ expected the path of a public key"),
        "{said}"
    );
}

#[test]
fn every_missing_file_is_told_at_once() {
    let home = tempfile::tempdir().expect("a directory");
    let yaml = "architecture: 1k\nmattermost:\n  release: ./none.tar.gz\n  license_file: ./none\naccess:\n  key:\n    file: ./none.pub\n";
    environment(home.path(), "perf", yaml);
    let answer = json(&run(home.path(), &["validate", "perf", "--output", "json"]));
    assert_eq!(answer[0]["problem_count"], 3, "{answer}");

    std::fs::write(home.path().join("environments/empty"), "\n").expect("a file");
    let yaml = "architecture: 1k\nmattermost:\n  license_file: empty\n";
    environment(home.path(), "perf", yaml);
    let refused = run(home.path(), &["validate", "perf"]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("it is empty"), "{said}");
}

/// A bundle whose manifest has this id, and its SHA-256.
fn plugin_bundle(path: &Path, id: &str) {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    let manifest = format!("{{\"id\": \"{id}\"}}");
    let mut header = tar::Header::new_ustar();
    header.set_size(manifest.len() as u64);
    tar.append_data(&mut header, "x/plugin.json", manifest.as_bytes())
        .expect("an entry");
    let bundle = tar.into_inner().and_then(flate2::write::GzEncoder::finish);
    std::fs::write(path, bundle.expect("a bundle")).expect("a file");
}

#[test]
fn files_of_plugins_and_of_an_identity_provider_are_refused_before_anything_is_created() {
    let home = tempfile::tempdir().expect("a directory");
    let at = |name: &str| home.path().join("environments").join(name);
    std::fs::create_dir_all(at("")).expect("a directory");
    let key = || rcgen::KeyPair::generate().expect("a key");
    let own = key();
    let params = rcgen::CertificateParams::new(vec!["chat.example.com".to_owned()]);
    let certificate = params.and_then(|params| params.self_signed(&own));
    std::fs::write(at("saml.pem"), certificate.expect("a certificate").pem()).expect("a file");
    std::fs::write(at("saml.key"), key().serialize_pem()).expect("a file");
    std::fs::write(at("idp.pem"), own.serialize_pem()).expect("a file");
    plugin_bundle(&at("greeter.tar.gz"), "com.example.greeter");
    std::fs::write(at("empty.tar.gz"), "").expect("a file");
    let yaml = format!(
        "architecture: 1k\ncloud: local\nmattermost:\n  plugins:\n    - id: com.example.wrong\n      \
         file: greeter.tar.gz\n    - id: com.example.greeter\n      file: greeter.tar.gz\n      sha256: {}\n    \
         - id: com.example.empty\n      file: empty.tar.gz\n  saml:\n    idp_url: https://idp.example.com/sso\n    \
         idp_descriptor_url: urn:idp\n    idp_certificate_file: idp.pem\n    email_attribute: email\n    \
         username_attribute: username\n    certificate_file: saml.pem\n    key_file: saml.key\n",
        "0".repeat(64)
    );
    environment(home.path(), "perf", &yaml);
    for arguments in [
        ["validate", "perf"].as_slice(),
        &["plan", "perf", "--offline"],
        &["plan", "perf"],
        &["up", "perf", "--yes"],
    ] {
        let output = run(home.path(), arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        for part in [
            "perf.yaml:5:11",
            "is the bundle of the plugin `com.example.greeter`, not of `com.example.wrong`",
            "perf.yaml:9:15",
            "perf.yaml:11:13",
            "perf.yaml:15:27",
            "perf.yaml:19:15",
            "`mattermost.saml.key_file` is not the key of `mattermost.saml.certificate_file`",
        ] {
            assert!(
                said.contains(part),
                "{arguments:?}: `{part}` is missing: {said}"
            );
        }
    }
}

#[test]
fn thousands_of_problems_are_counted_and_the_first_shown() {
    let home = tempfile::tempdir().expect("a directory");
    let mut yaml = "architecture: 1k\n".to_owned();
    for index in 0..9000 {
        yaml.push_str(&format!("surprise{index}: 1\n"));
    }
    environment(home.path(), "large", &yaml);
    let output = run(home.path(), &["validate", "large", "--output", "json"]);
    let answer = &json(&output)[0];
    assert_eq!(answer["problem_count"], 9000);
    assert_eq!(answer["problems"].as_array().map(Vec::len), Some(50));
    let said = text(&output.stderr);
    assert!(said.ends_with("9000 problems; the first 50 are shown\n"));
}

#[test]
fn nothing_of_a_foreign_file_is_shown() {
    let home = tempfile::tempdir().expect("a directory");
    environment(home.path(), "perf", ENVIRONMENT);
    let path = home.path().join("shadow");
    std::fs::write(&path, "root:hunter2:1:0:99999:7:::\nlist:hunter2:1::::::\n").expect("a file");
    let path = path.display().to_string();
    for arguments in [
        ["validate", path.as_str()].as_slice(),
        &["plan", &path, "--offline"],
        &["up", &path, "--yes"],
        &["test", "perf", &path],
        &["validate", &path, "--output", "json"],
    ] {
        let output = run(home.path(), arguments);
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains("this file is not a"), "{said}");
        assert!(!said.contains("hunter2"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_plan_that_is_not_there_comes_before_credentials() {
    let home = tempfile::tempdir().expect("a directory");
    environment(home.path(), "perf", ENVIRONMENT);
    let output = run(home.path(), &["up", "perf", "--plan", "nope.json"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot read the plan `nope.json`"), "{said}");
    std::fs::write(home.path().join("notes.txt"), "no plan").expect("a file");
    let said = text(&run(home.path(), &["up", "perf", "--plan", "notes.txt"]).stderr);
    assert!(
        said.contains("is not a plan that can be carried out"),
        "{said}"
    );
}

#[test]
fn pictures_and_pages_are_written_under_their_own_extension() {
    let home = tempfile::tempdir().expect("a directory");
    for (arguments, wanted) in [
        (["plan", "1k", "--diagram", "x.png"], "`x.svg`"),
        (["report", "perf", "--html", "x.pdf"], "`x.html`"),
        (["demo", "--html", "x.txt", "--yes"], "`x.html`"),
    ] {
        let output = run(home.path(), &arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(wanted), "{said}");
    }
    assert_eq!(
        std::fs::read_dir(home.path()).expect("a directory").count(),
        0
    );
    for name in ["x.SVG", "plain"] {
        let output = run(home.path(), &["plan", "1k", "--diagram", name]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named_itself() {
    let home = tempfile::tempdir().expect("a directory");
    let output = run(home.path(), &["plan", "1k", "--diagram", "no/such/x.svg"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let first = said.lines().next().unwrap_or_default();
    assert_eq!(
        first,
        "error: cannot write `no/such/x.svg`: No such file or directory (os error 2)"
    );
}

#[test]
fn init_names_a_schema_that_it_writes() {
    let home = tempfile::tempdir().expect("a directory");
    let output = run(home.path(), &["init", "first", "--output", "json"]);
    let answer = json(&output);
    assert_eq!(answer["path"], "environments/first.yaml");
    assert_eq!(answer["schema"], "schema/environment.json");
    let schema = std::fs::read_to_string(home.path().join("schema/environment.json"));
    let printed = text(&run(home.path(), &["schema"]).stdout);
    assert_eq!(schema.expect("a schema"), printed);
    let again = json(&run(home.path(), &["init", "second", "--output", "json"]));
    assert_eq!(again["schema"], Value::Null);
}

#[test]
fn a_policy_has_one_form_in_json_and_fits_the_terminal_as_text() {
    let home = tempfile::tempdir().expect("a directory");
    environment(home.path(), "small", "architecture: 1k\n");
    environment(
        home.path(),
        "large",
        "architecture: 1k\nload_balancer: alb\nnetwork: { layout: bastion, private_dns: true }\n\
         sizes:\n  nodes:\n    proxy: { count: 0 }\n  cache: { nodes: 2, instance_type: cache.m7g.large }\n",
    );
    let of = |name: &str, more: &[&str]| {
        let arguments = [&["iam-policy", name, "--account", "123456789012"], more].concat();
        let output = run(home.path(), &arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        output
    };
    for name in ["small", "large"] {
        for more in [
            ["--format", "json"].as_slice(),
            &["--format", "json", "--explain"],
        ] {
            let answer = json(&of(name, more));
            let policies = answer["policies"].as_array().expect("a list");
            assert!(policies.iter().all(|policy| policy["Statement"].is_array()));
            assert_eq!(answer["reasons"].is_object(), more.len() == 3);
        }
        for more in [[].as_slice(), &["--explain"]] {
            let output = text(&of(name, more).stdout);
            let (reasons, _documents) = output.split_once("\npolicy 1 of").expect("a policy");
            for line in reasons.lines() {
                assert!(line.chars().count() <= 100, "{line}");
            }
        }
    }
}

#[test]
fn sizes_fit_a_terminal_of_100_columns() {
    let home = tempfile::tempdir().expect("a directory");
    let output = run(home.path(), &["architectures"]);
    let listed = text(&output.stdout);
    assert!(listed.lines().count() > 8, "{listed}");
    for line in listed.lines().chain(text(&output.stderr).lines()) {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn a_missing_stand_in_is_told_before_anything_is_asked() {
    let home = tempfile::tempdir().expect("a directory");
    environment(
        home.path(),
        "perf",
        "architecture: 1k\naccess:\n  operators: [198.51.100.7/32]\n",
    );
    // By itself in a directory, as somebody who copies it has it.
    let program = home.path().join("bin/loadrig");
    std::fs::create_dir(home.path().join("bin")).expect("a directory");
    std::fs::copy(env!("CARGO_BIN_EXE_loadrig"), &program).expect("a copy");
    for arguments in [["up", "perf"].as_slice(), &["demo"]] {
        let output = std::process::Command::new(&program)
            .current_dir(home.path())
            .env("HOME", home.path())
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_PROFILE")
            .env_remove("LOADRIG_HOME")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .args(arguments)
            .output()
            .expect("the program runs");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(
            said.starts_with("error: the stand-in server's program `mattermost-standin` is not"),
            "{said}"
        );
    }
}
