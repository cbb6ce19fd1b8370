//! Ways to the hosts of a rig: a shell, and ports that lead to its services.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::engine::Urgency;
use crate::events::Events;
use crate::hosts::{Keyring, Listen};
use crate::plan::Inventory;
use crate::spec::{HostName, Role, Spec};

use super::adapters::Adapters;
use super::rig::Rig;
use crate::ops::error::{AccessError, OpsError, RigError};

/// How long a host may take to answer.
const ANSWER: Duration = Duration::from_secs(30);

/// How often the far end of a tunnel is asked whether it is there.
const CHECK: Duration = Duration::from_secs(10);

/// A host of the environment, by name.
///
/// # Errors
/// When it has none of that name.
pub fn host_named(spec: &Spec, name: &str) -> Result<HostName, RigError> {
    let hosts = spec.hosts();
    name.parse::<HostName>()
        .ok()
        .filter(|host| hosts.contains(host))
        .ok_or_else(|| RigError::NoSuchHost {
            environment: spec.name.clone(),
            host: name.to_owned(),
            known: hosts.iter().map(HostName::to_string).collect(),
        })
}

/// An SSH client, ready to run.
#[derive(Debug)]
pub struct SshAccess {
    /// Role and number of the host.
    pub host: HostName,
    /// The client with the environment's key and known host keys.
    pub command: std::process::Command,
    /// Holds the key: its agent ends when this is dropped.
    _keyring: Keyring,
}

/// The SSH client for a host.
///
/// # Errors
/// When the environment or the host does not exist.
pub async fn ssh(
    spec: Spec,
    host: HostName,
    adapters: &dyn Adapters,
) -> Result<SshAccess, OpsError> {
    let rig = Rig::open(spec, adapters).await?;
    let inventory = rig.read().await?.inventory;
    let keyring = rig.connect(&inventory).await?.keyring;
    Ok(SshAccess {
        host,
        command: keyring.ssh_command(host)?,
        _keyring: keyring,
    })
}

/// What a tunnel leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The web, through the proxy.
    Mattermost,
    /// Prometheus on the metrics host.
    Prometheus,
    /// The search domain, through the search proxy.
    Search,
    /// The database writer.
    Database,
}

/// Forwards a local port to a service until interrupted; `ready` hears the port's address.
///
/// The listener is given from outside: it may live in another network than the rig.
///
/// # Errors
/// When the service does not exist, or the connection to its host ends.
pub async fn tunnel(
    spec: Spec,
    service: Service,
    adapters: &dyn Adapters,
    listener: std::net::TcpListener,
    mut stop: watch::Receiver<Urgency>,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), OpsError> {
    let rig = Rig::open(spec, adapters).await?;
    let inventory = rig.read().await?.inventory;
    let connected = rig.connect(&inventory).await?;
    let route = route(&rig.spec, &inventory, service)?;
    let events = Events::default();
    let deadline = Instant::now() + ANSWER;
    let session = connected
        .keyring
        .connect(route.through, "tunnel", &events, deadline)
        .await?;
    // A socket file is seen from both networks.
    let directory = tempfile::tempdir().map_err(AccessError::Local)?;
    let socket = directory.path().join("tunnel");
    session
        .forward(Listen::Unix(&socket), &route.to, route.port)
        .await?;
    let listener = TcpListener::from_std(listener).map_err(AccessError::Local)?;
    ready(listener.local_addr().map_err(AccessError::Local)?);
    let (tell_closed, mut closed) = mpsc::channel::<()>(1);
    let mut check = tokio::time::interval_at(Instant::now() + CHECK, CHECK);
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    let (socket, tell_closed) = (socket.clone(), tell_closed.clone());
                    tokio::spawn(async move {
                        if !pass(client, &socket).await {
                            let _already_told = tell_closed.try_send(());
                        }
                    });
                }
            }
            _ = check.tick() => {
                let answer = tokio::time::timeout(CHECK, session.run("true")).await;
                if !matches!(answer, Ok(Ok(_))) {
                    return Err(AccessError::Closed(route.through).into());
                }
            }
            _ = closed.recv() => return Err(AccessError::Closed(route.through).into()),
            _ = stop.wait_for(|urgency| *urgency > Urgency::None) => return Ok(()),
        }
    }
}

/// Carries one connection; `false` when the far end is gone.
pub(super) async fn pass(mut client: TcpStream, socket: &Path) -> bool {
    let Ok(mut rig) = UnixStream::connect(socket).await else {
        return false;
    };
    if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut rig).await {
        tracing::debug!(%error, "a forwarded connection ended");
    }
    true
}

/// The host to go through, and what it connects to.
struct TunnelRoute {
    through: HostName,
    to: String,
    port: u16,
}

fn route(spec: &Spec, inventory: &Inventory, service: Service) -> Result<TunnelRoute, AccessError> {
    let through = |role, to: &str, port| TunnelRoute {
        through: HostName { role, index: 1 },
        to: to.to_owned(),
        port,
    };
    let missing = |what| AccessError::NoService {
        environment: spec.name.clone(),
        what,
    };
    let local = "127.0.0.1";
    match service {
        // Behind a load balancer of AWS a node itself: its name may not resolve here.
        Service::Mattermost if spec.count(Role::Proxy) == 0 => Ok(through(Role::App, local, 8065)),
        Service::Mattermost if spec.tls.is_some() => Ok(through(Role::Proxy, local, 443)),
        Service::Mattermost => Ok(through(Role::Proxy, local, 80)),
        Service::Prometheus => Ok(through(Role::Metrics, local, 9090)),
        Service::Search => {
            let proxy = HostName {
                role: Role::SearchProxy,
                index: 1,
            };
            let address = inventory
                .private_address(proxy)
                .ok_or_else(|| missing("search proxy"))?;
            Ok(through(Role::SearchProxy, &address.to_string(), 9200))
        }
        Service::Database => {
            let endpoint = inventory
                .writer()
                .and_then(|writer| writer.text("endpoint"))
                .ok_or_else(|| missing("database of its own"))?;
            Ok(through(Role::App, endpoint, 5432))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_web_is_reached_as_people_reach_it() {
        let library = crate::spec::Library::new(Some("no-such-directory".into()));
        let mut spec = library.architecture("1k").unwrap().example();
        let port = |spec: &Spec| {
            let route = route(spec, &Inventory::default(), Service::Mattermost).unwrap();
            (route.through.role, route.port)
        };
        assert_eq!(port(&spec), (Role::Proxy, 80));
        spec.tls = Some(crate::spec::ProxyTls {
            host_name: "chat.example.com".to_owned(),
            certificate: crate::spec::TlsCertificate::Private,
        });
        assert_eq!(port(&spec), (Role::Proxy, 443));
        spec.nodes.get_mut(&Role::Proxy).unwrap().count = 0;
        assert_eq!(port(&spec), (Role::App, 8065));
    }

    #[tokio::test]
    async fn a_tunnel_without_a_far_end_says_so() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (_client, accepted) = tokio::join!(client, listener.accept());
        let directory = tempfile::tempdir().unwrap();
        let (accepted, _) = accepted.unwrap();
        assert!(!pass(accepted, &directory.path().join("gone")).await);
        let host = HostName {
            role: Role::Proxy,
            index: 1,
        };
        let said = AccessError::Closed(host).to_string();
        assert!(said.contains("`proxy-1`"), "{said}");
    }
}
