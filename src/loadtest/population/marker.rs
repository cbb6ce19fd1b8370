//! The row by which a database says which population it has.

use serde::{Deserialize, Serialize};

use crate::loadtest::Population;

/// Its name in the table `systems`, which servers leave alone.
pub(super) const NAME: &str = "LoadrigPopulation";
/// Version of the rows that are made; raised when equal parameters come to mean other rows.
pub(super) const FORMAT: u32 = 1;

/// Which population a database has, or is getting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    /// Version of the rows.
    pub(super) format: u32,
    /// How many accounts.
    pub(super) users: u32,
    /// Everything else.
    #[serde(flatten)]
    pub(super) population: Population,
    /// When it was made, milliseconds since 1970: all its posts are older, and what users write
    /// later is younger.
    pub(super) made_ms: i64,
}

impl Marker {
    /// The statement that answers with the marker of a database.
    pub(super) fn question() -> String {
        format!("SELECT value FROM systems WHERE name = '{NAME}';")
    }

    /// The statement that writes it.
    pub(super) fn statement(&self) -> Result<String, serde_json::Error> {
        let value = serde_json::to_string(self)?;
        Ok(format!(
            "INSERT INTO systems (name, value) VALUES ('{NAME}', '{value}') \
             ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value;\n"
        ))
    }
}
