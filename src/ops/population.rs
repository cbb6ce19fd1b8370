//! Brings a storm's accounts, teams, channels and posts into a rig's database.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use loadrig_storm::AccountPassword;
use secrecy::ExposeSecret as _;
use tokio::time::Instant;

use crate::events::{EventKind, Events, Outcome};
use crate::hosts::PsqlDatabase;
use crate::identity::Secrets;
use crate::loadtest::storm::StormAccounts;
use crate::loadtest::{
    ACCOUNT_PREFIX, AccountHash, SeededPopulation, StormScenario, WantedPopulation,
    invalidate_caches, seed,
};
use crate::plan::Inventory;
use crate::spec::{HostName, LoginCost, Purpose, Role, Spec};

use super::payload::facts;
use super::rig::{HostAccess, Rig};
use super::ssh_database::SshDatabase;
use super::verify::{administrator, open_ways};
use crate::ops::error::{OpsError, PopulationRefusal, RigError};

/// How long a host may take to answer SSH: it has answered before.
const ANSWER: Duration = Duration::from_mins(1);
/// The step's name in events.
const STEP: &str = "population";

/// Sees to it that a rig has the population of a scenario. An environment that people rely on is
/// refused: its accounts are theirs.
///
/// # Errors
/// When the environment is a gold standard, has no database yet, or the database refuses.
pub async fn seed_population(
    rig: &Rig,
    inventory: &Inventory,
    connected: &HostAccess,
    scenario: &StormScenario,
    events: &Events,
) -> Result<SeededPopulation, OpsError> {
    refuse_gold_standard(&rig.spec)?;
    let step = || STEP.to_owned();
    events.emit(EventKind::StepStarted { step: step() });
    let seeded = seed_and_announce(rig, inventory, connected, scenario, events).await;
    events.emit(match &seeded {
        Ok(seeded) => EventKind::StepFinished {
            step: step(),
            outcome: match seeded.changed.is_empty() {
                true => Outcome::Unchanged,
                false => Outcome::Updated,
            },
            detail: Some(seeded.change.to_string()),
        },
        Err(error) => EventKind::StepFailed {
            step: step(),
            error: error.to_string(),
        },
    });
    seeded
}

/// The accounts that [`seed_population`] brings into a database, as clients log in with them.
pub(super) fn storm_accounts(secrets: &Secrets) -> StormAccounts {
    StormAccounts {
        prefix: ACCOUNT_PREFIX.to_owned(),
        password: AccountPassword::new(secrets.storm_password().expose_secret()),
    }
}

fn refuse_gold_standard(spec: &Spec) -> Result<(), PopulationRefusal> {
    match spec.purpose {
        Purpose::Rig => Ok(()),
        Purpose::GoldStandard => Err(PopulationRefusal::GoldStandard(spec.name.clone())),
    }
}

async fn seed_and_announce(
    rig: &Rig,
    inventory: &Inventory,
    connected: &HostAccess,
    scenario: &StormScenario,
    events: &Events,
) -> Result<SeededPopulation, OpsError> {
    let spec = &rig.spec;
    let host = HostName {
        role: Role::App,
        index: 1,
    };
    let facts = facts(spec, host, inventory, &connected.secrets, &rig.payload()?);
    let writer = PsqlDatabase::writer(&facts).ok_or_else(|| RigError::NoUrl(spec.name.clone()))?;
    let deadline = Instant::now() + ANSWER;
    let session = connected
        .keyring
        .connect(host, STEP, events, deadline)
        .await?;
    let database = SshDatabase {
        instance: writer,
        session: Arc::new(session),
    };
    let wanted = WantedPopulation {
        population: scenario.population,
        users: scenario.users,
        account: AccountHash {
            password: connected.secrets.storm_password(),
            salt: connected.secrets.storm_salt(),
            with: LoginCost::of(spec).hash,
        },
    };
    let tell = |on: &str| {
        events.emit(EventKind::StepWorking {
            step: STEP.to_owned(),
            on: on.to_owned(),
        });
    };
    let seeded = seed(&database, &wanted, now_ms(), &tell).await?;
    if !seeded.changed.is_empty() {
        // Nodes keep channels, members and counts in memory, and nothing told them.
        tell("invalidate the nodes' caches");
        let nodes = spec.hosts_of(Role::App);
        let ways = open_ways(inventory, &connected.keyring, nodes)
            .await
            .map_err(PopulationRefusal::Caches)?;
        invalidate_caches(&ways.nodes, &administrator(&connected.secrets))
            .await
            .map_err(|error| PopulationRefusal::Caches(error.to_string()))?;
    }
    Ok(seeded)
}

fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests {
    use crate::spec::Library;

    use super::*;

    #[test]
    fn a_gold_standard_gets_no_accounts() {
        let mut spec = Library::new(None).architecture("1k").unwrap().example();
        assert_eq!(refuse_gold_standard(&spec), Ok(()));
        spec.purpose = Purpose::GoldStandard;
        assert!(refuse_gold_standard(&spec).is_err());
    }
}
