//! A directory of people, as far as an administrator tries whether it can be used: the connection, the account
//! that searches, and a search. Nobody can log in from it here. It may not know HTTP.

use std::sync::Arc;
use std::time::Duration;

use ldap3::{LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchOptions};

use crate::config::LdapSettings;
use crate::tls::{self, TlsError};

/// How long each step may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// More entries were found than were asked for, and one is enough (RFC 4511, 4.1.9).
const SIZE_LIMIT_EXCEEDED: u32 = 4;

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DirectoryError {
    #[error("TLS to the directory cannot be set up")]
    Tls(#[from] TlsError),
    #[error("cannot connect to the directory")]
    Connect(#[source] LdapError),
    #[error("the directory does not admit the account")]
    Bind(#[source] LdapError),
    #[error("cannot search the directory")]
    Search(#[source] LdapError),
}

/// Connects, logs in, and searches for somebody.
///
/// # Errors
/// The first step that does not work.
pub(crate) async fn try_out(settings: &LdapSettings) -> Result<(), DirectoryError> {
    let config = match settings.skip_certificate_verification {
        true => tls::encrypting_only()?,
        false => tls::verifying(None)?,
    };
    let connection = LdapConnSettings::new()
        .set_conn_timeout(DEADLINE)
        .set_starttls(settings.connection_security == "STARTTLS")
        .set_config(Arc::new(config));
    let scheme = match settings.connection_security.as_str() {
        "TLS" => "ldaps",
        _ => "ldap",
    };
    let url = format!("{scheme}://{}:{}", settings.ldap_server, settings.ldap_port);
    let connected = LdapConnAsync::with_settings(connection, &url).await;
    let (connection, mut ldap) = connected.map_err(DirectoryError::Connect)?;
    let driven = tokio::spawn(connection.drive());
    let (name, password) = (&settings.bind_username, &settings.bind_password);
    let bound = ldap.with_timeout(DEADLINE).simple_bind(name, password);
    let bound = bound.await.and_then(|answer| answer.success());
    bound.map_err(DirectoryError::Bind)?;
    let filter = format!("(&(objectClass=*){})", settings.user_filter);
    let found = ldap
        .with_timeout(DEADLINE)
        .with_search_options(SearchOptions::new().sizelimit(1))
        .search(&settings.base_dn, Scope::Subtree, &filter, ["1.1"])
        .await
        .map_err(DirectoryError::Search)?;
    if found.1.rc != SIZE_LIMIT_EXCEEDED {
        found.success().map_err(DirectoryError::Search)?;
    }
    // What is said to the farewell does not matter.
    let _ = ldap.unbind().await;
    driven.abort();
    Ok(())
}
