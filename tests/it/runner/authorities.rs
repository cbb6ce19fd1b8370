//! Authorities of the operator's, with the system's own program below a root of the test's own.

use std::path::Path;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// An authority, as PEM, and a certificate of it.
fn authority(name: &str) -> (String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let leaf = CertificateParams::new(vec!["mail.example.com".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &issuer);
    (pem, leaf.unwrap().pem())
}

/// Runs the step for these files, which are there already.
fn applied(root: &Path, names: &[&str]) -> String {
    let paths: Vec<String> = names
        .iter()
        .map(|name| format!("/usr/local/share/ca-certificates/{name}"))
        .collect();
    let bundle = super::bundle(&format!("authorities {}\n", paths.join(" ")), &[]);
    let runner = bundle.path().join("runner.sh");
    let output = Command::new("sh")
        .arg(runner)
        .arg("step")
        .arg(bundle.path())
        .arg("ready")
        .env("LOADRIG_ROOT", root)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

fn is_trusted(root: &Path, certificate: &str) -> bool {
    let leaf = root.join("leaf.pem");
    std::fs::write(&leaf, certificate).unwrap();
    let bundle = root.join("etc/ssl/certs/ca-certificates.crt");
    let verified = Command::new("openssl")
        .args(["verify", "-no-CApath", "-no-CAstore", "-CAfile"])
        .args([&bundle, &leaf])
        .output()
        .unwrap();
    verified.status.success()
}

#[test]
fn a_host_trusts_the_authorities_that_it_is_told_and_no_longer_those_of_before() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let local = root.join("usr/local/share/ca-certificates");
    std::fs::create_dir_all(&local).unwrap();
    std::fs::create_dir_all(root.join("etc/ssl/certs")).unwrap();
    let [first, second, others] = ["first", "second", "others"].map(authority);
    let write = |name: &str, pem: &str| std::fs::write(local.join(name), pem).unwrap();
    write("loadrig-1.crt", &first.0);
    write("loadrig-2.crt", &second.0);
    // Somebody else's, which is none of loadrig's business.
    write("company.crt", &others.0);

    applied(root, &["loadrig-1.crt", "loadrig-2.crt"]);
    for leaf in [&first.1, &second.1, &others.1] {
        assert!(is_trusted(root, leaf));
    }

    applied(root, &["loadrig-2.crt"]);
    assert!(!is_trusted(root, &first.1));
    assert!(is_trusted(root, &second.1) && is_trusted(root, &others.1));
    assert!(!root.join("etc/ssl/certs/loadrig-1.pem").exists());

    // With nothing to do, nothing is done.
    std::fs::remove_file(local.join("loadrig-2.crt")).unwrap();
    assert_eq!(applied(root, &[]), "");
}
