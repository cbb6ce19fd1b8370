//! Where the local cloud keeps what it has, under which names, and how it knows
//! its own processes again. Knows no behaviour.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};

/// The namespace that holds the endpoint, the names and the routes.
pub(crate) const CLOUD_NETNS: &str = "loadrig-cloud";
/// What every other namespace's name starts with.
pub(crate) const GUEST_NETNS_PREFIX: &str = "lr-";
/// Where `ip netns` keeps the namespaces' names.
pub(crate) const NETNS_DIR: &str = "/run/netns";
/// State, logs, names and trust of the running cloud; memory-backed.
pub(crate) const RUN_DIR: &str = "/run/loadrig";
/// Disks of the hosts.
pub(crate) const DISK_DIR: &str = "/var/lib/loadrig/local";

/// The address that the operator's connections come from, as hosts see it.
pub(crate) const OPERATOR: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 1);
/// The public AWS endpoints (S3 and the like), as hosts reach them.
pub(crate) const SERVICES: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 2);
/// Where hosts reach servers of the internet that are none of AWS's: whatever somebody runs at this
/// address in the cloud's network.
pub(crate) const OUTSIDE: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 3);
/// Amazon's DNS server in every VPC.
pub(crate) const RESOLVER: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 253);
/// The instance metadata service.
pub(crate) const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// Every host's gateway: the cloud's end of its cable.
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);

/// Port of the endpoint that loadrig talks to, on the cloud's loopback.
pub(crate) const ENDPOINT_PORT: u16 = 4566;
/// Port of moto behind it.
pub(crate) const MOTO_PORT: u16 = 4567;

/// The file that says that a cloud runs.
pub(crate) fn cloud_file() -> PathBuf {
    Path::new(RUN_DIR).join("cloud.json")
}

/// The daemon's log.
pub(crate) fn log_file() -> PathBuf {
    Path::new(RUN_DIR).join("daemon.log")
}

/// Path of the cloud's namespace, for `setns`.
pub(crate) fn netns_path(name: &str) -> PathBuf {
    Path::new(NETNS_DIR).join(name)
}

/// A process, told apart from a later one with the same id by its start time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DaemonProcess {
    /// DaemonProcess id.
    pub pid: i32,
    /// Clock ticks since boot when it started.
    pub started: u64,
}

impl DaemonProcess {
    /// The process that has this id now.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(Self {
            pid,
            started: start_time(&stat)?,
        })
    }

    /// Whether this very process still runs.
    pub(crate) fn alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }
}

/// The start time in a line of `/proc/PID/stat`, unless the process is a zombie.
/// Its second field is the program's name in brackets, which may hold anything.
fn start_time(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// What `cloud.json` holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CloudFile {
    /// Format of this file.
    pub version: u32,
    pub daemon: DaemonProcess,
    /// URL of the endpoint, inside the cloud's namespace.
    pub endpoint: String,
    /// The one region it answers for.
    pub region: String,
}

impl CloudFile {
    /// Format that this build reads and writes.
    pub(crate) const VERSION: u32 = 1;

    /// The running cloud's file, if its daemon is alive.
    pub(crate) fn of_running() -> Option<Self> {
        let text = fs::read_to_string(cloud_file()).ok()?;
        let file: Self = serde_json::from_str(&text).ok()?;
        (file.version == Self::VERSION && file.daemon.alive()).then_some(file)
    }

    /// Writes the file in one step.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn write(&self) -> Result<()> {
        let path = cloud_file();
        let partial = path.with_extension("partial");
        let failed = || format!("cannot write `{}`", path.display());
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::io(failed())(error.into()))?;
        fs::write(&partial, text).map_err(Error::io(failed()))?;
        fs::rename(&partial, &path).map_err(Error::io(failed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_found_behind_any_program_name() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 8675309 1000 200";
        assert_eq!(start_time(stat), Some(8_675_309));
    }

    #[test]
    fn a_zombie_is_not_alive() {
        let stat = "42 (x) Z 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 8675309 1000 200";
        assert_eq!(start_time(stat), None);
    }

    #[test]
    fn a_reused_process_id_is_another_process() {
        let own = DaemonProcess::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(own.alive());
        assert!(
            !DaemonProcess {
                started: own.started + 1,
                ..own
            }
            .alive()
        );
    }
}
