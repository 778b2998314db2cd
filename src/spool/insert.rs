//! New rows: messages, their chunks, envelopes, recipients.

use rusqlite::{Connection, OptionalExtension, params};

use super::model::{CHUNK_BYTES, NewMessage, Seconds};
use super::sql::{int, json};
use super::{SpoolError, checksum};
use crate::mapi::{EnvelopeId, MessageId, QueueState};

/// A row for content that is still being written.
pub(super) fn staged_message(db: &Connection, token: &str) -> Result<MessageId, SpoolError> {
    db.prepare_cached(
        "INSERT INTO message (author, subject, message_id, size, eight_bit, smtputf8, is_report, staged_by)
         VALUES ('', '', '', 0, FALSE, FALSE, FALSE, ?1)",
    )?
    .execute([token])?;
    Ok(MessageId(db.last_insert_rowid()))
}

/// Writes bytes as chunks, the first of them numbered `number`.
pub(super) fn chunks(db: &Connection, message: MessageId, number: u32, bytes: &[u8]) -> Result<(), SpoolError> {
    let mut statement = db.prepare_cached("INSERT INTO chunk (message, number, bytes, crc) VALUES (?1, ?2, ?3, ?4)")?;
    for (number, piece) in (number..).zip(bytes.chunks(CHUNK_BYTES)) {
        statement.execute(params![message, number, piece, checksum::of(piece)])?;
    }
    Ok(())
}

/// The message's row: a new one, or that of its staged content, from now on seen.
pub(super) fn message(
    db: &Connection,
    staged: Option<MessageId>,
    new: &NewMessage,
    size: u64,
) -> Result<MessageId, SpoolError> {
    let mut statement = db.prepare_cached(match staged {
        None => {
            "INSERT INTO message (author, subject, message_id, size, eight_bit, smtputf8, is_report, submitter)
             VALUES (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) RETURNING id, ?1"
        }
        Some(_) => {
            "UPDATE message SET author = ?2, subject = ?3, message_id = ?4, size = ?5, eight_bit = ?6, smtputf8 = ?7,
               is_report = ?8, submitter = ?9, staged_by = NULL
             WHERE id = ?1 AND staged_by IS NOT NULL RETURNING id"
        }
    })?;
    let values = params![
        staged,
        new.from,
        new.subject,
        new.message_id,
        int(size),
        new.eight_bit,
        new.smtputf8,
        new.is_report,
        new.submitter
    ];
    // No row: somebody took the staged content away.
    statement.query_row(values, |row| row.get(0)).optional()?.ok_or(SpoolError::Gone)
}

/// The envelopes of a message, queued.
pub(super) fn envelopes(
    db: &Connection,
    message: MessageId,
    new: &NewMessage,
    size: u64,
    now: Seconds,
) -> Result<Vec<EnvelopeId>, SpoolError> {
    let mut envelope = db.prepare_cached(
        "INSERT INTO envelope (message, transport, sender, state, size, queued_at, not_before)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    // One statement for all recipients: most of the work of a statement is its beginning and its end.
    let mut recipients = db.prepare_cached(
        "INSERT INTO recipient (envelope, address, state) SELECT ?1, value, ?2 FROM json_each(?3) ORDER BY key",
    )?;
    let mut ids = Vec::with_capacity(new.envelopes.len());
    for (transport, addresses) in &new.envelopes {
        let size = int(size);
        envelope.execute(params![message, transport, new.sender, QueueState::Queued, size, now, new.not_before])?;
        let id = EnvelopeId(db.last_insert_rowid());
        recipients.execute(params![id, QueueState::Queued, json(addresses)?])?;
        ids.push(id);
    }
    Ok(ids)
}
