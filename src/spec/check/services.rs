//! Settings of managed services: purpose, protection, and how each service is run.

use super::{Checker, Origin};
use crate::spec::catalog::catalog;
use crate::spec::gold_standard::PUBLISHED_VOLUME_GIB;
use crate::spec::service_shapes::{DatabaseShape, DsnShape, FilesShape, MastersShape, SearchShape};
use crate::spec::shape::{EnvironmentFile, Sizes};
use crate::spec::{
    CacheService, CloudTarget, DatabaseEngine, DatabaseService, ExistingDatabase, FilesService,
    Masters, Protection, Purpose, STRIPED_GIB, STRIPED_IOPS, SearchService, SecretSource, Services,
    VolumePerformance, values,
};

/// Days of automated backups of a deployment that people rely on.
const GOLD_BACKUP_DAYS: u32 = 7;
/// What the published volume does, which is what its size includes (see [`PUBLISHED_VOLUME_GIB`]).
const PUBLISHED_VOLUME: VolumePerformance = VolumePerformance {
    iops: 4608,
    throughput_mibps: 250,
};
/// The published type of dedicated master nodes (same page).
const PUBLISHED_MASTER: &str = "r6g.xlarge.search";
/// Two are published, which the service refuses: it takes three or five.
const MASTERS: u32 = 3;

/// The checked settings.
pub(crate) struct CheckedServices {
    pub(crate) purpose: Purpose,
    pub(crate) protection: Protection,
    pub(crate) services: Services,
}

impl Checker<'_> {
    /// Checks how services are run; `sizes` are the merged ones.
    pub(crate) fn services(
        &mut self,
        file: &EnvironmentFile,
        sizes: &Sizes,
        origin: &Origin<'_>,
    ) -> CheckedServices {
        let purpose = file.purpose.unwrap_or_default();
        let policy = Protection::of(purpose);
        let protection = file.protection.clone().unwrap_or_default();
        let database = file.database.clone().unwrap_or_default();
        let files = file.files.clone().unwrap_or_default();
        let existing = self.existing_database(&database, origin);
        self.snapshot(database.snapshot.as_deref());
        match database.engine.unwrap_or_default() {
            _ if database.existing.is_some() => {}
            DatabaseEngine::Postgres => self.postgres(&database, sizes),
            DatabaseEngine::AuroraPostgresql => self.aurora(&database, sizes, file.cloud),
        }
        CheckedServices {
            purpose,
            protection: Protection {
                deletion: protection.deletion.unwrap_or(policy.deletion),
                final_snapshot: protection.final_snapshot.unwrap_or(policy.final_snapshot),
            },
            services: Services {
                database: DatabaseService {
                    existing,
                    ..database_service(&database, purpose)
                },
                search: self.search_service(
                    file.search.clone().unwrap_or_default(),
                    sizes,
                    purpose,
                ),
                cache: CacheService {
                    engine: file
                        .cache
                        .as_ref()
                        .and_then(|cache| cache.engine)
                        .unwrap_or_default(),
                },
                files: files_service(&files, purpose),
            },
        }
    }

    /// A database of the user's own: where its data source names are, and nothing beside them.
    fn existing_database(
        &mut self,
        database: &DatabaseShape,
        origin: &Origin<'_>,
    ) -> Option<ExistingDatabase> {
        let shape = database.existing.clone()?;
        let beside = [
            ("engine", database.engine.is_some()),
            ("io_optimized", database.io_optimized.is_some()),
            ("multi_az", database.multi_az.is_some()),
            ("storage", database.storage.is_some()),
            ("backup_days", database.backup_days.is_some()),
            ("snapshot", database.snapshot.is_some()),
        ];
        for (key, given) in beside {
            if given {
                let problem = self.place(&["database", key]).problem(
                    format!("`database.{key}` configures a database that loadrig creates"),
                    "expected `existing` alone",
                );
                self.report(problem.hint("loadrig does not create or change a database of yours"));
            }
        }
        if let Some(place) = self.overridden(&["database"]) {
            let problem = place.problem(
                "`sizes.database` is the size of a database that loadrig creates",
                "expected no `sizes.database` beside `database.existing`",
            );
            self.report(problem.hint("loadrig does not create or change a database of yours"));
        }
        let writer = DsnShape {
            dsn_env: shape.dsn_env,
            dsn_file: shape.dsn_file,
        };
        let writer = self.dsn(&["database", "existing"], writer, origin);
        let mut readers = Vec::new();
        for (index, reader) in shape.readers.unwrap_or_default().into_iter().enumerate() {
            let index = index.to_string();
            let path = ["database", "existing", "readers", &index];
            readers.extend(self.dsn(&path, reader, origin));
        }
        Some(ExistingDatabase {
            writer: writer?,
            readers,
        })
    }

    fn dsn(&mut self, path: &[&str], shape: DsnShape, origin: &Origin<'_>) -> Option<SecretSource> {
        match (shape.dsn_env, shape.dsn_file) {
            (Some(name), None) if is_variable(&name) => Some(SecretSource::Env(name)),
            (Some(name), None) => {
                let key: Vec<&str> = path.iter().copied().chain(["dsn_env"]).collect();
                // What stands here may well be the secret itself.
                let shown = if name.contains("://") {
                    "a data source name"
                } else {
                    name.as_str()
                };
                let problem = self.place(&key).problem(
                    format!("{shown} is not the name of an environment variable"),
                    "expected letters, digits and `_`, such as `MATTERMOST_DSN`",
                );
                self.report(problem.hint(
                    "the data source name itself holds a password and stays out of the YAML",
                ));
                None
            }
            (None, Some(file)) => {
                let key: Vec<&str> = path.iter().copied().chain(["dsn_file"]).collect();
                Some(SecretSource::File(self.file(&key, &file, origin)?))
            }
            (env, _) => {
                let place = self.place(path);
                let message = if env.is_some() {
                    "both `dsn_env` and `dsn_file`"
                } else {
                    "neither `dsn_env` nor `dsn_file`"
                };
                self.report(
                    place.problem(message, "expected exactly one of `dsn_env` and `dsn_file`"),
                );
                None
            }
        }
    }

    fn search_service(
        &mut self,
        shape: SearchShape,
        sizes: &Sizes,
        purpose: Purpose,
    ) -> SearchService {
        let search = sizes.search.as_ref();
        let has_domain = search.and_then(|search| search.nodes) != Some(0);
        let volume = search.and_then(|search| search.storage_gib);
        let relied_on = purpose == Purpose::GoldStandard && has_domain;
        let masters = match shape.masters {
            None if relied_on => Some(MastersShape::default()),
            given => given,
        };
        SearchService {
            masters: masters.and_then(|masters| self.masters(masters, has_domain)),
            volume: volume
                .filter(|gib| *gib == PUBLISHED_VOLUME_GIB)
                .map(|_| PUBLISHED_VOLUME),
        }
    }

    fn masters(&mut self, masters: MastersShape, has_domain: bool) -> Option<Masters> {
        let count = masters.count.unwrap_or(MASTERS);
        if count == 0 {
            return None;
        }
        // "Dedicated master nodes" in the Amazon OpenSearch Service Developer Guide.
        if !matches!(count, 3 | 5) {
            let problem = self.place(&["search", "masters", "count"]).problem(
                format!("{count} dedicated master nodes"),
                "expected 3 or 5, or 0 for none",
            );
            self.report(problem);
        }
        let instance_type = masters
            .instance_type
            .unwrap_or_else(|| PUBLISHED_MASTER.to_owned());
        let nodes = &catalog().opensearch;
        if nodes.get(&instance_type).is_none() {
            let problem = self.place(&["search", "masters", "instance_type"]).problem(
                format!("unknown OpenSearch node type `{instance_type}`"),
                nodes.suggest(&instance_type),
            );
            self.report(
                problem.hint("loadrig accepts the types of its table, `prices/types.yaml`"),
            );
        }
        if !has_domain {
            let problem = self.place(&["search", "masters"]).problem(
                "`search.masters` without a search domain",
                "expected `sizes.search.nodes` of at least 1, or no masters",
            );
            self.report(problem);
        }
        Some(Masters {
            count,
            instance_type,
        })
    }

    fn snapshot(&mut self, given: Option<&str>) {
        let Some(name) = given else { return };
        let whole = name.starts_with("arn:") && name.matches(':').count() >= 6;
        if whole || values::is_snapshot_name(name) {
            return;
        }
        let place = self.place(&["database", "snapshot"]);
        let problem = place.problem(
            format!("`{name}` is not the name of a snapshot"),
            "expected a name such as `lr-gold-final-0123456789`, or an ARN",
        );
        self.report(problem.hint("`aws rds describe-db-snapshots` lists them"));
    }

    fn postgres(&mut self, database: &DatabaseShape, sizes: &Sizes) {
        if database.io_optimized.is_some() {
            let problem = self.place(&["database", "io_optimized"]).problem(
                "`database.io_optimized` is Aurora's",
                "expected `engine: aurora-postgresql` beside it",
            );
            self.report(problem.hint("RDS for PostgreSQL has `database.storage` for this"));
        }
        self.storage(database, sizes);
    }

    fn aurora(&mut self, database: &DatabaseShape, sizes: &Sizes, cloud: Option<CloudTarget>) {
        for (key, given, hint) in [
            (
                "multi_az",
                database.multi_az == Some(true),
                "Aurora keeps its storage in three zones, and a reader takes over from the writer: \
                 set `sizes.database.readers`",
            ),
            (
                "storage",
                database.storage.is_some(),
                "Aurora's storage grows automatically; `io_optimized` changes how it is billed",
            ),
        ] {
            if given {
                let problem = self.place(&["database", key]).problem(
                    format!("Aurora does not support `database.{key}`"),
                    "expected `engine: postgres` or no such key",
                );
                self.report(problem.hint(hint));
            }
        }
        if cloud == Some(CloudTarget::Local) {
            let problem = self.place(&["database", "engine"]).problem(
                "the local cloud has no Aurora",
                "expected `postgres`, or `cloud: aws`",
            );
            self.report(problem.hint("it runs PostgreSQL servers with replicas"));
        }
        let class = sizes
            .database
            .as_ref()
            .and_then(|d| d.instance_type.as_ref());
        if let Some(class) = class
            && catalog().rds.get(class).is_some()
            && catalog().aurora.get(class).is_none()
        {
            let place = self.size_place(&["database", "instance_type"]);
            let label = catalog().aurora.suggest(class);
            let problem = place.problem(format!("`{class}` is no known class of Aurora"), label);
            self.report(
                problem.hint("loadrig accepts the types of its table, `prices/types.yaml`"),
            );
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
            self.report(problem.hint("smaller gp3 storage always has 3,000 IOPS and 125 MiB/s"));
            return;
        }
        let have = iops.unwrap_or(STRIPED_IOPS);
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

pub(super) fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn database_service(shape: &DatabaseShape, purpose: Purpose) -> DatabaseService {
    let base = DatabaseService::default();
    let storage = shape.storage.clone().unwrap_or_default();
    DatabaseService {
        engine: shape.engine.unwrap_or_default(),
        io_optimized: shape.io_optimized.unwrap_or_default(),
        snapshot: shape.snapshot.clone(),
        existing: None,
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
    use crate::spec::{Library, Protection, Purpose, SecretSource, SpecErrors};

    fn load(text: &str) -> Result<crate::spec::Spec, SpecErrors> {
        Library::new(Some("no-such-directory".into())).load_text("test", text)
    }

    fn problem(text: &str) -> String {
        let errors = load(text).expect_err("a problem");
        assert_eq!(errors.problems.len(), 1, "{errors}");
        errors.problems[0].message.clone()
    }

    #[test]
    fn rigs_keep_no_data_and_gold_standards_keep_all() {
        let rig = load("architecture: 1k").unwrap();
        assert_eq!(rig.purpose, Purpose::Rig);
        assert_eq!(rig.protection, Protection::default());
        assert_eq!(rig.services, crate::spec::Services::default());

        let text = "architecture: 1k\npurpose: gold-standard\n\
                    tls: {host_name: chat.example.com, issuer: private}";
        let gold = load(text).unwrap();
        assert!(gold.protection.deletion && gold.protection.final_snapshot);
        assert!(gold.services.files.versioning);
        assert_eq!(gold.services.database.backup_days, 7);

        let lifted = load(&format!("{text}\nprotection: {{deletion: false}}")).unwrap();
        assert!(!lifted.protection.deletion && lifted.protection.final_snapshot);
    }

    #[test]
    fn yes_is_not_a_boolean() {
        let message = problem("architecture: 1k\ndatabase: {multi_az: 2}");
        assert_eq!(message, "`database.multi_az` cannot be the number `2`");
    }

    #[test]
    fn settings_of_the_other_engine_are_refused() {
        let aurora = "architecture: 10k\ndatabase: {engine: aurora-postgresql";
        assert!(load(&format!("{aurora}, io_optimized: true}}")).is_ok());
        for (more, message) in [
            (
                ", multi_az: true}",
                "Aurora does not support `database.multi_az`",
            ),
            (
                ", storage: {iops: 20000}}",
                "Aurora does not support `database.storage`",
            ),
            ("}\ncloud: local", "the local cloud has no Aurora"),
        ] {
            assert_eq!(problem(&format!("{aurora}{more}")), message);
        }
        assert_eq!(
            problem("architecture: 1k\ndatabase: {io_optimized: true}"),
            "`database.io_optimized` is Aurora's"
        );
    }

    #[test]
    fn an_existing_database_excludes_database_settings_and_inline_secrets() {
        let base = "architecture: 1k\ndatabase:\n  existing:\n";
        let spec = load(&format!(
            "{base}    dsn_env: MM_DSN\n    readers: [{{dsn_env: MM_READER}}]"
        ));
        let existing = spec.unwrap().services.database.existing.unwrap();
        assert_eq!(existing.writer, SecretSource::Env("MM_DSN".to_owned()));
        assert_eq!(
            existing.readers,
            [SecretSource::Env("MM_READER".to_owned())]
        );
        for (more, message) in [
            ("    readers: []", "neither `dsn_env` nor `dsn_file`"),
            (
                "    dsn_env: MM_DSN\n  multi_az: true",
                "`database.multi_az` configures a database that loadrig creates",
            ),
            (
                "    dsn_env: MM_DSN\nsizes: {database: {readers: 2}}",
                "`sizes.database` is the size of a database that loadrig creates",
            ),
            (
                "    dsn_env: postgres://u:secret@h/d",
                "a data source name is not the name of an environment variable",
            ),
        ] {
            assert_eq!(problem(&format!("{base}{more}")), message);
        }
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
