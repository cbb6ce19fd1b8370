//! The graph of the database, and the attributes by which it is compared with what exists.

use super::{DatabaseRole, Desired};

impl Desired {
    /// The attributes of a database.
    pub(super) fn database_attributes(&self) -> Vec<(&'static str, String)> {
        let Desired::Database {
            role,
            version,
            class,
            storage,
            multi_az,
            backup_days,
            snapshot,
            protection,
            group,
            ..
        } = self
        else {
            return Vec::new();
        };
        let mut pairs = vec![
            ("engine", "postgres".to_owned()),
            ("version", version.clone()),
            ("class", class.clone()),
            ("storage_gib", storage.gib.to_string()),
            ("encrypted", true.to_string()),
            // Parameters that were changed, but need a restart, say `pending-reboot`.
            ("parameters", "in-sync".to_owned()),
            ("multi_az", multi_az.to_string()),
            ("deletion_protection", protection.deletion.to_string()),
            ("public_access", false.to_string()),
            ("groups", group.to_string()),
        ];
        if *role == DatabaseRole::Writer {
            pairs.push(("backup_days", backup_days.to_string()));
            pairs.push(("final_snapshot", protection.final_snapshot.to_string()));
        }
        pairs.extend(restored(snapshot.as_ref()));
        pairs.extend(storage.iops.map(|iops| ("iops", iops.to_string())));
        let throughput = storage.throughput_mibps;
        pairs.extend(throughput.map(|rate| ("throughput_mibps", rate.to_string())));
        pairs
    }

    /// The attributes of an Aurora cluster.
    pub(super) fn cluster_attributes(&self) -> Vec<(&'static str, String)> {
        let Desired::DatabaseCluster {
            version,
            io_optimized,
            backup_days,
            snapshot,
            protection,
            group,
            ..
        } = self
        else {
            return Vec::new();
        };
        let mut pairs = vec![
            ("version", version.clone()),
            ("groups", group.to_string()),
            ("io_optimized", io_optimized.to_string()),
            ("encrypted", true.to_string()),
            ("backup_days", backup_days.to_string()),
            ("deletion_protection", protection.deletion.to_string()),
            ("final_snapshot", protection.final_snapshot.to_string()),
        ];
        pairs.extend(restored(snapshot.as_ref()));
        pairs
    }
}

/// A snapshot brings its own password and settings along, which take a second call to bring
/// to what is desired: until then the database is not finished.
fn restored(snapshot: Option<&String>) -> Option<(&'static str, String)> {
    snapshot.map(|_| ("finished", true.to_string()))
}
