//! The demo's environment with an official release in place of the stand-in.

use std::path::Path;

use serde_json::{Map, Value};

use crate::hosts::Blob;
use crate::ops::error::{DemoError, OpsError};
use crate::ops::local_files;
use crate::spec::{Library, OverlaidEnvironment, SpecErrors};

/// The environment that an official release is shown in. Without a license, neither of the command nor of
/// the environment's file, it is planned down to what works without one.
///
/// # Errors
/// When a file cannot be read or is not what it should be, or the environment is wrong.
pub fn official_environment(
    library: &Library,
    release: &Path,
    license: Option<&Path>,
) -> Result<OverlaidEnvironment, OpsError> {
    let blob = Blob::of(release).map_err(|source| DemoError::File {
        option: "--release",
        path: release.to_owned(),
        source,
    })?;
    let file = absolute("--release", release)?;
    let license = license.map(license_file).transpose()?;
    let found = with_release(library, file, blob.sha256().into(), license)?;
    local_files::check(&found.spec)?;
    Ok(found)
}

/// The demo environment with this release and license.
fn with_release(
    library: &Library,
    file: Value,
    sha256: Value,
    license: Option<Value>,
) -> Result<OverlaidEnvironment, SpecErrors> {
    library.load_changed("demo", |keys| {
        let section = keys.entry("mattermost").or_insert(Value::Null);
        let mut server = section.as_object().cloned().unwrap_or_default();
        server.insert("release".to_owned(), file);
        server.insert("sha256".to_owned(), sha256);
        take_license(&mut server, license);
        *section = server.into();
    })
}

/// The license that the command names. What is in it is checked with the environment.
fn license_file(license: &Path) -> Result<Value, DemoError> {
    Blob::of(license).map_err(|source| DemoError::File {
        option: "--license",
        path: license.to_owned(),
        source,
    })?;
    absolute("--license", license)
}

/// Says in one of the three ways, which exclude each other, where the license comes from.
fn take_license(server: &mut Map<String, Value>, license: Option<Value>) {
    match license {
        Some(license) => {
            server.remove("license_env");
            server.remove("unlicensed");
            server.insert("license_file".to_owned(), license);
        }
        None if server.contains_key("license_file") || server.contains_key("license_env") => {}
        None => {
            server.insert("unlicensed".to_owned(), "accept".into());
        }
    }
}

/// A path as it is named from every directory.
fn absolute(option: &'static str, path: &Path) -> Result<Value, DemoError> {
    let absolute = std::path::absolute(path).map_err(|source| DemoError::File {
        option,
        path: path.to_owned(),
        source,
    })?;
    Ok(absolute.to_string_lossy().into_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::{Diagnose as _, ExitCode, with_causes};
    use crate::spec::{LicenseSource, Release, Role};

    fn library() -> Library {
        Library::new(Some("no-such-directory".into()))
    }

    fn tarball(directory: &Path, entry: &str) -> std::path::PathBuf {
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gzip);
        let mut header = tar::Header::new_ustar();
        header.set_size(2);
        tar.append_data(&mut header, entry, &b"{}"[..]).unwrap();
        let path = directory.join("release.tar.gz");
        std::fs::write(&path, tar.into_inner().unwrap().finish().unwrap()).unwrap();
        path
    }

    #[test]
    fn without_a_license_the_demo_is_what_works_without() {
        let directory = tempfile::tempdir().unwrap();
        let path = tarball(directory.path(), "mattermost/config/config.json");
        let found = official_environment(&library(), &path, None).unwrap();
        assert_eq!(found.spec.name, "demo");
        assert_eq!(found.spec.mattermost.release, Release::File(path.clone()));
        assert_eq!(found.spec.mattermost.license, LicenseSource::Unlicensed);
        assert_eq!(found.spec.count(Role::App), 1);
        // What is kept for later commands is the same.
        assert_eq!(
            library().load_text("demo", &found.text).unwrap(),
            found.spec
        );
    }

    #[test]
    fn a_demo_environment_of_ones_own_may_say_where_its_license_comes_from() {
        let directory = tempfile::tempdir().unwrap();
        let release = tarball(directory.path(), "mattermost/config/config.json");
        let license = directory.path().join("own.mattermost-license");
        std::fs::write(&license, "{}").unwrap();
        let environments = directory.path().join("environments");
        std::fs::create_dir(&environments).unwrap();
        let value = |path: &Path| Value::from(path.to_str().unwrap());
        let of = |server: &str, option: Option<&Path>| {
            let text = format!("architecture: 1k\ncloud: local\nmattermost: {server}\n");
            std::fs::write(environments.join("demo.yaml"), text).unwrap();
            let library = Library::new(Some(directory.path().to_owned()));
            let sha256 = Value::from("a".repeat(64));
            let found = with_release(&library, value(&release), sha256, option.map(value));
            let found = found.unwrap_or_else(|error| panic!("{server}: {error}"));
            found.spec.mattermost.license
        };
        let env = LicenseSource::Env("OWN_LICENSE".to_owned());
        let file = LicenseSource::File(license.clone());
        let own_file = format!("{{license_file: {}}}", license.display());
        for (server, without, with) in [
            ("", &LicenseSource::Unlicensed, &file),
            ("{unlicensed: accept}", &LicenseSource::Unlicensed, &file),
            ("{license_env: OWN_LICENSE}", &env, &file),
            (own_file.as_str(), &file, &file),
        ] {
            assert_eq!(of(server, None), *without, "{server}");
            assert_eq!(of(server, Some(&license)), *with, "{server}");
        }
    }

    #[test]
    fn a_missing_or_broken_release_or_license_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let refused = |release: &Path, license: Option<&Path>| {
            let error = official_environment(&library(), release, license).unwrap_err();
            assert_eq!(error.exit_code(), ExitCode::Usage);
            format!("{}\n{}", with_causes(&error), error.hints().join("\n"))
        };
        let missing = directory.path().join("missing.tar.gz");
        let said = refused(&missing, None);
        assert!(said.contains("missing.tar.gz"), "{said}");
        assert!(said.contains("`--release` takes"), "{said}");
        let good = tarball(directory.path(), "mattermost/config/config.json");
        let license = directory.path().join("missing.mattermost-license");
        let said = refused(&good, Some(&license));
        assert!(said.contains("missing.mattermost-license"), "{said}");
        assert!(said.contains("`--license` takes"), "{said}");
        let other = tarball(directory.path(), "other/config.json");
        assert!(refused(&other, None).contains("not a release tarball"));
    }
}
