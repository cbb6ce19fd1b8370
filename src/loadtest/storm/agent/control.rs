//! The way to a worker that is at work: a unix socket, on which it is told to stop or to change
//! its rate.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream as BlockingStream;
use std::time::{Duration, Instant};

use loadrig_storm::{StormControl, StormResult};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use super::directory::{StormDirectory, now_ms};
use super::error::StormAgentError;
use crate::loadtest::storm::wire::{StatusStage, StormGap, StormOutcome};

/// What the worker answers to a message that it has taken.
const TAKEN: &[u8] = b"ok\n";
/// A message is far shorter.
const LONGEST_MESSAGE: u64 = 1024;
/// How long a worker may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a worker that has ended may take to be started again.
const RESTART: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(100);

/// Listens for messages, for as long as the process lives.
pub(super) fn listen(
    directory: &StormDirectory,
    messages: mpsc::Sender<StormControl>,
) -> Result<(), StormAgentError> {
    // Of a worker that was interrupted: this one has the lock.
    directory.remove("control.sock")?;
    let listener = UnixListener::bind(directory.socket())
        .map_err(|source| directory.failed("control.sock", source))?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(take(stream, messages.clone()));
        }
    });
    Ok(())
}

/// Takes a message; says what is wrong with one that is none.
async fn take(mut stream: UnixStream, messages: mpsc::Sender<StormControl>) {
    let mut text = Vec::new();
    let read = (&mut stream)
        .take(LONGEST_MESSAGE)
        .read_to_end(&mut text)
        .await;
    let answer = match read.map(|_| serde_json::from_slice(&text)) {
        Ok(Ok(message)) => match messages.send(message).await {
            Ok(()) => TAKEN.to_vec(),
            Err(_) => b"the storm is over\n".to_vec(),
        },
        Ok(Err(error)) => format!("not understood: {error}\n").into_bytes(),
        Err(error) => format!("not received: {error}\n").into_bytes(),
    };
    if let Err(error) = stream.write_all(&answer).await {
        tracing::debug!(%error, "whoever said it is gone");
    }
}

/// Whether a worker listens.
pub(super) fn is_listening(directory: &StormDirectory) -> bool {
    BlockingStream::connect(directory.socket()).is_ok()
}

/// Tells the worker something. A storm whose worker has ended for good is ended by `Stop`: its
/// outcome is what the last checkpoint has.
///
/// # Errors
/// When there is no storm, it is over, or its worker does not answer.
pub fn control(directory: &StormDirectory, message: StormControl) -> Result<(), StormAgentError> {
    let since = Instant::now();
    loop {
        let status = directory.status()?.ok_or(StormAgentError::NoStorm)?;
        match status.stage {
            StatusStage::Ended => return Err(StormAgentError::Over),
            StatusStage::Waiting | StatusStage::Running if is_listening(directory) => {
                return say(directory, message);
            }
            _ if since.elapsed() < RESTART => std::thread::sleep(LOOK),
            StatusStage::Interrupted if message == StormControl::Stop => {
                return conclude(directory);
            }
            StatusStage::Interrupted => return Err(StormAgentError::Interrupted),
            StatusStage::Waiting | StatusStage::Running => {
                return Err(StormAgentError::NoAnswer("nobody listens".into()));
            }
        }
    }
}

fn say(directory: &StormDirectory, message: StormControl) -> Result<(), StormAgentError> {
    let said = || -> std::io::Result<String> {
        let mut stream = BlockingStream::connect(directory.socket())?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_write_timeout(Some(ANSWER))?;
        stream.write_all(&serde_json::to_vec(&message).map_err(std::io::Error::other)?)?;
        stream.shutdown(Shutdown::Write)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    match said() {
        Ok(answer) if answer.as_bytes() == TAKEN => Ok(()),
        Ok(answer) => Err(StormAgentError::NoAnswer(answer.trim().to_owned())),
        Err(error) => Err(StormAgentError::NoAnswer(error.to_string())),
    }
}

/// Makes the last checkpoint the outcome of a storm that nobody carries on.
fn conclude(directory: &StormDirectory) -> Result<(), StormAgentError> {
    // A worker that is started now finds the outcome, or keeps this from being written.
    let Some(_works) = directory.lock("worker.lock")? else {
        return Err(StormAgentError::NoAnswer(
            "it was just started again".into(),
        ));
    };
    let storm = directory.storm()?;
    let reason = "the agent's program ended and was not started again";
    let outcome = match directory.checkpoint()? {
        None => StormOutcome::Failed {
            reason: format!("{reason}; it had measured nothing yet"),
        },
        Some(mut checkpoint) => {
            let from_ms = checkpoint.result.elapsed_ms;
            let by = now_ms().min(storm.latest_end_ms());
            let to_ms = by.saturating_sub(storm.start_ms).max(from_ms);
            let lost_users = checkpoint.lost_by(&directory.plan()?, to_ms);
            let nothing = StormResult::new(now_ms());
            checkpoint.result.resume(&nothing, to_ms, lost_users)?;
            checkpoint.result.cut_short = true;
            checkpoint.gaps.push(StormGap {
                from_ms,
                to_ms,
                reason: reason.to_owned(),
                lost_users,
            });
            StormOutcome::Done {
                result: Box::new(checkpoint.result),
                gaps: checkpoint.gaps,
                server: checkpoint.server,
            }
        }
    };
    directory.keep_outcome(&outcome)
}
