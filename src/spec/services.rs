//! How an environment's managed services are run: what is settled beside their sizes.
//!
//! Sizes say how much there is and come from the reference architecture; these settings say
//! how it is kept, and belong to the environment alone.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an environment is for; the policies that are not spelt out follow from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// A rig that is taken down again: nothing of it is kept.
    #[default]
    Rig,
    /// A deployment that people rely on: protected, backed up, and nothing is lost on removal.
    GoldStandard,
}

/// What keeps an environment and its data from being removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// Nothing is removed before the protection is lifted.
    pub deletion: bool,
    /// What holds data leaves a last snapshot behind; files stay.
    pub final_snapshot: bool,
}

impl Protection {
    /// What an environment for a purpose gets.
    #[must_use]
    pub fn of(purpose: Purpose) -> Self {
        let keep = purpose == Purpose::GoldStandard;
        Self {
            deletion: keep,
            final_snapshot: keep,
        }
    }
}

/// The settings of all managed services.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Services {
    /// Engine, standby, backups and storage performance.
    pub database: DatabaseService,
    /// Search domain.
    pub search: SearchService,
    /// Redis OSS or Valkey.
    pub cache: CacheService,
    /// Bucket of uploaded files.
    pub files: FilesService,
}

/// Which PostgreSQL the database is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseEngine {
    /// RDS for PostgreSQL: every instance has storage of its own.
    #[default]
    Postgres,
    /// Aurora PostgreSQL: the instances share the storage of their cluster.
    AuroraPostgresql,
}

/// RDS stripes gp3 storage of PostgreSQL from this size on; below it the performance is fixed
/// (Amazon RDS User Guide, "Amazon RDS DB instance storage", gp3 storage).
pub const STRIPED_GIB: u32 = 400;
/// IOPS that striped gp3 storage has by itself (same page).
pub const STRIPED_IOPS: u32 = 12_000;
/// MiB/s that striped gp3 storage has by itself (same page).
pub const STRIPED_MIBPS: u32 = 500;

/// How the database is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseService {
    /// Which PostgreSQL it is.
    pub engine: DatabaseEngine,
    /// Whether Aurora's storage is billed by size alone, not by input and output.
    pub io_optimized: bool,
    /// Whether the writer has a standby in another zone.
    pub multi_az: bool,
    /// IOPS beyond what the storage has by itself.
    pub iops: Option<u32>,
    /// Storage throughput beyond what the storage has by itself, MiB/s.
    pub throughput_mibps: Option<u32>,
    /// Days that automated backups are kept, 1 to 35.
    pub backup_days: u32,
    /// Name or ARN of the snapshot that it is made from; once it is made, of no importance.
    pub snapshot: Option<String>,
    /// The database that is used in place of one of the environment's own.
    pub existing: Option<ExistingDatabase>,
}

/// A database that somebody else keeps: nothing is made for it, changed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExistingDatabase {
    /// Where the data source name of the writer is found.
    pub writer: SecretSource,
    /// Where those of the read replicas are found.
    pub readers: Vec<SecretSource>,
}

/// Where a password, or a data source name that holds one, is found. Never in the YAML itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretSource {
    /// The name of an environment variable.
    Env(String),
    /// A file on the operator's machine.
    File(PathBuf),
}

impl Default for DatabaseService {
    fn default() -> Self {
        Self {
            engine: DatabaseEngine::default(),
            io_optimized: false,
            multi_az: false,
            iops: None,
            throughput_mibps: None,
            // Read replicas can only be made of an instance that keeps backups.
            backup_days: 1,
            snapshot: None,
            existing: None,
        }
    }
}

/// How the search domain is run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchService {
    /// Nodes that lead the cluster and hold no data; without them data nodes lead.
    pub masters: Option<Masters>,
    /// What each data node's volume does; none leaves it to the service.
    #[serde(default)]
    pub volume: Option<VolumePerformance>,
}

/// What a gp3 volume does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumePerformance {
    /// Operations per second.
    pub iops: u32,
    /// MiB/s.
    pub throughput_mibps: u32,
}

/// Dedicated master nodes of a search domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Masters {
    /// How many, 3 or 5.
    pub count: u32,
    /// Node type, for example `m6g.large.search`.
    pub instance_type: String,
}

/// How the cache is run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheService {
    /// What it runs.
    pub engine: CacheEngine,
}

/// What the cache runs. Mattermost speaks to both in the same way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CacheEngine {
    /// Redis OSS.
    #[default]
    Redis,
    /// Valkey, which AWS bills at four fifths of the price of Redis OSS.
    Valkey,
}

impl CacheEngine {
    /// As ElastiCache spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            CacheEngine::Redis => "redis",
            CacheEngine::Valkey => "valkey",
        }
    }
}

/// Over how many zones the data nodes of a search domain are spread: as many as there are, so
/// that each gets equally many nodes; `None` when there is no such number.
///
/// OpenSearch Service takes an even number of data nodes over two zones, and advises multiples
/// of three over three (Developer Guide, "Configuring a multi-AZ domain").
#[must_use]
pub fn search_zones(nodes: u32, zones: u8) -> Option<u8> {
    if nodes == 1 || zones == 1 {
        return Some(1);
    }
    (2..=zones)
        .rev()
        .find(|zones| nodes.is_multiple_of(u32::from(*zones)))
}

/// How the bucket of uploaded files is run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesService {
    /// Whether overwritten and deleted files are kept as older versions.
    pub versioning: bool,
}
