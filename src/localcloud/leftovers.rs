//! What the local cloud leaves on a machine: finds it and removes it, without
//! trusting any record of its own. The same code ends a healthy cloud, clears up
//! after a crash, and proves that nothing is left.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::cgroup;
use super::command::run;
use super::error::{Error, Result};
use super::guest::remove_directory;
use super::limits;
use super::network;
use super::state::{CLOUD_NETNS, DISK_DIR, GUEST_NETNS_PREFIX, NETNS_DIR, RUN_DIR};

/// How long all may take to be gone once killed.
const ALL_GONE: Duration = Duration::from_secs(15);
/// Pause before looking again whether it is.
const PAUSE: Duration = Duration::from_millis(10);

/// One thing of the local cloud that exists on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// What kind: one of the names that [`check_leftovers`] gives.
    pub kind: &'static str,
    /// Which one.
    pub what: String,
}

/// One kind of thing that was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineCheck {
    /// What kind.
    pub kind: &'static str,
    /// Where was looked.
    pub place: String,
    /// How many were found.
    pub found: usize,
}

const PROCESSES: &str = "processes";
const NAMESPACES: &str = "network namespaces";
const MOUNTS: &str = "mounts";
const GROUPS: &str = "control groups";
const RULES: &str = "nftables rules";
const CABLES: &str = "network interfaces";
const FILES: &str = "files";

/// Everything of the local cloud that exists on this machine now.
///
/// # Errors
/// When the machine's own tools fail.
pub fn find_leftovers() -> Result<Vec<Leftover>> {
    let mut found = Vec::new();
    let mut add = |kind, what: String| found.push(Leftover { kind, what });
    for pid in cgroup::members() {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        add(PROCESSES, format!("{pid} {}", name.trim()));
    }
    for netns in namespaces() {
        add(NAMESPACES, netns);
    }
    let mounts =
        fs::read_to_string("/proc/self/mounts").map_err(Error::io("cannot read the mounts"))?;
    for target in mounts.lines().filter_map(|line| line.split(' ').nth(1)) {
        if target.starts_with(DISK_DIR)
            || target.starts_with(RUN_DIR)
            || is_ours(target.trim_start_matches("/run/netns/"))
        {
            add(MOUNTS, target.to_owned());
        }
    }
    for group in cgroup::groups() {
        for directory in cgroup::directories_below(&group) {
            add(GROUPS, directory.display().to_string());
        }
    }
    // Only root may list them, and only root can have made them.
    if nix::unistd::geteuid().is_root() {
        let tables = run("list nftables", "nft", &["list", "tables"])?;
        for table in tables.lines().filter(|line| line.contains("loadrig")) {
            add(RULES, table.to_owned());
        }
    }
    for entry in fs::read_dir("/sys/class/net")
        .map_err(Error::io("cannot list network interfaces"))?
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name
            .strip_prefix("lr")
            .is_some_and(|rest| rest.len() == 8 && u32::from_str_radix(rest, 16).is_ok())
        {
            add(CABLES, name);
        }
    }
    for directory in [RUN_DIR, DISK_DIR] {
        if Path::new(directory).exists() {
            add(FILES, directory.to_owned());
        }
    }
    Ok(found)
}

/// What [`find_leftovers`] looks at, with how many of each it found.
///
/// # Errors
/// When the machine's own tools fail.
pub fn check_leftovers() -> Result<Vec<MachineCheck>> {
    let found = find_leftovers()?;
    let group = cgroup::groups()
        .iter()
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(", ");
    let places = [
        (PROCESSES, format!("members of {group}")),
        (
            NAMESPACES,
            format!("{NETNS_DIR}/{CLOUD_NETNS}, {NETNS_DIR}/{GUEST_NETNS_PREFIX}*"),
        ),
        (MOUNTS, format!("below {DISK_DIR}, {RUN_DIR}, {NETNS_DIR}")),
        (GROUPS, group),
        (RULES, "tables named `loadrig`".into()),
        (CABLES, "interfaces named `lr` and an address".into()),
        (FILES, format!("{RUN_DIR}, {DISK_DIR}")),
    ];
    Ok(places
        .into_iter()
        .map(|(kind, place)| MachineCheck {
            kind,
            place,
            found: found.iter().filter(|trace| trace.kind == kind).count(),
        })
        .collect())
}

/// Removes everything of the local cloud, whatever state it is in. With
/// `keep_log` the state directory stays, for what the daemon wrote there.
///
/// # Errors
/// [`Error::Left`] when something would not go.
pub(crate) fn remove_leftovers(keep_log: bool) -> Result<()> {
    let deadline = Instant::now() + ALL_GONE;
    limits::restore();
    loop {
        kill_all(deadline)?;
        remove_all(keep_log);
        if keep_log {
            return Ok(());
        }
        // A group is busy, and a mount held, for a moment after the last process in it.
        let left = find_leftovers()?;
        let Some(first) = left.first() else {
            return Ok(());
        };
        if Instant::now() > deadline {
            return Err(Error::Left {
                count: left.len(),
                first: format!("{} `{}`", first.kind, first.what),
            });
        }
        std::thread::sleep(PAUSE);
    }
}

/// Removes what processes leave. What would not go is still there afterwards.
fn remove_all(keep_log: bool) {
    let netns = namespaces();
    std::thread::scope(|scope| {
        // The kernel takes its time over each namespace, and over many at once no more.
        for name in &netns {
            scope.spawn(move || network::delete_netns(name));
        }
        for entry in fs::read_dir(DISK_DIR).into_iter().flatten().flatten() {
            scope.spawn(move || remove_directory(&entry.path()));
        }
    });
    remove_directory(Path::new(DISK_DIR));
    if let Some(parent) = Path::new(DISK_DIR).parent() {
        // Only if nothing else is in it.
        let _ = fs::remove_dir(parent);
    }
    cgroup::remove_all();
    if !keep_log {
        remove_directory(Path::new(RUN_DIR));
    }
}

/// Kills every process in our groups until none is left.
fn kill_all(deadline: Instant) -> Result<()> {
    let mut members = cgroup::members();
    while let Some(&first) = members.first() {
        if Instant::now() > deadline {
            return Err(Error::Left {
                count: members.len(),
                first: format!("process `{first}`"),
            });
        }
        for &pid in &members {
            // Gone in the meantime is what we want.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        std::thread::sleep(PAUSE);
        members = cgroup::members();
    }
    Ok(())
}

/// Our network namespaces, hosts' first.
fn namespaces() -> Vec<String> {
    let names: BTreeSet<String> = fs::read_dir(NETNS_DIR)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| is_ours(name))
        .collect();
    let (cloud, mut hosts): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|name| name == CLOUD_NETNS);
    hosts.extend(cloud);
    hosts
}

fn is_ours(netns: &str) -> bool {
    netns == CLOUD_NETNS || netns.starts_with(GUEST_NETNS_PREFIX)
}
