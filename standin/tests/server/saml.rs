//! Files of an identity provider, as the runner of loadrig's hosts brings them into the database before
//! the server's first start.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::rig::{NodeOptions, Postgres, ServerNode};
use crate::settings;

/// The statement that loadrig writes for a file (`src/hosts/saml.rs`).
fn put(name: &str, data: &str) -> String {
    format!(
        "INSERT INTO configurationfiles (name, data, createat, updateat) SELECT '{name}', '{data}', t, t \
         FROM (SELECT (extract(epoch FROM now()) * 1000)::bigint AS t) AS now \
         ON CONFLICT (name) DO UPDATE SET data = EXCLUDED.data, updateat = EXCLUDED.updateat;\n"
    )
}

#[tokio::test]
async fn a_server_finds_the_files_that_were_there_before_it() {
    let postgres = Postgres::start();
    let bundle = tempfile::tempdir().expect("temporary directory");
    let path = bundle.path();
    let source = reqwest::Url::parse(&postgres.data_source("sslmode=require")).expect("a URL");
    let password = source.password().expect("password");
    let table = "CREATE TABLE IF NOT EXISTS configurationfiles (name VARCHAR(64), data text NOT NULL, \
                 createat bigint NOT NULL, updateat bigint NOT NULL, PRIMARY KEY (name));\n";
    let input = format!(
        "[loadrig]\nhost={}\nport={}\ndbname={}\nuser={}\npassword={}\nsslmode=require\n---\n{table}{}{}",
        source.host_str().expect("host"),
        source.port().expect("port"),
        source.path().trim_matches('/'),
        source.username(),
        password.replace("%2F", "/").replace("%40", "@"),
        put(
            "loadrig-saml-idp.crt",
            "-----BEGIN CERTIFICATE-----\nit''s\n"
        ),
        // Written again, it is replaced.
        put(
            "loadrig-saml-idp.crt",
            "-----BEGIN CERTIFICATE-----\nother\n"
        ),
    );
    std::fs::create_dir_all(path.join("inputs")).expect("directory");
    std::fs::create_dir_all(path.join("steps")).expect("directory");
    std::fs::write(path.join("inputs/files"), input).expect("file");
    std::fs::write(path.join("steps/files.sh"), "database_files\n").expect("file");
    let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates/runner.sh");
    std::fs::copy(runner, path.join("runner.sh")).expect("runner");
    let output = Command::new("sh")
        .arg(path.join("runner.sh"))
        .args(["step", path.to_str().expect("path"), "files"])
        .output()
        .expect("sh runs");
    assert!(output.status.success(), "{output:?}");

    let mut settings = settings(&postgres);
    settings["SamlSettings"] = json!({
        "Enable": true, "IdpCertificateFile": "loadrig-saml-idp.crt",
        "PrivateKeyFile": "loadrig-saml.key", "ServiceProviderIdentifier": "https://chat/&",
    });
    let node = ServerNode::start(&settings);
    node.client().create_user("admin").await;
    let admin = node.client().login("admin").await;
    assert_eq!(
        admin.get("/saml/certificate/status").await,
        json!({
            "idp_certificate_file": true, "private_key_file": false,
            "public_certificate_file": false,
        })
    );
    let answer = admin
        .send(reqwest::Method::GET, "/saml/metadata", None)
        .await;
    let text = answer.text().await.expect("text");
    assert!(text.contains("entityID=\"https://chat/&amp;\""), "{text}");
    assert!(node.stop().success());

    let unlicensed = ServerNode::spawn_with(NodeOptions {
        settings,
        unlicensed: true,
        ..NodeOptions::default()
    });
    unlicensed.await_ready();
    let refused = unlicensed
        .client()
        .refused(reqwest::Method::GET, "/saml/metadata", None)
        .await;
    assert_eq!(refused.0, 501);
}
