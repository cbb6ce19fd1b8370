//! Brings a storm's accounts, teams, channels and posts into a rig's database.

use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::time::Instant;

use crate::events::{EventKind, Events, Outcome};
use crate::hosts::{DatabaseWriter, SshSession};
use crate::loadtest::{
    AccountHash, DatabaseFailure, SeededPopulation, ServerDatabase, StormScenario,
    WantedPopulation, invalidate_caches, seed,
};
use crate::plan::Inventory;
use crate::spec::{HostName, LoginCost, Purpose, Role, Spec};

use super::payload::facts;
use super::rig::{HostAccess, Rig};
use super::verify::{administrator, open_ways};
use crate::ops::error::{OpsError, PopulationRefusal, RigError};

/// How long a host may take to answer SSH: it has answered before.
const ANSWER: Duration = Duration::from_mins(1);
/// The step's name in events.
const STEP: &str = "population";

/// The database as the first application host reaches it.
struct SshDatabase {
    writer: DatabaseWriter,
    session: SshSession,
}

impl ServerDatabase for SshDatabase {
    fn execute(&self, statements: SecretString) -> BoxFuture<'_, Result<String, DatabaseFailure>> {
        Box::pin(async move {
            let output = self.writer.execute(&self.session, &statements).await?;
            match output.status {
                0 => Ok(output.text()),
                // Of a statement that fails `psql` shows the place, and with it perhaps the hash.
                _ => Err(told(&output.complaint()).into()),
            }
        })
    }
}

/// What `psql` says of a failure, without the statement.
fn told(complaint: &str) -> String {
    let lines = complaint.lines();
    let told: Vec<&str> = lines
        .filter(|line| !line.starts_with("LINE ") && !line.trim_start().starts_with('^'))
        .filter(|line| !line.contains("$pbkdf2$") && !line.contains("$2a$"))
        .collect();
    told.join("; ")
}

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
    let writer = DatabaseWriter::of(&facts).ok_or_else(|| RigError::NoUrl(spec.name.clone()))?;
    let deadline = Instant::now() + ANSWER;
    let session = connected
        .keyring
        .connect(host, STEP, events, deadline)
        .await?;
    let database = SshDatabase { writer, session };
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

    #[test]
    fn a_failure_is_told_without_the_statement() {
        let complaint = "psql:<stdin>:3: ERROR:  duplicate key value violates unique constraint \
                         \"users_email_key\"\nDETAIL:  Key (email)=(storm-1@example.com) already exists.\n\
                         LINE 1: ... '$pbkdf2$f=SHA256,w=600000,l=32$AA$BB'\n             ^";
        let told = told(complaint);
        assert!(told.contains("already exists"), "{told}");
        assert!(!told.contains("pbkdf2") && !told.contains("LINE"), "{told}");
    }
}
