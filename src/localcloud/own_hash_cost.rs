//! What a password hash costs this machine, which all hosts of the local cloud share. Measured once,
//! in about half a second, and kept, so that the same plan comes out the next time.

use std::path::Path;
use std::{fs, io};

use hash_cost::{MachineHashCost, measure};

use super::error::{Error, Result};
use super::image::Layers;

const FILE: &str = "hash-cost.json";
/// Of each hash on each processor: a busy machine has a quiet moment among so many.
const REPETITIONS: usize = 8;

/// What was measured on this machine; measures it if nothing was, or on another processor.
///
/// # Errors
/// When there is no home directory, or the file cannot be written.
pub fn hash_cost() -> Result<MachineHashCost> {
    let file = Layers::locate()?.python.with_file_name(FILE);
    let known = fs::read(&file).ok();
    let known = known.and_then(|text| serde_json::from_slice::<MachineHashCost>(&text).ok());
    if let Some(known) = known.filter(MachineHashCost::is_of_this_machine) {
        return Ok(known);
    }
    let measured = measure(REPETITIONS);
    keep(&file, &measured).map_err(Error::io(format!("cannot write `{}`", file.display())))?;
    Ok(measured)
}

/// Writes the file whole or not at all: another command may read it.
fn keep(file: &Path, measured: &MachineHashCost) -> io::Result<()> {
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory)?;
    }
    let text = serde_json::to_vec(measured).map_err(io::Error::other)?;
    let new = file.with_extension(format!("new-{}", std::process::id()));
    fs::write(&new, text)?;
    fs::rename(&new, file)
}
