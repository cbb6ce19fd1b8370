//! Fails a rig's database over.

use std::time::Duration;

use tokio::time::Instant;

use crate::aws::Aws;
use crate::blueprint::{Address, DatabaseRole, Kind};
use crate::engine::Cloud as _;
use crate::ops::error::{EventRefusal, OpsError};
use crate::plan::{Observed, State};
use crate::spec::{CloudTarget, DatabaseEngine, Spec};

/// How long the database may take to be available again.
const AVAILABLE: Duration = Duration::from_mins(15);
/// Distance of the looks at it.
const LOOK: Duration = Duration::from_secs(2);
/// RDS may go on saying `available` for so long after it accepted a restart.
const UNSEEN: Duration = Duration::from_mins(1);

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

/// Fails the database of an environment over, and waits until that is done: until another instance of
/// the cluster writes, or the instance has been away and is available again. One without a standby or a
/// cluster is restarted.
///
/// # Errors
/// When there is none, the call is refused, or it is not done in a quarter of an hour.
pub async fn fail_over_database(cloud: &Aws, spec: &Spec) -> Result<(), OpsError> {
    let find = async |kind: Kind, address: &Address| {
        let all = cloud.list(&spec.name, kind).await?;
        let mut all = all.into_iter().filter(|one| !one.state.is_leaving());
        Ok::<_, OpsError>(all.find(|one| one.address == *address))
    };
    let address = Address::database(DatabaseRole::Writer);
    let writer = find(Kind::Database, &address).await?;
    let writer = writer.ok_or_else(|| EventRefusal::NoDatabase(spec.name.clone()))?;
    let cluster = find(Kind::DatabaseCluster, &Address::database_cluster()).await?;
    cloud.fail_over(&writer, cluster.as_ref()).await?;
    let mut progress = FailoverProgress::of(spec, cluster.unwrap_or(writer));
    let started = Instant::now();
    loop {
        tokio::time::sleep(LOOK).await;
        let before = &progress.before;
        let now = find(before.kind, &before.address).await?;
        if now.is_some_and(|now| progress.is_over(&now, started.elapsed())) {
            return Ok(());
        }
        if started.elapsed() > AVAILABLE {
            return Err(progress.too_slow().into());
        }
    }
}

/// How far a failover is.
struct FailoverProgress {
    /// The cluster, or the instance where there is none, as it was before.
    before: Observed,
    /// It has said that it is not available.
    was_away: bool,
    /// It may be over without having said so.
    unseen: Duration,
}

impl FailoverProgress {
    fn of(spec: &Spec, before: Observed) -> Self {
        Self {
            before,
            was_away: false,
            unseen: match spec.cloud {
                CloudTarget::Aws => UNSEEN,
                // It is away as soon as the restart is accepted.
                CloudTarget::Local => Duration::ZERO,
            },
        }
    }

    fn is_over(&mut self, now: &Observed, elapsed: Duration) -> bool {
        self.was_away |= now.state != State::Ready;
        if now.state != State::Ready {
            return false;
        }
        match now.kind {
            Kind::DatabaseCluster => now.text("writer") != self.before.text("writer"),
            _ => self.was_away || elapsed >= self.unseen,
        }
    }

    fn too_slow(&self) -> EventRefusal {
        let minutes = AVAILABLE.as_secs() / 60;
        match self.before.text("writer") {
            Some(writer) => EventRefusal::WriterStays {
                writer: writer.to_owned(),
                minutes,
            },
            None => EventRefusal::DatabaseStaysAway { minutes },
        }
    }
}
