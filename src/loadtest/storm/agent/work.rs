//! The worker: carries the agent's part of a storm out, says where it stands, and keeps what an
//! interruption must not lose.

use std::net::IpAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use loadrig_storm::{
    StormControl, StormLine, StormPlan, StormPosition, StormResult, run as run_storm,
    source_addresses,
};
use tokio::sync::mpsc;

use super::control;
use super::directory::{StormDirectory, WorkCheckpoint, now_ms};
use super::error::StormAgentError;
use super::journal::JournalWriter;
use crate::loadtest::api::Api;
use crate::loadtest::storm::wire::{StormGap, StormMessage, StormOutcome};
use crate::loadtest::wire::{EntranceRoute, ServerInfo};

/// So late a worker may be at its first start before that counts as an interruption, ms.
const PUNCTUAL_MS: u64 = 1_000;
/// How long the server may take to say which it is, and its name to have an address.
const ASK_SERVER: Duration = Duration::from_secs(5);
/// Lines that wait to be written.
const LINES: usize = 256;
/// Words that wait to be heeded.
const MESSAGES: usize = 16;

/// What had come of the storm when this worker began.
struct WorkBefore {
    result: StormResult,
    /// When this worker began, milliseconds from the start.
    at_ms: u64,
    gaps: Vec<StormGap>,
    server: ServerInfo,
}

/// Carries the storm of a directory out, or what is left of it. Ends at once when it is over.
///
/// # Errors
/// When another worker is at work, or a file cannot be used.
pub async fn work(directory: &StormDirectory) -> Result<(), StormAgentError> {
    let Some(_works) = directory.lock("worker.lock")? else {
        let storm = directory.storm()?;
        return Err(StormAgentError::Busy {
            run: storm.run,
            environment: storm.environment,
            state: "goes on",
        });
    };
    if directory.outcome()?.is_some() {
        return Ok(());
    }
    let storm = directory.storm()?;
    let mut plan = directory.plan()?;
    let mut journal = JournalWriter::open(&directory.lines())
        .map_err(|source| directory.failed("lines.jsonl", source))?;
    let (say, mut messages) = mpsc::channel(MESSAGES);
    control::listen(directory, say.clone())?;
    let (server, sources) = tokio::join!(ask_server(&plan), find_sources(&plan));
    plan.source_addresses = sources;
    await_start(storm.start_ms, &mut plan, &say, &mut messages).await;
    let before = take_up(directory, storm.start_ms, &mut plan)?;
    let server = match &before {
        Some(before) => before.server.clone(),
        None => server,
    };
    if let Some(gap) = before.as_ref().and_then(|before| before.gaps.last()) {
        let said = journal.say(&StormMessage::Gap(gap.clone()));
        said.map_err(|source| directory.failed("lines.jsonl", source))?;
    }
    let (lines, heard) = mpsc::channel(LINES);
    let writer = write_lines(directory.clone(), journal, before.as_ref(), &server, heard);
    let ran = run_storm(plan, messages, lines).await;
    // A panic there is a line that is missing, as a full disk is.
    let written = writer.join().unwrap_or(Ok(()));
    let outcome = match ran {
        Ok(part) => {
            let (result, gaps) = put_together(before.as_ref(), part)?;
            let result = Box::new(result);
            StormOutcome::Done {
                result,
                gaps,
                server,
            }
        }
        Err(error) => StormOutcome::Failed {
            reason: error.to_string(),
        },
    };
    directory.keep_outcome(&outcome)?;
    written
}

/// Which server answers, as long as the storm has not begun; nothing of one that does not.
async fn ask_server(plan: &StormPlan) -> ServerInfo {
    let Some(entrance) = plan.entrances.first() else {
        return ServerInfo::default();
    };
    let route = entrance.connect_to.clone().map(|connect_to| EntranceRoute {
        connect_to,
        port: entrance.port,
        authority: entrance.authority.clone(),
        system: entrance.system,
    });
    let asked = async { Api::new(&entrance.url, route.as_ref())?.ping().await };
    match tokio::time::timeout(ASK_SERVER, asked).await {
        Ok(Ok(server)) => server,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the server does not say which it is");
            ServerInfo::default()
        }
        Err(_) => ServerInfo::default(),
    }
}

/// The addresses of this host that its users come from. As with the server, the start waits for nobody.
async fn find_sources(plan: &StormPlan) -> Vec<IpAddr> {
    let Some(entrance) = plan.entrances.first() else {
        return Vec::new();
    };
    if !plan.source_addresses.is_empty() {
        return plan.source_addresses.clone();
    }
    let found = tokio::time::timeout(ASK_SERVER, source_addresses(entrance)).await;
    let found = found.unwrap_or_default();
    if !found.is_empty() {
        tracing::info!(addresses = ?found, "users come from several addresses");
    }
    found
}

/// Waits for the moment of the start, and heeds what is said meanwhile.
async fn await_start(
    start_ms: u64,
    plan: &mut StormPlan,
    say: &mpsc::Sender<StormControl>,
    messages: &mut mpsc::Receiver<StormControl>,
) {
    let wait = Duration::from_millis(start_ms.saturating_sub(now_ms()));
    let start = tokio::time::sleep(wait);
    tokio::pin!(start);
    loop {
        let message = tokio::select! {
            () = &mut start => return,
            message = messages.recv() => message,
        };
        match message {
            Some(StormControl::Rate(rate)) => {
                plan.resume.get_or_insert_default().rate = rate.max(0.0);
            }
            Some(StormControl::Stop) => {
                // The storm itself hears it first, and says that nothing came of it.
                let _ = say.try_send(StormControl::Stop);
                return;
            }
            None => return,
        }
    }
}

/// Where the plan is by now, if the storm goes on already: an earlier worker was interrupted.
fn take_up(
    directory: &StormDirectory,
    start_ms: u64,
    plan: &mut StormPlan,
) -> Result<Option<WorkBefore>, StormAgentError> {
    let at_ms = now_ms().saturating_sub(start_ms);
    let checkpoint = directory.checkpoint()?;
    if checkpoint.is_none() && at_ms < PUNCTUAL_MS {
        return Ok(None);
    }
    let mut checkpoint = checkpoint.unwrap_or_else(|| WorkCheckpoint {
        result: StormResult::new(start_ms),
        position: StormPosition::default(),
        gaps: Vec::new(),
        server: ServerInfo::default(),
    });
    let from_ms = checkpoint.result.elapsed_ms;
    let position = checkpoint.position_by(plan, at_ms);
    let lost_users = checkpoint.lost_by(plan, at_ms);
    checkpoint.gaps.push(StormGap {
        from_ms,
        to_ms: at_ms,
        reason: "the agent's program ended and was started again".to_owned(),
        lost_users,
    });
    let nothing = StormResult::new(now_ms());
    checkpoint.result.resume(&nothing, at_ms, lost_users)?;
    // An interruption right now must not hide this one.
    checkpoint.position = position;
    directory.keep_checkpoint(&checkpoint)?;
    plan.resume = Some(position);
    plan.deadline_ms = plan.deadline_ms.saturating_sub(at_ms);
    Ok(Some(WorkBefore {
        result: checkpoint.result,
        at_ms,
        gaps: checkpoint.gaps,
        server: checkpoint.server,
    }))
}

/// What this worker measured, after what earlier ones did.
fn put_together(
    before: Option<&WorkBefore>,
    part: StormResult,
) -> Result<(StormResult, Vec<StormGap>), StormAgentError> {
    let Some(before) = before else {
        return Ok((part, Vec::new()));
    };
    let mut whole = before.result.clone();
    whole.resume(&part, before.at_ms, 0)?;
    Ok((whole, before.gaps.clone()))
}

/// Writes lines and checkpoints on a thread of its own: a slow disk must not make users late.
fn write_lines(
    directory: StormDirectory,
    mut journal: JournalWriter,
    before: Option<&WorkBefore>,
    server: &ServerInfo,
    mut lines: mpsc::Receiver<StormLine>,
) -> JoinHandle<Result<(), StormAgentError>> {
    let before = before.map(|before| WorkBefore {
        result: before.result.clone(),
        at_ms: before.at_ms,
        gaps: before.gaps.clone(),
        server: before.server.clone(),
    });
    let server = server.clone();
    std::thread::spawn(move || {
        let mut trouble = Ok(());
        while let Some(line) = lines.blocking_recv() {
            let written = match line {
                StormLine::Sample(mut sample) => {
                    if let Some(before) = &before {
                        sample.follow(&before.result, before.at_ms);
                    }
                    let said = journal.say(&StormMessage::Sample(sample));
                    said.map_err(|source| directory.failed("lines.jsonl", source))
                }
                StormLine::Checkpoint(checkpoint) => {
                    let position = checkpoint.position;
                    put_together(before.as_ref(), checkpoint.result).and_then(|(result, gaps)| {
                        directory.keep_checkpoint(&WorkCheckpoint {
                            result,
                            position,
                            gaps,
                            server: server.clone(),
                        })
                    })
                }
                // It comes from the storm itself, with what was before it.
                StormLine::Result(_) => Ok(()),
            };
            // The storm goes on: what was measured counts, whoever can or cannot follow it.
            if let Err(error) = written {
                tracing::error!(error = crate::diagnose::with_causes(&error), "not written");
                trouble = Err(error);
            }
        }
        trouble
    })
}
