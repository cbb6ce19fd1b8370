//! The parameters of databases: which ones, and which of them need a restart.

use std::collections::BTreeMap;

use super::AttributeValue;

/// The parameters of an RDS instance. Published settings, Mattermost documentation, "High
/// availability cluster-based deployment", database section.
pub(super) fn database_parameters(
    reader: bool,
    readers: u32,
    class: &str,
) -> BTreeMap<String, String> {
    let mut parameters = cluster_parameters();
    parameters.extend(instance_parameters(reader, readers, class));
    parameters.insert("shared_buffers".to_owned(), cache_share(class).to_owned());
    if reader {
        parameters.insert("hot_standby_feedback".to_owned(), "1".to_owned());
    }
    parameters
}

/// The parameters that every instance of an Aurora cluster has in common. The cluster's group
/// also holds what its instances' groups leave open (Amazon Aurora User Guide, "Amazon Aurora
/// PostgreSQL parameters").
pub(super) fn cluster_parameters() -> BTreeMap<String, String> {
    owned(&[
        ("random_page_cost", "1.1"),
        ("autovacuum_max_workers", "4"),
        ("autovacuum_vacuum_cost_limit", "500"),
        ("tcp_keepalives_idle", "5"),
        ("tcp_keepalives_interval", "1"),
        ("tcp_keepalives_count", "5"),
    ])
}

/// The parameters that differ by role or class, or that Aurora takes of an instance (Amazon Aurora User
/// Guide, "Aurora PostgreSQL instance-level parameters"). Aurora's readers share the writer's storage, so
/// there is no feedback for a standby to give; and its `shared_buffers` are its own matter, since it reads
/// its storage past the system's cache.
///
/// Of memory, as published: 65 % for what the server may expect to be cached, half a gigabyte to a whole
/// one for maintenance.
pub(super) fn instance_parameters(
    reader: bool,
    readers: u32,
    class: &str,
) -> BTreeMap<String, String> {
    // work_mem in kB: 32 MB on a writer that has readers, 16 MB elsewhere.
    let work_mem = if !reader && readers > 0 {
        "32768"
    } else {
        "16384"
    };
    let maintenance = match size(class) {
        "micro" | "small" | "medium" | "large" => "524288",
        _ => "1048576",
    };
    owned(&[
        ("max_connections", "1024"),
        ("work_mem", work_mem),
        ("effective_cache_size", cache_share(class)),
        ("maintenance_work_mem", maintenance),
    ])
}

/// The share of memory for caches, as published: 65 %, and 20 % on hosts of 4 GB or less.
///
/// RDS replaces `DBInstanceClassMemory` by the bytes of the class; caches are counted in pages of 8 KiB
/// (Amazon RDS User Guide, "Specifying DB parameters").
fn cache_share(class: &str) -> &'static str {
    match size(class) {
        "micro" | "small" | "medium" => "{DBInstanceClassMemory/40960}",
        _ => "{DBInstanceClassMemory/12603}",
    }
}

fn size(class: &str) -> &str {
    class.rsplit('.').next().unwrap_or_default()
}

fn owned(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// Database parameters as one attribute, a `name=value` line for each.
#[must_use]
pub fn parameter_lines(parameters: &BTreeMap<String, String>) -> AttributeValue {
    let parameters = parameters.iter();
    AttributeValue::lines(parameters.map(|(name, value)| format!("{name}={value}")))
}

/// Those of our parameters that a running server does not take over: `postmaster` is their
/// context in PostgreSQL's `pg_settings`, and `static` their apply type in RDS.
const STATIC: [&str; 3] = [
    "autovacuum_max_workers",
    "max_connections",
    "shared_buffers",
];

/// The parameters that differ between two attributes and take a restart, by name.
#[must_use]
pub fn needing_restart(old: &str, new: &str) -> Vec<&'static str> {
    let value = |lines: &str, name: &str| {
        lines
            .lines()
            .filter_map(|line| line.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
    };
    STATIC
        .into_iter()
        .filter(|name| value(old, name) != value(new, name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_static_parameters_need_a_restart() {
        let old = parameter_lines(&database_parameters(false, 0, "db.r7g.large")).to_string();
        let new = parameter_lines(&database_parameters(false, 1, "db.r7g.xlarge")).to_string();
        assert_ne!(old, new);
        assert!(needing_restart(&old, &new).is_empty());
        let more = new.replace("max_connections=1024", "max_connections=2048");
        assert_eq!(needing_restart(&old, &more), ["max_connections"]);
    }

    #[test]
    fn small_classes_leave_memory_to_the_system() {
        let of = |class| database_parameters(false, 0, class)["shared_buffers"].clone();
        // A page has 8192 bytes: 8192 / 0.65 and 8192 / 0.2.
        assert_eq!(of("db.r7g.large"), "{DBInstanceClassMemory/12603}");
        assert_eq!(of("db.t4g.medium"), "{DBInstanceClassMemory/40960}");
    }

    #[test]
    fn aurora_sizes_its_own_buffers_and_is_told_the_rest() {
        let instance = instance_parameters(true, 1, "db.r7g.xlarge");
        let own: Vec<&str> = instance.keys().map(String::as_str).collect();
        assert_eq!(
            own,
            [
                "effective_cache_size",
                "maintenance_work_mem",
                "max_connections",
                "work_mem"
            ]
        );
        assert_eq!(instance["maintenance_work_mem"], "1048576");
        assert!(
            cluster_parameters()
                .keys()
                .all(|name| !instance.contains_key(name))
        );
    }
}
