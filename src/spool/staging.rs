//! Submitting, from any process, beside the owner.
//!
//! Small messages gather in memory and are written many to a transaction: one sync serves them all. What is too large
//! for that is written bit by bit as *staged* content, which nobody else sees: in transactions of its own that need no
//! sync, since the last one, which makes the message visible, syncs the log they all stand in. The database is never
//! locked while the caller reads its input.
//!
//! Whoever stages holds a locked file beside the spool, its *token*. The system lets go of the lock when the process
//! ends, however that happens and in whatever container it ran; so [`super::Spool::recover`] knows whose content to sweep.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ToSql, Transaction, TransactionBehavior};

use super::model::{CHUNK_BYTES, NewMessage, Seconds};
use super::{SpoolError, insert, schema};
use crate::mapi::{EnvelopeId, MessageId};

/// Bytes kept in memory at most, of one content or of many gathered. A multiple of [`CHUNK_BYTES`].
const KEPT_BYTES: usize = 16 * CHUNK_BYTES;

/// Messages gathered at most: bounds what a transaction holds up.
const KEPT_MESSAGES: usize = 256;

/// Messages on their way into the spool: [`stage`](Self::stage) one, and the next; [`commit`](Self::commit) at the end.
#[derive(Debug)]
pub struct StagingBatch {
    db: Connection,
    path: PathBuf,
    token: Option<Token>,
    gathered: Vec<Gathered>,
    gathered_bytes: usize,
    submitted: Vec<EnvelopeId>,
}

/// One message whose content is being written. Dropped before [`ready`](Self::ready), nothing of it stays.
#[derive(Debug)]
pub struct Staging<'b> {
    batch: &'b mut StagingBatch,
    body: Body,
}

/// A content: what of it is staged, and the rest in memory.
#[derive(Debug, Default)]
struct Body {
    staged: Option<MessageId>,
    /// Chunks staged.
    chunks: u32,
    /// Behind those.
    rest: Vec<u8>,
    /// Bytes in all.
    size: u64,
}

/// A complete message that waits for the commit.
#[derive(Debug)]
struct Gathered {
    message: NewMessage,
    body: Body,
    at: Seconds,
}

impl StagingBatch {
    /// Opens the spool for submitting; makes it if there is none.
    ///
    /// # Errors
    /// As for [`super::Spool::open`].
    pub fn begin(path: &Path) -> Result<Self, SpoolError> {
        Ok(Self {
            db: schema::open_writer(path)?,
            path: path.to_owned(),
            token: None,
            gathered: Vec::new(),
            gathered_bytes: 0,
            submitted: Vec::new(),
        })
    }

    /// Begins a message. When enough are ready, they are submitted first.
    ///
    /// # Errors
    /// Those can't be written: nothing of them was submitted, and they stay ready.
    pub fn stage(&mut self) -> Result<Staging<'_>, SpoolError> {
        if self.gathered.len() >= KEPT_MESSAGES || self.gathered_bytes >= KEPT_BYTES {
            self.submit()?;
        }
        Ok(Staging { batch: self, body: Body::default() })
    }

    /// Submits what is ready: it is on disk when this returns. Gives the envelopes submitted since the last commit,
    /// message by message in the order of their becoming ready, and within each in that of [`NewMessage::envelopes`].
    ///
    /// # Errors
    /// It can't be written: nothing of what was ready was submitted, and it stays ready. What was submitted on the way
    /// (see [`Self::stage`]) is on disk nevertheless: [`Self::durable`] tells.
    pub fn commit(&mut self) -> Result<Vec<EnvelopeId>, SpoolError> {
        self.submit()?;
        Ok(self.durable())
    }

    /// The envelopes on disk that no commit has told of: when one fails, what was submitted before it. Those must not
    /// be submitted again.
    pub fn durable(&mut self) -> Vec<EnvelopeId> {
        std::mem::take(&mut self.submitted)
    }

    fn submit(&mut self) -> Result<(), SpoolError> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut ids = Vec::new();
        for gathered in &self.gathered {
            ids.extend(submit(&transaction, gathered)?);
        }
        transaction.commit()?;
        self.gathered.clear();
        self.gathered_bytes = 0;
        self.submitted.extend(ids);
        Ok(())
    }

    #[cfg(test)]
    pub(super) const fn db(&self) -> &Connection {
        &self.db
    }

    fn discard(&self, column: &str, value: &dyn ToSql) {
        // If even that fails, the next recovery sweeps it.
        self.db.execute(&format!("DELETE FROM message WHERE {column} = ?1 AND staged_by IS NOT NULL"), [value]).ok();
    }
}

/// What was staged and never submitted goes.
impl Drop for StagingBatch {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            self.discard("staged_by", &token.name);
        }
    }
}

impl Staging<'_> {
    /// More of the content, which must have CRLF line ends throughout.
    ///
    /// # Errors
    /// It can't be written. The message should be given up: part of its content is missing.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        for piece in bytes.chunks(CHUNK_BYTES) {
            self.body.rest.extend_from_slice(piece);
            self.body.size += piece.len() as u64;
            if self.body.rest.len() >= KEPT_BYTES {
                self.spill()?;
            }
        }
        Ok(())
    }

    /// It is complete: the next commit submits it.
    ///
    /// # Errors
    /// [`SpoolError::NoRecipients`]: it is given up; the others are not touched.
    pub fn ready(mut self, message: NewMessage, at: Seconds) -> Result<(), SpoolError> {
        if message.envelopes.is_empty() || message.envelopes.iter().any(|(_, recipients)| recipients.is_empty()) {
            return Err(SpoolError::NoRecipients);
        }
        let body = std::mem::take(&mut self.body);
        self.batch.gathered_bytes += body.rest.len();
        self.batch.gathered.push(Gathered { message, body, at });
        Ok(())
    }

    /// Writes the whole chunks, unseen.
    fn spill(&mut self) -> Result<(), SpoolError> {
        let batch = &mut *self.batch;
        let token = match batch.token.take() {
            Some(token) => token,
            None => Token::take(&batch.path)?,
        };
        let token = batch.token.insert(token);
        batch.db.pragma_update(None, "synchronous", "NORMAL")?;
        let staged = stage(&mut batch.db, token, &mut self.body);
        batch.db.pragma_update(None, "synchronous", "FULL")?;
        staged
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if let Some(message) = self.body.staged {
            self.batch.discard("id", &message);
        }
    }
}

fn stage(db: &mut Connection, token: &Token, body: &mut Body) -> Result<(), SpoolError> {
    let whole = body.rest.len() - body.rest.len() % CHUNK_BYTES;
    let pieces = body.rest.get(..whole).unwrap_or_default();
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let message = match body.staged {
        Some(message) => message,
        None => insert::staged_message(&transaction, &token.name)?,
    };
    insert::chunks(&transaction, message, body.chunks, pieces)?;
    transaction.commit()?;
    body.staged = Some(message);
    body.chunks += u32::try_from(whole / CHUNK_BYTES).unwrap_or(u32::MAX);
    body.rest.drain(..whole);
    Ok(())
}

fn submit(transaction: &Transaction<'_>, gathered: &Gathered) -> Result<Vec<EnvelopeId>, SpoolError> {
    let Gathered { message: new, body, at } = gathered;
    let message = insert::message(transaction, body.staged, new, body.size)?;
    insert::chunks(transaction, message, body.chunks, &body.rest)?;
    insert::envelopes(transaction, message, new, body.size, *at)
}

/// Where a token with this name is.
pub(super) fn token_path(spool: &Path, name: &str) -> PathBuf {
    schema::beside(spool, &format!("-staging-{name}"))
}

/// Shows that the process which staged something lives: a file that is locked while it does.
#[derive(Debug)]
pub(super) struct Token {
    name: String,
    path: PathBuf,
    _locked: File,
}

impl Token {
    fn take(spool: &Path) -> Result<Self, SpoolError> {
        loop {
            let name = schema::unique();
            let path = token_path(spool, &name);
            let locked = schema::create_private(&path)?;
            locked.lock().map_err(|error| SpoolError::io(&path, error))?;
            // A recovery may have removed it between the two lines above.
            if path.exists() {
                return Ok(Self { name, path, _locked: locked });
            }
        }
    }

    /// Whether a living process holds the token in this file.
    pub(super) fn is_held(path: &Path) -> bool {
        match File::open(path) {
            Ok(file) => file.try_lock().is_err(),
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        }
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // Left behind it is removed by the next recovery.
        std::fs::remove_file(&self.path).ok();
    }
}
