//! The bodies of requests. A signature covers the whole of one, so each is collected before anything of
//! it is sent: small ones in memory, large ones in files, so that memory limits neither their size nor
//! how many are under way.

use std::path::PathBuf;

use axum::body::{BodyDataStream, Bytes};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use bytes::BytesMut;
use futures::StreamExt as _;
use sha2::{Digest as _, Sha256};

use super::budget::{Budget, Share};
use super::config::SearchProxyConfig;
use super::failure::ForwardFailure;
use super::spool::SpoolFile;

/// Where bodies are collected.
pub(super) struct RequestBodies {
    largest: u64,
    spooled_above: u64,
    spool: PathBuf,
    memory: Budget,
    disk: Budget,
}

/// A whole body; what it takes is given back with it.
pub(super) struct RequestBody {
    content: BodyContent,
    size: u64,
    sha256: String,
    _memory: Share,
    _disk: Share,
}

enum BodyContent {
    Memory(Bytes),
    File(SpoolFile),
}

impl RequestBodies {
    pub(super) fn new(config: &SearchProxyConfig) -> Self {
        Self {
            largest: config.largest_request,
            spooled_above: config.spooled_above,
            spool: config.spool.clone(),
            memory: Budget::new(config.held_bytes),
            disk: Budget::new(config.spooled_bytes),
        }
    }

    /// The body of a request that has none.
    pub(super) fn empty(&self) -> RequestBody {
        RequestBody {
            content: BodyContent::Memory(Bytes::new()),
            size: 0,
            sha256: hex::encode(Sha256::digest(b"")),
            _memory: self.memory.share(),
            _disk: self.disk.share(),
        }
    }

    /// Collects a body. One that says its length is refused before anything of it is read.
    pub(super) async fn collect(
        &self,
        headers: &HeaderMap,
        chunks: &mut BodyDataStream,
    ) -> Result<RequestBody, ForwardFailure> {
        let announced = headers.get(CONTENT_LENGTH);
        let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let announced = announced.unwrap_or(0);
        self.check(announced)?;
        let (mut memory, mut disk) = (self.memory.share(), self.disk.share());
        let mut hash = Sha256::new();
        let mut size = 0;
        let mut bytes = BytesMut::new();
        let mut file = match announced <= self.spooled_above && memory.grow_to(announced) {
            true => {
                bytes.reserve(usize::try_from(announced).unwrap_or(0));
                None
            }
            false => Some(self.open(&mut disk, announced).await?),
        };
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| ForwardFailure::Interrupted(error.to_string()))?;
            size += chunk.len() as u64;
            self.check(size)?;
            hash.update(&chunk);
            if file.is_none() && (size > self.spooled_above || !memory.grow_to(size)) {
                let opened = self.open(&mut disk, size).await?;
                let before = std::mem::take(&mut bytes).freeze();
                opened.append(before).await.map_err(ForwardFailure::spool)?;
                memory = self.memory.share();
                file = Some(opened);
            }
            match &file {
                Some(_) if !disk.grow_to(size) => return Err(ForwardFailure::Full),
                Some(file) => file.append(chunk).await.map_err(ForwardFailure::spool)?,
                None => bytes.extend_from_slice(&chunk),
            }
        }
        Ok(RequestBody {
            content: match file {
                Some(file) => BodyContent::File(file),
                None => BodyContent::Memory(bytes.freeze()),
            },
            size,
            sha256: hex::encode(hash.finalize()),
            _memory: memory,
            _disk: disk,
        })
    }

    async fn open(&self, disk: &mut Share, size: u64) -> Result<SpoolFile, ForwardFailure> {
        if !disk.grow_to(size) {
            return Err(ForwardFailure::Full);
        }
        let created = SpoolFile::create(&self.spool).await;
        created.map_err(ForwardFailure::spool)
    }

    fn check(&self, size: u64) -> Result<(), ForwardFailure> {
        match size > self.largest {
            true => Err(ForwardFailure::TooLarge(self.largest)),
            false => Ok(()),
        }
    }
}

impl RequestBody {
    /// In bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Its SHA-256 in hexadecimal, as signatures have it.
    pub(super) fn sha256(&self) -> &str {
        &self.sha256
    }

    pub(super) fn is_spooled(&self) -> bool {
        matches!(self.content, BodyContent::File(_))
    }

    /// What is sent, from its beginning.
    pub(super) fn to_send(&self) -> reqwest::Body {
        match &self.content {
            BodyContent::Memory(bytes) => bytes.clone().into(),
            BodyContent::File(file) => reqwest::Body::wrap(file.body(self.size)),
        }
    }
}
