//! Paths on hosts that no file of the operator's may have: what loadrig writes itself, and what a host
//! is reached by.

use super::Role;

/// Directories of loadrig's own, on every host.
const OWN: [&str; 10] = [
    "/var/lib/loadrig/",
    "/opt/loadrig/",
    "/opt/mattermost/",
    "/opt/mattermost.next/",
    "/opt/mattermost.previous/",
    "/etc/mattermost/",
    "/etc/loadrig/",
    "/etc/nginx/tls/",
    "/etc/letsencrypt/",
    "/etc/ssl/rds/",
];

/// What a host would no longer let the operator, or anybody, in by: files and directories.
const ACCESS: [&str; 15] = [
    "/etc/ssh/",
    "/root/.ssh/",
    "/home/",
    "/etc/sudoers",
    "/etc/sudoers.d/",
    "/etc/pam.d/",
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/gshadow",
    "/etc/nsswitch.conf",
    "/etc/network/",
    "/etc/netplan/",
    "/etc/systemd/network/",
    "/etc/cloud/",
];

/// What does not outlive a boot, or is no file system of files.
const VOLATILE: [&str; 5] = ["/run/", "/var/run/", "/proc/", "/sys/", "/dev/"];

/// Files that loadrig writes to hosts of some roles. Everything with `loadrig` in its name is reserved
/// anyway.
const FILES: [(&str, &[Role]); 7] = [
    ("/etc/systemd/system/mattermost.service", &[Role::App]),
    (
        "/etc/systemd/system/mattermost-jobserver.service",
        &[Role::Job],
    ),
    (
        "/etc/nginx/nginx.conf",
        &[Role::App, Role::Job, Role::Proxy],
    ),
    (
        "/etc/nginx/conf.d/mattermost.conf",
        &[Role::App, Role::Proxy],
    ),
    (
        "/etc/nginx/conf.d/search-relay.conf",
        &[Role::App, Role::Job],
    ),
    ("/etc/prometheus/prometheus.yml", &[Role::Metrics]),
    ("/etc/default/prometheus", &[Role::Metrics]),
];

/// What is expected in place of a path that is reserved on hosts of a role; nothing where it is free.
pub(crate) fn reserved(role: Role, path: &str) -> Option<&'static str> {
    // A name without a slash at its end is that file alone; a directory cannot become a file either.
    let is_in = |place: &str| match place.strip_suffix('/') {
        Some(directory) => path.starts_with(place) || path == directory,
        None => path == place,
    };
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_ours = |(file, roles): &(&str, &[Role])| path == *file && roles.contains(&role);
    if OWN.into_iter().any(is_in) {
        Some("expected another directory: this one is loadrig's own")
    } else if name.contains("loadrig") || FILES.iter().any(is_ours) {
        Some("expected another file: loadrig writes this one")
    } else if ACCESS.into_iter().any(is_in) {
        Some(
            "expected another file: with this one the host could lock everybody out; a command in `after` can change it",
        )
    } else if VOLATILE.into_iter().any(is_in) {
        Some("expected a path that outlives a boot")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_loadrig_writes_and_what_lets_people_in_is_reserved() {
        for path in [
            "/etc/nginx/conf.d/mattermost.conf",
            "/etc/nginx/nginx.conf",
            "/etc/systemd/system/mattermost.service",
            "/etc/systemd/system/nginx.service.d/60-loadrig.conf",
            "/etc/ssh/sshd_config",
            "/etc/ssh/sshd_config.d/10-own.conf",
            "/opt/mattermost/config/config.json",
            "/opt/loadrig/bin/loadrig",
            "/var/lib/loadrig/configure.digest",
            "/etc/sudoers",
            "/home/admin/.ssh/authorized_keys",
            "/run/lock/own",
        ] {
            assert!(reserved(Role::App, path).is_some(), "{path}");
        }
    }

    #[test]
    fn what_is_nobodys_is_free() {
        for path in [
            "/etc/motd",
            "/etc/nginx/conf.d/own.conf",
            "/etc/systemd/system/mattermost.service.d/own.conf",
            "/etc/sysctl.d/70-own.conf",
            "/opt/own/agent.yaml",
            "/etc/passwd-policy",
        ] {
            assert_eq!(reserved(Role::App, path), None, "{path}");
        }
        // Agents have no nginx of loadrig's.
        assert_eq!(reserved(Role::Agent, "/etc/nginx/nginx.conf"), None);
    }
}
