//! The server's database, as an application host reaches it.

use std::sync::Arc;

use futures::future::BoxFuture;
use secrecy::SecretString;

use crate::hosts::{PsqlDatabase, SshSession};
use crate::loadtest::{DatabaseFailure, ServerDatabase};

/// An instance of the database, through SSH and `psql`.
pub(super) struct SshDatabase {
    pub(super) instance: PsqlDatabase,
    pub(super) session: Arc<SshSession>,
}

impl ServerDatabase for SshDatabase {
    fn execute(&self, statements: SecretString) -> BoxFuture<'_, Result<String, DatabaseFailure>> {
        Box::pin(async move {
            let output = self.instance.execute(&self.session, &statements).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

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
