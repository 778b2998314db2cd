//! Submitting: from any process, beside the spooler, durable when [`StagingBatch::commit`] returns.
//!
//! Small messages wait in memory and are committed together. A large one is written in pieces, each in a transaction
//! of its own, under a row that nothing sees until it is submitted; so nobody waits long for the write lock. What a
//! process leaves half written when it dies is swept away at the next start: its row bears a token whose file that
//! process held locked.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::model::{CHUNK_BYTES, NewMessage, Seconds};
use super::sql::int;
use super::writer::SpoolTransaction;
use super::{SpoolError, schema};
use crate::mapi::{EnvelopeId, MessageId};

/// Messages are held in memory up to this many bytes in all.
const HELD_BYTES: usize = 8 << 20;

/// Messages submitted together.
#[derive(Debug)]
pub struct StagingBatch {
    path: PathBuf,
    db: Connection,
    ready: Vec<Ready>,
    held: usize,
    submitted: Vec<EnvelopeId>,
    token: Option<Token>,
}

/// A message that is complete and waits for the commit.
#[derive(Debug)]
struct Ready {
    message: NewMessage,
    at: Seconds,
    size: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// All of it.
    Held(Vec<u8>),
    /// In the spool already, and this is the rest.
    Written { message: MessageId, chunks: u32, rest: Vec<u8> },
}

/// A message that is being written.
#[derive(Debug)]
pub struct Staging<'b> {
    batch: &'b mut StagingBatch,
    size: u64,
    content: Content,
}

/// Marks what a living process writes: a file that it holds locked.
#[derive(Debug)]
struct Token {
    name: String,
    path: PathBuf,
    _lock: File,
}

impl Drop for Token {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).ok();
    }
}

impl StagingBatch {
    /// Opens the spool for submitting; makes it if there is none.
    ///
    /// # Errors
    /// It can't be opened.
    pub fn begin(path: &Path) -> Result<Self, SpoolError> {
        let db = schema::open_writer(path)?;
        Ok(Self { path: path.to_owned(), db, ready: Vec::new(), held: 0, submitted: Vec::new(), token: None })
    }

    /// Begins a message. Dropped before [`Staging::ready`], nothing of it stays.
    ///
    /// # Errors
    /// The spool can't be written.
    pub fn stage(&mut self) -> Result<Staging<'_>, SpoolError> {
        if self.held >= HELD_BYTES {
            self.flush()?;
        }
        Ok(Staging { batch: self, size: 0, content: Content::Held(Vec::new()) })
    }

    /// Makes everything that is ready durable. Gives the envelopes submitted since the last commit, in order.
    ///
    /// # Errors
    /// The spool can't be written; then what is ready stays ready.
    pub fn commit(&mut self) -> Result<Vec<EnvelopeId>, SpoolError> {
        self.flush()?;
        Ok(std::mem::take(&mut self.submitted))
    }

    fn flush(&mut self) -> Result<(), SpoolError> {
        if self.ready.is_empty() {
            return Ok(());
        }
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut new = Vec::new();
        for ready in &self.ready {
            submit(&transaction, ready, &mut new)?;
        }
        transaction.commit()?;
        self.ready.clear();
        self.held = 0;
        self.submitted.extend(new);
        Ok(())
    }

    fn token(&mut self) -> Result<String, SpoolError> {
        if let Some(token) = &self.token {
            return Ok(token.name.clone());
        }
        let name = schema::unique();
        let path = token_path(&self.path, &name);
        let lock = schema::create_private(&path)?;
        lock.lock().map_err(|error| SpoolError::io(&path, error))?;
        self.token = Some(Token { name: name.clone(), path, _lock: lock });
        Ok(name)
    }
}

fn token_path(spool: &Path, name: &str) -> PathBuf {
    schema::beside(spool, &format!("-staging-{name}"))
}

impl Staging<'_> {
    /// More of the content.
    ///
    /// # Errors
    /// The spool can't be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        self.size += bytes.len() as u64;
        let pending = match &mut self.content {
            Content::Held(held) | Content::Written { rest: held, .. } => held,
        };
        pending.extend_from_slice(bytes);
        while self.pending().len() >= CHUNK_BYTES {
            self.spill()?;
        }
        Ok(())
    }

    fn pending(&self) -> &[u8] {
        match &self.content {
            Content::Held(held) | Content::Written { rest: held, .. } => held,
        }
    }

    /// Writes one chunk of what is pending.
    fn spill(&mut self) -> Result<(), SpoolError> {
        if let Content::Held(held) = &mut self.content {
            let rest = std::mem::take(held);
            let token = self.batch.token()?;
            let sql =
                "INSERT INTO message (author, subject, message_id, size, eight_bit, smtputf8, is_report, staged_by)
                       VALUES ('', '', '', 0, 0, 0, 0, ?1)";
            self.batch.db.prepare_cached(sql)?.execute([token])?;
            let message = MessageId(self.batch.db.last_insert_rowid());
            self.content = Content::Written { message, chunks: 0, rest };
        }
        if let Content::Written { message, chunks, rest } = &mut self.content {
            let later = rest.split_off(CHUNK_BYTES.min(rest.len()));
            add_chunk(&self.batch.db, *message, *chunks, rest)?;
            *chunks += 1;
            *rest = later;
        }
        Ok(())
    }

    /// It is complete: the next commit submits it.
    ///
    /// # Errors
    /// [`SpoolError::NoRecipients`].
    pub fn ready(mut self, message: NewMessage, at: Seconds) -> Result<(), SpoolError> {
        if message.envelopes.is_empty() || message.envelopes.iter().any(|(_, recipients)| recipients.is_empty()) {
            return Err(SpoolError::NoRecipients);
        }
        let content = std::mem::replace(&mut self.content, Content::Held(Vec::new()));
        self.batch.held += match &content {
            Content::Held(held) | Content::Written { rest: held, .. } => held.len(),
        };
        self.batch.ready.push(Ready { message, at, size: self.size, content });
        Ok(())
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if let Content::Written { message, .. } = &self.content {
            // What can't be deleted now is swept away at the next start.
            self.batch.db.execute("DELETE FROM message WHERE id = ?1", [message]).ok();
        }
    }
}

fn add_chunk(db: &Connection, message: MessageId, number: u32, bytes: &[u8]) -> Result<(), SpoolError> {
    let sql = "INSERT INTO chunk (message, number, bytes) VALUES (?1, ?2, ?3)";
    db.prepare_cached(sql)?.execute(params![message, number, bytes])?;
    Ok(())
}

fn submit(db: &Transaction<'_>, ready: &Ready, new: &mut Vec<EnvelopeId>) -> Result<(), SpoolError> {
    let of = &ready.message;
    let (id, chunks, rest) = match &ready.content {
        Content::Held(held) => (None, 0, held),
        Content::Written { message, chunks, rest } => (Some(*message), *chunks, rest),
    };
    let sql = "INSERT INTO message (id, author, subject, message_id, size, eight_bit, smtputf8, is_report)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
               ON CONFLICT (id) DO UPDATE SET author = ?2, subject = ?3, message_id = ?4, size = ?5, eight_bit = ?6,
               smtputf8 = ?7, is_report = ?8, staged_by = NULL";
    db.prepare_cached(sql)?.execute(params![
        id,
        of.from,
        of.subject,
        of.message_id,
        int(ready.size),
        of.eight_bit,
        of.smtputf8,
        of.is_report
    ])?;
    let message = id.unwrap_or_else(|| MessageId(db.last_insert_rowid()));
    if !rest.is_empty() {
        add_chunk(db, message, chunks, rest)?;
    }
    for (transport, recipients) in &of.envelopes {
        let sql = "INSERT INTO envelope (message, transport, sender, state, size, queued_at, not_before)
                   VALUES (?1, ?2, ?3, 2, ?4, ?5, ?6)";
        db.prepare_cached(sql)?.execute(params![
            message,
            transport,
            of.sender,
            int(ready.size),
            ready.at,
            of.not_before
        ])?;
        let envelope = EnvelopeId(db.last_insert_rowid());
        let sql = "INSERT INTO recipient (envelope, address, state) VALUES (?1, ?2, 2)";
        let mut statement = db.prepare_cached(sql)?;
        for recipient in recipients {
            statement.execute(params![envelope, recipient])?;
        }
        new.push(envelope);
    }
    Ok(())
}

impl SpoolTransaction<'_> {
    /// Sweeps away what dead processes left half written. Gives how many messages.
    pub(super) fn sweep(&self) -> Result<u64, SpoolError> {
        let path = PathBuf::from(self.db.path().unwrap_or_default());
        let tokens = self
            .db
            .prepare("SELECT DISTINCT staged_by FROM message WHERE staged_by IS NOT NULL")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<Vec<String>, _>>()?;
        let mut swept = 0;
        for token in tokens {
            let file = token_path(&path, &token);
            if !is_alive(&file) {
                swept += self.db.execute("DELETE FROM message WHERE staged_by = ?1", [&token])? as u64;
                std::fs::remove_file(&file).ok();
            }
        }
        Ok(swept)
    }
}

/// Whether somebody holds this file locked.
fn is_alive(token: &Path) -> bool {
    File::open(token).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}
