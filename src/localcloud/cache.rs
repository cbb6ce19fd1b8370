//! An ElastiCache replication group as a host: one Redis server on a private address of its
//! subnets, at the names of all its endpoints. It keeps nothing on disk, as a cache does not.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Child;
use std::time::Duration;

use super::cloud_view::CacheView;
use super::error::{Error, Result};
use super::guest::{self, Boot, Disk, ROOT};
use super::image::Layers;
use super::keeper::Keeper;
use super::network;

/// The port of every cache.
const PORT: u16 = 6379;
/// Where the server's configuration lies in the host.
const CONFIGURATION: &str = "/etc/loadrig/redis.conf";
/// How long the server may take to answer when it is there.
const ANSWER: Duration = Duration::from_millis(200);

/// Commands that ElastiCache refuses ("Supported and restricted commands", Amazon ElastiCache
/// User Guide).
const RESTRICTED: [&str; 10] = [
    "BGREWRITEAOF",
    "BGSAVE",
    "CONFIG",
    "DEBUG",
    "MIGRATE",
    "REPLICAOF",
    "SAVE",
    "SHUTDOWN",
    "SLAVEOF",
    "SYNC",
];

/// Name of a cache's host.
pub(crate) fn guest(id: &str) -> String {
    format!("cache-{id}")
}

/// Makes the disk and the namespace, and boots.
///
/// # Errors
/// When the cache cannot be made real, or the kernel or file system refuses.
pub(crate) fn start(
    keeper: &Keeper,
    layers: &Layers,
    cache: &CacheView,
    address: Ipv4Addr,
) -> Result<Child> {
    if cache.encrypted {
        return Err(Error::Unsupported(format!(
            "cache `{}` has encryption in transit; the local cloud has caches without it alone",
            cache.id
        )));
    }
    let name = guest(&cache.id);
    let disk = Disk::open(&name)?;
    disk.write(CONFIGURATION, &configuration(), 0o644, ROOT)?;
    network::create_guest(&name, address, None)?;
    guest::boot(
        keeper,
        &Boot {
            guest: name,
            hostname: guest::aws_hostname(address),
            layers: layers.of_services(),
            init: format!(
                "setpriv --reuid=redis --regid=redis --init-groups /usr/bin/redis-server {CONFIGURATION}"
            ),
            input: None,
        },
    )
}

/// Whether the server answers. Asked inside the host: its security groups need not admit us.
pub(crate) fn ready(id: &str, address: Ipv4Addr) -> bool {
    network::inside(&guest(id), move || Ok(answers((address, PORT).into()))).unwrap_or(false)
}

fn answers(server: SocketAddr) -> bool {
    let ping = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&server, ANSWER)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer)?;
        Ok(&answer == b"+PONG\r\n")
    };
    ping().unwrap_or(false)
}

/// The server's configuration: what ElastiCache sets, and what a server among others on one
/// machine needs.
fn configuration() -> String {
    let restricted = RESTRICTED.map(|command| format!("rename-command {command} \"\"\n"));
    format!(
        "bind *\nport {PORT}\nprotected-mode no\ndaemonize no\nsave \"\"\nappendonly no\n\
         maxmemory 128mb\nmaxmemory-policy volatile-lru\n{}",
        restricted.concat()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_keeps_nothing_on_disk_and_is_not_administered_by_its_clients() {
        let text = configuration();
        assert!(text.contains("save \"\"\n") && text.contains("appendonly no\n"));
        assert!(text.contains("rename-command CONFIG \"\"\n"), "{text}");
    }
}
