//! Data source names as Mattermost's PostgreSQL driver (Go's `pq`) reads them.
//! The TLS part is taken out here, because `tokio_postgres` has no word for
//! `verify-full`. It opens no connection.

use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use tokio_postgres::config::{Host, SslMode};

/// How a connection is encrypted and whom it trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tls {
    /// `sslmode=disable`
    Disable,
    /// `sslmode=require`, the driver's default: encrypted, nothing verified.
    Require,
    /// `sslmode=verify-full`: chain and host name verified, against the
    /// system's trust store or the given file of certificates.
    VerifyFull { root_certificates: Option<PathBuf> },
}

/// A parsed data source.
#[derive(Debug, Clone)]
pub(super) struct Dsn {
    /// Everything but TLS.
    pub connection: tokio_postgres::Config,
    pub tls: Tls,
}

/// Why a data source is not usable. The text itself may hold a password and is
/// never repeated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DsnError {
    /// Another scheme than `postgres://`.
    #[error("data source does not start with `postgres://` or `postgresql://`")]
    Scheme,
    /// A TLS mode that is not offered.
    #[error("data source asks for `sslmode={0}`; use `disable`, `require` or `verify-full`")]
    SslMode(String),
    /// The rest of it.
    #[error("data source cannot be parsed")]
    Syntax(#[source] tokio_postgres::Error),
}

impl FromStr for Dsn {
    type Err = DsnError;

    fn from_str(text: &str) -> Result<Self, DsnError> {
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(DsnError::Scheme);
        }
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let mut mode = "require".to_owned();
        let mut root_certificates = None;
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = || percent_decode_str(value).decode_utf8_lossy().into_owned();
            match key {
                "sslmode" => mode = value(),
                "sslrootcert" => root_certificates = Some(PathBuf::from(value())),
                // A switch of the Go driver's own protocol code.
                "binary_parameters" => {}
                _ => rest.push(pair),
            }
        }
        let tls = match mode.as_str() {
            "disable" => Tls::Disable,
            "require" => Tls::Require,
            "verify-full" => Tls::VerifyFull { root_certificates },
            _ => return Err(DsnError::SslMode(mode)),
        };
        let mut connection: tokio_postgres::Config = format!("{base}?{}", rest.join("&"))
            .parse()
            .map_err(DsnError::Syntax)?;
        connection.ssl_mode(match tls {
            Tls::Disable => SslMode::Disable,
            Tls::Require | Tls::VerifyFull { .. } => SslMode::Require,
        });
        connection.application_name("mattermost");
        Ok(Self { connection, tls })
    }
}

impl Dsn {
    /// Host and port for messages, without user or password.
    pub(super) fn address(&self) -> String {
        let host = match self.connection.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            #[cfg(unix)]
            Some(Host::Unix(path)) => path.display().to_string(),
            None => "localhost".to_owned(),
        };
        let port = self.connection.get_ports().first().copied().unwrap_or(5432);
        format!("{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_style_data_source_is_read_with_its_tls_part() {
        let dsn: Dsn = "postgres://mmuser:p%40ss%2Fword@db.example:6432/mattermost\
            ?sslmode=verify-full&sslrootcert=/etc/ssl/rds%2Bca.pem&connect_timeout=10\
            &binary_parameters=yes"
            .parse()
            .expect("valid");
        assert_eq!(
            dsn.tls,
            Tls::VerifyFull {
                root_certificates: Some(PathBuf::from("/etc/ssl/rds+ca.pem"))
            }
        );
        assert_eq!(dsn.connection.get_password(), Some(&b"p@ss/word"[..]));
        assert_eq!(dsn.connection.get_dbname(), Some("mattermost"));
        assert_eq!(dsn.address(), "db.example:6432");
        assert_eq!(
            dsn.connection
                .get_connect_timeout()
                .map(std::time::Duration::as_secs),
            Some(10)
        );
    }

    #[test]
    fn tls_is_on_unless_switched_off() {
        let dsn: Dsn = "postgres://u:p@h/db".parse().expect("valid");
        assert_eq!(dsn.tls, Tls::Require);
        let dsn: Dsn = "postgres://u:p@h/db?sslmode=disable"
            .parse()
            .expect("valid");
        assert_eq!(dsn.tls, Tls::Disable);
    }

    #[test]
    fn errors_do_not_repeat_the_password() {
        for text in [
            "mysql://u:geheim@h/db",
            "postgres://u:geheim@h/db?sslmode=verify-ca",
            "postgres://u:geheim@h:x/db",
        ] {
            let error = Dsn::from_str(text).expect_err("unusable");
            assert!(
                !format!("{error:?} {error}").contains("geheim"),
                "{error:?}"
            );
        }
    }
}
