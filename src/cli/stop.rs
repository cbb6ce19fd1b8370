//! Ctrl-C: the first stops starting, the second stops waiting.

use tokio::sync::watch;

use crate::engine::Urgency;
use crate::events::Events;

/// Listens for SIGINT and SIGTERM for the rest of the process's life.
#[must_use]
pub fn listen(events: &Events) -> watch::Receiver<Urgency> {
    let (tell, stop) = watch::channel(Urgency::None);
    let events = events.clone();
    tokio::spawn(async move {
        let mut urgency = Urgency::None;
        loop {
            if wait().await.is_err() {
                return;
            }
            urgency = match urgency {
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
            if tell.send(urgency).is_err() {
                return;
            }
        }
    });
    stop
}

#[cfg(unix)]
async fn wait() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupt = tokio::signal::ctrl_c() => interrupt,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn wait() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
