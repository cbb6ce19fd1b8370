//! Table `configurationfiles`: files that settings name, kept where the configuration is.

use super::{DbError, Store};

impl Store {
    /// Whether there is a file of this name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn has_configuration_file(&self, name: &str) -> Result<bool, DbError> {
        let sql = "SELECT 1 FROM configurationfiles WHERE name = $1";
        Ok(self.one(sql, &[&name]).await?.is_some())
    }
}
