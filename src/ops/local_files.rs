//! Files of this machine that an environment names, checked before anything is locked or
//! created: a host that unpacks a broken release would say so many minutes later.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::diagnose::{Diagnose as _, with_causes};
use crate::hosts::{
    BundleError, HostFile, PluginPackage, ServerPackage, authority_certificates, mailbox_authority,
    public_key_file,
};
use crate::preflight::{FindingVerdict, evaluate_seed};
use crate::spec::{Library, LicenseSource, Problem, Release, Spec, SpecErrors, SshKey};

use super::error::{OpsError, PayloadError};
use super::{certificate, key_pair, license, passwords, saml};

/// What the first entry of a release is below.
const TOP: &str = "mattermost/";

/// A problem with a file that an environment names.
#[derive(Debug)]
struct FileProblem {
    /// The key of the YAML that names the file, or says what is to be in it.
    key: Vec<String>,
    /// What was expected there.
    expected: &'static str,
    error: OpsError,
}

/// Every problem with the files that an environment names.
fn problems(spec: &Spec) -> Vec<FileProblem> {
    let mut problems = Vec::new();
    if let SshKey::File(path) = &spec.access.key
        && let Err(error) = public_key_file(path)
    {
        problems.push(FileProblem {
            key: named(&["access", "key", "file"]),
            expected: "expected the path of a public key",
            error: error.into(),
        });
    }
    if let Release::File(path) = &spec.mattermost.release
        && let Err(error) = check_release(path)
    {
        problems.push(FileProblem {
            key: named(&["mattermost", "release"]),
            expected: "expected the path of a release tarball",
            error: error.into(),
        });
    }
    let key: &[&str] = match &spec.mattermost.license {
        LicenseSource::Env(_) => &["mattermost", "license_env"],
        _ => &["mattermost", "license_file"],
    };
    problems.extend(
        license::problems(spec)
            .into_iter()
            .map(|error| FileProblem {
                key: named(key),
                expected: "expected a license that carries this environment",
                error: error.into(),
            }),
    );
    if let Some(error) = certificate::problem(spec) {
        let is_acme = spec.tls.as_ref().is_some_and(|tls| tls.acme().is_some());
        // Of the others' files there is but one.
        let (key, expected) = match spec.load_balancer.alb() {
            Some(_) => (certificate::BALANCER_AUTHORITY, "expected an authority"),
            None if is_acme => (certificate::AUTHORITY, "expected authorities"),
            None => (
                error.key(),
                "expected a certificate that clients accept, with its key",
            ),
        };
        problems.push(FileProblem {
            key: key.split('.').map(str::to_owned).collect(),
            expected,
            error: error.into(),
        });
    }
    // The stand-in is packaged only when hosts are set up.
    if !matches!(spec.mattermost.release, Release::Standin)
        && let Err(error) = ServerPackage::load(&spec.mattermost, None)
    {
        let (key, expected): (&[&str], _) = match &error {
            BundleError::Digest { .. } => (
                &["mattermost", "sha256"],
                "expected the checksum of the tarball",
            ),
            _ => (
                &["mattermost", "release"],
                "expected the path of a release tarball",
            ),
        };
        problems.push(FileProblem {
            key: named(key),
            expected,
            error: PayloadError::from(error).into(),
        });
    }
    problems.extend(
        passwords::problems(spec)
            .into_iter()
            .map(|problem| FileProblem {
                key: problem.key,
                expected: "expected a secret on one line",
                error: problem.error.into(),
            }),
    );
    let mail = spec.mattermost.connections.mail.as_ref();
    if let Some(mailbox) = mail.and_then(|mail| mail.mailbox.as_ref())
        && let Err(error) = mailbox_authority(mailbox)
    {
        problems.push(FileProblem {
            key: named(&["mattermost", "mail", "mailbox", "authority_file"]),
            expected: "expected who signed the certificate of the mailbox's server, as PEM",
            error: PayloadError::from(error).into(),
        });
    }
    problems.extend(saml::problems(spec).into_iter().map(|problem| FileProblem {
        key: named(&["mattermost", "saml", problem.key]),
        expected: "expected what people log in with, as PEM",
        error: problem.error.into(),
    }));
    problems.extend(plugins(spec));
    problems.extend(host_files(spec));
    problems.extend(authorities(spec));
    problems
}

/// Problems with the bundles of plugins.
fn plugins(spec: &Spec) -> impl Iterator<Item = FileProblem> {
    let plugins = spec.mattermost.plugins.iter().enumerate();
    plugins.filter_map(|(index, plugin)| {
        let error = PluginPackage::read(plugin).err()?;
        let (key, expected) = match &error {
            BundleError::Digest { .. } => ("sha256", "expected the checksum of the bundle"),
            BundleError::Plugin { found: Some(_), .. } => ("id", "expected the id of the bundle"),
            _ => ("file", "expected the bundle of a plugin, whole"),
        };
        Some(FileProblem {
            key: named(&["mattermost", "plugins", &index.to_string(), key]),
            expected,
            error: error.into(),
        })
    })
}

/// Problems with the operator's files for hosts.
fn host_files(spec: &Spec) -> impl Iterator<Item = FileProblem> {
    let files = spec.extras.iter().flat_map(|(role, extras)| {
        let files = extras.files.iter().enumerate();
        files.map(move |(index, file)| (role, index, file))
    });
    files.filter_map(|(role, index, file)| {
        let error = HostFile::read(file).err()?;
        let index = index.to_string();
        Some(FileProblem {
            key: named(&["hosts", role.as_str(), "files", &index, "source"]),
            expected: "expected a file that can be shipped",
            error: error.into(),
        })
    })
}

/// Problems with the authorities that hosts are to trust.
fn authorities(spec: &Spec) -> impl Iterator<Item = FileProblem> {
    let files = spec.authorities.iter().enumerate();
    files.filter_map(|(index, path)| {
        let error = check_authority(path).err()?;
        Some(FileProblem {
            key: named(&["hosts", "authorities", &index.to_string()]),
            expected: "expected certificates of authorities, as PEM",
            error: error.into(),
        })
    })
}

fn check_authority(path: &Path) -> Result<(), BundleError> {
    for certificate in authority_certificates(path)? {
        key_pair::certificates(&certificate).map_err(|_| {
            let reason = "it has a block that is no X.509 certificate";
            BundleError::File {
                what: "authority",
                path: path.to_owned(),
                source: std::io::Error::new(std::io::ErrorKind::InvalidData, reason),
            }
        })?;
    }
    Ok(())
}

fn named(key: &[&str]) -> Vec<String> {
    key.iter().map(|&part| part.to_owned()).collect()
}

/// Refuses an environment with such problems, each at its place in the YAML that `reference`
/// leads to, and what `up` refuses of the YAML alone besides.
///
/// # Errors
/// All of them.
pub fn check_for(library: &Library, reference: &str, spec: &Spec) -> Result<(), SpecErrors> {
    let mut placed = placed(library, reference, spec)?;
    // `plan` and `up` refuse it by exit code 6, with what they find in the account.
    if let Some(finding) = evaluate_seed(spec, &spec.region)
        && finding.verdict == FindingVerdict::Refuse
    {
        let key = ["access", "seed_key"];
        let problem = library.problem_at(reference, &key, &finding.detail, "`up` refuses this")?;
        placed.push(problem.hint(finding.remedies.join("; ")));
    }
    SpecErrors::check(placed)
}

/// Refuses an environment with such problems with files, each at its place in the YAML that `reference`
/// leads to.
///
/// # Errors
/// All of them.
pub fn check_at(library: &Library, reference: &str, spec: &Spec) -> Result<(), SpecErrors> {
    SpecErrors::check(placed(library, reference, spec)?)
}

fn placed(library: &Library, reference: &str, spec: &Spec) -> Result<Vec<Problem>, SpecErrors> {
    let mut placed = Vec::new();
    for FileProblem {
        key,
        expected,
        error,
    } in problems(spec)
    {
        let message = with_causes(&error);
        let key: Vec<&str> = key.iter().map(String::as_str).collect();
        let mut problem = library.problem_at(reference, &key, &message, expected)?;
        if let Some(hint) = error.hints().into_iter().next() {
            problem = problem.hint(hint);
        }
        placed.push(problem);
    }
    Ok(placed)
}

/// Refuses an environment with such a problem.
///
/// # Errors
/// The first of them.
pub fn check(spec: &Spec) -> Result<(), OpsError> {
    match problems(spec).into_iter().next() {
        Some(problem) => Err(problem.error),
        None => Ok(()),
    }
}

/// Whether a file starts as a release does. The rest is not unpacked: what is cut off shows in
/// its checksum.
fn check_release(path: &Path) -> Result<(), PayloadError> {
    let Ok(file) = File::open(path) else {
        // That it cannot be read is told with the checksum.
        return Ok(());
    };
    let refused = |reason: String| PayloadError::NotARelease {
        path: path.to_owned(),
        reason,
    };
    let first = first_entry(file).map_err(|error| refused(error.to_string()))?;
    match first {
        Some(name) if name.trim_start_matches("./").starts_with(TOP) => Ok(()),
        Some(name) => Err(refused(format!(
            "it starts with `{name}`, not with `{TOP}`"
        ))),
        None => Err(refused("it is empty".to_owned())),
    }
}

fn first_entry(file: impl Read) -> std::io::Result<Option<String>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut entries = archive.entries()?;
    let Some(entry) = entries.next().transpose()? else {
        return Ok(None);
    };
    let path = entry.path()?;
    // A directory's own entry may lack the slash.
    let mut name = path.to_string_lossy().into_owned();
    if entry.header().entry_type().is_dir() && !name.ends_with('/') {
        name.push('/');
    }
    Ok(Some(name))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use crate::diagnose::ExitCode;

    use super::*;

    fn spec(release: &Path) -> Spec {
        let mut spec = Library::new(None).architecture("1k").unwrap().example();
        spec.mattermost.release = Release::File(release.to_owned());
        spec
    }

    fn tarball(entry: &str) -> Vec<u8> {
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gzip);
        let mut header = tar::Header::new_ustar();
        header.set_size(2);
        tar.append_data(&mut header, entry, &b"{}"[..]).unwrap();
        tar.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn a_release_that_is_no_tarball_of_a_server_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("release.tar.gz");
        for content in [
            b"not a tarball".to_vec(),
            tarball("other/config.json"),
            Vec::new(),
        ] {
            std::fs::write(&path, content).unwrap();
            let problems = problems(&spec(&path));
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert_eq!(problems[0].error.exit_code(), ExitCode::Usage);
            assert!(
                problems[0]
                    .error
                    .to_string()
                    .contains("not a release tarball")
            );
        }
        std::fs::write(&path, tarball("mattermost/config.json")).unwrap();
        assert!(check(&spec(&path)).is_ok());
    }

    #[test]
    fn a_release_with_another_checksum_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("release.tar.gz");
        std::fs::write(&path, tarball("mattermost/config.json")).unwrap();
        let mut spec = spec(&path);
        spec.mattermost.sha256 = Some("0".repeat(64));
        assert!(check(&spec).is_err());
    }

    #[test]
    fn a_private_or_binary_key_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let mut spec = Library::new(None).architecture("1k").unwrap().example();
        spec.access.key = SshKey::File(path.clone());
        let mut file = File::create(&path).unwrap();
        writeln!(file, "-----BEGIN OPENSSH PRIVATE KEY-----").unwrap();
        let private = check(&spec).unwrap_err().to_string();
        assert!(private.contains("is a private key"), "{private}");
        std::fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
        let binary = check(&spec).unwrap_err().to_string();
        assert!(binary.contains("not a public key"), "{binary}");
    }
}
