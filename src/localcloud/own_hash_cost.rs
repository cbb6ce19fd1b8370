//! What a password hash costs this machine, which all hosts of the local cloud share. Measured once,
//! in half a second or a few, and kept, so that the same plan comes out the next time.

use std::path::{Path, PathBuf};
use std::{fs, io};

use hash_cost::{MachineHashCost, TimedHash, measure};

use super::error::{Error, Result};
use super::image::Layers;

const FILE: &str = "hash-cost.json";
/// Of each hash on each processor: a busy machine has a quiet moment among so many.
const REPETITIONS: usize = 8;
/// Measurements of a machine that is busy in each of them; the fastest counts.
const ATTEMPTS: usize = 6;
/// A figure replaces the one that is kept if it is so many times as fast: less is chance.
const FASTER: f64 = 1.1;

/// What was measured on this machine; measures it if nothing was, or on another processor.
///
/// # Errors
/// When there is no home directory, or the file cannot be written.
pub fn hash_cost() -> Result<MachineHashCost> {
    let file = file()?;
    if let Some(known) = known(&file) {
        return Ok(known);
    }
    let mut fastest = measure(REPETITIONS);
    for _ in 1..ATTEMPTS {
        if !fastest.is_busy() {
            break;
        }
        let again = measure(REPETITIONS);
        if seconds(&again) < seconds(&fastest) {
            fastest = again;
        }
    }
    keep(&file, &fastest)?;
    Ok(fastest)
}

/// Keeps what was measured on this machine if something else held up the measurement that is kept;
/// whether it did. Nothing is kept where nothing is: nobody has used the local cloud.
///
/// # Errors
/// When there is no home directory, or the file cannot be written.
pub fn keep_faster_hash_cost(measured: &MachineHashCost) -> Result<bool> {
    let file = file()?;
    let is_faster = known(&file).is_some_and(|known| seconds(measured) * FASTER < seconds(&known));
    if is_faster {
        keep(&file, measured)?;
    }
    Ok(is_faster)
}

/// Seconds of the stand-in's hash, which the others follow.
fn seconds(measured: &MachineHashCost) -> f64 {
    measured.of(TimedHash::Standin).alone.fastest
}

fn file() -> Result<PathBuf> {
    Ok(Layers::locate()?.python.with_file_name(FILE))
}

fn known(file: &Path) -> Option<MachineHashCost> {
    let text = fs::read(file).ok()?;
    let known = serde_json::from_slice::<MachineHashCost>(&text).ok();
    known.filter(MachineHashCost::is_of_this_machine)
}

/// Writes the file whole or not at all: another command may read it.
fn keep(file: &Path, measured: &MachineHashCost) -> Result<()> {
    let write = || -> io::Result<()> {
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
        }
        let text = serde_json::to_vec(measured).map_err(io::Error::other)?;
        let new = file.with_extension(format!("new-{}", std::process::id()));
        fs::write(&new, text)?;
        fs::rename(&new, file)
    };
    write().map_err(Error::io(format!("cannot write `{}`", file.display())))
}
