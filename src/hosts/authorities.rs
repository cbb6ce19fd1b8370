//! Authorities that hosts trust besides those of their system: a file for each certificate, which is what
//! `update-ca-certificates` takes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::bundle_error::BundleError;
use super::digest::Digest;
use super::extras::HostFile;
use super::texts::read_pem;

/// Where Debian looks for authorities of the operator's.
const DIRECTORY: &str = "/usr/local/share/ca-certificates";
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The certificates of these PEM files as files of hosts, each once, named after what is in it: others of
/// that kind can be told from them.
///
/// # Errors
/// When a file cannot be read, or has no certificate.
pub(super) fn load(files: &[PathBuf]) -> Result<Vec<HostFile>, BundleError> {
    let mut all = BTreeMap::new();
    for path in files {
        for certificate in authority_certificates(path)? {
            let digest = Digest::of(&[&certificate]);
            let name: String = digest.as_str().chars().take(16).collect();
            all.entry(name).or_insert(certificate);
        }
    }
    let file = |(name, certificate): (String, String)| HostFile {
        path: format!("{DIRECTORY}/loadrig-{name}.crt"),
        mode: 0o644,
        content: certificate.into_bytes(),
    };
    Ok(all.into_iter().map(file).collect())
}

/// The certificates of a file of authorities, each as PEM.
///
/// # Errors
/// When it cannot be read, has no certificate, or has a private key.
pub fn authority_certificates(path: &Path) -> Result<Vec<String>, BundleError> {
    let failed = |reason: &str| BundleError::File {
        what: "authority",
        path: path.to_owned(),
        source: std::io::Error::new(std::io::ErrorKind::InvalidData, reason),
    };
    let text = read_pem("authority", "CERTIFICATE", path)?;
    let mut all = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines().map(str::trim) {
        if line == BEGIN && open.replace(String::new()).is_some() {
            return Err(failed("it has a PEM block `CERTIFICATE` without its end"));
        }
        if let Some(certificate) = &mut open {
            certificate.push_str(line);
            certificate.push('\n');
        }
        if line == END {
            all.extend(open.take());
        }
    }
    match all.is_empty() || open.is_some() {
        true => Err(failed("it has no whole PEM block `CERTIFICATE`")),
        false => Ok(all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("authority.pem");
        std::fs::write(&path, text).unwrap();
        (directory, path)
    }

    #[test]
    fn each_certificate_is_a_file_of_its_own_once() {
        let one = format!("{BEGIN}\nAAAA\n{END}\n");
        let other = format!("{BEGIN}\nBBBB\n{END}\n");
        let (_one, first) = written(&format!("subject: x\r\n{}", one.replace('\n', "\r\n")));
        let (_two, second) = written(&format!("{other}{one}"));
        let files = load(&[first, second]).unwrap();
        let contents: Vec<&[u8]> = files.iter().map(|file| file.content.as_slice()).collect();
        assert_eq!(contents.len(), 2);
        assert!(contents.contains(&one.as_bytes()) && contents.contains(&other.as_bytes()));
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert!(
            paths
                .iter()
                .all(|path| path.starts_with(&format!("{DIRECTORY}/loadrig-")))
        );
        assert_ne!(paths[0], paths[1]);
    }

    #[test]
    fn what_is_no_authority_is_refused() {
        for (text, reason) in [
            ("hello\n".to_owned(), "it has no PEM block `CERTIFICATE`"),
            (
                format!("{BEGIN}\nAAAA\n"),
                "it has no whole PEM block `CERTIFICATE`",
            ),
            (
                format!("{BEGIN}\nAAAA\n{BEGIN}\nBBBB\n{END}\n"),
                "it has a PEM block `CERTIFICATE` without its end",
            ),
            (
                format!("{BEGIN}\nAAAA\n{END}\n-----BEGIN PRIVATE KEY-----\n"),
                "it holds a private key, which belongs in a file of its own",
            ),
        ] {
            let (_directory, path) = written(&text);
            let error = authority_certificates(&path).unwrap_err();
            let source = std::error::Error::source(&error).unwrap();
            assert_eq!(source.to_string(), reason);
        }
    }
}
