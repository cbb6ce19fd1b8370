//! The life of one host, from the moment the API reports it until it is gone
//! again: one task per host, which makes it, boots it again when it goes down by
//! itself, and removes every part of it at the end.

use std::net::Ipv4Addr;
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::{Notify, broadcast};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::api::{Passwords, Readiness};
use super::authority::Authority;
use super::cloud_view::{CacheView, CloudReader, DbInstance, Domain, InstanceView};
use super::database;
use super::domain_gate::{DomainGate, DomainPolicies};
use super::error::{Error, Result};
use super::guest::{self, Disk};
use super::image::Layers;
use super::imds::{InstanceMetadata, MetadataService};
use super::keeper::Keeper;
use super::names::DnsNames;
use super::role_sessions::RoleSessions;
use super::{cache, instance, search, tls};

/// How often a starting server is asked whether it is there.
const ASK: Duration = Duration::from_millis(50);
/// How long a database, cache or search server may take to be there.
const SERVER_UP: Duration = Duration::from_mins(2);
/// How long to wait before a host that went down is booted again.
const BOOT_AGAIN: Duration = Duration::from_millis(500);
/// Boots of one host that may fail in a row.
const FAILURES: u32 = 5;

/// What every host's task needs.
pub(crate) struct Context {
    pub keeper: Keeper,
    pub layers: Layers,
    pub authority: Authority,
    pub region: String,
    pub names: DnsNames,
    pub metadata: MetadataService,
    pub readiness: Readiness,
    pub passwords: Passwords,
    /// Knows the credentials that the metadata service hands out.
    pub sessions: RoleSessions,
    /// Who may use which search domain.
    pub policies: DomainPolicies,
    /// The password that replicas use.
    pub replication: SecretString,
    pub reader: Box<dyn CloudReader>,
    /// Wakes the reconciler.
    pub changed: Arc<Notify>,
    /// Names of hosts that the API was told to restart.
    pub reboots: broadcast::Sender<String>,
}

/// How a host's processes ended.
enum GuestEnd {
    /// By themselves, or because the host is to go.
    Ended(Option<ExitStatus>),
    /// To begin anew.
    Rebooted,
}

/// What a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GuestKind {
    Instance(InstanceView),
    Database {
        database: DbInstance,
        source: Option<DbInstance>,
    },
    Domain(Domain),
    Cache(CacheView),
}

/// One host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Guest {
    pub name: String,
    pub address: Ipv4Addr,
    pub kind: GuestKind,
}

impl Guest {
    /// Whether it is the same host as another. A cache that was deleted and created again has
    /// its name again, and other endpoints.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (GuestKind::Cache(one), GuestKind::Cache(two)) => one.endpoints == two.endpoints,
            _ => self.name == other.name,
        }
    }
}

/// When to end a host's task, and how.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    /// Power off.
    pub now: CancellationToken,
    /// Whether its disk stays (a stopped instance's does).
    pub keep_disk: CancellationToken,
}

/// Runs a host until told to stop; leaves nothing of it.
pub(crate) async fn run_guest(context: Arc<Context>, host: Guest, stop: Stop) {
    let mut failures = 0;
    while !stop.now.is_cancelled() {
        let started = std::time::Instant::now();
        let outcome = match &host.kind {
            GuestKind::Domain(domain) => run_domain(&context, &host, domain, &stop)
                .await
                .map(|()| GuestEnd::Ended(None)),
            _ => run_processes(&context, &host, &stop).await,
        };
        context.readiness.set(&host.name, false);
        clean(&context, &host, false).await;
        if stop.now.is_cancelled() {
            break;
        }
        match outcome {
            Ok(GuestEnd::Rebooted) => {
                tracing::info!(host = host.name, "restarts");
                failures = 0;
            }
            Ok(GuestEnd::Ended(status)) => {
                tracing::warn!(host = host.name, ?status, "host stopped unexpectedly");
                // A host that halts itself stays down, as a stopped instance does.
                if status.is_some_and(halted) {
                    stop.now.cancelled().await;
                }
                failures = if started.elapsed() > SERVER_UP {
                    0
                } else {
                    failures + 1
                };
            }
            Err(error) => {
                tracing::error!(
                    host = host.name,
                    error = chain(&error),
                    "cannot start the host"
                );
                failures += 1;
            }
        }
        if failures >= FAILURES {
            tracing::error!(host = host.name, "given up");
            stop.now.cancelled().await;
        } else {
            tokio::select! {
                () = stop.now.cancelled() => {}
                () = tokio::time::sleep(BOOT_AGAIN) => {}
            }
        }
    }
    clean(&context, &host, !stop.keep_disk.is_cancelled()).await;
    tracing::info!(host = host.name, "gone");
}

/// An instance, a database or a cache: processes in namespaces of their own.
async fn run_processes(context: &Arc<Context>, host: &Guest, stop: &Stop) -> Result<GuestEnd> {
    let reboots = context.reboots.subscribe();
    let user_data = match &host.kind {
        GuestKind::Instance(instance) => context
            .reader
            .user_data(&instance.id)
            .await
            .map_err(Error::View)?,
        _ => None,
    };
    let names = match &host.kind {
        GuestKind::Instance(instance) => {
            vec![instance.name.clone(), guest::aws_hostname(host.address)]
        }
        GuestKind::Database { database, .. } => vec![database.endpoint.clone()],
        GuestKind::Cache(cache) => cache.endpoints.clone(),
        GuestKind::Domain(_) => vec![],
    };
    let child = blocking({
        let (context, host, user_data) = (Arc::clone(context), host.clone(), user_data.clone());
        move || match &host.kind {
            GuestKind::Instance(instance) => instance::start(
                &context.keeper,
                &context.layers,
                &context.region,
                instance,
                user_data.as_deref(),
            ),
            GuestKind::Database { database, source } => {
                start_database(&context, &host, database, source.as_ref())
            }
            GuestKind::Cache(wanted) => {
                cache::start(&context.keeper, &context.layers, wanted, host.address)
            }
            GuestKind::Domain(_) => Err(Error::Unsupported(
                "a domain has no processes of its own".into(),
            )),
        }
    })
    .await?;
    let starter = i32::try_from(child.id()).unwrap_or(0);
    let names: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| !name.is_empty())
        .collect();
    context.names.set(&host.name, host.address, &names)?;
    if let GuestKind::Instance(instance) = &host.kind {
        context.metadata.set(InstanceMetadata {
            instance: instance.clone(),
            user_data,
        });
        context.readiness.set(&host.name, true);
        tracing::info!(host = host.name, address = %host.address, "boots");
    }
    let mut ended = spawn_blocking(move || wait(child));
    let mut rebooted = false;
    let status = tokio::select! {
        status = &mut ended => status,
        () = stop.now.cancelled() => {
            guest::power_off(starter);
            ended.await
        }
        () = told_to_reboot(reboots, &host.name) => {
            rebooted = true;
            guest::power_off(starter);
            ended.await
        }
        () = watch_service(context, host) => ended.await,
    };
    let status = status.map_err(|error| Error::Io {
        what: "a waiting thread ended early".into(),
        source: error.into(),
    })??;
    Ok(match rebooted {
        true => GuestEnd::Rebooted,
        false => GuestEnd::Ended(Some(status)),
    })
}

/// Over once the API was told to restart a host.
async fn told_to_reboot(mut reboots: broadcast::Receiver<String>, host: &str) {
    loop {
        match reboots.recv().await {
            Ok(name) if name == host => return,
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Says when a database or cache accepts connections, then waits for ever. What keeps it
/// from coming up is in its log.
async fn watch_service(context: &Context, host: &Guest) {
    if !matches!(host.kind, GuestKind::Instance(_)) {
        let deadline = tokio::time::Instant::now() + SERVER_UP;
        while !accepts(host).await {
            if tokio::time::Instant::now() > deadline {
                tracing::error!(host = host.name, "the server does not come up; see its log");
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(ASK).await;
        }
        context.readiness.set(&host.name, true);
        // A database's replicas wait for it.
        context.changed.notify_one();
        tracing::info!(host = host.name, address = %host.address, "accepts connections");
    }
    std::future::pending::<()>().await;
}

/// Whether a service accepts connections.
async fn accepts(host: &Guest) -> bool {
    match &host.kind {
        GuestKind::Database { database, .. } => database::ready(&database.id),
        GuestKind::Cache(cache) => {
            let (id, address) = (cache.id.clone(), host.address);
            spawn_blocking(move || cache::ready(&id, address))
                .await
                .unwrap_or(false)
        }
        GuestKind::Instance(_) | GuestKind::Domain(_) => false,
    }
}

fn start_database(
    context: &Context,
    host: &Guest,
    database: &DbInstance,
    source: Option<&DbInstance>,
) -> Result<Child> {
    let password = context.passwords.of(&database.id);
    database::start(
        &context.keeper,
        &context.layers,
        &context.authority,
        &database::DatabaseServer {
            database,
            address: host.address,
            password: password.as_ref(),
            replication: &context.replication,
            source: source.map(|source| source.endpoint.as_str()),
            source_connections: source.map(|source| {
                source
                    .parameters
                    .get("max_connections")
                    .map_or("200", String::as_str)
            }),
        },
    )
}

/// A domain: a search server on the cloud's loopback behind a socket in the
/// domain's namespace.
async fn run_domain(
    context: &Arc<Context>,
    host: &Guest,
    domain: &Domain,
    stop: &Stop,
) -> Result<()> {
    let runtime = tokio::runtime::Handle::current();
    let started = blocking({
        let (context, domain, address) = (Arc::clone(context), domain.clone(), host.address);
        move || {
            let _runtime = runtime.enter();
            search::start(
                &context.keeper,
                &context.layers,
                &context.authority,
                &domain.name,
                &context.region,
                address,
            )
        }
    })
    .await?;
    let pid = i32::try_from(started.server.id()).unwrap_or(0);
    let upstream = started.upstream;
    let gate_address = started
        .gate
        .local_addr()
        .map_err(Error::io("cannot tell the address of a socket"))?;
    let gate = DomainGate {
        domain: domain.name.clone(),
        region: context.region.clone(),
        upstream,
        sessions: context.sessions.clone(),
        policies: context.policies.clone(),
        client: reqwest::Client::builder()
            .no_proxy()
            .build()
            .map_err(|error| Error::Unsupported(chain(&error)))?,
    };
    context.names.set(
        &host.name,
        host.address,
        &[search::endpoint(&domain.name, &context.region).as_str()],
    )?;
    let mut ended = spawn_blocking(move || wait(started.server));
    let up = async {
        while !search::ready(upstream) {
            tokio::time::sleep(ASK).await;
        }
        context.readiness.set(&host.name, true);
        tracing::info!(host = host.name, address = %host.address, "search domain answers");
        tokio::join!(
            gate.serve(started.gate),
            tls::serve(started.listener, started.config, gate_address),
        );
    };
    tokio::select! {
        _ = &mut ended => return Ok(()),
        () = stop.now.cancelled() => {}
        () = up => {}
    }
    guest::power_off(pid);
    // Killed: nothing but its end can follow.
    let _ = ended.await;
    Ok(())
}

/// Removes what a host left; its disk only if told.
async fn clean(context: &Arc<Context>, host: &Guest, disk_too: bool) {
    context.names.remove(&host.name);
    context.readiness.set(&host.name, false);
    if let GuestKind::Instance(instance) = &host.kind {
        context.metadata.remove(instance.address);
    }
    let name = host.name.clone();
    let removed = blocking(move || {
        let disk = if disk_too {
            Some(Disk::open(&name)?)
        } else {
            None
        };
        guest::remove(&name, disk.as_ref());
        Ok(())
    })
    .await;
    if let Err(error) = removed {
        tracing::warn!(
            host = host.name,
            error = chain(&error),
            "host is not wholly removed"
        );
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    spawn_blocking(work).await.map_err(|error| Error::Io {
        what: "a working thread ended early".into(),
        source: error.into(),
    })?
}

fn wait(mut child: Child) -> Result<ExitStatus> {
    child.wait().map_err(Error::io("cannot wait for a host"))
}

/// Whether a host powered itself off: the kernel ends its process 1 with an
/// interrupt then, and with a hang-up when it reboots.
fn halted(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    status.signal() == Some(nix::sys::signal::Signal::SIGINT as i32)
}

/// An error with all its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
