//! An RDS instance as a host: PostgreSQL on a private address of its subnets,
//! with the master user, database and parameters that the API was given. A read
//! replica streams from its source.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::process::Child;

use secrecy::{ExposeSecret, SecretString};

use super::authority::Authority;
use super::cloud_view::DbInstance;
use super::error::{Error, Result};
use super::guest::{self, Boot, Disk, Owner, ROOT};
use super::image::Layers;
use super::keeper::Keeper;
use super::network;
use super::state::RESOLVER;

/// The port of every database.
pub(crate) const PORT: u16 = 5432;
/// Becomes the server inside the host.
const SERVER: &str = include_str!("host/postgres.sh");
/// Where the server reports how far it is.
const STATUS: &str = "/var/lib/postgresql/15/main/postmaster.pid";

/// What parameter groups may not change here: they size a server for a machine of
/// its own, and several of these share one.
const KEPT_SMALL: [&str; 4] = [
    "shared_buffers",
    "huge_pages",
    "max_wal_size",
    "min_wal_size",
];

/// Name of a database's host.
pub(crate) fn guest(id: &str) -> String {
    format!("db-{id}")
}

/// What a database host is made with.
pub(crate) struct DatabaseServer<'a> {
    /// What the API says.
    pub database: &'a DbInstance,
    /// The address that it gets.
    pub address: Ipv4Addr,
    /// The master password.
    pub password: Option<&'a SecretString>,
    /// The password that replicas of this cloud use.
    pub replication: &'a SecretString,
    /// The endpoint of the database that it replicates.
    pub source: Option<&'a str>,
    /// Connections that the source permits: a replica must permit as many.
    pub source_connections: Option<&'a str>,
}

/// Makes the disk and the namespace, and boots.
///
/// # Errors
/// When the database cannot be made real, or the kernel or file system refuses.
pub(crate) fn start(
    keeper: &Keeper,
    layers: &Layers,
    authority: &Authority,
    plan: &DatabaseServer<'_>,
) -> Result<Child> {
    let database = plan.database;
    if database.engine != "postgres" {
        return Err(Error::Unsupported(format!(
            "database `{}` has the engine `{}`; the local cloud has `postgres` alone",
            database.id, database.engine
        )));
    }
    let postgres = postgres_user(layers)?;
    let name = guest(&database.id);
    let disk = Disk::open(&name)?;
    let certificate = authority.issue(std::slice::from_ref(&database.endpoint))?;
    disk.write(
        "/etc/loadrig/server.crt",
        &certificate.certificate,
        0o644,
        ROOT,
    )?;
    disk.write("/etc/loadrig/server.key", &certificate.key, 0o600, postgres)?;
    disk.write("/etc/loadrig/server", SERVER, 0o755, ROOT)?;
    let known = known_parameters(layers)?;
    disk.write(
        "/etc/loadrig/postgresql.conf",
        &configuration(plan, &known),
        0o644,
        ROOT,
    )?;
    disk.write("/etc/loadrig/pg_hba.conf", access(database), 0o644, ROOT)?;
    disk.write(
        "/etc/resolv.conf",
        &format!("nameserver {RESOLVER}\n"),
        0o644,
        ROOT,
    )?;
    // A crash leaves the file behind; it must not speak for the next boot.
    let _ = fs::remove_file(disk.inner(STATUS));

    let (role, input) = match plan.source {
        Some(source) => (
            source.to_owned(),
            format!("{}\n", plan.replication.expose_secret()),
        ),
        None => ("writer".to_owned(), set_up(plan)?),
    };
    network::create_guest(&name, plan.address, None)?;
    guest::boot(
        keeper,
        &Boot {
            guest: name,
            hostname: guest::aws_hostname(plan.address),
            layers: layers.of_services(),
            init: format!("/bin/sh /etc/loadrig/server {role}"),
            input: Some(input),
        },
    )
}

/// Whether the server accepts connections, from the line that it keeps for this.
pub(crate) fn ready(id: &str) -> bool {
    let Ok(disk) = Disk::open(&guest(id)) else {
        return false;
    };
    fs::read_to_string(disk.inner(STATUS)).is_ok_and(|text| {
        text.lines()
            .nth(7)
            .is_some_and(|status| status.trim() == "ready")
    })
}

/// The statements that make roles and database; one a line, for the server's
/// single-user mode.
fn set_up(plan: &DatabaseServer<'_>) -> Result<String> {
    let database = plan.database;
    let password = plan.password.ok_or_else(|| {
        Error::Unsupported(format!(
            "the master password of database `{}` is not known here",
            database.id
        ))
    })?;
    let owner = identifier(&database.master_user);
    let mut statements = vec![
        "CREATE ROLE rds_superuser NOLOGIN".to_owned(),
        "GRANT pg_monitor, pg_signal_backend TO rds_superuser".to_owned(),
        format!(
            "CREATE ROLE rdsrepladmin LOGIN REPLICATION PASSWORD {}",
            literal(plan.replication.expose_secret())
        ),
        format!(
            "CREATE ROLE {owner} LOGIN CREATEDB CREATEROLE PASSWORD {} IN ROLE rds_superuser",
            literal(password.expose_secret())
        ),
        format!("ALTER DATABASE postgres OWNER TO {owner}"),
    ];
    if let Some(name) = database
        .database
        .as_deref()
        .filter(|name| *name != "postgres")
    {
        statements.push(format!(
            "CREATE DATABASE {} OWNER {owner}",
            identifier(name)
        ));
    }
    if statements.iter().any(|statement| statement.contains('\n')) {
        return Err(Error::Unsupported(format!(
            "a name or password of database `{}` has a line break",
            database.id
        )));
    }
    Ok(statements.join("\n") + "\n")
}

/// The server's configuration: what RDS sets, what the parameter group sets, and
/// what a server among others on one machine needs.
fn configuration(plan: &DatabaseServer<'_>, known: &[String]) -> String {
    let mut settings: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in [
        ("max_connections", "200"),
        ("shared_preload_libraries", "pg_stat_statements"),
        ("wal_level", "replica"),
        ("max_wal_senders", "20"),
        ("log_min_messages", "warning"),
    ] {
        settings.insert(name, value.into());
    }
    for (name, value) in &plan.database.parameters {
        // Formulas over the instance class mean memory that is not there.
        let left_out =
            KEPT_SMALL.contains(&name.as_str()) || value.contains('{') || !known.contains(name);
        if !left_out {
            settings.insert(name, value.clone());
        } else if !name.starts_with("rds.") {
            tracing::info!(
                database = plan.database.id,
                parameter = name,
                "parameter is left out here"
            );
        }
    }
    if let Some(least) = plan
        .source_connections
        .and_then(|text| text.parse::<u32>().ok())
    {
        let own = settings
            .get("max_connections")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        settings.insert("max_connections", least.max(own).to_string());
    }
    // Nothing here outlives the cloud, so nothing waits for the disk.
    for (name, value) in [
        ("listen_addresses", "*"),
        ("unix_socket_directories", "/run/postgresql"),
        ("ssl", "on"),
        ("ssl_cert_file", "/etc/loadrig/server.crt"),
        ("ssl_key_file", "/etc/loadrig/server.key"),
        ("password_encryption", "scram-sha-256"),
        ("shared_buffers", "32MB"),
        ("fsync", "off"),
        ("full_page_writes", "off"),
        ("max_wal_size", "256MB"),
        ("min_wal_size", "32MB"),
        ("hot_standby", "on"),
    ] {
        settings.insert(name, value.into());
    }
    settings
        .iter()
        .map(|(name, value)| format!("{name} = {}\n", literal(value)))
        .collect()
}

/// Who may connect how. RDS for PostgreSQL 15 insists on TLS unless told not to.
fn access(database: &DbInstance) -> &'static str {
    if database
        .parameters
        .get("rds.force_ssl")
        .is_some_and(|value| value == "0")
    {
        "hostssl replication rdsrepladmin all scram-sha-256\nhost all all all scram-sha-256\n"
    } else {
        "hostssl replication rdsrepladmin all scram-sha-256\nhostssl all all all scram-sha-256\n"
    }
}

/// The server's user, as the image numbers it.
fn postgres_user(layers: &Layers) -> Result<Owner> {
    let path = layers.services_file("/etc/passwd");
    let text = fs::read_to_string(&path)
        .map_err(Error::io(format!("cannot read `{}`", path.display())))?;
    text.lines()
        .filter(|line| line.starts_with("postgres:"))
        .find_map(|line| line.split(':').nth(2)?.parse().ok())
        .map(Owner)
        .ok_or_else(|| Error::Unsupported(format!("no user `postgres` in `{}`", path.display())))
}

/// The parameters that the server knows.
fn known_parameters(layers: &Layers) -> Result<Vec<String>> {
    let path = layers.services_file("/var/lib/postgresql/parameters");
    let text = fs::read_to_string(&path)
        .map_err(Error::io(format!("cannot read `{}`", path.display())))?;
    Ok(text.lines().map(str::to_owned).collect())
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> DbInstance {
        DbInstance {
            id: "demo".into(),
            engine: "postgres".into(),
            endpoint: "demo.x.us-east-1.rds.amazonaws.com".into(),
            master_user: "mm".into(),
            database: Some("mattermost".into()),
            source: None,
            subnets: vec![],
            groups: vec![],
            parameters: BTreeMap::new(),
        }
    }

    fn plan<'a>(database: &'a DbInstance, secret: &'a SecretString) -> DatabaseServer<'a> {
        DatabaseServer {
            database,
            address: Ipv4Addr::new(10, 0, 0, 9),
            password: Some(secret),
            replication: secret,
            source: None,
            source_connections: None,
        }
    }

    #[test]
    fn a_password_with_a_quote_stays_one_literal() {
        let (database, secret) = (database(), SecretString::from("it's"));
        let statements = set_up(&plan(&database, &secret)).unwrap();
        assert!(
            statements.contains("PASSWORD 'it''s' IN ROLE rds_superuser\n"),
            "{statements}"
        );
        assert!(
            statements.ends_with("CREATE DATABASE \"mattermost\" OWNER \"mm\"\n"),
            "{statements}"
        );
    }

    #[test]
    fn a_line_break_in_a_name_is_refused() {
        let (mut database, secret) = (database(), SecretString::from("x"));
        database.master_user = "a\nb".into();
        assert!(set_up(&plan(&database, &secret)).is_err());
    }

    #[test]
    fn parameters_apply_unless_unknown_or_sized_for_another_machine() {
        let (mut database, secret) = (database(), SecretString::from("x"));
        for (name, value) in [
            ("work_mem", "16384"),
            ("shared_buffers", "1000000"),
            ("rds.x", "1"),
            ("nonsense", "1"),
        ] {
            database.parameters.insert(name.into(), value.into());
        }
        let known: Vec<String> = ["work_mem", "shared_buffers", "max_connections"]
            .map(str::to_owned)
            .into();
        let text = configuration(&plan(&database, &secret), &known);
        assert!(text.contains("work_mem = '16384'\n"));
        assert!(text.contains("shared_buffers = '32MB'\n"));
        assert!(!text.contains("nonsense") && !text.contains("rds.x"));
    }

    #[test]
    fn a_replica_permits_at_least_its_sources_connections() {
        let (database, secret) = (database(), SecretString::from("x"));
        let plan = DatabaseServer {
            source_connections: Some("900"),
            ..plan(&database, &secret)
        };
        assert!(configuration(&plan, &[]).contains("max_connections = '900'\n"));
    }
}
