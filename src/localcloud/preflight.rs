//! Whether this machine can run a local cloud, told in one sentence if not.

use std::env;
use std::path::Path;

use super::command::run;
use super::error::{Error, Result};

/// Programs that the local cloud calls, and the Debian package of each.
const PROGRAMS: [(&str, &str); 11] = [
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("dnsmasq", "dnsmasq-base"),
    ("mmdebstrap", "mmdebstrap"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("pivot_root", "util-linux"),
    ("openssl", "openssl"),
    ("ssh", "openssh-client"),
    ("python3", "python3-venv"),
];

/// Checks that this machine can run a local cloud.
///
/// # Errors
/// [`Error::Unable`] with the first thing that is missing and how to get it.
pub fn preflight() -> Result<()> {
    let unable = |reason: String, hint: &str| {
        Err(Error::Unable {
            reason,
            hint: hint.into(),
        })
    };
    if !nix::unistd::geteuid().is_root() {
        return unable(
            "it needs root, for network namespaces and mounts".into(),
            "run the same command with `sudo`",
        );
    }
    let missing = missing_packages();
    if !missing.is_empty() {
        let packages = missing.join(" ");
        return unable(
            format!("the Debian package(s) `{packages}` are not installed"),
            &format!("run `apt-get install --no-install-recommends {packages}`"),
        );
    }
    if !std::fs::read_to_string("/proc/filesystems").is_ok_and(|text| text.contains("overlay")) {
        // The module may exist and not be loaded; loading it is all there is to try.
        if run("load the overlay file system", "modprobe", &["overlay"]).is_err() {
            return unable(
                "the kernel has no overlay file system".into(),
                "use a kernel with `CONFIG_OVERLAY_FS`",
            );
        }
    }
    if let Err(error) = run(
        "try namespaces",
        "unshare",
        &[
            "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--net", "--fork", "true",
        ],
    ) {
        return unable(
            format!("it does not permit new namespaces ({error})"),
            "run on a machine or virtual machine of your own, or in a privileged container",
        );
    }
    Ok(())
}

/// Packages whose programs are not there.
fn missing_packages() -> Vec<&'static str> {
    let mut missing: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(program, _)| !installed(program))
        .map(|&(_, package)| package)
        .collect();
    // `python3` alone cannot make environments: Debian keeps that part apart.
    if !missing.contains(&"python3-venv")
        && run(
            "look for venv",
            "/usr/bin/python3",
            &["-c", "import ensurepip"],
        )
        .is_err()
    {
        missing.push("python3-venv");
    }
    missing.dedup();
    missing
}

/// Whether a program is on the path, or where the system's own ones are.
fn installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into(), "/usr/bin".into()])
        .any(|directory| Path::new(&directory).join(program).is_file())
}
