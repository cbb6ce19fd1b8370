//! The database's part of the graph: RDS instances, or an Aurora cluster with its instances.

use crate::spec::{DatabaseEngine, Protection};

use super::build::Builder;
use super::kinds::{
    ClusterInstance, ClusterParameters, DatabaseCluster, DatabaseInstance, DatabaseParameters,
    DatabaseSubnets, Storage,
};
use super::parameters::{cluster_parameters, database_parameters, instance_parameters};
use super::{Address, DatabaseRole, Group, SubnetTier};

impl Builder<'_> {
    pub(super) fn database(&mut self) {
        if self.spec.services.database.existing.is_some() {
            return;
        }
        self.database_groups();
        if self.spec.services.database.engine == DatabaseEngine::AuroraPostgresql {
            self.cluster();
        }
        for role in self.database_roles() {
            match self.spec.services.database.engine {
                DatabaseEngine::Postgres => self.instance_of_its_own(role),
                DatabaseEngine::AuroraPostgresql => self.cluster_instance(role),
            }
        }
    }

    /// What a database stands in and is set by, and what costs nothing by itself.
    pub(super) fn database_groups(&mut self) {
        let subnets = self.subnets(SubnetTier::Private);
        self.resource(
            Address::database_subnets(),
            subnets.clone(),
            DatabaseSubnets { subnets },
        );
        self.database_parameters();
        if self.spec.services.database.engine == DatabaseEngine::AuroraPostgresql {
            let family = aurora_family(&self.spec.database.version);
            self.resource(
                Address::cluster_parameters(),
                vec![],
                ClusterParameters {
                    family,
                    parameters: cluster_parameters(),
                },
            );
        }
    }

    fn database_roles(&self) -> Vec<DatabaseRole> {
        std::iter::once(DatabaseRole::Writer)
            .chain((1..=self.spec.database.readers).map(DatabaseRole::Reader))
            .collect()
    }

    /// What has to be ready before a host can use the database.
    pub(super) fn database_ready(&self) -> Vec<Address> {
        let instances = self.database_roles().into_iter().map(Address::database);
        if self.spec.services.database.existing.is_some() {
            return Vec::new();
        }
        match self.spec.services.database.engine {
            DatabaseEngine::Postgres => instances.collect(),
            DatabaseEngine::AuroraPostgresql => std::iter::once(Address::database_cluster())
                .chain(instances)
                .collect(),
        }
    }

    fn database_parameters(&mut self) {
        let database = self.spec.database.clone();
        let engine = self.spec.services.database.engine;
        for reader in [false, true] {
            if reader && database.readers == 0 {
                continue;
            }
            let (family, parameters) = match engine {
                DatabaseEngine::Postgres => (
                    format!("postgres{}", database.version),
                    database_parameters(reader, database.readers, &database.instance_type),
                ),
                DatabaseEngine::AuroraPostgresql => (
                    aurora_family(&database.version),
                    instance_parameters(reader, database.readers, &database.instance_type),
                ),
            };
            self.resource(
                Address::database_parameters(reader),
                vec![],
                DatabaseParameters {
                    reader,
                    family,
                    parameters,
                },
            );
        }
    }

    fn instance_of_its_own(&mut self, role: DatabaseRole) {
        let database = self.spec.database.clone();
        let service = self.spec.services.database.clone();
        let reader = matches!(role, DatabaseRole::Reader(_));
        let mut after = vec![
            Address::seed(),
            Address::database_subnets(),
            Address::database_parameters(reader),
            Address::security_group(Group::Database),
        ];
        if reader {
            after.push(Address::database(DatabaseRole::Writer));
        }
        let multi_az = service.multi_az && !reader;
        // RDS chooses both zones of a database with a standby.
        let zone = self.one_zone().filter(|_| !multi_az);
        after.extend(zone.clone());
        self.resource(
            Address::database(role),
            after,
            DatabaseInstance {
                role,
                zone,
                version: database.version,
                class: database.instance_type,
                storage: Storage {
                    gib: database.storage_gib,
                    iops: service.iops,
                    throughput_mibps: service.throughput_mibps,
                },
                multi_az,
                backup_days: service.backup_days,
                snapshot: service.snapshot.filter(|_| !reader),
                // A reader holds nothing that the writer does not.
                protection: if reader {
                    Protection::default()
                } else {
                    self.spec.protection
                },
                subnets: Address::database_subnets(),
                parameters: Address::database_parameters(reader),
                group: Address::security_group(Group::Database),
            },
        );
    }

    fn cluster(&mut self) {
        let version = self.spec.database.version.clone();
        let service = self.spec.services.database.clone();
        self.resource(
            Address::database_cluster(),
            vec![
                Address::seed(),
                Address::database_subnets(),
                Address::cluster_parameters(),
                Address::security_group(Group::Database),
            ],
            DatabaseCluster {
                version,
                io_optimized: service.io_optimized,
                backup_days: service.backup_days,
                snapshot: service.snapshot,
                protection: self.spec.protection,
                subnets: Address::database_subnets(),
                parameters: Address::cluster_parameters(),
                group: Address::security_group(Group::Database),
            },
        );
    }

    fn cluster_instance(&mut self, role: DatabaseRole) {
        let reader = matches!(role, DatabaseRole::Reader(_));
        let mut after = vec![
            Address::database_cluster(),
            Address::database_parameters(reader),
        ];
        if reader {
            // The first instance of a cluster becomes its writer.
            after.push(Address::database(DatabaseRole::Writer));
        }
        let zone = self.one_zone();
        after.extend(zone.clone());
        self.resource(
            Address::database(role),
            after,
            ClusterInstance {
                role,
                zone,
                class: self.spec.database.instance_type.clone(),
                cluster: Address::database_cluster(),
                parameters: Address::database_parameters(reader),
            },
        );
    }
}

fn aurora_family(version: &str) -> String {
    format!("aurora-postgresql{version}")
}
