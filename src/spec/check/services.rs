//! Settings of managed services: purpose, protection, and how each service is run.

use super::Checker;
use crate::spec::service_shapes::{DatabaseShape, FilesShape};
use crate::spec::shape::{EnvironmentFile, Sizes};
use crate::spec::{DatabaseService, FilesService, Protection, Purpose, Services};

/// Days of automated backups of a deployment that people rely on.
const GOLD_BACKUP_DAYS: u32 = 7;
/// RDS stripes gp3 from this size on; below it the performance is fixed (Amazon RDS User
/// Guide, "Amazon RDS DB instance storage", gp3 storage).
const STRIPED_GIB: u32 = 400;
/// IOPS and MiB/s that striped gp3 storage has by itself (same page, RDS for PostgreSQL).
const STRIPED: (u32, u32) = (12_000, 500);

/// The checked settings.
pub(crate) struct CheckedServices {
    pub(crate) purpose: Purpose,
    pub(crate) protection: Protection,
    pub(crate) services: Services,
}

impl Checker<'_> {
    /// Checks how services are run; `sizes` are the merged ones.
    pub(crate) fn services(&mut self, file: &EnvironmentFile, sizes: &Sizes) -> CheckedServices {
        let purpose = file.purpose.unwrap_or_default();
        let policy = Protection::of(purpose);
        let protection = file.protection.clone().unwrap_or_default();
        let database = file.database.clone().unwrap_or_default();
        let files = file.files.clone().unwrap_or_default();
        self.storage(&database, sizes);
        CheckedServices {
            purpose,
            protection: Protection {
                deletion: protection.deletion.unwrap_or(policy.deletion),
                final_snapshot: protection.final_snapshot.unwrap_or(policy.final_snapshot),
            },
            services: Services {
                database: database_service(&database, purpose),
                files: files_service(&files, purpose),
            },
        }
    }

    fn storage(&mut self, database: &DatabaseShape, sizes: &Sizes) {
        let Some(storage) = &database.storage else {
            return;
        };
        let (iops, throughput) = (storage.iops, storage.throughput_mibps);
        let size = sizes.database.as_ref().and_then(|sizes| sizes.storage_gib);
        if let Some(size) = size.filter(|size| *size < STRIPED_GIB)
            && (iops.is_some() || throughput.is_some())
        {
            let problem = self.place(&["database", "storage"]).problem(
                format!("storage of {size} GiB has a fixed performance"),
                format!("expected `sizes.database.storage_gib` of at least {STRIPED_GIB}"),
            );
            self.report(problem.hint("smaller gp3 storage has 3,000 IOPS and 125 MiB/s, always"));
            return;
        }
        let have = iops.unwrap_or(STRIPED.0);
        if let Some(wanted) = throughput.filter(|wanted| wanted.saturating_mul(4) > have) {
            let problem = self
                .place(&["database", "storage", "throughput_mibps"])
                .problem(
                    format!("{wanted} MiB/s need more than {have} IOPS"),
                    format!("expected `iops` of at least {}", wanted.saturating_mul(4)),
                );
            self.report(problem.hint("gp3 storage has at most a quarter of its IOPS as MiB/s"));
        }
    }
}

fn database_service(shape: &DatabaseShape, purpose: Purpose) -> DatabaseService {
    let base = DatabaseService::default();
    let storage = shape.storage.clone().unwrap_or_default();
    DatabaseService {
        multi_az: shape.multi_az.unwrap_or(base.multi_az),
        iops: storage.iops,
        throughput_mibps: storage.throughput_mibps,
        backup_days: shape.backup_days.unwrap_or(match purpose {
            Purpose::Rig => base.backup_days,
            Purpose::GoldStandard => GOLD_BACKUP_DAYS,
        }),
    }
}

fn files_service(shape: &FilesShape, purpose: Purpose) -> FilesService {
    FilesService {
        versioning: shape.versioning.unwrap_or(purpose == Purpose::GoldStandard),
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::{Library, Protection, Purpose, SpecErrors};

    fn load(text: &str) -> Result<crate::spec::Spec, SpecErrors> {
        Library::new(Some("no-such-directory".into())).load_text("test", text)
    }

    fn problem(text: &str) -> String {
        let errors = load(text).expect_err("a problem");
        assert_eq!(errors.problems.len(), 1, "{errors}");
        errors.problems[0].message.clone()
    }

    #[test]
    fn a_rig_keeps_nothing_and_a_gold_standard_loses_nothing() {
        let rig = load("architecture: 1k").unwrap();
        assert_eq!(rig.purpose, Purpose::Rig);
        assert_eq!(rig.protection, Protection::default());
        assert_eq!(rig.services, crate::spec::Services::default());

        let gold = load("architecture: 1k\npurpose: gold-standard").unwrap();
        assert!(gold.protection.deletion && gold.protection.final_snapshot);
        assert!(gold.services.files.versioning);
        assert_eq!(gold.services.database.backup_days, 7);

        let text = "architecture: 1k\npurpose: gold-standard\nprotection: {deletion: false}";
        let lifted = load(text).unwrap();
        assert!(!lifted.protection.deletion && lifted.protection.final_snapshot);
    }

    #[test]
    fn yes_is_no_truth_value() {
        let message = problem("architecture: 1k\ndatabase: {multi_az: 2}");
        assert_eq!(message, "`database.multi_az` cannot be the number `2`");
    }

    #[test]
    fn storage_has_the_performance_that_its_size_allows() {
        let large = "architecture: 1k\nsizes: {database: {storage_gib: 400}}\n";
        assert!(load(&format!("{large}database: {{storage: {{iops: 20000}}}}")).is_ok());
        assert_eq!(
            problem("architecture: 1k\ndatabase: {storage: {iops: 20000}}"),
            "storage of 50 GiB has a fixed performance"
        );
        assert_eq!(
            problem(&format!(
                "{large}database: {{storage: {{throughput_mibps: 4000}}}}"
            )),
            "4000 MiB/s need more than 12000 IOPS"
        );
    }
}
