//! `psql` on a host: how it reaches the server's database, without a secret in an argument or a file.

use std::fmt::Write as _;

use secrecy::{ExposeSecret, SecretString};

use super::error::HostError;
use super::facts::Facts;
use super::roles::data_source_names;
use super::session::{Output, SshSession};

/// What `psql` knows of the parameters of a data source name.
const PARAMETERS: [&str; 6] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "connect_timeout",
    "target_session_attrs",
];
/// Where Debian keeps the authorities that systems trust, which `psql` does not look for by itself.
const TRUSTED: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Takes variables up to a line `---` from standard input, and leaves the rest of it to `psql`:
/// statements, carried out in one transaction.
const SCRIPT: &str = "set -eu\n\
    command -v psql >/dev/null || { echo 'psql is not installed here' >&2; exit 127; }\n\
    while IFS= read -r line && [ \"$line\" != --- ]; do export \"$line\"; done\n\
    exec psql -X -q -A -t -v ON_ERROR_STOP=1 -1 -f -";

/// An instance of the server's database, as application hosts reach it.
#[derive(Clone, Debug)]
pub struct PsqlDatabase {
    dsn: SecretString,
}

impl PsqlDatabase {
    /// The writer of an environment's database; none while there is no database.
    #[must_use]
    pub fn writer(facts: &Facts) -> Option<Self> {
        Self::of(data_source_names(facts)?.0)
    }

    /// The readers that the server is told of; none while there is no database.
    #[must_use]
    pub fn readers(facts: &Facts) -> Vec<Self> {
        let readers = data_source_names(facts).map(|(_, readers)| readers);
        let readers = readers.into_iter().flatten();
        readers.filter_map(Self::of).collect()
    }

    fn of(dsn: SecretString) -> Option<Self> {
        settings(dsn.expose_secret())?;
        Some(Self { dsn })
    }

    /// Its host name and port.
    #[must_use]
    pub fn address(&self) -> String {
        let settings = settings(self.dsn.expose_secret()).unwrap_or_default();
        let of = |wanted: &str| {
            let found = settings.iter().find(|(name, _)| name == wanted);
            found.map_or("", |(_, value)| value.as_str())
        };
        format!("{}:{}", of("host"), of("port"))
    }

    /// Carries out statements in one transaction, on an application host. What they select is the
    /// output: a row on each line, columns separated by `|`.
    ///
    /// # Errors
    /// When the connection to the host ends. Statements that fail are no error.
    pub async fn execute(
        &self,
        session: &SshSession,
        statements: &SecretString,
    ) -> Result<Output, HostError> {
        let mut input = String::new();
        for (name, value) in settings(self.dsn.expose_secret()).unwrap_or_default() {
            let _ = writeln!(input, "{}={value}", variable(&name));
        }
        input.push_str("---\n");
        input.push_str(statements.expose_secret());
        let command = super::shell::script_command(SCRIPT, &[]);
        session.run_with_input(&command, input).await
    }
}

/// The variable of `psql` for a setting of a service file.
fn variable(setting: &str) -> String {
    match setting {
        "dbname" => "PGDATABASE".to_owned(),
        "target_session_attrs" => "PGTARGETSESSIONATTRS".to_owned(),
        other => format!("PG{}", other.to_uppercase()),
    }
}

/// A service file of `psql` with the service `loadrig`; none for what is no data source name.
pub(super) fn service_file(dsn: &str) -> Option<String> {
    let mut text = String::from("[loadrig]\n");
    for (name, value) in settings(dsn)? {
        let _ = writeln!(text, "{name}={value}");
    }
    Some(text)
}

/// How `psql` reaches the database of a data source name; none for what is none.
fn settings(dsn: &str) -> Option<Vec<(String, String)>> {
    let url = reqwest::Url::parse(dsn).ok()?;
    let decoded = |text: &str| {
        let text = percent_encoding::percent_decode_str(text)
            .decode_utf8()
            .ok()?;
        (!text.chars().any(char::is_control)).then(|| text.into_owned())
    };
    let mut settings = Vec::new();
    let mut set = |name: &str, value: &str| settings.push((name.to_owned(), value.to_owned()));
    set("host", url.host_str()?);
    set("port", &url.port().unwrap_or(5432).to_string());
    set("dbname", &decoded(url.path().trim_matches('/'))?);
    if !url.username().is_empty() {
        set("user", &decoded(url.username())?);
    }
    if let Some(password) = url.password() {
        set("password", &decoded(password)?);
    }
    let mut mode = "require".to_owned();
    let mut has_root = false;
    for (name, value) in url.query_pairs() {
        match &*name {
            "sslmode" => mode = value.into_owned(),
            known if PARAMETERS.contains(&known) => {
                has_root |= known == "sslrootcert";
                set(known, &value);
            }
            // Those of the server's own driver.
            _ => {}
        }
    }
    set("sslmode", &mode);
    if mode.starts_with("verify-") && !has_root {
        set("sslrootcert", TRUSTED);
    }
    Some(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_source_name_becomes_a_service_of_psql() {
        let dsn = "postgres://mm:pa%40ss@db.example.com:6432/chat?sslmode=verify-full\
                   &sslrootcert=/etc/ssl/rds/global-bundle.pem&binary_parameters=yes&connect_timeout=10";
        assert_eq!(
            service_file(dsn).unwrap(),
            "[loadrig]\nhost=db.example.com\nport=6432\ndbname=chat\nuser=mm\npassword=pa@ss\n\
             sslrootcert=/etc/ssl/rds/global-bundle.pem\nconnect_timeout=10\nsslmode=verify-full\n"
        );
        let trusted = service_file("postgres://u@h/d?sslmode=verify-full").unwrap();
        assert!(trusted.ends_with(&format!("sslrootcert={TRUSTED}\n")));
        assert!(
            service_file("postgres://u@h/d")
                .unwrap()
                .contains("sslmode=require")
        );
        assert_eq!(service_file("chat"), None);
        let instance = PsqlDatabase::of(dsn.to_owned().into()).unwrap();
        assert_eq!(instance.address(), "db.example.com:6432");
    }

    #[test]
    fn the_script_keeps_secrets_out_of_arguments() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("psql");
        let fake = "#!/bin/sh\necho \"arguments $*\"\necho \"$PGPASSWORD\"\ncat\n";
        std::fs::write(&program, fake).unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&program, executable).unwrap();
        let mut child = std::process::Command::new("sh")
            .args(["-c", SCRIPT])
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", directory.path().display()),
            )
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let input = "PGPASSWORD=it's $HOME \"=\"\n---\nSELECT 1;\nSELECT 2;\n";
        let mut stdin = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut stdin, input.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            "arguments -X -q -A -t -v ON_ERROR_STOP=1 -1 -f -\nit's $HOME \"=\"\nSELECT 1;\nSELECT 2;\n"
        );
    }

    #[test]
    fn settings_are_variables_of_psql_too() {
        let names: Vec<String> = ["host", "dbname", "sslrootcert", "connect_timeout"]
            .into_iter()
            .map(variable)
            .collect();
        assert_eq!(
            names,
            ["PGHOST", "PGDATABASE", "PGSSLROOTCERT", "PGCONNECT_TIMEOUT"]
        );
    }
}
