//! What hosts are told of a scenario's events: the commands, and what their answers mean.

use std::time::Duration;

use jiff::SignedDuration;

use crate::loadtest::scenario::ServiceLoss;

/// What runs on the host.
pub const LOSS_PROGRAM: &str = include_str!("loss.sh");
/// Services of events are named after it, with the event's number.
const UNIT: &str = "loadrig-event";
/// Where hosts write down what was done; emptied before each storm.
const DIRECTORY: &str = "/run/loadrig-events";
/// How long a service may take to start again.
const START: Duration = Duration::from_mins(10);

/// What a host wrote down of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventNotes {
    /// When it was done, milliseconds since 1970 by the host's clock.
    pub begin_ms: Option<u64>,
    /// When it was over.
    pub end_ms: Option<u64>,
    /// What went wrong.
    pub failure: Option<String>,
}

/// Ends and forgets the events of earlier storms.
#[must_use]
pub fn clear_events() -> String {
    format!(
        "sudo -n sh -c 'systemctl stop \"{UNIT}-*\" 2>/dev/null || :; rm -rf {DIRECTORY}; \
         install -d -m 755 {DIRECTORY}'"
    )
}

/// Has a service killed at a moment, milliseconds since 1970, by a service of its own that needs no
/// connection. It starts the other again after its time, when it is stopped, and after `longest` at
/// the latest. The program comes by standard input.
#[must_use]
pub fn arm_loss(number: usize, loss: &ServiceLoss, at_ms: u64, longest: Duration) -> String {
    let down = loss.down.map_or_else(
        || "infinity".to_owned(),
        |down: SignedDuration| format!("{}.{:03}", down.as_secs(), down.subsec_millis()),
    );
    let program = format!("{DIRECTORY}/{number}/loss.sh");
    let unit = loss.unit;
    format!(
        "sudo -n sh -c 'set -e; install -d -m 755 {DIRECTORY}/{number}; cat >{program}; \
         exec systemd-run --quiet --collect --unit={UNIT}-{number} \
         --property=RuntimeMaxSec={} --property=TimeoutStopSec={} \
         --property=\"ExecStopPost=/bin/sh {program} back {unit} {number}\" \
         /bin/sh {program} lose {unit} {number} {at_ms} {down}'",
        longest.as_secs().max(1),
        START.as_secs(),
    )
}

/// Writes down that an event begins, if nobody else has: it fails then.
#[must_use]
pub fn claim_event(number: usize) -> String {
    format!("sudo -n sh -c 'mkdir {DIRECTORY}/{number} && date +%s%3N >{DIRECTORY}/{number}/begin'")
}

/// Writes down that an event is over, or with standard input what went wrong.
#[must_use]
pub fn finish_event(number: usize) -> String {
    format!(
        "sudo -n sh -c 'cd {DIRECTORY}/{number} && cat >failure.new && \
         if [ -s failure.new ]; then mv failure.new failure; else date +%s%3N >end; fi'"
    )
}

/// Ends an event and reads what was written down. A service that is down runs again afterwards.
#[must_use]
pub fn collect_event(number: usize) -> String {
    format!(
        "sudo -n sh -c 'systemctl stop {UNIT}-{number} 2>/dev/null || :; cd {DIRECTORY}/{number} 2>/dev/null || exit 0; \
         for note in begin end failure; do [ ! -e $note ] || echo $note $(cat $note); done'"
    )
}

impl EventNotes {
    /// Reads the answer to [`collect_event`].
    #[must_use]
    pub fn read(text: &str) -> Self {
        let note = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once(' '));
            lines.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        Self {
            begin_ms: note("begin").and_then(|ms| ms.parse().ok()),
            end_ms: note("end").and_then(|ms| ms.parse().ok()),
            failure: note("failure").map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::spec::{HostName, Role};

    #[test]
    fn notes_are_read_whatever_is_missing() {
        let notes = EventNotes::read("begin 1764538000123\nfailure nginx was not running\n");
        assert_eq!(notes.begin_ms, Some(1_764_538_000_123));
        assert_eq!(notes.end_ms, None);
        assert_eq!(notes.failure.as_deref(), Some("nginx was not running"));
        assert_eq!(EventNotes::read(""), EventNotes::default());
    }

    #[test]
    fn a_loss_without_an_end_lasts_until_it_is_ended() {
        let loss = |down| ServiceLoss {
            host: HostName {
                role: Role::App,
                index: 1,
            },
            unit: "mattermost",
            down,
        };
        let command = |down| arm_loss(2, &loss(down), 5, Duration::from_mins(40));
        assert!(command(None).contains("lose mattermost 2 5 infinity'"));
        let short = command(Some(SignedDuration::from_millis(20_500)));
        assert!(short.contains("lose mattermost 2 5 20.500'"), "{short}");
        assert!(short.contains("RuntimeMaxSec=2400"), "{short}");
    }

    /// Runs the program with a `systemctl` that writes down what it is asked.
    fn run_loss(script: &str, is_active: bool) -> (String, EventNotes) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let events = path.join("events");
        std::fs::create_dir_all(events.join("1")).unwrap();
        let program = LOSS_PROGRAM.replace(DIRECTORY, events.to_str().unwrap());
        std::fs::write(path.join("loss.sh"), program).unwrap();
        let systemctl = format!(
            "#!/bin/sh\necho \"$@\" >>{}\n[ \"$1\" != is-active ] || exit {}\n",
            path.join("asked").display(),
            i32::from(!is_active)
        );
        let stub = path.join("systemctl");
        std::fs::write(&stub, systemctl).unwrap();
        std::fs::set_permissions(&stub, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let output = Command::new("sh")
            .current_dir(path)
            .env(
                "PATH",
                format!("{}:{}", path.display(), std::env::var("PATH").unwrap()),
            )
            .args(["-c", script])
            .output()
            .unwrap();
        let collect = "cd events/1; for note in begin end failure; do [ ! -e $note ] || echo $note $(cat $note); done";
        let notes = Command::new("sh")
            .current_dir(path)
            .args(["-c", collect])
            .output()
            .unwrap();
        let asked = std::fs::read_to_string(path.join("asked")).unwrap_or_default();
        let notes = EventNotes::read(&String::from_utf8(notes.stdout).unwrap());
        assert!(output.stderr.is_empty(), "{output:?}");
        (asked, notes)
    }

    #[test]
    fn a_service_is_killed_kept_down_and_started_again() {
        let script = "at=$(($(date +%s%3N) + 250)); \
                      sh loss.sh lose mattermost 1 $at 0.3; sh loss.sh back mattermost 1";
        let (asked, notes) = run_loss(script, true);
        assert_eq!(
            asked,
            "is-active --quiet mattermost\nkill --signal=KILL mattermost\nstop mattermost\n\
             start mattermost\n"
        );
        let took = notes.end_ms.unwrap() - notes.begin_ms.unwrap();
        assert!(took >= 300, "down for {took} ms");
        assert_eq!(notes.failure, None);
    }

    #[test]
    fn what_was_not_lost_is_not_started() {
        let never = "sh loss.sh back nginx 1";
        assert_eq!(
            run_loss(never, true),
            (String::new(), EventNotes::default())
        );
        let script = "sh loss.sh lose nginx 1 0 1; sh loss.sh back nginx 1";
        let (asked, notes) = run_loss(script, false);
        assert_eq!(asked, "is-active --quiet nginx\n");
        assert_eq!(notes.failure.as_deref(), Some("nginx was not running"));
        assert_eq!(notes.begin_ms, None);
    }
}
