//! Why there is no population.

use crate::diagnose::Diagnose;

use super::database::DatabaseFailure;

/// Why there is no population.
#[derive(Debug, thiserror::Error)]
pub enum PopulationError {
    /// The database did not do it.
    #[error("cannot {doing} in the database")]
    Database {
        /// What was attempted.
        doing: String,
        /// Why.
        #[source]
        source: DatabaseFailure,
    },
    /// The server's tables are not as they are known.
    #[error("the server's database cannot take a population: {0}")]
    Tables(String),
    /// What the database says of itself cannot be read.
    #[error("the database's own note of its population cannot be read: {0}")]
    Marker(String),
    /// The password cannot be hashed.
    #[error("the accounts' password cannot be hashed: {0}")]
    Hash(String),
}

impl Diagnose for PopulationError {
    fn hints(&self) -> Vec<String> {
        match self {
            PopulationError::Database { .. } => vec![
                "what is written stays and is completed by the next attempt".to_owned(),
                "`loadrig verify` shows whether the database answers".to_owned(),
            ],
            PopulationError::Tables(_) => vec![
                "the server has made its tables when it was ready once: run `loadrig up` again if it \
                 never was"
                    .to_owned(),
                "otherwise this release of Mattermost is not known: report it".to_owned(),
            ],
            PopulationError::Marker(_) => vec![
                "remove the row `LoadrigPopulation` from the table `systems`, and the teams and \
                 accounts whose names begin with `storm-`"
                    .to_owned(),
            ],
            PopulationError::Hash(_) => Vec::new(),
        }
    }
}
