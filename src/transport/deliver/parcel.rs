//! A whole message on its way in: small in memory, large in a temporary file that goes when the parcel goes.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tempfile::NamedTempFile;

use super::maildir::Maildir;
use super::{blocking, disk_failure};
use crate::mapi::{Failure, MessageId, Stage};
use crate::transport::{Content, ContentStore, ReceivedItem};

/// Bytes held in memory before a message moves to a file. What is written later goes there in pieces of this size.
pub(crate) const IN_MEMORY: usize = 256 << 10;

/// What the server knows of a message beside its content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Marks {
    /// Maildir's letters for its flags, in alphabetical order: D(raft) F(lagged) R(eplied) S(een).
    pub letters: String,
    /// When it was received there, in seconds since the Unix epoch.
    pub received_at: Option<i64>,
}

/// Where a large message waits while it comes in.
#[derive(Debug, Clone)]
pub(super) enum Spill {
    /// In a Maildir's `tmp`: beside where it will be, so that moving it is renaming.
    Maildir(Arc<Maildir>),
    /// In a file without a name: gone with the process, whatever happens.
    Unnamed,
}

/// A message without a name yet.
#[derive(Debug)]
pub(crate) enum Body {
    /// Small.
    Memory(Bytes),
    /// Large, complete, in the Maildir's `tmp`; removed when dropped.
    Named(NamedTempFile),
    /// Large, complete.
    Unnamed(File),
}

/// A whole message, ready to be delivered.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// What the server calls it.
    pub uid: String,
    /// Its flags and date.
    pub marks: Marks,
    /// Its content.
    pub body: Body,
    /// Its size in bytes.
    pub size: u64,
}

impl Parcel {
    /// For the record.
    pub(crate) fn item(&self) -> ReceivedItem {
        ReceivedItem { uid: self.uid.clone(), bytes: self.size }
    }

    /// Bytes of it held in memory.
    pub(super) fn in_memory(&self) -> usize {
        if let Body::Memory(bytes) = &self.body { bytes.len() } else { 0 }
    }

    /// The content as something to read, for those who don't want a file.
    ///
    /// # Errors
    /// The temporary file can't be opened once more.
    pub(crate) fn content(&self) -> Result<Content, Failure> {
        let file = match &self.body {
            Body::Memory(bytes) => return Ok(Content::Inline(bytes.clone())),
            Body::Named(file) => file.as_file(),
            Body::Unnamed(file) => file,
        };
        let file =
            file.try_clone().map_err(|error| disk_failure(Stage::Deliver, Path::new("temporary file"), &error))?;
        // The number is never looked at: the store holds this one message.
        Ok(Content::Stored { store: Arc::new(Spilled(file)), message: MessageId(0), size: self.size })
    }
}

/// A temporary file read in chunks.
#[derive(Debug)]
struct Spilled(File);

impl ContentStore for Spilled {
    fn chunk(&self, _message: MessageId, number: u32) -> Result<Option<Bytes>, Failure> {
        let mut chunk = vec![0; IN_MEMORY];
        let mut filled = 0;
        let start = u64::from(number) * IN_MEMORY as u64;
        while let Some(rest) = chunk.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.0.read_at(rest, start + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(disk_failure(Stage::Deliver, Path::new("temporary file"), &error)),
            }
        }
        chunk.truncate(filled);
        Ok((filled > 0).then(|| chunk.into()))
    }
}

/// Takes in one message, piece by piece.
pub(crate) struct Writer {
    spill: Spill,
    memory: BytesMut,
    file: Option<SpillFile>,
    size: u64,
    digest: Option<ring::digest::Context>,
}

#[derive(Debug)]
enum SpillFile {
    Named(NamedTempFile),
    Unnamed(File),
}

impl SpillFile {
    fn create(spill: &Spill) -> std::io::Result<Self> {
        match spill {
            Spill::Maildir(maildir) => maildir.temporary().map(Self::Named),
            Spill::Unnamed => tempfile::tempfile().map(Self::Unnamed),
        }
    }

    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Named(file) => file.write_all(bytes),
            Self::Unnamed(file) => file.write_all(bytes),
        }
    }
}

impl Writer {
    pub(super) fn new(spill: Spill) -> Self {
        Self { spill, memory: BytesMut::new(), file: None, size: 0, digest: None }
    }

    /// For a Maildir that must be there.
    pub(crate) fn into_maildir(maildir: &Arc<Maildir>) -> Self {
        Self::new(Spill::Maildir(Arc::clone(maildir)))
    }

    /// Bytes taken so far.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// This many bytes are announced: room is made at once for what of them is kept in memory.
    pub(crate) fn expect(&mut self, bytes: u64) {
        self.memory.reserve(usize::try_from(bytes).map_or(IN_MEMORY, |bytes| bytes.min(IN_MEMORY)));
    }

    /// From the first byte on, makes a name of the content for want of another.
    pub(crate) fn digest(&mut self) {
        self.digest = Some(ring::digest::Context::new(&ring::digest::SHA256));
    }

    /// The name made of what was taken so far.
    pub(crate) fn digested(&self) -> String {
        let digest = self.digest.clone().map(ring::digest::Context::finish);
        format!("sha256:{}", digest.as_ref().map(super::maildir::hex_of).unwrap_or_default())
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// The disk refused them.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.size += bytes.len() as u64;
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
        self.memory.extend_from_slice(bytes);
        if self.memory.len() >= IN_MEMORY { self.flush().await } else { Ok(()) }
    }

    /// The message is complete.
    ///
    /// # Errors
    /// The disk refused its last bytes.
    pub(crate) async fn finish(mut self, uid: String, marks: Marks) -> Result<Parcel, Failure> {
        if self.file.is_some() {
            self.flush().await?;
        }
        let body = match self.file {
            None => Body::Memory(self.memory.freeze()),
            Some(SpillFile::Named(file)) => Body::Named(file),
            Some(SpillFile::Unnamed(file)) => Body::Unnamed(file),
        };
        Ok(Parcel { uid, marks, body, size: self.size })
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        let bytes = self.memory.split().freeze();
        let (spill, file) = (self.spill.clone(), self.file.take());
        let work = move || {
            let append = || {
                let mut file = file.map_or_else(|| SpillFile::create(&spill), Ok)?;
                file.append(&bytes)?;
                Ok(file)
            };
            append().map_err(|error| {
                let elsewhere = std::env::temp_dir();
                let at = if let Spill::Maildir(maildir) = &spill { maildir.root() } else { &elsewhere };
                disk_failure(Stage::Deliver, at, &error)
            })
        };
        self.file = Some(blocking(work).await?);
        Ok(())
    }
}
