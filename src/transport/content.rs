//! The content of a message on its way out: small ones in memory, large ones read ahead in chunks.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::mapi::{Class, Failure, MessageId, Stage};

/// Bytes left of a chunk when the next one is read: many connections may have a large message each, and two chunks of it
/// would be twice the memory, where this is on its way for longer than a chunk takes to be read.
const LOW: usize = 64 << 10;
/// Bytes of a chunk handed on at a time: what is made of them for the socket is in memory beside them.
const PIECE: usize = 32 << 10;
/// Chunks are read by so many threads at a time at most, in the whole process: each has a connection to the spool, and no
/// disk is faster with more.
static READS: Semaphore = Semaphore::const_new(4);

/// Where the chunks of large contents are. Its methods block: they are called on blocking threads only.
pub trait ContentStore: Send + Sync + std::fmt::Debug {
    /// The chunk with this number, from zero; `None` after the last.
    ///
    /// # Errors
    /// The spool can't be read.
    fn chunk(&self, message: MessageId, number: u32) -> Result<Option<Bytes>, Failure>;
}

/// The content of one message.
#[derive(Debug, Clone)]
pub enum Content {
    /// All of it.
    Inline(Bytes),
    /// In chunks, in the spool.
    Stored {
        /// Where.
        store: Arc<dyn ContentStore>,
        /// Which.
        message: MessageId,
        /// Bytes in all.
        size: u64,
    },
}

impl Content {
    /// Bytes in all.
    pub fn size(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Stored { size, .. } => *size,
        }
    }

    /// Reads it from the beginning, a chunk at a time, somewhat ahead of the reader.
    pub fn stream(&self) -> ContentStream {
        match self {
            Self::Inline(bytes) => ContentStream::Inline(Some(bytes.clone())),
            Self::Stored { store, message, size } => {
                let (store, message) = (Arc::clone(store), *message);
                let mut stored =
                    StoredStream { store, message, left: *size, number: 0, reading: None, rest: Bytes::new() };
                stored.read_ahead();
                ContentStream::Stored(stored)
            }
        }
    }

    /// All of it in memory. For transports that need it whole, and for tests.
    ///
    /// # Errors
    /// The spool can't be read, or it is larger than `limit` bytes.
    pub async fn read_all(&self, limit: usize) -> Result<Vec<u8>, Failure> {
        let mut all = Vec::new();
        let mut stream = self.stream();
        while let Some(chunk) = stream.next().await {
            all.extend_from_slice(&chunk?);
            if all.len() > limit {
                return Err(Failure::new(Class::Local, Stage::Store, "spool", "message too large to hold in memory"));
            }
        }
        Ok(all)
    }
}

/// See [`Content::stream`].
#[derive(Debug)]
pub enum ContentStream {
    /// What is left of it.
    Inline(Option<Bytes>),
    /// In the spool.
    Stored(StoredStream),
}

impl ContentStream {
    /// The next piece; `None` at the end. Dropped before it is there, nothing is skipped.
    pub async fn next(&mut self) -> Option<Result<Bytes, Failure>> {
        match self {
            Self::Inline(bytes) => bytes.take().filter(|bytes| !bytes.is_empty()).map(Ok),
            Self::Stored(stored) => stored.next().await,
        }
    }
}

/// A content that is read chunk by chunk, each on a blocking thread.
#[derive(Debug)]
pub struct StoredStream {
    store: Arc<dyn ContentStore>,
    message: MessageId,
    /// Bytes that no chunk has brought yet.
    left: u64,
    /// Of the chunk that is read next.
    number: u32,
    reading: Option<JoinHandle<Result<Option<Bytes>, Failure>>>,
    /// What is left of the last chunk.
    rest: Bytes,
}

impl StoredStream {
    async fn next(&mut self) -> Option<Result<Bytes, Failure>> {
        if self.rest.is_empty() {
            let read = self.reading.as_mut()?.await;
            self.reading = None;
            match read.unwrap_or_else(|_broken_off| Err(broken_off())) {
                Ok(Some(chunk)) => {
                    self.left = self.left.saturating_sub(chunk.len() as u64);
                    self.rest = chunk;
                }
                // Whoever counts the bytes finds out.
                Ok(None) => return None,
                Err(failure) => return Some(Err(failure)),
            }
        }
        let piece = self.rest.split_to(PIECE.min(self.rest.len()));
        self.read_ahead();
        Some(Ok(piece))
    }

    /// Has the next chunk read, if there is one and it is time.
    fn read_ahead(&mut self) {
        if self.left == 0 || self.reading.is_some() || self.rest.len() > LOW {
            return;
        }
        // The little that is left would keep the whole chunk in memory.
        self.rest = Bytes::copy_from_slice(&self.rest);
        let (store, message, number) = (Arc::clone(&self.store), self.message, self.number);
        self.reading = Some(tokio::spawn(async move {
            // It is never closed; and one read too many would do no harm.
            let _turn = READS.acquire().await;
            let read = tokio::task::spawn_blocking(move || store.chunk(message, number));
            read.await.unwrap_or_else(|_panicked| Err(broken_off()))
        }));
        self.number += 1;
    }
}

fn broken_off() -> Failure {
    Failure::new(Class::Local, Stage::Store, "spool", "reading the message broke off")
}
