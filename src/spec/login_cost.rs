//! What a login costs the application nodes: how they hash, how long that takes on their slowest
//! type, and whether they check one password at a time.

use super::catalog::catalog;
use super::hashing::{HashCost, PasswordHash};
use super::{Release, Role, Spec};

/// What a login costs the application nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct LoginCost {
    /// How many application nodes there are.
    pub nodes: u32,
    /// How they hash.
    pub hash: PasswordHash,
    /// Seconds of one vCPU for each password, on the slowest type that a node may have.
    pub seconds: f64,
    /// vCPUs of such a node.
    pub vcpus: u32,
    /// Whether a node checks one password at a time (Mattermost before 11.8).
    pub is_serial: bool,
    /// What the server is called.
    pub server: String,
    /// Where the seconds come from.
    pub basis: String,
}

impl LoginCost {
    /// The cost in an environment.
    #[must_use]
    pub fn of(spec: &Spec) -> Self {
        let (hash, is_serial, server) = hashing(&spec.mattermost.release);
        let group = spec.nodes.get(&Role::App);
        let types = group.iter().flat_map(|group| {
            std::iter::once(&group.instance_type).chain(&group.fallback_instance_types)
        });
        let costs = types.map(|kind| {
            let vcpus = catalog().ec2.get(kind).map_or(1, |known| known.vcpu);
            (HashCost::of(kind, hash), vcpus)
        });
        // Any node may be of the slowest type.
        let slowness = |(cost, vcpus): &(HashCost, u32)| match is_serial {
            true => cost.seconds,
            false => cost.seconds / f64::from((*vcpus).max(1)),
        };
        let slowest = costs.max_by(|a, b| slowness(a).total_cmp(&slowness(b)));
        let (cost, vcpus) = slowest.unwrap_or_else(|| (HashCost::of("", hash), 1));
        Self {
            nodes: spec.count(Role::App),
            hash,
            seconds: cost.seconds,
            vcpus,
            is_serial,
            server,
            basis: cost.basis,
        }
    }
}

/// How a release hashes, whether it checks one password at a time, and what it is called.
fn hashing(release: &Release) -> (PasswordHash, bool, String) {
    let (version, unknown) = match release {
        Release::Standin => {
            return (
                PasswordHash::Standin,
                true,
                "the stand-in server".to_owned(),
            );
        }
        Release::Version(version) => (version_in(version), version.clone()),
        Release::Url(url) => {
            let name = url.rsplit('/').next().unwrap_or(url);
            (version_in(name), name.to_owned())
        }
        Release::File(path) => {
            let name = path.file_name().unwrap_or(path.as_os_str());
            let name = name.to_string_lossy().into_owned();
            (version_in(&name), name)
        }
    };
    match version {
        Some((major, minor)) => {
            let hash = if major >= 11 {
                PasswordHash::Pbkdf2
            } else {
                PasswordHash::Bcrypt
            };
            let is_serial = (major, minor) < (11, 8);
            (hash, is_serial, format!("Mattermost {major}.{minor}"))
        }
        None => (
            PasswordHash::Pbkdf2,
            true,
            format!("`{unknown}`, whose name has no version: taken for Mattermost 11.0 to 11.7"),
        ),
    }
}

/// The first `MAJOR.MINOR.PATCH` in a name.
pub(super) fn version_in(name: &str) -> Option<(u32, u32)> {
    let words = name.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    words.into_iter().find_map(|word| {
        let numbers: Vec<u32> = word
            .trim_matches('.')
            .split('.')
            .map(|number| number.parse().ok())
            .collect::<Option<_>>()?;
        match numbers.as_slice() {
            [major, minor, _] => Some((*major, *minor)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_the_names_of_tarballs() {
        let name = "mattermost-enterprise-11.2.0-linux-amd64.tar.gz";
        assert_eq!(version_in(name), Some((11, 2)));
        assert_eq!(version_in("mattermost.tar.gz"), None);
        let (_, is_serial, text) = hashing(&Release::File("/tmp/mattermost.tar.gz".into()));
        assert!(is_serial && text.contains("no version"), "{text}");
    }
}
