//! Fails a rig's database over.

use std::time::Duration;

use tokio::time::Instant;

use crate::blueprint::{Address, DatabaseRole};
use crate::engine::Cloud as _;
use crate::ops::error::{EventRefusal, OpsError};
use crate::ops::rig::Rig;
use crate::plan::State;
use crate::spec::{DatabaseEngine, Spec};

/// How long the database may take to be available again.
const AVAILABLE: Duration = Duration::from_mins(15);
/// Distance of the looks at it.
const LOOK: Duration = Duration::from_secs(2);

/// What a failover is for an environment's database, for people.
pub(super) fn describe(spec: &Spec) -> &'static str {
    let database = &spec.services.database;
    match (database.engine, database.multi_az) {
        (DatabaseEngine::AuroraPostgresql, _) => "the database cluster fails over to a reader",
        (DatabaseEngine::Postgres, true) => "the database fails over to its standby",
        (DatabaseEngine::Postgres, false) => {
            "the database, which has no standby to fail over to, is restarted"
        }
    }
}

/// Fails the database over, and waits until its writer is available again. One without a standby or
/// a cluster is restarted.
///
/// # Errors
/// When there is none, the call is refused, or it does not become available in time.
pub(super) async fn fail_over_database(rig: &Rig) -> Result<(), OpsError> {
    let environment = &rig.spec.name;
    let inventory = rig.read().await?.inventory;
    let writer = Address::database(DatabaseRole::Writer);
    let writer = inventory.get(&writer);
    let writer = writer.ok_or_else(|| EventRefusal::NoDatabase(environment.clone()))?;
    let cluster = inventory.get(&Address::database_cluster());
    let has_standby = rig.spec.services.database.multi_az;
    rig.cloud.fail_over(writer, cluster, has_standby).await?;
    let deadline = Instant::now() + AVAILABLE;
    loop {
        tokio::time::sleep(LOOK).await;
        let databases = rig.cloud.list(environment, writer.kind).await?;
        let is_back = |id: &str| {
            let found = databases.iter().find(|database| database.id == id);
            found.is_some_and(|database| database.state == State::Ready)
        };
        if is_back(&writer.id) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(EventRefusal::DatabaseStaysAway {
                minutes: AVAILABLE.as_secs() / 60,
            }
            .into());
        }
    }
}
