//! Request bodies in files: written while they arrive, read while they are sent.
//!
//! The files have no name: they are gone with the request, and with the program.

use std::fs::File;
use std::io::{Error, Result, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

/// How much of a file is in memory while it is sent, in bytes.
const CHUNK: u64 = 256 << 10;

/// A body in a file. Clones are the same file.
#[derive(Clone)]
pub(super) struct SpoolFile(Arc<File>);

/// What of a [`SpoolFile`] is still to be sent.
pub(super) struct SpooledBody {
    file: Arc<File>,
    offset: u64,
    size: u64,
    reading: Option<JoinHandle<Result<Bytes>>>,
}

impl SpoolFile {
    pub(super) async fn create(directory: &Path) -> Result<Self> {
        let directory = directory.to_owned();
        let created = spawn_blocking(move || tempfile::tempfile_in(directory));
        let file = created.await.map_err(Error::other).flatten()?;
        Ok(Self(Arc::new(file)))
    }

    pub(super) async fn append(&self, chunk: Bytes) -> Result<()> {
        let file = Arc::clone(&self.0);
        let written = spawn_blocking(move || (&*file).write_all(&chunk));
        written.await.map_err(Error::other).flatten()
    }

    /// The first `size` bytes from their beginning, whoever else reads them.
    pub(super) fn body(&self, size: u64) -> SpooledBody {
        SpooledBody {
            file: Arc::clone(&self.0),
            offset: 0,
            size,
            reading: None,
        }
    }
}

impl Body for SpooledBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if this.is_end_stream() {
            return Poll::Ready(None);
        }
        let reading = this.reading.get_or_insert_with(|| {
            let (file, offset) = (Arc::clone(&this.file), this.offset);
            let length = CHUNK.min(this.size - offset);
            spawn_blocking(move || read(&file, offset, length))
        });
        let read = ready!(Pin::new(reading).poll(context));
        this.reading = None;
        let read = read.map_err(Error::other).flatten();
        Poll::Ready(Some(read.map(|chunk| {
            this.offset += chunk.len() as u64;
            Frame::data(chunk)
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.offset == self.size
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.size - self.offset)
    }
}

fn read(file: &File, offset: u64, length: u64) -> Result<Bytes> {
    let length = usize::try_from(length).map_err(Error::other)?;
    let mut chunk = vec![0; length];
    file.read_exact_at(&mut chunk, offset)?;
    Ok(chunk.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sent(mut body: SpooledBody) -> Vec<u8> {
        let mut sent = Vec::new();
        while let Some(frame) =
            std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
        {
            let chunk = frame.unwrap().into_data().unwrap();
            assert!(chunk.len() as u64 <= CHUNK);
            sent.extend_from_slice(&chunk);
        }
        sent
    }

    #[tokio::test]
    async fn a_body_can_be_sent_again_while_it_is_sent() {
        let directory = tempfile::tempdir().unwrap();
        let file = SpoolFile::create(directory.path()).await.unwrap();
        let text: Vec<u8> = (0..=250).cycle().take(3 * CHUNK as usize + 7).collect();
        for chunk in text.chunks(100_000) {
            file.append(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        let size = text.len() as u64;
        let body = file.body(size);
        assert_eq!(body.size_hint().exact(), Some(size));
        let (one, other) = futures::join!(sent(body), sent(file.body(size)));
        assert_eq!(one, text);
        assert_eq!(other, text);
        // Nobody sees it.
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
