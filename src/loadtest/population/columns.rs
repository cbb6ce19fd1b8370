//! The tables that a server has, and statements that fit them.
//!
//! Tables differ between releases: a column that a server does not have is left out, and one that it
//! asks for and that is not known here is an error before anything is written.

use std::collections::BTreeMap;

use super::error::PopulationError;

/// Tables that rows are written into or removed from.
const TABLES: [&str; 19] = [
    "channelmemberhistory",
    "channelmembers",
    "channels",
    "drafts",
    "fileinfo",
    "posts",
    "preferences",
    "publicchannels",
    "reactions",
    "sessions",
    "sidebarcategories",
    "sidebarchannels",
    "status",
    "systems",
    "teammembers",
    "teams",
    "threadmemberships",
    "threads",
    "users",
];

/// The columns of a server's tables.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    /// By table and column: whether a row has to give it.
    tables: BTreeMap<String, BTreeMap<String, bool>>,
}

/// Rows that one statement writes.
#[derive(Clone, Debug)]
pub(super) struct Rows<'a> {
    /// The table.
    pub(super) table: &'a str,
    /// Columns and the expressions that they get.
    pub(super) values: Vec<(&'a str, String)>,
    /// What follows `FROM`.
    pub(super) from: String,
    /// The columns by which a row that is there already is known.
    pub(super) key: &'a str,
    /// Columns of such a row that are set back.
    pub(super) reset: &'a [&'a str],
}

impl Columns {
    /// The statement that answers with all columns.
    pub(super) fn question() -> String {
        let tables: Vec<String> = TABLES.iter().map(|table| format!("'{table}'")).collect();
        format!(
            "SELECT table_name, column_name, is_nullable = 'NO' AND column_default IS NULL \
             FROM information_schema.columns WHERE table_schema = current_schema() \
             AND table_name IN ({}) ORDER BY 1, 2;",
            tables.join(", ")
        )
    }

    /// Reads its answer.
    pub(super) fn read(answer: &str) -> Self {
        let mut columns = Self::default();
        for line in answer.lines() {
            let mut parts = line.split('|');
            if let (Some(table), Some(column), Some(required)) =
                (parts.next(), parts.next(), parts.next())
            {
                let table = columns.tables.entry(table.to_owned()).or_default();
                table.insert(column.to_owned(), required == "t");
            }
        }
        columns
    }

    /// Whether there is a table.
    pub(super) fn has_table(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }

    /// Whether a table has a column.
    pub(super) fn has(&self, table: &str, column: &str) -> bool {
        let table = self.tables.get(table);
        table.is_some_and(|columns| columns.contains_key(column))
    }

    /// The statement that writes rows and answers with the table and how many were written or set
    /// back. Rows that are there as they should be are not touched.
    ///
    /// # Errors
    /// When the server has no such table, or asks for a column that is not given.
    pub(super) fn statement(&self, rows: &Rows<'_>) -> Result<String, PopulationError> {
        let table = rows.table;
        let Some(known) = self.tables.get(table) else {
            return Err(PopulationError::Tables(format!(
                "there is no table `{table}`"
            )));
        };
        let given = |column: &str| rows.values.iter().any(|(name, _)| *name == column);
        let mut asked = known.iter().filter(|(_, required)| **required);
        if let Some((column, _)) = asked.find(|(column, _)| !given(column)) {
            return Err(PopulationError::Tables(format!(
                "its table `{table}` asks for a column `{column}`"
            )));
        }
        let values = rows.values.iter();
        let values: Vec<_> = values
            .filter(|(column, _)| known.contains_key(*column))
            .collect();
        let join = |parts: Vec<String>| parts.join(", ");
        let names = join(values.iter().map(|(name, _)| (*name).to_owned()).collect());
        let expressions = join(values.iter().map(|(_, value)| value.clone()).collect());
        let reset = rows.reset.iter().copied();
        let reset: Vec<&str> = reset.filter(|column| known.contains_key(*column)).collect();
        let conflict = if reset.is_empty() {
            "ON CONFLICT DO NOTHING".to_owned()
        } else {
            let set = join(
                reset
                    .iter()
                    .map(|c| format!("{c} = EXCLUDED.{c}"))
                    .collect(),
            );
            let is = join(reset.iter().map(|c| format!("{table}.{c}")).collect());
            let should = join(reset.iter().map(|c| format!("EXCLUDED.{c}")).collect());
            format!(
                "ON CONFLICT ({}) DO UPDATE SET {set} WHERE ({is}) IS DISTINCT FROM ({should})",
                rows.key
            )
        };
        Ok(format!(
            "WITH changed AS (INSERT INTO {table} ({names}) SELECT {expressions} FROM {} {conflict} \
             RETURNING 1) SELECT '{table}', count(*) FROM changed;\n",
            rows.from
        ))
    }

    /// The statement for a table that not every server has; none where it is not.
    ///
    /// # Errors
    /// As [`statement`](Self::statement).
    pub(super) fn statement_if_known(&self, rows: &Rows<'_>) -> Result<String, PopulationError> {
        match self.has_table(rows.table) {
            true => self.statement(rows),
            false => Ok(String::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(reset: &'static [&'static str]) -> Rows<'static> {
        Rows {
            table: "teams",
            values: vec![
                ("id", "n::text".to_owned()),
                ("name", "'t'".to_owned()),
                ("newer", "1".to_owned()),
            ],
            from: "generate_series(0, 1) n".to_owned(),
            key: "id",
            reset,
        }
    }

    #[test]
    fn a_statement_has_the_columns_that_the_server_has() {
        let columns = Columns::read("teams|id|t\nteams|name|f\nteams|other|f\n");
        assert_eq!(
            columns.statement(&rows(&[])).unwrap(),
            "WITH changed AS (INSERT INTO teams (id, name) SELECT n::text, 't' FROM \
             generate_series(0, 1) n ON CONFLICT DO NOTHING RETURNING 1) \
             SELECT 'teams', count(*) FROM changed;\n"
        );
        let reset = columns.statement(&rows(&["name", "newer"])).unwrap();
        assert!(
            reset.contains(
                "ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name \
                 WHERE (teams.name) IS DISTINCT FROM (EXCLUDED.name)"
            ),
            "{reset}"
        );
    }

    #[test]
    fn a_column_that_is_asked_for_and_not_known_is_an_error() {
        let columns = Columns::read("teams|id|t\nteams|region|t\n");
        let error = columns.statement(&rows(&[])).unwrap_err().to_string();
        assert!(error.contains("asks for a column `region`"), "{error}");
        let error = Columns::default().statement(&rows(&[])).unwrap_err();
        assert!(error.to_string().contains("no table `teams`"), "{error}");
    }
}
