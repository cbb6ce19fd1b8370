//! The server: its release, checksum and license.

use std::time::Duration;

use super::services::is_variable;
use super::{Checker, Origin};
use crate::spec::login_cost::checks_one_at_a_time;
use crate::spec::shape::MattermostShape;
use crate::spec::{
    HashTimeSource, LicenseSource, LicensedPart, Mattermost, MeasuredHashTime, Release, values,
};

impl Checker<'_> {
    pub(super) fn mattermost(
        &mut self,
        shape: MattermostShape,
        origin: &Origin<'_>,
    ) -> Option<Mattermost> {
        let text = shape.release.as_deref().unwrap_or("standin");
        let release = values::release(text);
        if release.is_none() {
            let problem = self.place(&["mattermost", "release"]).problem(
                format!("`{text}` is not a release"),
                "expected `standin`, a version such as `11.7.9`, a URL or a path",
            );
            let version = text.trim_start_matches('v');
            self.report(match values::release(version) {
                Some(Release::Version(_)) => problem.hint(format!("write `{version}`")),
                _ if version.split('.').count() == 2 => {
                    problem.hint(format!("write all three numbers: `{version}.0`"))
                }
                _ => problem,
            });
        }
        let sha256 = self.sha256(shape.sha256.as_deref(), release.as_ref());
        let release = match release {
            Some(Release::File(path)) => Some(Release::File(self.file(
                &["mattermost", "release"],
                &path,
                origin,
            )?)),
            other => other,
        };
        let license = release
            .as_ref()
            .and_then(|release| self.license(&shape, release, origin));
        let connections = self.connections(&shape, origin);
        if let (Some(connections), Some(license)) = (&connections, &license) {
            self.logins_need_license(connections, license);
        }
        let hash_time = self.hash_time(&shape, release.as_ref());
        let config = shape.config.unwrap_or_default();
        let plugins = self.plugins(shape.plugins.unwrap_or_default(), &config, origin);
        self.server_config(&config);
        Some(Mattermost {
            release: release?,
            sha256: sha256?,
            license: license?,
            service_environment: shape.service_environment.unwrap_or_default(),
            // Filled in when the sizes are known.
            without: Vec::new(),
            config,
            connections: connections?,
            plugins: plugins?,
            hash_time: hash_time?,
        })
    }

    /// What was measured of logins: the hash or all of it.
    fn hash_time(
        &mut self,
        shape: &MattermostShape,
        release: Option<&Release>,
    ) -> Option<Option<MeasuredHashTime>> {
        let is_side_by_side = release.is_some_and(|release| !checks_one_at_a_time(release));
        let refused = if shape.login_seconds.is_none() {
            None
        } else if shape.hash_seconds.is_some() {
            Some((
                "both `hash_seconds` and `login_seconds`",
                "keep `login_seconds`: it says what a whole login costs",
            ))
        } else if is_side_by_side {
            Some((
                "`login_seconds` is for servers that check one password at a time, before 11.8",
                "measure again with `loadrig measure-hash`, and write `hash_seconds` in its place",
            ))
        } else {
            None
        };
        if let Some((problem, hint)) = refused {
            let place = self.place(&["mattermost", "login_seconds"]);
            self.report(place.problem(problem.to_owned(), hint));
            return None;
        }
        let measured = [
            (shape.hash_seconds, HashTimeSource::Environment),
            (shape.login_seconds, HashTimeSource::Logins),
        ];
        let mut measured = measured.into_iter();
        Some(measured.find_map(|(seconds, source)| {
            Some(MeasuredHashTime {
                // Outside of the schema's range it is a problem already.
                time: Duration::from_secs_f64(seconds?.clamp(0.0, 60.0)),
                source,
            })
        }))
    }

    /// Where the license comes from: at most one of the ways to say it.
    fn license(
        &mut self,
        shape: &MattermostShape,
        release: &Release,
        origin: &Origin<'_>,
    ) -> Option<LicenseSource> {
        let ways = [
            ("license_file", shape.license_file.is_some()),
            ("license_env", shape.license_env.is_some()),
            ("unlicensed", shape.unlicensed.is_some()),
        ];
        let given: Vec<&str> = ways
            .into_iter()
            .filter(|way| way.1)
            .map(|way| way.0)
            .collect();
        if let [first, second, ..] = given[..] {
            let problem = self.place(&["mattermost", second]).problem(
                format!("both `{first}` and `{second}`"),
                "expected one of `license_file`, `license_env` and `unlicensed`",
            );
            self.report(problem);
            return None;
        }
        if let Some(path) = &shape.license_file {
            let path = self.file(&["mattermost", "license_file"], path, origin)?;
            return Some(LicenseSource::File(path));
        }
        if let Some(name) = &shape.license_env {
            if is_variable(name) {
                return Some(LicenseSource::Env(name.clone()));
            }
            // What stands here may well be the license itself.
            let problem = self.place(&["mattermost", "license_env"]).problem(
                "this is not the name of an environment variable",
                "expected letters, digits and `_`, such as `MATTERMOST_LICENSE`",
            );
            self.report(problem.hint("the variable holds the license, the YAML its name"));
            return None;
        }
        Some(match (shape.unlicensed, release) {
            (None, Release::Standin) => LicenseSource::Standin,
            _ => LicenseSource::Unlicensed,
        })
    }

    /// Refuses sizes that need a license where there is none and nobody said that this is meant.
    pub(crate) fn needs_license(&mut self, parts: &[LicensedPart]) {
        let names: Vec<String> = parts
            .iter()
            .filter(|part| !matches!(part, LicensedPart::Users(_)))
            .map(|part| part.name())
            .collect();
        // A word there that is none is reported, and a missing license would be its consequence.
        let is_misspelt =
            !self.problems.is_empty() && self.main.find(&["mattermost", "unlicensed"]).is_some();
        if names.is_empty() || is_misspelt {
            return;
        }
        let problem = self.place(&["mattermost", "release"]).problem(
            format!("this size needs a license: {}", names.join(", ")),
            "expected `license_file` or `license_env` beside it",
        );
        self.report(problem.hint(
            "set `mattermost.license_file`, or `mattermost.unlicensed: accept` to leave out what does not work without a license",
        ));
    }

    /// The outer `None` is a problem, the inner one is a checksum that is not given.
    fn sha256(&mut self, given: Option<&str>, release: Option<&Release>) -> Option<Option<String>> {
        let path = ["mattermost", "sha256"];
        match (given, release) {
            (Some(text), _) if !is_sha256(text) => {
                let count = text.chars().count();
                let problem = self.place(&path).problem(
                    "`mattermost.sha256` is not a SHA-256 checksum",
                    format!("expected 64 hexadecimal digits, found {count} characters"),
                );
                self.report(problem.hint("`sha256sum FILE` prints it"));
                None
            }
            (Some(_), Some(Release::Standin)) => {
                let problem = self.place(&path).problem(
                    "a checksum without a download",
                    "expected none: the stand-in is part of loadrig",
                );
                self.report(problem.hint("set `mattermost.release`, or remove `sha256`"));
                None
            }
            (None, Some(Release::Url(_) | Release::File(_))) => {
                let problem = self.place(&["mattermost", "release"]).problem(
                    "a tarball without its checksum",
                    "expected `sha256:` beside it",
                );
                self.report(problem.hint("`sha256sum FILE` prints it; hosts refuse anything else"));
                None
            }
            (given, _) => Some(given.map(str::to_lowercase)),
        }
    }
}

pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
