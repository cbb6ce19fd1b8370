//! A control group for the cloud itself and one for every host: how the local
//! cloud finds its own processes again, whatever happened to its records. Works
//! on plain cgroup v2 and on the hybrid layout (v1 controllers beside a v2 tree).

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::{Error, Result};

/// Where the kernel's control groups are mounted.
const MOUNT: &str = "/sys/fs/cgroup";
/// Our group in every tree.
const GROUP: &str = "loadrig";
/// The daemon's group, with moto and dnsmasq in it.
pub(crate) const CLOUD: &str = "cloud";

/// The trees that hosts are put into. On the hybrid layout systemd in a host
/// needs the v2 tree and its own v1 one; the memory tree is there to account.
fn trees() -> Vec<PathBuf> {
    let mount = Path::new(MOUNT);
    if mount.join("cgroup.controllers").exists() {
        return vec![mount.to_owned()];
    }
    ["unified", "systemd", "memory"]
        .iter()
        .map(|tree| mount.join(tree))
        .filter(|tree| tree.join("cgroup.procs").exists())
        .collect()
}

/// Our groups, one per tree, whether they exist or not.
pub(crate) fn groups() -> Vec<PathBuf> {
    trees().into_iter().map(|tree| tree.join(GROUP)).collect()
}

/// Makes a group in every tree and returns their directories.
///
/// # Errors
/// When the kernel refuses.
pub(crate) fn create(name: &str) -> Result<Vec<PathBuf>> {
    let mut directories = Vec::new();
    for tree in trees() {
        let group = tree.join(GROUP);
        let directory = group.join(name);
        fs::create_dir_all(&directory).map_err(Error::io(format!(
            "cannot create the control group `{}`",
            directory.display()
        )))?;
        if tree == Path::new(MOUNT) {
            // Controllers are a comfort (limits inside hosts), not a need.
            for parent in [&tree, &group] {
                let _ = fs::write(parent.join("cgroup.subtree_control"), "+cpu +memory +pids");
            }
        }
        directories.push(directory);
    }
    if directories.is_empty() {
        return Err(Error::Unable {
            reason: format!("no control groups are mounted at `{MOUNT}`"),
            hint: "mount cgroup v2 there".into(),
        });
    }
    Ok(directories)
}

/// Moves this process into a group, made if need be.
///
/// # Errors
/// When the kernel refuses.
pub(crate) fn join(name: &str) -> Result<()> {
    for directory in create(name)? {
        fs::write(directory.join("cgroup.procs"), "0").map_err(Error::io(format!(
            "cannot join the control group `{}`",
            directory.display()
        )))?;
    }
    Ok(())
}

/// Moves this process back to the top, so that our groups can go.
pub(crate) fn leave() {
    for tree in trees() {
        // Where this fails the group stays and the next stop removes it.
        let _ = fs::write(tree.join("cgroup.procs"), "0");
    }
}

/// Every process in our groups, other than this one.
pub(crate) fn members() -> BTreeSet<i32> {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let mut found = BTreeSet::new();
    for group in groups() {
        for directory in directories_below(&group) {
            let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
            found.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
        }
    }
    // 0 stands for a process of a namespace that this one cannot see.
    found.retain(|&pid| pid != own && pid > 0);
    found
}

/// Removes a host's groups. Groups that are still busy stay.
pub(crate) fn remove(name: &str) {
    for group in groups() {
        remove_tree(&group.join(name));
    }
}

/// Removes all our groups. Groups that are still busy stay.
pub(crate) fn remove_all() {
    for group in groups() {
        remove_tree(&group);
    }
}

/// Groups go leaf by leaf with `rmdir`; their files cannot be unlinked.
fn remove_tree(directory: &Path) {
    for directory in directories_below(directory).iter().rev() {
        match fs::remove_dir(directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::debug!(group = %directory.display(), %error, "control group stays");
            }
            _ => {}
        }
    }
}

/// A directory and all below it, parents first; nothing if it does not exist.
pub(crate) fn directories_below(directory: &Path) -> Vec<PathBuf> {
    if !directory.is_dir() {
        return Vec::new();
    }
    let mut found = vec![directory.to_owned()];
    let mut next = 0;
    while let Some(directory) = found.get(next).cloned() {
        next += 1;
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                found.push(entry.path());
            }
        }
    }
    found
}
