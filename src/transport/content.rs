//! The content of a message on its way out: small ones in memory, large ones read ahead in chunks.

use std::sync::Arc;

use bytes::Bytes;

use crate::mapi::{Class, Failure, MessageId, Stage};

/// Chunks read ahead of the one that goes out: every connection may have as many.
const READ_AHEAD: usize = 1;
/// Bytes of a chunk handed on at a time: what is made of them for the socket is in memory beside them.
const PIECE: usize = 32 << 10;

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

    /// Reads it from the beginning, ahead of the reader by a few chunks.
    pub fn stream(&self) -> ContentStream {
        match self {
            Self::Inline(bytes) => ContentStream::Inline(Some(bytes.clone())),
            Self::Stored { store, message, .. } => {
                let (sender, receiver) = tokio::sync::mpsc::channel(READ_AHEAD);
                let (store, message) = (Arc::clone(store), *message);
                let runtime = tokio::runtime::Handle::current();
                tokio::task::spawn_blocking(move || {
                    for number in 0.. {
                        // Room first, so that no further chunk waits for it. The reader may be gone: then nobody wants the rest.
                        let Ok(room) = runtime.block_on(sender.reserve()) else { break };
                        let Some(chunk) = store.chunk(message, number).transpose() else { break };
                        let failed = chunk.is_err();
                        room.send(chunk);
                        if failed {
                            break;
                        }
                    }
                });
                ContentStream::Stored { chunks: receiver, rest: Bytes::new() }
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
    Stored {
        /// Filled by a blocking thread.
        chunks: tokio::sync::mpsc::Receiver<Result<Bytes, Failure>>,
        /// What is left of the last one.
        rest: Bytes,
    },
}

impl ContentStream {
    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, Failure>> {
        match self {
            Self::Inline(bytes) => bytes.take().filter(|bytes| !bytes.is_empty()).map(Ok),
            Self::Stored { chunks, rest } => {
                if rest.is_empty() {
                    match chunks.recv().await? {
                        Ok(chunk) => *rest = chunk,
                        Err(failure) => return Some(Err(failure)),
                    }
                }
                Some(Ok(rest.split_to(PIECE.min(rest.len()))))
            }
        }
    }
}
