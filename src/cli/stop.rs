//! Interrupts: the first stops starting new work, the second stops waiting.

use tokio::sync::watch;

use crate::engine::Urgency;
use crate::events::Events;

use super::failure::Failure;

/// Listens for SIGINT, SIGTERM and SIGHUP for the rest of the process's life.
///
/// On a thread and a runtime of its own: a command listens from its first moment on, before it
/// has entered the network in which the runtime of its work is started.
///
/// # Errors
/// When the system refuses the thread or the signals.
pub(super) fn listen(events: &Events) -> Result<watch::Receiver<Urgency>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            format!("cannot listen for signals: {error}"),
            "check the limits of processes and open files (`ulimit -a`)",
        )
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    // Registered here, so that none is missed while the thread starts.
    let mut signals = {
        let _context = runtime.enter();
        Signals::register().map_err(failed)?
    };
    let (tell, stop) = watch::channel(Urgency::None);
    let events = events.clone();
    let listen = move || {
        runtime.block_on(async {
            while signals.next().await {
                let urgency = match *tell.borrow() {
                    Urgency::None => {
                        events.note(
                            "interrupted: finishing what is in flight (interrupt again to stop waiting)",
                        );
                        Urgency::Drain
                    }
                    Urgency::Drain | Urgency::Now => {
                        events.note("interrupted again: no longer waiting");
                        Urgency::Now
                    }
                };
                let _nobody_listens = tell.send(urgency);
            }
        });
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(listen)
        .map_err(failed)?;
    Ok(stop)
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn register() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: match hang_up_is_ignored() {
                true => None,
                false => Some(signal(SignalKind::hangup())?),
            },
        })
    }

    /// Waits for the next one; `false` when there will be none.
    async fn next(&mut self) -> bool {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            signal = self.interrupt.recv() => signal.is_some(),
            signal = self.terminate.recv() => signal.is_some(),
            signal = hang_up => signal.is_some(),
        }
    }
}

/// Whether the program was started with `nohup`: it then outlives its terminal.
#[cfg(unix)]
fn hang_up_is_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hang_up(&status))
}

/// SIGHUP is signal 1: the lowest bit of the mask.
#[cfg(unix)]
fn ignores_hang_up(status: &str) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn register() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> bool {
        tokio::signal::ctrl_c().await.is_ok()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn nohup_is_detected_from_the_ignored_signals() {
        assert!(ignores_hang_up("Name:\tx\nSigIgn:\t0000000000001001\n"));
        assert!(!ignores_hang_up("Name:\tx\nSigIgn:\t0000000000001000\n"));
        assert!(!ignores_hang_up("Name:\tx\n"));
    }
}
