//! Reading beside the writer: lists, details, content. Never waits for a write, never delays one.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior};

use super::model::{AllCounts, Attempt, CHUNK_BYTES, ListQuery, Page, QueueDetail, RecipientDetail, Seconds};
use super::sql::unsigned;
use super::{SpoolError, checksum, counts, list, schema};
use crate::mapi::{EnvelopeId, MessageId, QueueState, RecipientId};
use crate::message::report::{Refused, ReportInput};

/// A connection that only reads. Each call sees one state of the spool, the last committed when it began.
#[derive(Debug)]
pub struct Reader {
    db: Connection,
}

impl Reader {
    /// Opens an existing spool for reading.
    ///
    /// # Errors
    /// It is not there, can't be read, is damaged, or is of another version.
    pub fn open(path: &Path) -> Result<Self, SpoolError> {
        Ok(Self { db: schema::open_reader(path)? })
    }

    /// A page of a list. Ages in the filter are reckoned from `now`.
    ///
    /// # Errors
    /// It can't be read.
    pub fn list(&mut self, query: &ListQuery, now: Seconds) -> Result<Page, SpoolError> {
        let view = self.db.transaction_with_behavior(TransactionBehavior::Deferred)?;
        list::page(&view, query, now)
    }

    /// Everything about one envelope; `None` when there is none.
    ///
    /// # Errors
    /// It can't be read.
    pub fn show(&mut self, envelope: EnvelopeId) -> Result<Option<QueueDetail>, SpoolError> {
        let view = self.db.transaction_with_behavior(TransactionBehavior::Deferred)?;
        let Some(row) = list::row(&view, envelope, u32::MAX)? else { return Ok(None) };
        let (sender, message_id, submitter) = view
            .prepare_cached(
                "SELECT e.sender, m.message_id, m.submitter FROM envelope e JOIN message m ON m.id = e.message WHERE e.id = ?1",
            )?
            .query_row([envelope], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let recipients = recipients(&view, envelope)?;
        let history = history(&view, envelope)?;
        Ok(Some(QueueDetail { row, sender, message_id, submitter, recipients, history }))
    }

    /// Looks at every page. Takes as long as reading the whole file does.
    ///
    /// # Errors
    /// [`SpoolError::Damaged`] with the first thing that is wrong, or it can't be read.
    pub fn check(&mut self) -> Result<(), SpoolError> {
        let found: String = self.db.query_row("PRAGMA quick_check(1)", (), |row| row.get(0))?;
        if found == "ok" { Ok(()) } else { Err(SpoolError::Damaged(found)) }
    }

    /// The counts of every transport that has envelopes.
    ///
    /// # Errors
    /// It can't be read.
    pub fn counts(&mut self) -> Result<AllCounts, SpoolError> {
        counts::counts(&self.db)
    }

    /// What a transport has already received from a mailbox.
    ///
    /// # Errors
    /// It can't be read.
    pub fn known(&mut self, transport: &str, mailbox: &str) -> Result<Vec<String>, SpoolError> {
        counts::known(&self.db, transport, mailbox)
    }

    /// Hands the content of an envelope's message, in pieces, to `write`. Gives its size. What is deleted meanwhile
    /// is still read to its end.
    ///
    /// # Errors
    /// [`SpoolError::Gone`] when there is no such envelope or its content went after it was sent; what `write` gave; or
    /// it can't be read.
    pub fn write_content(
        &mut self,
        envelope: EnvelopeId,
        write: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<u64, SpoolError> {
        let view = self.db.transaction_with_behavior(TransactionBehavior::Deferred)?;
        let (message, size) = view
            .prepare_cached("SELECT message, size FROM envelope WHERE id = ?1")?
            .query_row([envelope], |row| Ok((row.get::<_, MessageId>(0)?, unsigned(row.get(1)?))))
            .optional()?
            .ok_or(SpoolError::Gone)?;
        let mut written = 0;
        for number in 0.. {
            let Some(bytes) = chunk(&view, message, number, size)? else { break };
            write(&bytes).map_err(|error| SpoolError::io(Path::new("export"), error))?;
            written += bytes.len() as u64;
        }
        Ok(written)
    }

    /// What a delivery report about these recipients of an envelope is written from. `None` when none is due: they were
    /// not refused, the envelope is gone, it is a report itself, or nobody is to be told (RFC 5321 section 6.1).
    ///
    /// # Errors
    /// It can't be read.
    pub fn report_input(
        &mut self,
        envelope: EnvelopeId,
        about: &[RecipientId],
    ) -> Result<Option<ReportInput>, SpoolError> {
        let view = self.db.transaction_with_behavior(TransactionBehavior::Deferred)?;
        let mut statement = view.prepare_cached(
            "SELECT e.sender, m.subject, m.message_id, e.queued_at, e.message, e.size
             FROM envelope e JOIN message m ON m.id = e.message
             WHERE e.id = ?1 AND NOT m.is_report AND e.sender <> ''",
        )?;
        let found = statement.query_row([envelope], |row| {
            let input = ReportInput {
                to: row.get(0)?,
                subject: row.get(1)?,
                message_id: row.get(2)?,
                submitted_at: row.get(3)?,
                refused: Vec::new(),
                original: Vec::new(),
            };
            Ok((input, row.get::<_, MessageId>(4)?, unsigned(row.get(5)?)))
        });
        let Some((mut input, message, size)) = found.optional()? else { return Ok(None) };
        let refused = recipients(&view, envelope)?.into_iter();
        input.refused = refused
            .filter(|to| to.state == QueueState::Failed && about.contains(&to.id))
            .map(|to| Refused { address: to.address, failure: to.failure })
            .collect();
        if input.refused.is_empty() {
            return Ok(None);
        }
        // The first chunk holds a small message whole, and the headers of a large one.
        input.original = chunk(&view, message, 0, size)?.unwrap_or_default();
        Ok(Some(input))
    }

    #[cfg(test)]
    pub(super) const fn db(&self) -> &Connection {
        &self.db
    }
}

/// One chunk of a content of this size; `None` after the last. That one is missing is never taken for the end.
pub(super) fn chunk(
    db: &Connection,
    message: MessageId,
    number: u32,
    size: u64,
) -> Result<Option<Vec<u8>>, SpoolError> {
    let before = u64::from(number) * CHUNK_BYTES as u64;
    if before >= size {
        return Ok(None);
    }
    let mut statement = db.prepare_cached("SELECT bytes, crc FROM chunk WHERE message = ?1 AND number = ?2")?;
    let piece =
        statement.query_row((message, number), |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?))).optional()?;
    let expected = (size - before).min(CHUNK_BYTES as u64);
    match piece {
        Some((bytes, crc)) if bytes.len() as u64 == expected && checksum::fits(&bytes, crc) => Ok(Some(bytes)),
        Some(_) => Err(SpoolError::Damaged(format!("piece {number} of message {message} is not what was written"))),
        None if number == 0 => Err(SpoolError::Gone),
        None => Err(SpoolError::Damaged(format!("piece {number} of message {message} is missing"))),
    }
}

fn recipients(db: &Connection, envelope: EnvelopeId) -> Result<Vec<RecipientDetail>, SpoolError> {
    let mut statement =
        db.prepare_cached("SELECT id, address, state, reply, failure FROM recipient WHERE envelope = ?1 ORDER BY id")?;
    let mut rows = statement.query([envelope])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(recipient(row)?);
    }
    Ok(all)
}

fn recipient(row: &Row<'_>) -> Result<RecipientDetail, SpoolError> {
    let failure: Option<String> = row.get(4)?;
    let failure = failure.map(|text| serde_json::from_str(&text)).transpose();
    Ok(RecipientDetail {
        id: row.get(0)?,
        address: row.get(1)?,
        state: row.get(2)?,
        reply: row.get(3)?,
        failure: failure.map_err(|error| SpoolError::json("failure", &error))?,
    })
}

fn history(db: &Connection, envelope: EnvelopeId) -> Result<Vec<Attempt>, SpoolError> {
    let mut statement =
        db.prepare_cached("SELECT number, began, ended, result FROM attempt WHERE envelope = ?1 ORDER BY number")?;
    let attempts = statement.query_map([envelope], |row| {
        Ok(Attempt { number: row.get(0)?, began: row.get(1)?, ended: row.get(2)?, result: row.get(3)? })
    })?;
    Ok(attempts.collect::<Result<_, _>>()?)
}
