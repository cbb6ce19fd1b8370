//! The shapes of the settings of managed services, as people write them.

use schemars::JsonSchema;
use serde::Deserialize;

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
    /// Whether the writer has a standby in another zone that takes over when it fails, at
    /// twice the price. Default: false.
    pub(crate) multi_az: Option<bool>,
    /// Provisioned performance of the storage, from 400 GiB on.
    pub(crate) storage: Option<StorageShape>,
    /// Days that automated backups are kept. Default: 7 for the purpose `gold-standard`,
    /// else 1.
    #[schemars(range(min = 1, max = 35))]
    pub(crate) backup_days: Option<u32>,
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

/// The bucket of uploaded files.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilesShape {
    /// Whether overwritten and deleted files are kept as older versions. Default: true for the
    /// purpose `gold-standard`, else false.
    pub(crate) versioning: Option<bool>,
}
