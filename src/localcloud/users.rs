//! Who uses the local cloud: processes of the operator that are in its network namespace, such
//! as an `up` that runs or a tunnel that is open. Reads `/proc` alone.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::cgroup;
use super::state::{CLOUD_NETNS, netns_path};

/// A process that talks to the local cloud and is no part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudUser {
    /// Its process id.
    pub pid: i32,
    /// Its command line.
    pub command: String,
}

/// The operator's processes in the cloud's network namespace, this one left out.
#[must_use]
pub fn users() -> Vec<CloudUser> {
    let Ok(namespace) = fs::metadata(netns_path(CLOUD_NETNS)) else {
        return Vec::new();
    };
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let members = cgroup::members();
    let mut users = users_of(Path::new("/proc"), namespace.ino());
    users.retain(|user| user.pid != own && !members.contains(&user.pid));
    users
}

/// The processes with a thread in a network namespace.
fn users_of(proc: &Path, namespace: u64) -> Vec<CloudUser> {
    let wanted = format!("net:[{namespace}]");
    let entries = |directory: &Path| fs::read_dir(directory).into_iter().flatten().flatten();
    let mut users: Vec<CloudUser> = entries(proc)
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            // Threads enter the namespace one by one: the first may well be outside.
            let inside = entries(&entry.path().join("task")).any(|thread| {
                fs::read_link(thread.path().join("ns/net"))
                    .is_ok_and(|link| link.to_str() == Some(wanted.as_str()))
            });
            inside.then(|| CloudUser {
                pid,
                command: command_line(&entry.path()),
            })
        })
        .collect();
    users.sort_by_key(|user| user.pid);
    users
}

fn command_line(process: &Path) -> String {
    let bytes = fs::read(process.join("cmdline")).unwrap_or_default();
    let words: Vec<String> = bytes
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    // The whole path of the program is of no use to anybody.
    let Some((program, arguments)) = words.split_first() else {
        return String::new();
    };
    let program = program.rsplit('/').next().unwrap_or(program);
    std::iter::once(program)
        .chain(arguments.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(proc: &Path, pid: i32, command: &str, threads: &[(i32, u64)]) {
        for (thread, namespace) in threads {
            let directory = proc.join(format!("{pid}/task/{thread}/ns"));
            fs::create_dir_all(&directory).unwrap();
            std::os::unix::fs::symlink(format!("net:[{namespace}]"), directory.join("net"))
                .unwrap();
        }
        fs::write(proc.join(format!("{pid}/cmdline")), command).unwrap();
    }

    #[test]
    fn a_process_with_one_thread_inside_uses_the_cloud() {
        let proc = tempfile::tempdir().unwrap();
        process(
            proc.path(),
            7,
            "/usr/bin/loadrig\0up\0demo\0",
            &[(7, 1), (8, 42)],
        );
        process(proc.path(), 9, "bash\0", &[(9, 1)]);
        fs::create_dir_all(proc.path().join("sys")).unwrap();
        assert_eq!(
            users_of(proc.path(), 42),
            [CloudUser {
                pid: 7,
                command: "loadrig up demo".to_owned()
            }]
        );
    }
}
