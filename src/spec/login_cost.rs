//! What a login costs the application nodes: how they hash, how long that takes on their slowest
//! type, and whether they check one password at a time.

use super::catalog::catalog;
use super::hashing::{HashCost, PasswordHash};
use super::measured_hash::{HashTimeSource, MeasuredHashTime};
use super::{Release, Role, Spec};

/// What a login costs the application nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct LoginCost {
    /// How many application nodes there are.
    pub nodes: u32,
    /// How they hash.
    pub hash: PasswordHash,
    /// Seconds of one vCPU for each password, on the slowest type that a node may have and on the dear
    /// side of what is uncertain.
    pub seconds: f64,
    /// By so many times the middle is less than `seconds`, and the cheap side less than the middle.
    pub uncertainty: f64,
    /// The share of what the nodes can do at `seconds` for each that a gate lets through.
    pub headroom: f64,
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
    /// The cost in an environment: the one that was measured, or that of the instance types' table.
    #[must_use]
    pub fn of(spec: &Spec) -> Self {
        let (hash, is_serial, server) = hashing(&spec.mattermost.release);
        let nodes = spec.count(Role::App);
        let (cost, vcpus) = match spec.mattermost.hash_time {
            Some(measured) => measured_cost(spec, measured, nodes),
            None => cost_of_types(spec, hash, is_serial),
        };
        Self {
            nodes,
            hash,
            seconds: cost.seconds,
            uncertainty: cost.uncertainty,
            headroom: cost.headroom,
            vcpus,
            is_serial,
            server,
            basis: cost.basis,
        }
    }
}

/// The types that an application node may have, with their vCPUs.
fn types(spec: &Spec) -> impl Iterator<Item = (&str, u32)> {
    let group = spec.nodes.get(&Role::App);
    let types = group.into_iter().flat_map(|group| {
        std::iter::once(&group.instance_type).chain(&group.fallback_instance_types)
    });
    types.map(|kind| {
        let vcpus = catalog().ec2.get(kind).map_or(1, |known| known.vcpu);
        (kind.as_str(), vcpus)
    })
}

/// The cost by the table. Any node may be of the slowest type.
fn cost_of_types(spec: &Spec, hash: PasswordHash, is_serial: bool) -> (HashCost, u32) {
    let costs = types(spec).map(|(kind, vcpus)| (HashCost::of(kind, hash), vcpus));
    let slowness = |(cost, vcpus): &(HashCost, u32)| match is_serial {
        true => cost.seconds,
        false => cost.seconds / f64::from((*vcpus).max(1)),
    };
    let slowest = costs.max_by(|a, b| slowness(a).total_cmp(&slowness(b)));
    slowest.unwrap_or_else(|| (HashCost::of("", hash), 1))
}

/// The cost by a measurement.
fn measured_cost(spec: &Spec, measured: MeasuredHashTime, nodes: u32) -> (HashCost, u32) {
    let MeasuredHashTime { time, source } = measured;
    let fewest = types(spec).map(|(_, vcpus)| vcpus).min().unwrap_or(1);
    let vcpus = source.vcpus_of_node(fewest, nodes);
    let seconds = time.as_secs_f64();
    let mut cost = match source {
        HashTimeSource::Environment => HashCost::measured(seconds, "`mattermost.hash_seconds`"),
        HashTimeSource::Logins => {
            HashCost::of_measured_login(seconds, "`mattermost.login_seconds`")
        }
        HashTimeSource::SharedMachine { .. } => {
            HashCost::measured(seconds, "measured on this machine")
        }
    };
    let share = source.share_of_vcpu(nodes);
    if share < 1.0 {
        cost.seconds /= share;
        cost.basis.push_str(&format!(
            ", and each node has {:.0} % of a vCPU for hashing, since all hosts share this machine",
            share * 100.0
        ));
    }
    (cost, vcpus)
}

/// Whether a server checks one password at a time (Mattermost before 11.8).
pub(super) fn checks_one_at_a_time(release: &Release) -> bool {
    hashing(release).1
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
    use std::time::Duration;

    use super::*;
    use crate::spec::Library;

    fn cost(text: &str, on: Option<HashTimeSource>) -> LoginCost {
        let library = Library::new(Some("no-such-directory".into()));
        let mut spec = library
            .load_text("test", text)
            .unwrap_or_else(|e| panic!("{e}"));
        if let Some(source) = on {
            let time = Duration::from_millis(200);
            spec.mattermost.hash_time = Some(MeasuredHashTime { time, source });
        }
        LoginCost::of(&spec)
    }

    #[test]
    fn a_measured_hash_counts_in_place_of_the_table() {
        let text =
            "architecture: 1k\nmattermost: {release: 11.2.0, license_env: L, hash_seconds: 0.2}";
        let measured = cost(text, None);
        assert!((measured.seconds - 0.25).abs() < 1e-9, "{measured:?}");
        assert!(
            measured
                .basis
                .starts_with("`mattermost.hash_seconds`: 0.200 s")
        );
        let table = cost(
            "architecture: 1k\nmattermost: {release: 11.2.0, license_env: L}",
            None,
        );
        assert!(table.basis.contains("derived") && table.uncertainty > measured.uncertainty);
        assert_eq!(table.vcpus, measured.vcpus);
    }

    #[test]
    fn measured_logins_leave_less_to_estimate() {
        let with = |setting: &str| {
            cost(
                &format!(
                    "architecture: 1k\nmattermost: {{release: 11.2.0, license_env: L, {setting}}}"
                ),
                None,
            )
        };
        let (hash, login) = (with("hash_seconds: 0.16"), with("login_seconds: 0.2"));
        assert!(
            login
                .basis
                .starts_with("`mattermost.login_seconds`: 0.200 s")
        );
        assert!((login.seconds - 0.202).abs() < 1e-9, "{login:?}");
        assert!(login.uncertainty < hash.uncertainty);
        // The gate of measured logins lets through at least 98 % of what was measured.
        let measured = f64::from(login.nodes) / 0.2;
        assert!(
            (0.98..1.0).contains(&(login.gate_rate() / measured)),
            "{login:?}"
        );
        assert!(hash.gate_rate() < login.gate_rate());
    }

    #[test]
    fn nodes_that_share_a_machine_share_its_processors() {
        let text = "architecture: 1k\nmattermost: {release: 11.2.0, license_env: L}\n\
                    sizes: {nodes: {app: {count: 2}}}";
        let on = |vcpus| cost(text, Some(HashTimeSource::SharedMachine { vcpus }));
        let (two, large) = (on(2), on(16));
        assert!((two.seconds - 2.0 * large.seconds).abs() < 1e-9, "{two:?}");
        assert!((large.seconds - 0.25).abs() < 1e-9, "{large:?}");
        assert_eq!((two.vcpus, large.vcpus), (1, 8));
        assert!(
            two.basis.contains("each node has 50 % of a vCPU"),
            "{}",
            two.basis
        );
        assert!(!large.basis.contains('%'), "{}", large.basis);
    }

    #[test]
    fn versions_are_found_in_the_names_of_tarballs() {
        let name = "mattermost-enterprise-11.2.0-linux-amd64.tar.gz";
        assert_eq!(version_in(name), Some((11, 2)));
        assert_eq!(version_in("mattermost.tar.gz"), None);
        let (_, is_serial, text) = hashing(&Release::File("/tmp/mattermost.tar.gz".into()));
        assert!(is_serial && text.contains("no version"), "{text}");
    }
}
