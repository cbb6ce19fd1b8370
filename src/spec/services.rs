//! How an environment's managed services are run: what is settled beside their sizes.
//!
//! Sizes say how much there is and come from the reference architecture; these settings say
//! how it is kept, and belong to the environment alone.

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
    /// Database.
    pub database: DatabaseService,
    /// Bucket of uploaded files.
    pub files: FilesService,
}

/// How the database is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseService {
    /// Whether the writer has a standby in another zone.
    pub multi_az: bool,
    /// IOPS beyond what the storage has by itself.
    pub iops: Option<u32>,
    /// Storage throughput beyond what the storage has by itself, MiB/s.
    pub throughput_mibps: Option<u32>,
    /// Days that automated backups are kept, 1 to 35.
    pub backup_days: u32,
}

impl Default for DatabaseService {
    fn default() -> Self {
        Self {
            multi_az: false,
            iops: None,
            throughput_mibps: None,
            // Read replicas can only be made of an instance that keeps backups.
            backup_days: 1,
        }
    }
}

/// How the bucket of uploaded files is run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesService {
    /// Whether overwritten and deleted files are kept as older versions.
    pub versioning: bool,
}
