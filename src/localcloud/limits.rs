//! Limits of the whole machine that many hosts with systemd run into. Raised while
//! a local cloud runs, and set back afterwards.

use std::fs;
use std::path::{Path, PathBuf};

use super::state::RUN_DIR;

/// What some hundred hosts need: one with systemd holds five inotify instances
/// and a few kernel keys.
const NEEDED: [(&str, u64); 3] = [
    ("/proc/sys/fs/inotify/max_user_instances", 4096),
    ("/proc/sys/fs/inotify/max_user_watches", 524_288),
    ("/proc/sys/kernel/keys/maxkeys", 4000),
];

/// Raises the limits that are lower. Where that is not permitted, fewer hosts run.
pub(crate) fn raise() {
    let mut before = String::new();
    for (path, needed) in NEEDED {
        let Some(current) = read(path).filter(|current| *current < needed) else {
            continue;
        };
        before.push_str(&format!("{path} {current}\n"));
        // Noted first: a crash in between must not lose the old value.
        if let Err(error) = fs::write(record(), &before) {
            tracing::warn!(%error, "the limits of before cannot be noted; they stay as they are");
            return;
        }
        if let Err(error) = fs::write(path, needed.to_string()) {
            tracing::warn!(path, %error, "limit stays low");
        }
    }
}

/// Sets back what [`raise`] raised, unless someone changed it since.
pub(crate) fn restore() {
    let text = fs::read_to_string(record()).unwrap_or_default();
    for (path, before) in parse(&text) {
        let raised = NEEDED
            .iter()
            .find(|(known, _)| *known == path)
            .map(|&(_, needed)| needed);
        if raised.is_some()
            && read(path) == raised
            && let Err(error) = fs::write(path, before.to_string())
        {
            tracing::warn!(path, %error, "limit stays raised");
        }
    }
    // Absent is fine.
    let _ = fs::remove_file(record());
}

fn record() -> PathBuf {
    Path::new(RUN_DIR).join("limits")
}

fn read(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The lines of the record: a path and its value.
fn parse(text: &str) -> impl Iterator<Item = (&str, u64)> {
    text.lines().filter_map(|line| {
        let (path, value) = line.split_once(' ')?;
        Some((path, value.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_line_of_the_record_is_left_out() {
        let text = "/proc/sys/a 128\n/proc/sys/b x\n\n/proc/sys/c 7\n";
        let found: Vec<(&str, u64)> = parse(text).collect();
        assert_eq!(found, [("/proc/sys/a", 128), ("/proc/sys/c", 7)]);
    }
}
