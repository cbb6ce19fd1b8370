//! What an agent says, in a file: written by the worker alone, read by whoever follows.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::loadtest::storm::wire::StormMessage;

/// The file, open for writing.
pub(super) struct JournalWriter {
    file: File,
}

impl JournalWriter {
    /// Opens it. A line that an interruption cut off is removed.
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(path)?;
        let mut whole = 0;
        let mut reader = BufReader::new(&file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            if line.ends_with(b"\n") {
                whole += line.len() as u64;
            }
            line.clear();
        }
        file.set_len(whole)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self { file })
    }

    /// Adds a line, in one write: readers may see a part of it, and wait for the rest.
    pub(super) fn say(&mut self, message: &StormMessage) -> std::io::Result<()> {
        let mut text = serde_json::to_vec(message).map_err(std::io::Error::other)?;
        text.push(b'\n');
        self.file.write_all(&text)
    }
}

/// The file, open for reading.
pub(super) struct JournalReader {
    reader: BufReader<File>,
    /// The start of a line whose end is not written yet.
    begun: Vec<u8>,
    /// Number of the next line.
    next: u64,
}

impl JournalReader {
    /// Opens it; `None` while there is none.
    pub(super) fn open(path: &Path) -> std::io::Result<Option<Self>> {
        match File::open(path) {
            Ok(file) => Ok(Some(Self {
                reader: BufReader::new(file),
                begun: Vec::new(),
                next: 0,
            })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The next whole line with its number; `None` when there is none yet.
    pub(super) fn next(&mut self) -> std::io::Result<Option<(u64, StormMessage)>> {
        self.reader.read_until(b'\n', &mut self.begun)?;
        if !self.begun.ends_with(b"\n") {
            // A worker that was interrupted removes the rest of such a line and writes another.
            let unread = self.begun.len() as i64;
            // `seek_relative` would keep the old rest in its buffer.
            self.reader.seek(SeekFrom::Current(-unread))?;
            self.begun.clear();
            return Ok(None);
        }
        let message = serde_json::from_slice(&self.begun).map_err(std::io::Error::other)?;
        self.begun.clear();
        let number = self.next;
        self.next += 1;
        Ok(Some((number, message)))
    }

    /// How many lines were read.
    pub(super) fn lines(&self) -> u64 {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loadtest::storm::wire::StormGap;

    fn message(from_ms: u64) -> StormMessage {
        StormMessage::Gap(StormGap {
            from_ms,
            to_ms: 2,
            reason: String::new(),
            lost_users: 3,
        })
    }

    #[test]
    fn a_line_that_was_cut_off_is_written_again_and_read_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lines.jsonl");
        assert!(JournalReader::open(&path).unwrap().is_none());
        let mut writer = JournalWriter::open(&path).unwrap();
        writer.say(&message(0)).unwrap();
        let mut reader = JournalReader::open(&path).unwrap().unwrap();
        assert_eq!(reader.next().unwrap(), Some((0, message(0))));
        writer.file.write_all(b"{\"gap\":{\"from").unwrap();
        assert_eq!(reader.next().unwrap(), None);
        drop(writer);
        let mut writer = JournalWriter::open(&path).unwrap();
        writer.say(&message(1)).unwrap();
        assert_eq!(reader.next().unwrap(), Some((1, message(1))));
        assert_eq!(reader.next().unwrap(), None);
        assert_eq!(reader.lines(), 2);
    }
}
