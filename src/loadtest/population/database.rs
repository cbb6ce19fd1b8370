//! The way to the server's database.

use futures::future::BoxFuture;
use secrecy::SecretString;

/// Why statements were not carried out.
pub type DatabaseFailure = Box<dyn std::error::Error + Send + Sync>;

/// The writer of a server's database.
pub trait ServerDatabase: Send + Sync {
    /// Carries out statements in one transaction. The answer is what they select: a row on each
    /// line, its columns separated by `|`. They may hold the hash of a password and are neither
    /// logged nor put into an argument.
    fn execute(&self, statements: SecretString) -> BoxFuture<'_, Result<String, DatabaseFailure>>;
}
