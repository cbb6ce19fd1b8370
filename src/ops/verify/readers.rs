//! The ways to the readers of the database: from each application node, as its server reaches them.

use std::sync::Arc;

use futures::future::try_join_all;
use tokio::time::Instant;

use crate::diagnose::with_causes;
use crate::hosts::PsqlDatabase;
use crate::loadtest::ReaderAccess;
use crate::ops::payload::facts;
use crate::ops::rig::{HostAccess, Rig};
use crate::ops::ssh_database::SshDatabase;
use crate::plan::Inventory;
use crate::spec::{HostName, Role};

use super::probe::{ANSWER, open};

/// Every reader that the server is to use, from every application node; empty without any.
///
/// # Errors
/// When they cannot be asked, and why.
pub(super) async fn reader_access(
    rig: &Rig,
    inventory: &Inventory,
    connected: &HostAccess,
) -> Result<Vec<ReaderAccess>, String> {
    if rig.spec.readers() == 0 {
        return Ok(Vec::new());
    }
    let payload = rig.payload().map_err(|error| with_causes(&error))?;
    let asked = rig.spec.hosts_of(Role::App).map(async |host: HostName| {
        let facts = facts(&rig.spec, host, inventory, &connected.secrets, &payload);
        let session = open(connected, host, Instant::now() + ANSWER).await?;
        let session = Arc::new(session);
        let readers = PsqlDatabase::readers(&facts).into_iter();
        let access = readers.map(|instance| ReaderAccess {
            node: host.to_string(),
            reader: instance.address(),
            database: Box::new(SshDatabase {
                instance,
                session: Arc::clone(&session),
            }),
        });
        Ok::<Vec<ReaderAccess>, String>(access.collect())
    });
    Ok(try_join_all(asked).await?.into_iter().flatten().collect())
}
