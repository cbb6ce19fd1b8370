//! An OpenSearch domain: a search server that speaks its API, reached over TLS at
//! a private address of the domain's subnet under its endpoint's name.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

use super::authority::Authority;
use super::error::{Error, Result};
use super::image::Layers;
use super::keeper::{Keeper, dies_with_daemon};
use super::network;

/// The port of every domain.
const PORT: u16 = 443;

/// Name of a domain's host.
pub(crate) fn guest(domain: &str) -> String {
    format!("os-{domain}")
}

/// Host name of a domain's endpoint inside its VPC, shaped as AWS shapes it: the
/// part that AWS draws by chance follows from the name here.
pub(crate) fn endpoint(domain: &str, region: &str) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
    let digest = Sha256::digest(format!("{region}/{domain}"));
    let drawn: String = digest
        .iter()
        .take(26)
        .filter_map(|byte| {
            LETTERS
                .get(usize::from(byte % 32))
                .map(|&letter| char::from(letter))
        })
        .collect();
    format!("vpc-{domain}-{drawn}.{region}.es.amazonaws.com")
}

/// A domain's parts, once started.
pub(crate) struct StartedSearch {
    /// The search server.
    pub server: Child,
    /// Where it listens, on the cloud's loopback.
    pub upstream: SocketAddr,
    /// Where the domain's gate listens, there too.
    pub gate: TcpListener,
    /// The domain's own socket, in its own namespace.
    pub listener: TcpListener,
    /// Its certificate.
    pub config: Arc<ServerConfig>,
}

/// Starts the search server and opens the domain's socket.
///
/// # Errors
/// When the kernel refuses or the server is not installed.
pub(crate) fn start(
    keeper: &Keeper,
    layers: &Layers,
    authority: &Authority,
    domain: &str,
    region: &str,
    address: Ipv4Addr,
) -> Result<StartedSearch> {
    let name = guest(domain);
    network::create_guest(&name, address, None)?;
    let listener = network::inside(&name, move || {
        let listener = StdListener::bind((address, PORT))
            .map_err(Error::io(format!("cannot listen on `{address}:{PORT}`")))?;
        listener
            .set_nonblocking(true)
            .map_err(Error::io("cannot create a socket non-blocking"))?;
        Ok(listener)
    })?;
    let upstream = free_address()?;
    let mut command = dies_with_daemon(layers.search_server()?);
    command
        .arg("-addr")
        .arg(upstream.to_string())
        .args(["-no-stdin-watch", "-no-ja"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let server = keeper.spawn(command).map_err(Error::io(format!(
        "cannot start the search server of `{domain}`"
    )))?;
    let config = authority
        .issue(&[endpoint(domain, region)])?
        .server_config()?;
    let listener = TcpListener::from_std(listener).map_err(Error::io("cannot watch a socket"))?;
    let gate = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("cannot listen"))?;
    gate.set_nonblocking(true)
        .map_err(Error::io("cannot create a socket non-blocking"))?;
    let gate = TcpListener::from_std(gate).map_err(Error::io("cannot watch a socket"))?;
    Ok(StartedSearch {
        server,
        upstream,
        gate,
        listener,
        config,
    })
}

/// Whether the search server accepts connections.
pub(crate) fn ready(upstream: SocketAddr) -> bool {
    StdStream::connect_timeout(&upstream, Duration::from_millis(200)).is_ok()
}

/// An address on the cloud's loopback that nobody listens on.
fn free_address() -> Result<SocketAddr> {
    let failed = || Error::io("cannot find a free port");
    StdListener::bind((Ipv4Addr::LOCALHOST, 0))
        .map_err(failed())?
        .local_addr()
        .map_err(failed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_looks_like_one_of_aws_and_stays_the_same() {
        let name = endpoint("demo", "us-east-1");
        assert_eq!(name, endpoint("demo", "us-east-1"));
        assert_ne!(name, endpoint("demo2", "us-east-1"));
        let drawn = name
            .strip_prefix("vpc-demo-")
            .unwrap()
            .strip_suffix(".us-east-1.es.amazonaws.com")
            .unwrap();
        assert_eq!(drawn.len(), 26);
    }
}
