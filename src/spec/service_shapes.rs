//! The shapes of the settings of managed services, as people write them.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{CacheEngine, DatabaseEngine};

/// What keeps the environment and its data from being removed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProtectionShape {
    /// Whether AWS and `loadrig down` refuse to remove databases, hosts and files until the
    /// protection is lifted. Default: true for the purpose `gold-standard`, else false.
    pub(crate) deletion: Option<bool>,
    /// Whether the database and the cache leave a final snapshot behind when they are removed,
    /// and the bucket of files stays. Default: true for the purpose `gold-standard`, else false.
    pub(crate) final_snapshot: Option<bool>,
}

/// How the database is run; how large it is stands under `sizes`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DatabaseShape {
    /// `postgres`, RDS for PostgreSQL, or `aurora-postgresql`. Default: `postgres`.
    pub(crate) engine: Option<DatabaseEngine>,
    /// Whether Aurora's storage is billed by size alone, at a higher price, and not by input
    /// and output. Default: false.
    pub(crate) io_optimized: Option<bool>,
    /// Whether the writer has a standby in another zone that takes over when it fails, at
    /// twice the price. Default: false.
    pub(crate) multi_az: Option<bool>,
    /// Provisioned performance of the storage, from 400 GiB on.
    pub(crate) storage: Option<StorageShape>,
    /// Days that automated backups are kept. Default: 7 for the purpose `gold-standard`,
    /// else 1.
    #[schemars(range(min = 1, max = 35))]
    pub(crate) backup_days: Option<u32>,
    /// Name or ARN of a snapshot that the database is made from. It is of no importance once
    /// the database is there.
    #[schemars(example = &"lr-gold-final-0123456789")]
    pub(crate) snapshot: Option<String>,
    /// A database of your own, in place of one that loadrig makes; nothing of it is changed or
    /// removed.
    pub(crate) existing: Option<ExistingDatabaseShape>,
}

/// A database that loadrig did not make. Its data source names hold passwords, so they stand
/// in environment variables or files of your machine.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExistingDatabaseShape {
    /// Environment variable that holds the writer's `postgres://…` data source name.
    #[schemars(example = &"MATTERMOST_DSN")]
    pub(crate) dsn_env: Option<String>,
    /// File that holds it (relative to this file).
    #[schemars(example = &"./writer.dsn")]
    pub(crate) dsn_file: Option<PathBuf>,
    /// The readers, each with a `dsn_env` or a `dsn_file`.
    pub(crate) readers: Option<Vec<DsnShape>>,
}

/// Where a data source name stands.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DsnShape {
    /// Environment variable that holds it.
    #[schemars(example = &"READER_DSN")]
    pub(crate) dsn_env: Option<String>,
    /// File that holds it (relative to this file).
    #[schemars(example = &"./reader.dsn")]
    pub(crate) dsn_file: Option<PathBuf>,
}

/// Provisioned performance of gp3 storage.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StorageShape {
    /// IOPS of the writer and of each reader. Default: the 12,000 that are included.
    #[schemars(range(min = 12000, max = 64000))]
    pub(crate) iops: Option<u32>,
    /// Throughput in MiB/s of the writer and of each reader, at most a quarter of the IOPS.
    /// Default: the 500 that are included.
    #[schemars(range(min = 500, max = 4000))]
    pub(crate) throughput_mibps: Option<u32>,
}

/// How the search domain is run; how large it is stands under `sizes`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchShape {
    /// Dedicated master nodes: they lead the cluster and hold no data. Default: three for the purpose
    /// `gold-standard`, else none, and data nodes lead.
    pub(crate) masters: Option<MastersShape>,
}

/// Dedicated master nodes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MastersShape {
    /// How many: 3 or 5, or 0 for none. Default: 3.
    #[schemars(range(min = 0, max = 5))]
    pub(crate) count: Option<u32>,
    /// Node type, for example `m6g.large.search`. `loadrig plan` asks the service whether it offers
    /// the type for master nodes. Default: `r6g.xlarge.search`.
    #[schemars(example = &"m6g.large.search")]
    pub(crate) instance_type: Option<String>,
}

/// How the cache is run; how large it is stands under `sizes`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CacheShape {
    /// `redis` (Redis OSS) or `valkey`, at four fifths of the price. Default: `redis`.
    pub(crate) engine: Option<CacheEngine>,
}

/// The bucket of uploaded files.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilesShape {
    /// Whether overwritten and deleted files are kept as older versions. Default: true for the
    /// purpose `gold-standard`, else false.
    pub(crate) versioning: Option<bool>,
}
